"""Networks that learn in turn: who teaches whom, what each may use of the budget, and what a student is told."""

import dataclasses
from collections.abc import Sequence
from enum import Enum

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError, TrainingError
from gatewise.base.settings import TrainingConfig
from gatewise.runtime.batches import Sequences, fingerprint, join
from gatewise.runtime.classifier import Model, softmax
from gatewise.runtime.companion import Companion
from gatewise.runtime.engine import logits_of
from gatewise.runtime.network import Network
from gatewise.tasks.classify.calibrate import calibrated, fit_temperature
from gatewise.tasks.classify.prepare import Prepared
from gatewise.tasks.classify.settings import ClassificationConfig, Settings
from gatewise.training.checkpoint import CHECKPOINT
from gatewise.training.log import Event
from gatewise.training.session import Session

TEACHER_SHARE = 0.4  # of the minutes, where a student follows
TEACHER = "teacher.safetensors"  # in a run's folder: the first network of several, once it has learnt
LESSON = "lesson"  # and what was answered: asked again, another engine may be the faster, and say it in other bits
SPLIT_FACTS = ("data", "training_texts", "dev_texts", "dev_split")  # and seed and dev_share name a dev split


class Turn(Enum):
    """What a network is among those that learn; the value is its checkpoint."""

    ONLY = CHECKPOINT
    TEACHER = "first.safetensors"
    STUDENT = "student.safetensors"


def turns_of(prepared: Prepared, settings: Settings, teachers: Sequence[Model]) -> list[Turn]:
    """Say which networks learn, in their order."""
    if not (settings.classification.student_epochs and prepared.unlabelled):
        return [Turn.ONLY]
    return [Turn.STUDENT] if teachers else [Turn.TEACHER, Turn.STUDENT]


def config_of(turn: Turn, settings: Settings) -> TrainingConfig:
    """Give a network its passes, and the share of the budget at whose end it must be ready."""
    config = settings.training
    if turn is Turn.TEACHER:
        return dataclasses.replace(config, minutes=config.minutes * TEACHER_SHARE)
    epochs = settings.classification.student_epochs if turn is Turn.STUDENT else config.epochs
    return dataclasses.replace(config, epochs=epochs)


def refuse_unfit(teachers: Sequence[Model], prepared: Prepared, settings: Settings) -> None:
    """Raise ConfigError where teachers have nothing to teach with, or have learnt from what is dev here."""
    if not teachers:
        return
    if not (settings.classification.student_epochs and prepared.unlabelled):
        raise ConfigError("Teachers need unlabelled text to teach on; add --unlabelled and --student-epochs.")
    here = {name: prepared.notes[name] for name in SPLIT_FACTS}
    here |= {"seed": settings.training.seed, "dev_share": settings.training.dev_share}
    for name, teacher in zip(settings.classification.teachers, teachers, strict=True):
        if tuple(map(str, teacher.labels)) != prepared.labels:
            raise ConfigError(f"The teacher {name} has other labels ({', '.join(map(str, teacher.labels))}).")
        if teacher.tokenizer.to_json() != prepared.tokenizer.to_json():
            raise ConfigError(f"The teacher {name} has another vocabulary; give one from the same encoder and data.")
        there = teacher.facts | teacher.facts.get("settings", {})
        for fact, value in here.items():
            if there.get(fact) != value:
                raise ConfigError(
                    f"The teacher {name} has {fact} {there.get(fact)!r} where this run has {value!r}, so it may have "
                    "learnt from texts that are dev here; give one trained on the same data and split."
                )


def lesson_of(
    prepared: Prepared,
    teachers: Sequence[Network],
    companion: Companion | None,
    settings: Settings,
    session: Session,
) -> Sequences:
    """Give the labelled texts, and `student_texts` of the unlabelled ones with what teachers and companion say of them.

    The networks' logits, each calibrated, are averaged; the companion's are added with a weight fitted on dev.
    """
    assert prepared.unlabelled is not None
    unlabelled, most = prepared.unlabelled, settings.classification.student_texts
    if 0 < most < len(unlabelled):
        drawn = np.random.default_rng(settings.training.seed).choice(len(unlabelled), most, replace=False)
        unlabelled = unlabelled.select(np.sort(drawn))
    texts = {"texts": fingerprint("unlabelled", unlabelled), "data": prepared.fingerprint()}
    if taken := session.take(LESSON):
        lesson, kept = taken
        if kept != texts:
            raise TrainingError(f"{session.folder} was made with other data or unlabelled text; leave out --resume.")
    else:
        session.report(Event("answering", 0.0, values={"texts": len(unlabelled)}))
        shares = answered(unlabelled, prepared, teachers, companion, fast=settings.training.precision != "float32")
        lesson = {"shares": shares}
        session.keep(LESSON, lesson, texts)
    labelled = shares_of(prepared.train, settings.classification, len(prepared.labels))
    return join([labelled, dataclasses.replace(unlabelled, targets=lesson["shares"])])


def answered(
    texts: Sequences, prepared: Prepared, teachers: Sequence[Network], companion: Companion | None, *, fast: bool
) -> npt.NDArray[np.float32]:
    """Give what teachers and companion together say of texts, a share of each class, [N, C]."""
    on_dev, on_texts = np.zeros(()), np.zeros(())
    for teacher in teachers:
        dev = logits_of(teacher, prepared.dev)
        scale = len(teachers) * fit_temperature(dev, prepared.dev.targets, prepared.dev.weights)
        on_dev = on_dev + dev / scale
        on_texts = on_texts + logits_of(teacher, texts, fast=fast) / scale
    model = Model(prepared.tokenizer, teachers[0], prepared.labels, companion=companion)
    model = calibrated(model, prepared.dev, on_dev).model
    logits = on_texts + model.companion_part(texts)
    return softmax(logits / model.temperature).astype(np.float32)


def shares_of(sequences: Sequences, config: ClassificationConfig, classes: int) -> Sequences:
    """Turn classes into shares of classes, [N, C], as smooth as training makes them."""
    shares = np.full((len(sequences), classes), config.label_smoothing / classes, dtype=np.float32)
    shares[np.arange(len(sequences)), sequences.targets] += 1 - config.label_smoothing
    return dataclasses.replace(sequences, targets=shares)
