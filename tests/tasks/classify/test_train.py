"""The steps strung together leave a whole folder or nothing, twice the same, and never look at what is tested on."""

from itertools import pairwise

import numpy as np
import pytest
from tests.tasks.conftest import READING

import gatewise
from gatewise.base.errors import ConfigError, DataError, GatewiseError, TrainingError
from gatewise.data.part import Dataset, from_lists
from gatewise.runtime.folder import load_encoder
from gatewise.runtime.network import weights_of
from gatewise.tasks.classify.estimator import LSTMClassifier
from gatewise.tasks.classify.fit import train_classifier
from gatewise.tasks.pretrain.fit import pretrain_encoder
from gatewise.training.session import Session, opened, unfinished


def test_train_refuses_a_test_label_never_seen_before_training(english, tiny_settings, tmp_path):
    test = from_lists(["a film", "x", "y"], ["pos", "meh", "meh"])
    events: list[object] = []
    with pytest.raises(DataError, match=r"'meh' \(2 rows\), which training never saw; .* neg, pos\.$"):
        train_classifier(
            Dataset("d", from_lists(*english), test=test), tmp_path / "m", settings=tiny_settings, report=events.append
        )
    assert not events and not any(tmp_path.iterdir())


def test_train_leaves_a_folder_with_its_figures(english, tiny_settings, tmp_path):
    texts, labels = english
    dataset = Dataset("tiny", from_lists(texts, labels), test=from_lists(["a superb film", "dull"], ["pos", "neg"]))
    kinds: list[str] = []
    trained = train_classifier(
        dataset, tmp_path / "m", settings=tiny_settings, report=lambda event: kinds.append(event.kind)
    )
    assert trained.test is not None and trained.test.n == 2 and not trained.stopped
    assert [kind for kind, after in pairwise([*kinds, ""]) if kind != after][:2] == ["prepared", "start"]
    assert kinds[-1] == "end" and kinds.count("dev") == 6
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    model = gatewise.load(tmp_path / "m")
    assert model.facts["test"]["accuracy"] == trained.test.accuracy
    assert model.facts["dev"]["accuracy"] == trained.dev.accuracy
    assert model.facts["settings"] == tiny_settings.flat() | {"pooling": ["max", "mean"], "teachers": []}
    np.testing.assert_allclose(model.probabilities(texts), trained.model.probabilities(texts), atol=1e-9)


def test_train_with_an_unlabelled_test_part_measures_on_dev(english, tiny_settings, tmp_path):
    """Competitions hand out such files; the texts in it stay untouched all the same."""
    texts, labels = english
    dataset = Dataset("d", from_lists(texts, labels), test=from_lists(texts[:1]))
    trained = train_classifier(dataset, tmp_path / "m", settings=tiny_settings.replace(epochs=1))
    assert trained.test is None and trained.model.facts["left_out_equal_to_test"] >= 1


def test_train_twice_gives_the_same_bytes(english, tiny_settings, tmp_path):
    contents = []
    for name in ("a", "b"):
        train_classifier(Dataset("d", from_lists(*english)), tmp_path / name, settings=tiny_settings)
        contents.append({path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())})
    for file in ("model.safetensors", "tokenizer.json"):
        assert contents[0][file] == contents[1][file]


def test_train_refuses_what_exists_and_what_is_unfinished(english, tiny_settings, tmp_path):
    dataset, out = Dataset("d", from_lists(*english)), tmp_path / "m"
    with pytest.raises(TrainingError, match="no unfinished run"):
        train_classifier(dataset, out, settings=tiny_settings, resume=True)
    steps = iter(range(100))
    first = train_classifier(dataset, out, settings=tiny_settings, stopped=lambda: next(steps) > 5)
    assert first.stopped and unfinished(out).is_dir()
    with pytest.raises(GatewiseError, match="exists already"):
        train_classifier(dataset, out, settings=tiny_settings)
    with pytest.raises(TrainingError, match="holds an unfinished run"):
        train_classifier(dataset, out.rename(tmp_path / "n").with_name("m"), settings=tiny_settings)
    with pytest.raises(TrainingError, match=r"has epochs=6; leave that option out"):
        train_classifier(dataset, out, settings=tiny_settings.replace(epochs=7), resume=True)
    other = Dataset("d", from_lists(english[0][:-2], english[1][:-2]))
    with pytest.raises(TrainingError, match="other data"):
        train_classifier(other, out, settings=tiny_settings, resume=True)
    assert unfinished(out).is_dir()
    trained = train_classifier(dataset, out, resume=True)
    assert not trained.stopped and not unfinished(out).exists()


@pytest.mark.parametrize("way", [{}, {"resume": True}, {"overwrite": True}])
def test_train_into_the_place_of_a_live_run_is_refused_and_the_run_goes_on(english, tiny_settings, tmp_path, way):
    """From its first event to the last, while its model is saved too."""
    dataset, out = Dataset("d", from_lists(*english)), tmp_path / "m"
    refused = 0

    def again(event):
        nonlocal refused
        if event.kind in ("prepared", "start", "dev", "end"):
            with pytest.raises(GatewiseError, match=r"^Another run is going on for .*m; wait for its end"):
                train_classifier(dataset, out, settings=tiny_settings, **way)
            with pytest.raises(GatewiseError, match=r"^Another run is going on for .*m; wait for its end"):
                pretrain_encoder(Dataset("d", from_lists(english[0])), out, settings=READING, **way)
            refused += 1

    first = train_classifier(dataset, out, settings=tiny_settings, report=again)
    alone = train_classifier(dataset, tmp_path / "alone", settings=tiny_settings)
    assert refused == 9 and not first.stopped
    assert (out / "model.safetensors").read_bytes() == (tmp_path / "alone" / "model.safetensors").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "m"] and first.dev == alone.dev


def test_train_run_that_ends_before_its_first_step_leaves_nothing(english, tiny_settings, tmp_path):
    dataset = Dataset("d", from_lists(*english))
    with pytest.raises(TrainingError, match=r"^Training was stopped before its first step"):
        train_classifier(dataset, tmp_path / "m", settings=tiny_settings, stopped=lambda: True)
    with pytest.raises(TrainingError, match=r"^Training ran out of --minutes before its first step"):
        train_classifier(dataset, tmp_path / "m", settings=tiny_settings.replace(minutes=1e-6))
    assert not any(tmp_path.iterdir())


def test_train_resumed_before_its_first_checkpoint_replaces_what_the_first_call_was_to(
    english, tiny_settings, tmp_path
):
    """A run told to replace a model and killed at once begins again when it is resumed, and replaces it."""
    dataset, out = Dataset("d", from_lists(*english)), tmp_path / "m"
    settings = tiny_settings.replace(epochs=1)
    train_classifier(dataset, out, settings=settings)
    before = (out / "model.safetensors").read_bytes()

    with opened(Session(), out, settings.replace(seed=2), {}, resume=False):
        pass  # its folder holds the settings alone
    train_classifier(dataset, out, resume=True)
    assert (out / "model.safetensors").read_bytes() != before and not unfinished(out).exists()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_train_starts_from_an_encoder(corpus, english, tiny_settings, tmp_path, bidirectional):
    reader = tmp_path / "reader"
    encoder = pretrain_encoder(corpus, reader, settings=READING.replace(bidirectional=bidirectional))
    settings = tiny_settings.replace(pretrained=str(reader), epochs=4, layer_decay=0.5)
    trained = train_classifier(Dataset("d", from_lists(*english)), tmp_path / "m", settings=settings)
    network = trained.model.network.config
    assert network.bidirectional is bidirectional and trained.dev.accuracy > 0.9
    one_way = settings.replace(bidirectional=False, epochs=1, learning_rate=1e-7, layer_decay=0.01)
    forward = train_classifier(Dataset("d", from_lists(*english)), tmp_path / "f", settings=one_way).model.network
    assert not forward.config.bidirectional
    name = "encoder.lstms.0.weight_hh_l0"
    assert np.allclose(weights_of(forward)[name], encoder.weights[name], atol=1e-5)
    assert trained.model.facts["encoder"]["data"] == "mail"
    assert trained.model.tokenizer.vocab_size == encoder.tokenizer.vocab_size
    assert gatewise.load(tmp_path / "m").predict(["a superb warm film"]) == ["pos"]


def test_train_from_an_encoder_that_was_stopped_goes_on_by_the_same_call(reader, english, tiny_settings, tmp_path):
    dataset = Dataset("d", from_lists(*english))
    settings = tiny_settings.replace(pretrained=str(reader), hidden_size=128, epochs=2)  # the encoder has another shape
    asked = iter([False] * 9 + [True] * 1000)
    train_classifier(dataset, tmp_path / "m", settings=settings, stopped=lambda: next(asked))
    again = train_classifier(dataset, tmp_path / "m", settings=settings, resume=True)
    whole = train_classifier(dataset, tmp_path / "whole", settings=settings)
    assert again.model.network.config.hidden_size == 8
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()
    assert whole.dev == again.dev


def test_train_from_an_encoder_learns_new_words_that_are_not_rare(reader, english):
    texts = [f"{text} zonk" for text in english[0]] + ["a quux film", "a dull film"]
    labels = [*english[1], "pos", "neg"]
    classifier = LSTMClassifier(pretrained=str(reader), epochs=1, max_tokens=32, threads=1, random_state=1)
    model = classifier.fit(texts, labels).model_
    old = load_encoder(reader).tokenizer.vocab_size
    assert model.tokenizer.vocab_size == old + 1  # zonk; quux stands in one text only
    assert model.tokenizer.encode("zonk quux").ids.tolist() == [old, 1]


def test_train_refuses_an_encoder_of_another_shape_than_the_one_asked_for(reader, english, tiny_settings, tmp_path):
    settings = tiny_settings.replace(pretrained=str(reader), hidden_size=9)
    with pytest.raises(ConfigError, match=r"hidden_size is 9 and the encoder, of another shape, has 8; leave"):
        train_classifier(Dataset("d", from_lists(*english)), tmp_path / "m", settings=settings)
    assert not any(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="num_layers is 2"):
        LSTMClassifier(pretrained=str(reader), num_layers=2).fit(*english)


def test_training_tells_classes_and_warns_before_it_begins(tmp_path, english, tiny_settings):
    texts, labels = english
    part = from_lists([*texts, "odd a", "odd b"], [*labels, "Neg", "Neg"])
    events = []
    settings = tiny_settings.replace(epochs=1)
    train_classifier(Dataset("d", part), tmp_path / "model", settings=settings, report=events.append)
    assert [event.kind for event in events[:4]] == ["prepared", "warning", "warning", "warning"]
    assert list(events[0].values["classes"].items()) == [("neg", 100), ("pos", 100), ("Neg", 2)]
    assert "under 10 examples (Neg 2)" in events[1].values["message"]
    assert events[2].values["message"] == "1 of 3 classes, seen once or twice, is kept out of the dev split."
    assert "Neg 2 and neg 100" in events[3].values["message"]
