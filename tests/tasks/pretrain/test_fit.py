"""Text without labels becomes an encoder, and a classifier starts from it."""

import dataclasses
import time

import numpy as np
import pytest
import torch

import gatewise
from gatewise.base.errors import ConfigError, DataError, GatewiseError, ModelError, TrainingError
from gatewise.data.reading import Dataset, from_lists
from gatewise.runtime.engine import logits_of
from gatewise.runtime.folder import load_encoder, save, save_encoder
from gatewise.tasks.classify.calibrate import fit_temperature
from gatewise.tasks.classify.estimator import LSTMClassifier, train_classifier
from gatewise.tasks.classify.fit import lesson_of, new_network
from gatewise.tasks.classify.prepare import prepare
from gatewise.tasks.pretrain.fit import pretrain_encoder, shaped_as
from gatewise.tasks.pretrain.settings import PretrainingSettings
from gatewise.training.loop import train

SETTINGS = PretrainingSettings().replace(
    min_count=1, max_tokens=32, embedding_dim=12, hidden_size=8, epochs=3, batch_texts=8, learning_rate=0.02,
    averaging=0.9, dev_share=0.1, precision="float32", threads=1, ahead_words=4, function_words=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def corpus(english) -> Dataset:
    return Dataset("mail", unlabelled=from_lists([f"{text} number {row}" for row, text in enumerate(english[0])]))


@pytest.fixture(scope="module")
def folder(corpus, tmp_path_factory):
    """An encoder that has read the English sentences. Shared: do not change it."""
    out = tmp_path_factory.mktemp("encoders") / "reader"
    pretrain_encoder(corpus, out, settings=SETTINGS)
    return out


def weights(encoder) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in encoder.weights.items()}


def test_encoders_come_back_from_their_folder_as_they_were(corpus, folder, tmp_path):
    made = pretrain_encoder(corpus, tmp_path / "again", settings=SETTINGS)
    back = load_encoder(folder)
    assert weights(back) == weights(made)  # and the same text gives the same bits
    assert back.network == SETTINGS.network and back.tokenizer.to_json() == made.tokenizer.to_json()
    facts = back.facts
    assert facts["data"] == "mail" and facts["dev_perplexity"] < 60 and facts["trained_tokens"] > 1000
    assert {file.name for file in folder.iterdir()} == {
        "config.json", "tokenizer.json", "model.safetensors", "README.md", "metrics.jsonl",
    }  # fmt: skip
    assert not folder.with_name("reader.training").exists()


@pytest.mark.parametrize("threads", [1, 2])
def test_encoders_stopped_and_resumed_end_with_the_same_bits(corpus, folder, tmp_path, threads):
    asked = iter([False] * 20 + [True] * 1000)
    out, settings = tmp_path / "reader", SETTINGS.replace(threads=threads)
    if threads > 1:
        folder = tmp_path / "whole"
        pretrain_encoder(corpus, folder, settings=settings)
    pretrain_encoder(corpus, out, settings=settings, stopped=lambda: next(asked))
    assert out.with_name("reader.training").exists()
    with pytest.raises(TrainingError, match="has hidden_size=8"):
        pretrain_encoder(corpus, out, settings=settings.replace(hidden_size=9), resume=True)
    pretrain_encoder(corpus, out, resume=True)
    assert weights(load_encoder(out)) == weights(load_encoder(folder))


def test_encoders_go_on_from_an_encoder(corpus, folder, tmp_path):
    start = load_encoder(folder)
    settings = shaped_as(start, SETTINGS.replace(epochs=4))
    more = pretrain_encoder(corpus, tmp_path / "more", settings=settings, start=start)
    assert more.facts["started_from"]["data"] == "mail"
    assert more.facts["dev_perplexity"] < start.facts["dev_perplexity"]
    with pytest.raises(TrainingError, match="stopped before its first step"):  # without settings the shape is taken too
        pretrain_encoder(corpus, tmp_path / "other", start=start, stopped=lambda: True)
    with pytest.raises(ConfigError, match="another shape"):
        pretrain_encoder(corpus, tmp_path / "other", settings=SETTINGS.replace(hidden_size=9), start=start)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("threads", [1, 2])
def test_encoders_learn_the_backward_direction_too_and_keep_the_rest(corpus, folder, tmp_path, threads):
    start = load_encoder(folder)
    settings = shaped_as(start, SETTINGS.replace(bidirectional=True, threads=threads))
    assert settings.network.bidirectional and settings.network.hidden_size == 8
    whole = pretrain_encoder(corpus, tmp_path / "whole", settings=settings, start=start)
    assert whole.network.bidirectional and whole.facts["learnt"] == "the backward direction alone"
    for name, array in start.weights.items():
        assert np.array_equal(whole.weights[name], array), name
    new = whole.weights.keys() - start.weights.keys()
    assert new == {name for name in whole.weights if ".lstms.1." in name or ".maps.1." in name}
    assert whole.facts["dev_perplexity"] < 1.5 * start.facts["dev_perplexity"]
    asked = iter([False] * 20 + [True] * 1000)
    out = tmp_path / "reader"
    pretrain_encoder(corpus, out, settings=settings, start=start, stopped=lambda: next(asked))
    with pytest.raises(
        TrainingError, match="made with other data; leave out --resume"
    ):  # what is held is known from there alone
        pretrain_encoder(corpus, out, settings=settings, resume=True)
    again = pretrain_encoder(corpus, out, settings=settings, start=start, resume=True)
    assert weights(again) == weights(whole)


@pytest.mark.parametrize("texts", [[], ["one text"], ["the same"] * 50])
def test_encoders_need_several_different_texts(texts, tmp_path):
    with pytest.raises(DataError, match="too few to hold some out"):
        pretrain_encoder(Dataset("d", train=from_lists(texts)), tmp_path / "e", settings=SETTINGS)
    assert not any(tmp_path.iterdir())


def test_encoders_never_read_test_text(english, tmp_path):
    texts = [f"{text} number {row}" for row, text in enumerate(english[0])]
    test = from_lists(["  ".join(texts[0].split()), texts[1] + "<br />"], ["pos", "neg"])  # copies but for spaces
    made = pretrain_encoder(
        Dataset("d", unlabelled=from_lists([*texts, texts[2]]), test=test), tmp_path / "e", settings=SETTINGS
    )
    assert made.facts["left_out_equal_to_test"] == 2 and made.facts["left_out_copies"] == 1
    assert made.facts["training_texts"] + made.facts["dev_texts"] == len(texts) - 2


def test_encoders_hold_out_whole_groups(english, tmp_path):
    texts = [f"{text} number {row}" for row, text in enumerate(english[0])]
    groups = [f"film {row // 20}" for row in range(len(texts))]
    part = from_lists(texts, None, groups)
    made = pretrain_encoder(Dataset("d", train=part), tmp_path / "e", settings=SETTINGS.replace(dev_share=0.3))
    assert made.facts["dev_texts"] % 20 == 0


@pytest.mark.parametrize("bidirectional", [False, True])
def test_encoders_are_where_a_classifier_starts(corpus, english, tiny_settings, tmp_path, bidirectional):
    reader = tmp_path / "reader"
    encoder = pretrain_encoder(corpus, reader, settings=SETTINGS.replace(bidirectional=bidirectional))
    settings = tiny_settings.replace(pretrained=str(reader), epochs=4, layer_decay=0.5)
    trained = train_classifier(Dataset("d", from_lists(*english)), tmp_path / "m", settings=settings)
    network = trained.model.network.config
    assert network.bidirectional is bidirectional and trained.dev.accuracy > 0.9
    one_way = settings.replace(bidirectional=False, epochs=1, learning_rate=1e-7, layer_decay=0.01)
    forward = train_classifier(Dataset("d", from_lists(*english)), tmp_path / "f", settings=one_way).model.network
    assert not forward.config.bidirectional
    name = "encoder.lstms.0.weight_hh_l0"
    assert np.allclose(forward.state_dict()[name].numpy(), encoder.weights[name], atol=1e-5)
    assert trained.model.facts["encoder"]["data"] == "mail"
    assert trained.model.tokenizer.vocab_size == encoder.tokenizer.vocab_size
    assert gatewise.load(tmp_path / "m").predict(["a superb warm film"]) == ["pos"]


def test_encoders_are_where_a_stopped_training_goes_on_from_by_the_same_call(folder, english, tiny_settings, tmp_path):
    dataset = Dataset("d", from_lists(*english))
    settings = tiny_settings.replace(pretrained=str(folder), hidden_size=128, epochs=2)  # the encoder has another shape
    asked = iter([False] * 9 + [True] * 1000)
    train_classifier(dataset, tmp_path / "m", settings=settings, stopped=lambda: next(asked))
    again = train_classifier(dataset, tmp_path / "m", settings=settings, resume=True)
    whole = train_classifier(dataset, tmp_path / "whole", settings=settings)
    assert again.model.network.config.hidden_size == 8
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()
    assert whole.dev == again.dev


def test_encoders_learn_new_words_that_are_not_rare(folder, english):
    texts = [f"{text} zonk" for text in english[0]] + ["a quux film", "a dull film"]
    labels = [*english[1], "pos", "neg"]
    classifier = LSTMClassifier(pretrained=str(folder), epochs=1, max_tokens=32, threads=1, random_state=1)
    model = classifier.fit(texts, labels).model_
    old = load_encoder(folder).tokenizer.vocab_size
    assert model.tokenizer.vocab_size == old + 1  # zonk; quux stands in one text only
    assert model.tokenizer.encode("zonk quux").ids.tolist() == [old, 1]


def test_encoders_and_a_second_network_taught_by_the_first(folder, english, tiny_settings, tmp_path):
    more = from_lists([f"{text} indeed" for text in english[0]])
    dataset = Dataset("d", from_lists(*english), unlabelled=more)
    settings = tiny_settings.replace(pretrained=str(folder), epochs=2, student_epochs=3)
    events = []
    trained = train_classifier(dataset, tmp_path / "m", settings=settings, report=events.append)
    starts = [event.values["texts"] for event in events if event.kind == "start"]
    assert starts[1] == starts[0] + len(english[0])
    assert trained.dev.accuracy > 0.9 and not (tmp_path / "m.training").exists()
    killed = iter([False] * (starts[0] // 8 * 2 + 12) + [True] * 10_000)  # in the second network's training
    out = tmp_path / "resumed"
    train_classifier(dataset, out, settings=settings, stopped=lambda: next(killed))
    assert (tmp_path / "resumed.training" / "teacher.safetensors").exists()
    again = train_classifier(dataset, out, resume=True)
    mine, theirs = (part.model.network.state_dict().values() for part in (trained, again))
    assert all(np.array_equal(one, other) for one, other in zip(mine, theirs, strict=True))


def test_encoders_and_a_student_of_models_trained_before(folder, english, tiny_settings, tmp_path):
    more = from_lists([f"{text} indeed" for text in english[0]])
    dataset = Dataset("d", from_lists(*english), unlabelled=more)
    alone = tiny_settings.replace(pretrained=str(folder), epochs=2, word_vectors=False)
    whole = train_classifier(dataset, tmp_path / "whole", settings=alone.replace(student_epochs=3))
    train_classifier(dataset, tmp_path / "teacher", settings=alone)
    taught = alone.replace(student_epochs=3, teachers=str(tmp_path / "teacher"))
    events = []
    student = train_classifier(dataset, tmp_path / "m", settings=taught, report=events.append)
    assert [event.values["texts"] for event in events if event.kind == "start"] == [160 + len(english[0])]
    mine, theirs = (part.model.network.state_dict().values() for part in (student, whole))
    assert all(np.array_equal(one, other) for one, other in zip(mine, theirs, strict=True))
    killed = iter([False] * 20 + [True] * 10_000)
    train_classifier(dataset, tmp_path / "resumed", settings=taught, stopped=lambda: next(killed))
    again = train_classifier(dataset, tmp_path / "resumed", resume=True)
    mine, theirs = (part.model.network.state_dict().values() for part in (student, again))
    assert all(np.array_equal(one, other) for one, other in zip(mine, theirs, strict=True))


def test_encoders_teachers_together_say_the_mean_of_what_each_says(folder, english, tiny_settings):
    settings = tiny_settings.replace(pretrained=str(folder), epochs=1, student_epochs=1, companion=False)
    dataset = Dataset("d", from_lists(*english), unlabelled=from_lists([f"{text} indeed" for text in english[0]]))
    encoder = load_encoder(folder)
    prepared = prepare(dataset, settings, known=encoder.tokenizer)
    networks = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        networks.append(new_network(prepared, shaped_as(encoder, settings), encoder))
        networks[-1].head.weight.data.normal_(std=seed)
    lesson = lesson_of(prepared, networks, None, settings.replace(precision="float32")).targets[len(prepared.train) :]
    expected = 0
    for network in networks:
        temperature = fit_temperature(logits_of(network, prepared.dev), prepared.dev.targets)
        expected = expected + logits_of(network, prepared.unlabelled) / temperature / 2
    ratio = np.log(lesson[:, 1] / lesson[:, 0]) / (expected[:, 1] - expected[:, 0])
    assert np.allclose(ratio, ratio[0], rtol=1e-3) and ratio[0] > 0  # one temperature for the sum is left to fit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"student_epochs": 0}, "Teachers need unlabelled text to teach on; add --unlabelled and --student-epochs"),
        ({"seed": 2}, r"The teacher .*teacher has seed 1 where this run has 2, so it may have learnt from texts"),
        ({"dev_share": 0.1}, "has training_texts 160 where this run has 180"),
        ({"pretrained": ""}, "has another vocabulary; give one from the same encoder and data"),
        ({"teachers": "nowhere"}, "nowhere"),
    ],
)
def test_encoders_refuse_teachers_that_cannot_teach(folder, english, tiny_settings, tmp_path, change, message):
    more = from_lists([f"{text} indeed" for text in english[0]])
    dataset = Dataset("d", from_lists(*english), unlabelled=more)
    settings = tiny_settings.replace(pretrained=str(folder), epochs=1)
    train_classifier(dataset, tmp_path / "teacher", settings=settings)
    taught = settings.replace(student_epochs=1, teachers=str(tmp_path / "teacher")).replace(**change)
    with pytest.raises(GatewiseError, match=message):
        train_classifier(dataset, tmp_path / "m", settings=taught)
    assert not (tmp_path / "m.training").exists()


def test_encoders_refuse_a_teacher_of_other_labels(folder, english, tiny_settings, tmp_path):
    more = from_lists([f"{text} indeed" for text in english[0]])
    settings = tiny_settings.replace(pretrained=str(folder), epochs=1)
    train_classifier(Dataset("d", from_lists(*english)), tmp_path / "teacher", settings=settings)
    other = from_lists(english[0], [f"very {label}" for label in english[1]])
    taught = settings.replace(student_epochs=1, teachers=f"{tmp_path / 'teacher'}, {tmp_path / 'teacher'}")
    with pytest.raises(ConfigError, match=r"has other labels \(neg, pos\)"):
        train_classifier(Dataset("d", other, unlabelled=more), tmp_path / "m", settings=taught)


def test_encoders_a_students_budget_counts_each_second_once(folder, english, tiny_settings, tmp_path, monkeypatch):
    """The seconds said to be used before the student are those that passed, the teacher's among them once."""
    used = []

    def watched(*arguments, used_seconds, **options):
        used.append((used_seconds, time.perf_counter()))
        return train(*arguments, used_seconds=used_seconds, **options)

    monkeypatch.setattr("gatewise.tasks.classify.fit.train", watched)
    dataset = Dataset("d", from_lists(*english), unlabelled=from_lists([f"{text} indeed" for text in english[0]]))
    settings = tiny_settings.replace(pretrained=str(folder), epochs=30, student_epochs=1, minutes=5.0, patience=100)
    train_classifier(dataset, tmp_path / "m", settings=settings)
    (before_teacher, began), (before_student, followed) = used
    assert before_student - before_teacher == pytest.approx(followed - began, abs=0.05)
    assert followed - began > 0.2  # else counting twice would not show


def test_encoders_a_student_stopped_at_its_first_steps_does_not_replace_its_teacher(
    folder, english, tiny_settings, tmp_path
):
    more = from_lists([f"{text} indeed" for text in english[0]])
    dataset = Dataset("d", from_lists(*english), unlabelled=more)
    settings = tiny_settings.replace(pretrained=str(folder), epochs=4, companion=False)
    events = []
    teacher = train_classifier(dataset, tmp_path / "m", settings=settings, report=events.append)
    steps = next(event.step for event in events if event.kind == "end")
    asked = iter([False] * (steps + 8) + [True] * 10_000)
    stopped = train_classifier(
        dataset, tmp_path / "s", settings=settings.replace(student_epochs=3), stopped=lambda: next(asked)
    )
    assert stopped.stopped and (tmp_path / "s.training" / "student.safetensors").exists()
    mine, theirs = (part.model.network.state_dict().values() for part in (stopped, teacher))
    assert all(np.array_equal(one, other) for one, other in zip(mine, theirs, strict=True))


def test_encoders_are_no_models_and_models_no_encoders(folder, tiny_model, tmp_path):
    with pytest.raises(ModelError, match="is an encoder, not a model; encoders are for"):
        gatewise.load(folder)
    save(tiny_model, tmp_path / "m")
    with pytest.raises(ModelError, match="is a model, not an encoder"):
        load_encoder(tmp_path / "m")
    with pytest.raises(ModelError, match="no encoder folder"):
        load_encoder(tmp_path / "nothing")


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_encoders_in_fewer_bytes_read_nearly_the_same(folder, tmp_path, storage):
    encoder = load_encoder(folder)
    save_encoder(encoder, tmp_path / "small", storage=storage)
    back = load_encoder(tmp_path / "small")
    for name, array in encoder.weights.items():
        assert np.abs(back.weights[name] - array).max() <= np.abs(array).max() / 127 + 1e-3
    assert dataclasses.replace(back, weights={}) == dataclasses.replace(encoder, weights={}, tokenizer=back.tokenizer)


def test_encoders_of_another_shape_than_the_one_asked_for_are_refused(folder, english, tiny_settings, tmp_path):
    settings = tiny_settings.replace(pretrained=str(folder), hidden_size=9)
    with pytest.raises(ConfigError, match=r"hidden_size is 9 and the encoder, of another shape, has 8; leave"):
        train_classifier(Dataset("d", from_lists(*english)), tmp_path / "m", settings=settings)
    assert not any(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="num_layers is 2"):
        LSTMClassifier(pretrained=str(folder), num_layers=2).fit(*english)
