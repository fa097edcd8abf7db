"""Prepared data to a trained and calibrated Model: first weights, companion, networks in turn, temperature."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.base.errors import ConfigError
from gatewise.base.files import read_checkpoint, tensor_bytes, write_atomically
from gatewise.base.settings import TrainingConfig
from gatewise.nets.classify import TextLSTM, arrays_of
from gatewise.nets.encoder import EMBEDDING_STD
from gatewise.nets.vectors import vectors_from_company, word_vectors
from gatewise.runtime.batches import Sequences, join, shortened
from gatewise.runtime.classifier import Model, Numbers, softmax
from gatewise.runtime.companion import Companion, buckets_for
from gatewise.runtime.companion import logits as ngram_logits
from gatewise.runtime.encoder import PretrainedEncoder
from gatewise.runtime.engine import logits_of
from gatewise.runtime.network import Network
from gatewise.runtime.tokenizer import PAD_ID
from gatewise.tasks.classify.calibrate import fit_blend, fit_temperature, unit_separation
from gatewise.tasks.classify.companion import train_companion
from gatewise.tasks.classify.measure import Evaluation, log_loss, summarise
from gatewise.tasks.classify.prepare import Prepared
from gatewise.tasks.classify.settings import ClassificationConfig, Settings
from gatewise.training.loop import CHECKPOINT, Event, train
from gatewise.training.session import TEACHER, Report

TEACHER_SHARE = 0.4  # of the minutes, where a student follows
STUDENT_CHECKPOINT = "student.safetensors"
SPLIT_FACTS = ("data", "training_texts", "dev_texts", "dev_split")  # and seed and dev_share name a dev split


def fit(
    prepared: Prepared,
    settings: Settings,
    *,
    encoder: PretrainedEncoder | None = None,
    teachers: Sequence[Model] = (),
    report: Report = lambda event: None,
    run_folder: Path | None = None,
    resume: bool = False,
    started: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Model, Evaluation]:
    """Train a network, from an encoder if there is one, and its n-gram companion; weigh and calibrate their sum.

    With `student_epochs` and unlabelled text a second network, the one that is kept, is taught by the first, or by
    `teachers` in its place, and a second companion learns from the same lesson. The dev split of the prepared data
    chooses a network's epoch, the companion's weight and the temperature. Raises ConfigError where teachers cannot
    teach.
    """
    taught = settings.classification
    started = time.perf_counter() if started is None else started
    refuse_unfit(teachers, prepared, settings)
    stage = partial(learn, prepared, report=report, run_folder=run_folder, resume=resume, stopped=stopped)
    with seeded(settings.training):
        companion = companion_of(prepared.train, taught, len(prepared.labels))
        before, seconds = 0.0, 0.0  # seconds of training in earlier parts of a resumed run, and of all
        turns = [Turn.ONLY]
        if taught.student_epochs and prepared.unlabelled:
            turns = [Turn.STUDENT] if teachers else [Turn.TEACHER, Turn.STUDENT]
        council = [teacher.network for teacher in teachers]
        best: tuple[Model, Evaluation, dict[str, Any]] | None = None
        for turn in turns:
            lesson = prepared.train
            if turn is Turn.STUDENT:
                lesson = lesson_of(prepared, council, companion, settings, report)
                companion = companion_of(lesson, taught, len(prepared.labels))
            torch.manual_seed(settings.training.seed + (turn is Turn.STUDENT))
            network = new_network(prepared, settings, encoder, fresh=turn is Turn.STUDENT or not resume)
            begun = time.perf_counter()
            event = stage(network, lesson, settings, used=begun - started + before, turn=turn)
            before += event.seconds - (time.perf_counter() - begun)
            seconds += event.seconds
            arrays = arrays_of(network)
            model = Model(prepared.tokenizer, arrays, prepared.labels, companion=companion)
            learnt = calibrated(model, prepared.dev)
            if best is None or not stopped() or learnt[1].log_loss < best[1].log_loss:  # a stopped one may be worse
                best = learnt
            if stopped():
                break
            council = [arrays]
    assert best is not None
    model, dev, shown = best
    facts = facts_of(prepared, settings, encoder, event, seconds)
    facts |= {"dev": shown, "unit_separation": unit_separation(model.network, prepared.dev)}
    return dataclasses.replace(model, facts=facts), dev


def facts_of(
    prepared: Prepared, settings: Settings, encoder: PretrainedEncoder | None, event: Event, seconds: float
) -> dict[str, Any]:
    """Give what is known of a training whose last event this is: its data, its settings, its encoder's facts."""
    facts = prepared.notes | {
        "trained_seconds": round(seconds, 1), "steps": event.step, "epochs": round(event.epoch, 3),
        "padding_share": round(event.values["padding"], 4), "settings": settings.flat(),
    }  # fmt: skip
    if encoder:
        facts["encoder"] = {name: value for name, value in encoder.facts.items() if name != "settings"}
    return facts


class Turn(Enum):
    """What a network is among those that learn."""

    ONLY = "only"
    TEACHER = "teacher"
    STUDENT = "student"


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


@contextmanager
def seeded(config: TrainingConfig) -> Iterator[None]:
    """Train with the threads set, and leave torch's threads and random state as they were."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(config.threads or threads)
            yield
        finally:
            torch.set_num_threads(threads)


def learn(
    prepared: Prepared,
    network: TextLSTM,
    train_set: Sequences,
    settings: Settings,
    *,
    report: Report,
    run_folder: Path | None,
    resume: bool,
    stopped: Callable[[], bool],
    used: float,
    turn: Turn,
) -> Event:
    """Train one network of several in turn, or take what a resumed run has learnt already; give the last event."""
    checkpoint = STUDENT_CHECKPOINT if turn is Turn.STUDENT else CHECKPOINT
    place = run_folder / TEACHER if run_folder and turn is Turn.TEACHER else None
    if place and resume and place.is_file():
        arrays, values = read_checkpoint(place)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        network.eval()
        return Event(**values)
    train_set = shortened(train_set, settings.classification.train_tokens)
    baseline = guessing(prepared, settings.classification)
    events = train(
        network, train_set, prepared.dev, config_of(turn, settings), baseline=baseline, folder=run_folder,
        resume=resume and run_folder is not None and (run_folder / checkpoint).is_file(), checkpoint=checkpoint,
        fingerprint=prepared.fingerprint(), stopped=stopped, used_seconds=used,
    )  # fmt: skip
    for event in events:
        report(event)
    if place and not stopped():
        weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        write_atomically(place, tensor_bytes(weights, dataclasses.asdict(event)))
    return event


def companion_of(texts: Sequences, config: ClassificationConfig, classes: int) -> Companion | None:
    """Train the companion, if one is wanted, on each text's class, or the likeliest where targets are shares, [N, C].

    It comes before the network, so that its time counts in the budget, and again when a run is resumed.
    """
    if not config.companion:
        return None
    if texts.targets.ndim == 2:
        texts = dataclasses.replace(texts, targets=texts.targets.argmax(axis=1))
    buckets = buckets_for(len(texts.steps), classes, config.companion_buckets)
    return train_companion(texts, classes, balanced=config.class_weights, buckets=buckets)


def shares_of(sequences: Sequences, config: ClassificationConfig, model: Model) -> Sequences:
    """Turn classes into shares of classes, [N, C], as smooth as training makes them."""
    classes = len(model.labels)
    shares = np.full((len(sequences), classes), config.label_smoothing / classes, dtype=np.float32)
    shares[np.arange(len(sequences)), sequences.targets] += 1 - config.label_smoothing
    return dataclasses.replace(sequences, targets=shares)


def lesson_of(
    prepared: Prepared,
    teachers: Sequence[Network],
    companion: Companion | None,
    settings: Settings,
    report: Report = lambda event: None,
) -> Sequences:
    """Give the labelled texts, and `student_texts` of the unlabelled ones with what teachers and companion say of them.

    The networks' logits, each calibrated, are averaged; the companion's are added with a weight fitted on dev.
    """
    assert prepared.unlabelled is not None
    unlabelled = prepared.unlabelled
    most = settings.classification.student_texts
    if 0 < most < len(unlabelled):
        drawn = np.random.default_rng(settings.training.seed).choice(len(unlabelled), most, replace=False)
        unlabelled = unlabelled.select(np.sort(drawn))
    report(Event("answering", 0.0, 0, 0.0, {"texts": len(unlabelled)}))
    on_dev, on_unlabelled = np.zeros(()), np.zeros(())
    for teacher in teachers:
        dev = logits_of(teacher, prepared.dev)
        scale = len(teachers) * fit_temperature(dev, prepared.dev.targets)
        on_dev = on_dev + dev / scale
        answers = logits_of(teacher, unlabelled, fast=settings.training.precision != "float32")
        on_unlabelled = on_unlabelled + answers / scale
    model = Model(prepared.tokenizer, teachers[0], prepared.labels, companion=companion)
    model, _, _ = calibrated(model, prepared.dev, on_dev)
    logits = on_unlabelled + model.companion_part(unlabelled)
    shares = softmax(logits / model.temperature).astype(np.float32)
    labelled = shares_of(prepared.train, settings.classification, model)
    return join([labelled, dataclasses.replace(unlabelled, targets=shares)])


def calibrated(
    model: Model, dev: Sequences, network_logits: Numbers | None = None
) -> tuple[Model, Evaluation, dict[str, Any]]:
    """Fit temperature and the companion's weight on the dev split; drop a companion that gets no weight.

    Gives the model, its Evaluation and the figures for the card, those of the parts alone among them. Other logits may
    stand for its network's.
    """
    targets = dev.targets
    alone = {"network": logits_of(model.network, dev) if network_logits is None else network_logits}
    logits, temperature, weight, companion = alone["network"], 1.0, 0.0, model.companion
    if companion:
        alone["companion"] = ngram_logits(companion, dev)
        temperature, weight = fit_blend(logits, alone["companion"], targets)
        logits = logits + weight * alone["companion"]
    if not weight:
        companion, temperature = None, fit_temperature(logits, targets)
    names = tuple(map(str, model.labels))
    found = summarise(
        logits, targets, dev.lengths, temperature=temperature, labels=names, data="dev split",
        alone=alone if companion else {},
    )  # fmt: skip
    shown = figures(found)
    if len(alone) > 1:
        shown["alone"] = {
            name: {
                "accuracy": float((part.argmax(axis=1) == targets).mean()),
                "log_loss": log_loss(softmax(part / fit_temperature(part, targets)), targets),
            }
            for name, part in alone.items()
        }
    fitted = dataclasses.replace(model, temperature=temperature, companion=companion, companion_weight=weight)
    return fitted, found, shown


def new_network(
    prepared: Prepared, settings: Settings, encoder: PretrainedEncoder | None, *, fresh: bool = True
) -> TextLSTM:
    """Build the network with its first weights: an encoder's, or new ones with word vectors in the embedding."""
    config = settings.classification
    network = TextLSTM(settings.network, prepared.tokenizer.vocab_size, len(prepared.labels))
    network.label_smoothing = config.label_smoothing
    if config.class_weights:
        network.class_weights = torch.from_numpy(1 / (len(prepared.labels) * np.maximum(class_shares(prepared), 1e-12)))
        network.class_weights = network.class_weights.float()
    if not fresh:  # the checkpoint holds the weights
        return network
    parts = [prepared.train, *([prepared.unlabelled] if prepared.unlabelled else [])]
    if encoder:
        names = network.state_dict().keys() & encoder.weights.keys()
        weights = {name: encoder.weights[name] for name in names}
        vocab_size = prepared.tokenizer.vocab_size
        weights["embedding.weight"] = vectors_from_company(parts, weights["embedding.weight"], vocab_size)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()}, strict=False)
    elif settings.training.word_vectors:
        seed = settings.training.seed
        start = word_vectors(parts, *network.embedding.weight.shape, std=EMBEDDING_STD, seed=seed)
        start[PAD_ID] = 0
        network.embedding.weight.data.copy_(torch.from_numpy(start))
    return network


def class_shares(prepared: Prepared) -> Numbers:
    """Give each class's share of the training texts, [C]."""
    shares: Numbers = np.bincount(prepared.train.targets, minlength=len(prepared.labels)) / len(prepared.train)
    return shares


def guessing(prepared: Prepared, config: ClassificationConfig) -> float:
    """Give the loss of guessing by class frequency, with targets as smooth as training makes them."""
    classes = len(prepared.labels)
    shares = np.full(classes, 1 / classes) if config.class_weights else class_shares(prepared)
    shares = (1 - config.label_smoothing) * shares + config.label_smoothing / classes
    return float(-(shares * np.log(np.maximum(shares, 1e-12))).sum())


def figures(found: Evaluation) -> dict[str, Any]:
    """Give an evaluation's numbers for the card, without texts and tables."""
    names = ("n", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss", "ece", "ece_uncalibrated")
    alone = {name: {"accuracy": accuracy} for name, accuracy in found.accuracy_alone.items()}
    return {name: getattr(found, name) for name in names} | ({"alone": alone} if alone else {})
