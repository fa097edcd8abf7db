"""Prepared data to a trained and calibrated Model: first weights, companion, one network or two, temperature."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.batching import Sequences, join
from gatewise.config import Settings, TrainingConfig
from gatewise.evaluation import Evaluation, fit_blend, fit_temperature, log_loss, summarise, unit_separation
from gatewise.files import read_checkpoint, tensor_bytes, write_atomically
from gatewise.model import Model, Numbers, PretrainedEncoder, logits_of, softmax
from gatewise.network import EMBEDDING_STD, TextLSTM
from gatewise.ngrams import logits as ngram_logits
from gatewise.ngrams import train_ngrams
from gatewise.preparation import Prepared
from gatewise.runs import TEACHER, Report
from gatewise.tokenizer import PAD_ID
from gatewise.training import CHECKPOINT, Event, train
from gatewise.vectors import vectors_from_company, word_vectors

STUDENT = "student.safetensors"  # the second network's checkpoint
TEACHER_SHARE = 0.4  # of the minutes, where a second network follows


def fit(
    prepared: Prepared,
    settings: Settings,
    *,
    encoder: PretrainedEncoder | None = None,
    report: Report = lambda event: None,
    run_folder: Path | None = None,
    resume: bool = False,
    started: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Model, Evaluation]:
    """Train a network, from an encoder if there is one, and its n-gram companion; weigh and calibrate their sum.

    The dev split of the prepared data chooses the network's epoch, the companion's weight and the temperature.
    """
    config = settings.training
    started = time.perf_counter() if started is None else started
    stage = partial(learn, prepared, report=report, run_folder=run_folder, resume=resume, stopped=stopped)
    with seeded(config):
        companion = None
        if config.companion:  # before the network, so that its time counts in the budget; again when resumed
            companion = train_ngrams(prepared.train, len(prepared.labels), balanced=config.class_weights)
        torch.manual_seed(config.seed)
        network = new_network(prepared, settings, encoder, fresh=not resume)
        teaching = bool(config.student_epochs and prepared.unlabelled)
        first = dataclasses.replace(config, minutes=config.minutes * (TEACHER_SHARE if teaching else 1))
        event = stage(network, prepared.train, first, used=time.perf_counter() - started, teacher=teaching)
        seconds = event.seconds
        model = Model(prepared.tokenizer, network, prepared.labels, companion=companion)
        model, dev, shown = calibrated(model, prepared.dev)
        if teaching and not stopped():
            assert prepared.unlabelled is not None
            lesson = join([shares_of(prepared.train, config, model), taught_by(model, prepared.unlabelled, event)])
            torch.manual_seed(config.seed + 1)
            student = new_network(prepared, settings, encoder)
            second = dataclasses.replace(config, epochs=config.student_epochs)
            used = event.seconds + time.perf_counter() - started
            event = stage(student, lesson, second, used=used, checkpoint=STUDENT)
            seconds += event.seconds
            model = dataclasses.replace(model, network=student, companion=companion)
            model, dev, shown = calibrated(model, prepared.dev)
    facts = prepared.notes | {
        "trained_seconds": round(seconds, 1), "steps": event.step, "epochs": round(event.epoch, 3),
        "padding_share": round(event.values["padding"], 4), "settings": settings.flat(), "dev": shown,
        "unit_separation": unit_separation(model.network, prepared.dev),
    }  # fmt: skip
    if encoder:
        facts["encoder"] = {name: value for name, value in encoder.facts.items() if name != "settings"}
    return dataclasses.replace(model, facts=facts), dev


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
    config: TrainingConfig,
    *,
    report: Report,
    run_folder: Path | None,
    resume: bool,
    stopped: Callable[[], bool],
    used: float,
    teacher: bool = False,
    checkpoint: str = CHECKPOINT,
) -> Event:
    """Train a network, or, in a resumed run whose teacher has learnt already, take its weights; give the last event."""
    place = run_folder / TEACHER if run_folder and teacher else None
    if place and resume and place.is_file():
        arrays, values = read_checkpoint(place)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        network.eval()
        return Event(**values)
    events = train(
        network, train_set, prepared.dev, config, baseline=guessing(prepared, config), folder=run_folder,
        resume=resume and run_folder is not None and (run_folder / checkpoint).is_file(), checkpoint=checkpoint,
        fingerprint=prepared.fingerprint(), stopped=stopped, used_seconds=used,
    )  # fmt: skip
    for event in events:
        report(event)
    if place and not stopped():
        weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        write_atomically(place, tensor_bytes(weights, dataclasses.asdict(event)))
    return event


def shares_of(sequences: Sequences, config: TrainingConfig, model: Model) -> Sequences:
    """Turn classes into shares of classes, [N, C], as smooth as training makes them."""
    classes = len(model.labels)
    shares = np.full((len(sequences), classes), config.label_smoothing / classes, dtype=np.float32)
    shares[np.arange(len(sequences)), sequences.targets] += 1 - config.label_smoothing
    return dataclasses.replace(sequences, targets=shares)


def taught_by(model: Model, sequences: Sequences, event: Event) -> Sequences:
    """Give unlabelled texts a model's calibrated probabilities as targets, computed as precisely as it was trained."""
    network, companion = model.parts(sequences, event.values["precision"])
    shares = softmax((network + companion) / model.temperature).astype(np.float32)
    return dataclasses.replace(sequences, targets=shares)


def calibrated(model: Model, dev: Sequences) -> tuple[Model, Evaluation, dict[str, Any]]:
    """Fit temperature and the companion's weight on the dev split; drop a companion that gets no weight.

    Gives the model, its Evaluation and the figures for the card, those of the parts alone among them.
    """
    targets, alone = dev.targets, {"network": logits_of(model.network, dev)}
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
    config = settings.training
    network = TextLSTM(settings.network, prepared.tokenizer.vocab_size, len(prepared.labels))
    network.label_smoothing, network.adversarial = config.label_smoothing, config.adversarial
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
    elif config.word_vectors:
        start = word_vectors(parts, *network.embedding.weight.shape, std=EMBEDDING_STD, seed=config.seed)
        start[PAD_ID] = 0
        network.embedding.weight.data.copy_(torch.from_numpy(start))
    return network


def class_shares(prepared: Prepared) -> Numbers:
    """Give each class's share of the training texts, [C]."""
    shares: Numbers = np.bincount(prepared.train.targets, minlength=len(prepared.labels)) / len(prepared.train)
    return shares


def guessing(prepared: Prepared, config: TrainingConfig) -> float:
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
