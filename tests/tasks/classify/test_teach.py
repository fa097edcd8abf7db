"""A network taught by others hears the mean of what they say, has its share of the minutes, and resumes to the bit."""

import time

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, GatewiseError, TrainingError
from gatewise.data.part import Dataset, from_lists
from gatewise.nets.classify import arrays_of
from gatewise.runtime.classifier import Model
from gatewise.runtime.encoder import shaped_as
from gatewise.runtime.engine import logits_of
from gatewise.runtime.folder import load_encoder
from gatewise.runtime.network import weights_of
from gatewise.tasks.classify.calibrate import fit_temperature
from gatewise.tasks.classify.fit import new_network, train_classifier
from gatewise.tasks.classify.prepare import prepare
from gatewise.tasks.classify.teach import LESSON, Turn, config_of, lesson_of, shares_of
from gatewise.training.loop import train
from gatewise.training.session import Session


def same(one: Model, other: Model) -> bool:
    mine, theirs = weights_of(one.network), weights_of(other.network)
    return all(np.array_equal(mine[name], theirs[name]) for name in mine.keys() | theirs.keys())


def test_teaching_a_second_network_by_the_first(reader, english, tiny_settings, tmp_path):
    more = from_lists([f"{text} indeed" for text in english[0]])
    dataset = Dataset("d", from_lists(*english), unlabelled=more)
    settings = tiny_settings.replace(pretrained=str(reader), epochs=2, student_epochs=3)
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
    assert same(trained.model, again.model)


def test_teaching_by_models_trained_before(reader, english, tiny_settings, tmp_path):
    more = from_lists([f"{text} indeed" for text in english[0]])
    dataset = Dataset("d", from_lists(*english), unlabelled=more)
    alone = tiny_settings.replace(pretrained=str(reader), epochs=2, word_vectors=False)
    whole = train_classifier(dataset, tmp_path / "whole", settings=alone.replace(student_epochs=3))
    train_classifier(dataset, tmp_path / "teacher", settings=alone)
    taught = alone.replace(student_epochs=3, teachers=str(tmp_path / "teacher"))
    events = []
    student = train_classifier(dataset, tmp_path / "m", settings=taught, report=events.append)
    assert [event.values["texts"] for event in events if event.kind == "start"] == [160 + len(english[0])]
    assert same(student.model, whole.model)
    killed = iter([False] * 20 + [True] * 10_000)
    train_classifier(dataset, tmp_path / "resumed", settings=taught, stopped=lambda: next(killed))
    again = train_classifier(dataset, tmp_path / "resumed", resume=True)
    assert same(student.model, again.model)


def test_teaching_together_say_the_mean_of_what_each_says(reader, english, tiny_settings):
    settings = tiny_settings.replace(pretrained=str(reader), epochs=1, student_epochs=1, companion=False)
    dataset = Dataset("d", from_lists(*english), unlabelled=from_lists([f"{text} indeed" for text in english[0]]))
    encoder = load_encoder(reader)
    prepared = prepare(dataset, settings, known=encoder.tokenizer)
    networks = []
    for seed in (1, 2):
        shaped = shaped_as(encoder, settings.replace(seed=seed))
        network = new_network(prepared, shaped, Session(), Turn.ONLY, encoder)
        network.head.weight.data.normal_(std=seed)
        networks.append(arrays_of(network))
    lesson = lesson_of(prepared, networks, None, settings, Session()).targets[len(prepared.train) :]
    on_dev = expected = 0
    for network in networks:
        dev = logits_of(network, prepared.dev)
        temperature = fit_temperature(dev, prepared.dev.targets)
        on_dev = on_dev + dev / temperature / 2
        expected = expected + logits_of(network, prepared.unlabelled) / temperature / 2
    ratio = np.log(lesson[:, 1] / lesson[:, 0]) / (expected[:, 1] - expected[:, 0])
    assert np.allclose(ratio, 1 / fit_temperature(on_dev, prepared.dev.targets), rtol=1e-3)  # the sum's own, at last


def test_teaching_leaves_the_student_most_of_the_minutes_and_its_own_passes(tiny_settings):
    settings = tiny_settings.replace(minutes=10.0, epochs=4, student_epochs=7)
    planned = {turn: config_of(turn, settings) for turn in Turn}
    assert {turn: (config.minutes, config.epochs) for turn, config in planned.items()} == {
        Turn.ONLY: (10, 4), Turn.TEACHER: (4, 4), Turn.STUDENT: (10, 7),
    }  # fmt: skip


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
def test_teaching_refuses_teachers_that_cannot_teach(reader, english, tiny_settings, tmp_path, change, message):
    more = from_lists([f"{text} indeed" for text in english[0]])
    dataset = Dataset("d", from_lists(*english), unlabelled=more)
    settings = tiny_settings.replace(pretrained=str(reader), epochs=1)
    train_classifier(dataset, tmp_path / "teacher", settings=settings)
    taught = settings.replace(student_epochs=1, teachers=str(tmp_path / "teacher")).replace(**change)
    with pytest.raises(GatewiseError, match=message):
        train_classifier(dataset, tmp_path / "m", settings=taught)
    assert not (tmp_path / "m.training").exists()


def test_teaching_refuses_a_teacher_of_other_labels(reader, english, tiny_settings, tmp_path):
    more = from_lists([f"{text} indeed" for text in english[0]])
    settings = tiny_settings.replace(pretrained=str(reader), epochs=1)
    train_classifier(Dataset("d", from_lists(*english)), tmp_path / "teacher", settings=settings)
    other = from_lists(english[0], [f"very {label}" for label in english[1]])
    taught = settings.replace(student_epochs=1, teachers=f"{tmp_path / 'teacher'}, {tmp_path / 'teacher'}")
    with pytest.raises(ConfigError, match=r"has other labels \(neg, pos\)"):
        train_classifier(Dataset("d", other, unlabelled=more), tmp_path / "m", settings=taught)


def test_teaching_a_students_budget_counts_each_second_once(reader, english, tiny_settings, tmp_path, monkeypatch):
    """The seconds said to be used before the student are those that passed, the teacher's among them once."""
    used = []

    def watched(*arguments, **options):
        used.append((arguments[-1].seconds(), time.perf_counter()))
        return train(*arguments, **options)

    monkeypatch.setattr("gatewise.tasks.classify.fit.train", watched)
    dataset = Dataset("d", from_lists(*english), unlabelled=from_lists([f"{text} indeed" for text in english[0]]))
    settings = tiny_settings.replace(pretrained=str(reader), epochs=30, student_epochs=1, minutes=5.0, patience=100)
    train_classifier(dataset, tmp_path / "m", settings=settings)
    (before_teacher, began), (before_student, followed) = used
    assert before_student - before_teacher == pytest.approx(followed - began, abs=0.05)
    assert followed - began > 0.2  # else counting twice would not show


def test_teaching_a_student_stopped_at_its_first_steps_does_not_replace_its_teacher(
    reader, english, tiny_settings, tmp_path
):
    more = from_lists([f"{text} indeed" for text in english[0]])
    dataset = Dataset("d", from_lists(*english), unlabelled=more)
    settings = tiny_settings.replace(pretrained=str(reader), epochs=4, companion=False)
    events = []
    teacher = train_classifier(dataset, tmp_path / "m", settings=settings, report=events.append)
    steps = next(event.step for event in events if event.kind == "end")
    asked = iter([False] * (steps + 8) + [True] * 10_000)
    stopped = train_classifier(
        dataset, tmp_path / "s", settings=settings.replace(student_epochs=3), stopped=lambda: next(asked)
    )
    assert stopped.stopped and (tmp_path / "s.training" / "student.safetensors").exists()
    assert same(stopped.model, teacher.model)


def test_teaching_a_resumed_student_hears_the_lesson_it_heard_before(
    reader, english, tiny_settings, tmp_path, monkeypatch
):
    """Asked again, the teacher may be answered for by another engine, in other bits."""
    dataset = Dataset("d", from_lists(*english), unlabelled=from_lists([f"{text} indeed" for text in english[0]]))
    settings = tiny_settings.replace(pretrained=str(reader), epochs=1, student_epochs=2, companion=False)
    events = []
    whole = train_classifier(dataset, tmp_path / "whole", settings=settings, report=events.append)
    first = next(event.step for event in events if event.kind == "end")
    killed = iter([False] * (first + 9) + [True] * 10_000)
    train_classifier(dataset, tmp_path / "m", settings=settings, stopped=lambda: next(killed))
    assert (tmp_path / "m.training" / LESSON).exists()
    other = Dataset("d", dataset.train, unlabelled=from_lists(["other text"] * 9))
    with pytest.raises(TrainingError, match="was made with other data or unlabelled text; leave out --resume"):
        train_classifier(other, tmp_path / "m", resume=True)
    turned = from_lists(english[0], [{"pos": "neg", "neg": "pos"}[label] for label in english[1]])
    with pytest.raises(TrainingError, match=r"The teacher in .* was made with other data; leave out --resume"):
        train_classifier(Dataset("d", turned, unlabelled=dataset.unlabelled), tmp_path / "m", resume=True)
    monkeypatch.setattr("gatewise.tasks.classify.teach.logits_of", lambda *asked, **options: pytest.fail("asked again"))
    assert same(train_classifier(dataset, tmp_path / "m", resume=True).model, whole.model)


def test_teaching_shares_of_classes_are_as_smooth_as_training_makes_targets(english, tiny_settings):
    prepared = prepare(Dataset("d", from_lists(*english)), tiny_settings)
    config = tiny_settings.replace(label_smoothing=0.2).classification
    shares = shares_of(prepared.train, config, 2).targets
    assert shares.sum(axis=1) == pytest.approx(1) and shares.shape == (len(prepared.train), 2)
    assert (shares.argmax(axis=1) == prepared.train.targets).all() and shares.max() == pytest.approx(0.9)
