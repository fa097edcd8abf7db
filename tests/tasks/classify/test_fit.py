"""Network and companion are weighed on the dev split, and the budget counts both; targets are what they say."""

import dataclasses
import math
import time
from collections import Counter

import numpy as np
import pytest

import gatewise
from gatewise.base.errors import TrainingError
from gatewise.data.part import Dataset, from_lists
from gatewise.runtime.batches import gather, join
from gatewise.runtime.engine import logits_of
from gatewise.tasks.classify.calibrate import calibrated, fit_temperature
from gatewise.tasks.classify.companion import train_companion
from gatewise.tasks.classify.fit import guessing, train_classifier
from gatewise.tasks.classify.prepare import prepare
from gatewise.training.loop import train


def pairs(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Make texts whose label hangs on which of two words follows the other, which a hardly trained LSTM misses."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(count):
        words = ["not good", "good not"] if row % 10 else ["good not", "not good"]  # one label in ten is wrong
        filler = " ".join(random.choice(["film", "story", "cast", "music"], 4))
        texts.append(f"{filler} {words[row % 2]} {filler}")
        labels.append(("neg", "pos")[row % 2])
    return texts, labels


def test_fitting_adds_a_companion_and_says_what_each_part_is_worth(tiny_settings, tmp_path):
    dataset = Dataset("tiny", from_lists(*pairs(300)), test=from_lists(*pairs(40, seed=1)))
    settings = tiny_settings.replace(epochs=1, learning_rate=1e-4)
    trained = train_classifier(dataset, tmp_path / "m", settings=settings)
    model = gatewise.load(tmp_path / "m")
    assert model.companion is not None and model.companion_weight > 0
    assert model.logits(["not good"]).tobytes() == trained.model.logits(["not good"]).tobytes()
    dev, test = model.facts["dev"], model.facts["test"]
    assert dev["accuracy"] > 0.8 > dev["alone"]["network"]["accuracy"]
    assert dev["log_loss"] < dev["alone"]["network"]["log_loss"]
    assert test["accuracy"] == trained.test.accuracy == 0.9
    assert test["alone"]["companion"] == {"accuracy": trained.test.accuracy_alone["companion"]}
    assert trained.test.accuracy_alone["network"] < 0.8


@pytest.mark.parametrize("more", [None, ["a misspelt gooood thing", "a baaaaad one"] * 20])
def test_fitting_a_companion_reads_the_spelling_of_words_no_vocabulary_holds(tiny_settings, tmp_path, more):
    texts = [f"film {('xxgo', 'xgo')[row % 2]}{row}x story" for row in range(300)]
    unlabelled = None if more is None else from_lists(more)
    dataset = Dataset("tiny", from_lists(texts, ["neg", "pos"] * 150), unlabelled=unlabelled)
    settings = tiny_settings.replace(
        epochs=1, learning_rate=1e-4, min_count=200, companion_pieces=4, student_epochs=int(more is not None)
    )
    trained = train_classifier(dataset, tmp_path / "m", settings=settings)
    model = gatewise.load(tmp_path / "m")
    assert (model.companion.words, model.companion.pieces) == (3, 4)
    assert trained.dev.accuracy > 0.95
    asked = ["xgo77777 film", "xxgo88888 film"]
    assert model.predict(asked) == ["pos", "neg"]
    assert model.logits(asked).tobytes() == trained.model.logits(asked).tobytes()
    assert np.concatenate([model.logits([text]) for text in asked]) == pytest.approx(model.logits(asked), abs=1e-5)


@pytest.mark.parametrize("given", [False, True])
def test_fitting_lets_a_weighed_companion_learn_from_a_drawn_dev_split_too(tiny_settings, tmp_path, given):
    dev = from_lists(*pairs(40, seed=1)) if given else None
    dataset = Dataset("tiny", from_lists(*pairs(300)), dev=dev)
    settings = tiny_settings.replace(epochs=1, learning_rate=1e-4)
    model, prepared = train_classifier(dataset, tmp_path / "m", settings=settings).model, prepare(dataset, settings)
    learnt = prepared.train if given else join([prepared.train, prepared.dev])
    assert model.facts.get("companion_texts") == (None if given else len(learnt))
    assert (model.companion.table == train_companion(learnt, 2).table).all()
    assert (
        train_companion(prepared.train, 2).table != train_companion(join([prepared.train, prepared.dev]), 2).table
    ).any()


def test_fitting_without_a_companion_is_the_network_alone(tiny_settings, tmp_path):
    settings = tiny_settings.replace(epochs=1, learning_rate=1e-4, companion=False)
    trained = train_classifier(Dataset("tiny", from_lists(*pairs(300))), tmp_path / "m", settings=settings)
    assert trained.model.companion is None and trained.model.companion_weight == 0
    assert trained.dev.accuracy_alone == {} and "alone" not in trained.model.facts["dev"]


@pytest.mark.parametrize(("student_texts", "taken"), [(0, 400), (150, 150), (1000, 400)])
def test_fitting_trains_a_students_companion_on_the_students_lesson(
    tiny_settings, student_texts, taken, monkeypatch, tmp_path
):
    lessons = []

    def seen(texts, classes, **options):
        lessons.append(texts)
        return train_companion(texts, classes, **options)

    monkeypatch.setattr("gatewise.tasks.classify.fit.train_companion", seen)
    more, truth = pairs(400, seed=2)
    dataset = Dataset("tiny", from_lists(*pairs(300)), unlabelled=from_lists(more))
    settings = tiny_settings.replace(epochs=1, student_epochs=1, student_texts=student_texts, learning_rate=1e-4)
    events = []
    trained = train_classifier(dataset, tmp_path / "m", settings=settings, report=events.append)
    assert [event.values["texts"] for event in events if event.kind == "answering"] == [taken]
    first, second = lessons
    assert len(second) == len(first) + taken and (second.targets[: len(first)] == first.targets).all()
    encoded = [tuple(ids) for ids in trained.model.tokenizer.encode_batch(more)]
    drawn = [tuple(ids) for ids in np.split(second.steps, second.starts[1:-1])][len(first) :]
    assert Counter(drawn) <= Counter(encoded)
    named = {ids: trained.model.labels.index(label) for ids, label in zip(encoded, truth, strict=True)}
    right = second.targets[len(first) :] == [named[ids] for ids in drawn]
    assert right.mean() > 0.8  # as the teachers say, who err where a label is wrong
    assert (trained.model.companion.table == train_companion(second, 2).table).all()


def test_fitting_teaches_the_network_on_shorter_texts_than_it_is_asked_about(tiny_settings, monkeypatch, tmp_path):
    taught, asked = [], []

    def seen(network, train_set, dev_set, *more, **options):
        taught.append((train_set.lengths.max(), len(train_set)))
        asked.append(dev_set.lengths.min())
        return train(network, train_set, dev_set, *more, **options)

    monkeypatch.setattr("gatewise.tasks.classify.fit.train", seen)
    texts, labels = pairs(300)  # of ten words
    dataset = Dataset("tiny", from_lists(texts, labels), unlabelled=from_lists(pairs(50, seed=2)[0]))
    settings = tiny_settings.replace(epochs=1, student_epochs=1, train_tokens=8)
    trained = train_classifier(dataset, tmp_path / "m", settings=settings)
    assert taught == [(8, 240), (8, 290)] and asked == [10, 10]
    assert trained.model.tokenizer.max_tokens == 32 and trained.model.companion.table.any()


def test_fitting_counts_the_companions_time_in_the_budget(tiny_settings, monkeypatch, tmp_path):
    def slow(*data, **options):
        time.sleep(1.2)

    monkeypatch.setattr("gatewise.tasks.classify.fit.train_companion", slow)
    dataset = Dataset("tiny", from_lists(*pairs(300)))
    with pytest.raises(TrainingError, match="ran out of --minutes before its first step"):
        train_classifier(dataset, tmp_path / "m", settings=tiny_settings.replace(minutes=0.02))
    train_classifier(dataset, tmp_path / "m", settings=tiny_settings.replace(minutes=0.02, companion=False))


def test_fitting_calibration_drops_a_companion_that_gets_no_weight(tiny_pair, english, tiny_settings):
    dev = gather([tiny_pair.tokenizer.encode_batch(english[0])], [0, 1] * 100, tiny_pair.tokenizer.vocab_size)
    silent = dataclasses.replace(tiny_pair.companion, scale=np.zeros(1, np.float32), bias=np.zeros(1, np.float32))
    model, found, shown = calibrated(dataclasses.replace(tiny_pair, companion=silent), dev)
    assert model.companion is None and model.companion_weight == 0 and found.accuracy_alone == {}
    assert model.temperature == fit_temperature(logits_of(model.network, dev), dev.targets)
    assert shown["alone"]["companion"]["accuracy"] == 0.5 and shown["alone"]["network"]["accuracy"] == found.accuracy


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(("weights", "rare"), [(False, 0.05), (True, 0.5)])
def test_fitting_guessing_is_the_entropy_of_the_classes_as_smooth_as_targets(tiny_settings, weights, rare, smoothing):
    texts = [f"text {row} of this film" for row in range(200)]
    labels = ["rare" if row % 20 == 0 else "often" for row in range(200)]
    settings = tiny_settings.replace(class_weights=weights, label_smoothing=smoothing)
    prepared = prepare(Dataset("d", from_lists(texts, labels)), settings)
    shares = [(1 - smoothing) * share + smoothing / 2 for share in (rare, 1 - rare)]
    expected = -sum(share * math.log(share) for share in shares)
    assert guessing(prepared, settings.classification) == pytest.approx(expected, abs=1e-5)
