"""From a data set to a trained, calibrated, measured Model: the one place that strings the steps together."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.base.errors import ConfigError, TrainingError
from gatewise.base.figure import Figure
from gatewise.base.settings import Storage
from gatewise.data.part import Dataset
from gatewise.nets.classify import TextLSTM, arrays_of
from gatewise.nets.encoder import EMBEDDING_STD
from gatewise.nets.vectors import vectors_from_company, word_vectors
from gatewise.runtime import folder
from gatewise.runtime.batches import Sequences, join, shortened, weights_of
from gatewise.runtime.cards import OUT_OF_FOLD
from gatewise.runtime.classifier import Model, Numbers
from gatewise.runtime.companion import Companion, buckets_for, size_of
from gatewise.runtime.companion import logits as ngram_logits
from gatewise.runtime.encoder import PretrainedEncoder, shaped_as
from gatewise.tasks.classify.calibrate import Calibrated, calibrated, unit_separation
from gatewise.tasks.classify.companion import train_companion
from gatewise.tasks.classify.frozen import fit_head, folds_of, judged
from gatewise.tasks.classify.measure import Evaluation, evaluate
from gatewise.tasks.classify.prepare import Prepared, prepare
from gatewise.tasks.classify.settings import ClassificationConfig, Settings
from gatewise.tasks.classify.teach import TEACHER, Turn, config_of, lesson_of, refuse_unfit, turns_of
from gatewise.training.checkpoint import Checkpoint
from gatewise.training.device import seeded
from gatewise.training.log import Event, tell_logger
from gatewise.training.loop import train
from gatewise.training.session import Report, Session, Stopped, opened, reserved, settle


@dataclass(frozen=True, slots=True)
class Trained:
    """What train_classifier() gives: the model, its figures on the dev split and, if there is one, on the test part."""

    model: Model
    dev: Evaluation
    test: Evaluation | None
    stopped: bool


def train_classifier(
    dataset: Dataset,
    out: Path | str,
    *,
    settings: Settings | None = None,
    storage: Storage = "float32",
    resume: bool = False,
    overwrite: bool = False,
    report: Report = tell_logger,
    stopped: Stopped = lambda: False,
) -> Trained:
    """Train on a data set, leave a model folder at `out`, and measure it on the test part if there is one.

    What is measured is the model as it is stored.

    While it runs, the folder `out`.training keeps what a resumed run needs. When `stopped` says so, the best model so
    far is saved and the run can still be resumed. Raises GatewiseError before anything is written or lost, and where
    another run is going on for `out`.
    """
    session, out = Session(report=report, stopped=stopped), Path(out)
    with reserved(out):
        settings = settle(out, settings, Settings(), resume=resume, overwrite=overwrite)
        encoder, teachers = sources(settings)
        shaped = shaped_as(encoder, settings) if encoder else settings
        prepared = prepare(dataset, shaped, known=encoder.tokenizer if encoder else None)
        with opened(session, out, settings, prepared.told(), resume=resume) as session:
            model, dev = fit(prepared, shaped, session, encoder=encoder, teachers=teachers)
        folder.save(model, out, overwrite=overwrite or resume, storage=storage, extra=session.log())
        model = folder.load(out)
        if stopped():
            return Trained(model, dev, None, stopped=True)
        test = evaluate(model, dataset.test) if dataset.test and dataset.test.labelled else None
        if test:
            model.facts["test"] = test.figures()
            folder.update_card(model, out)
        session.finish()
        return Trained(model, dev, test, stopped=False)


def sources(settings: Settings) -> tuple[PretrainedEncoder | None, list[Model]]:
    """Load the encoder to start from, if any, and the teachers."""
    place = settings.training.pretrained
    encoder = folder.load_encoder(place) if place else None
    return encoder, [folder.load(name) for name in settings.classification.teachers]


def fit(
    prepared: Prepared,
    settings: Settings,
    session: Session | None = None,
    *,
    encoder: PretrainedEncoder | None = None,
    teachers: Sequence[Model] = (),
) -> tuple[Model, Evaluation]:
    """Train a network, from an encoder if there is one, and its n-gram companion; weigh and calibrate their sum.

    With `student_epochs` and unlabelled text a second network, the one that is kept, is taught by the first, or by
    `teachers` in its place, and a second companion learns from the same lesson. The dev split of the prepared data
    chooses a network's epoch, the companion's weight and the temperature; after that a companion without a lesson
    learns from a dev split that was drawn, too. Raises ConfigError where teachers cannot teach.
    """
    session = session or Session()
    refuse_unfit(teachers, prepared, settings)
    for message in prepared.warnings:
        session.report(Event("warning", session.seconds(), values={"message": message}))
    if settings.classification.freeze:
        return fit_frozen(prepared, settings, session, encoder)
    best: Calibrated | None = None
    lesson, council, seconds = prepared.train, [teacher.network for teacher in teachers], 0.0
    with seeded(settings.training):
        companion = companion_of(lesson, prepared, settings.classification)
        for turn in turns_of(prepared, settings, teachers):
            if turn is Turn.STUDENT:
                lesson = lesson_of(prepared, council, companion, settings, session)
                companion = companion_of(lesson, prepared, settings.classification)
            network = new_network(prepared, settings, session, turn, encoder)
            begun = session.seconds()
            event = learn(network, lesson, prepared, settings, session, turn)
            session = session.counting(event.seconds - (session.seconds() - begun))  # earlier parts' seconds too
            seconds += event.seconds
            model = Model(prepared.tokenizer, arrays_of(network), prepared.labels, companion=companion)
            learnt = calibrated(model, prepared.dev)
            if best is None or not session.stopped() or learnt.dev.log_loss < best.dev.log_loss:
                best = learnt  # a stopped one may be worse than its teacher
            if session.stopped():
                break
            council = [model.network]
    assert best is not None
    facts = facts_of(prepared, settings, encoder, event, seconds)
    facts |= {"dev": best.figures, "unit_separation": unit_separation(best.model.network, prepared.dev)}
    model = best.model
    if model.companion and turn is Turn.ONLY and prepared.notes["dev_split"] != "given" and not session.stopped():
        both = join([prepared.train, prepared.dev])
        model = dataclasses.replace(model, companion=companion_of(both, prepared, settings.classification))
        facts["companion_texts"] = len(both)
    return dataclasses.replace(model, facts=facts), best.dev


def fit_frozen(
    prepared: Prepared, settings: Settings, session: Session, encoder: PretrainedEncoder | None
) -> tuple[Model, Evaluation]:
    """Fit a head on a network that stays as it begins, beside a companion; all training texts choose, out of fold.

    Where the data set has a dev part of its own, that one weighs and calibrates. Raises ConfigError for a student.
    """
    config, begun = settings.classification, session.seconds()
    if config.student_epochs:
        raise ConfigError(
            "A network that stays as it begins teaches no student; leave out --freeze or --student-epochs."
        )
    with seeded(settings.training):
        network, folds = new_network(prepared, settings, session, Turn.ONLY, encoder), folds_of(prepared, settings)
        logits, penalty = fit_head(network, prepared, folds, balanced=config.class_weights)
        companion = companion_of(prepared.train, prepared, config)
        model = Model(prepared.tokenizer, arrays_of(network), prepared.labels, companion=companion)
        if prepared.groups is None:
            best = calibrated(model, prepared.dev)
        else:
            rows, said = np.flatnonzero(judged(prepared, folds)), np.zeros_like(logits)
            for fold in np.unique(folds) if companion else ():
                asked, others = np.flatnonzero(folds == fold), prepared.train.select(np.flatnonzero(folds != fold))
                if part := companion_of(others, prepared, config):
                    said[asked] = ngram_logits(part, prepared.train.select(asked))
            best = calibrated(model, prepared.train.select(rows), logits[rows], said[rows])
            best = best._replace(dev=dataclasses.replace(best.dev, data=f"training texts, {OUT_OF_FOLD}"))
    values = {"score": best.dev.accuracy, "loss": best.dev.log_loss, "padding": 0.0}
    event = Event("dev", session.seconds(), values=values | Figure("accuracy", best.dev.accuracy, "higher")._asdict())
    session.tell(event)
    facts = facts_of(prepared, settings, encoder, event, event.seconds - begun)
    facts |= {"dev": best.figures, "penalty": penalty}
    facts["unit_separation"] = unit_separation(best.model.network, prepared.dev)
    return dataclasses.replace(best.model, facts=facts), best.dev


def learn(
    network: TextLSTM, lesson: Sequences, prepared: Prepared, settings: Settings, session: Session, turn: Turn
) -> Event:
    """Train one network of several in turn, or take what a resumed run has learnt already; give the last event."""
    if turn is Turn.TEACHER and (taken := session.take(TEACHER)):
        arrays, values = taken
        if values.pop("data", "") != prepared.fingerprint():
            raise TrainingError(f"The teacher in {session.folder} was made with other data; leave out --resume.")
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        return Event(**values)
    config = settings.classification
    event = train(
        network, shortened(lesson, config.train_tokens), prepared.dev, config_of(turn, settings), session,
        baseline=guessing(prepared, config), checkpoint=Checkpoint(turn.value, prepared.fingerprint()),
    )  # fmt: skip
    if turn is Turn.TEACHER and not session.stopped():
        weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        session.keep(TEACHER, weights, dataclasses.asdict(event) | {"data": prepared.fingerprint()})
    return event


def companion_of(texts: Sequences, prepared: Prepared, config: ClassificationConfig) -> Companion | None:
    """Train the companion, if one is wanted, on each text's class, or the likeliest where targets are shares, [N, C].

    It comes before the network, so that its time counts in the budget, and again when a run is resumed.
    """
    if not config.companion:
        return None
    if texts.targets.ndim == 2:
        texts = dataclasses.replace(texts, targets=texts.targets.argmax(axis=1))
    classes = len(prepared.labels)
    return train_companion(
        texts, classes, balanced=config.class_weights,
        buckets=buckets_for(size_of(texts), classes, config.companion_buckets),
        words=config.companion_words, pieces=config.companion_pieces,
    )  # fmt: skip


def new_network(
    prepared: Prepared, settings: Settings, session: Session, turn: Turn, encoder: PretrainedEncoder | None
) -> TextLSTM:
    """Build the network with its first weights: an encoder's, or new ones with word vectors in the embedding."""
    config = settings.classification
    torch.manual_seed(settings.training.seed + (turn is Turn.STUDENT))
    network = TextLSTM(settings.network, prepared.tokenizer.vocab_size, len(prepared.labels))
    network.label_smoothing = config.label_smoothing
    if config.class_weights:
        network.class_weights = torch.from_numpy(1 / (len(prepared.labels) * np.maximum(class_shares(prepared), 1e-12)))
        network.class_weights = network.class_weights.float()
    if session.holds(turn.value):  # the checkpoint has the weights
        return network
    parts = [prepared.train, *([prepared.unlabelled] if prepared.unlabelled else [])]
    if encoder:
        names = network.state_dict().keys() & encoder.weights.keys()
        weights = {name: encoder.weights[name] for name in names}
        vocab_size = prepared.tokenizer.vocab_size
        weights["embedding.weight"] = vectors_from_company(parts, weights["embedding.weight"], vocab_size)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()}, strict=False)
    elif settings.training.word_vectors:
        shape, seed = network.embedding.weight.shape, settings.training.seed
        vectors = word_vectors(parts, *shape, std=EMBEDDING_STD, seed=seed)
        network.embedding.weight.data.copy_(torch.from_numpy(vectors))
    return network


def class_shares(prepared: Prepared) -> Numbers:
    """Give each class's share of the training texts, [C]."""
    counts = weights_of(prepared.train).astype(float)
    shares: Numbers = np.bincount(prepared.train.targets, counts, minlength=len(prepared.labels)) / counts.sum()
    return shares


def guessing(prepared: Prepared, config: ClassificationConfig) -> float:
    """Give the loss of guessing by class frequency, with targets as smooth as training makes them."""
    classes = len(prepared.labels)
    shares = np.full(classes, 1 / classes) if config.class_weights else class_shares(prepared)
    shares = (1 - config.label_smoothing) * shares + config.label_smoothing / classes
    return float(-(shares * np.log(np.maximum(shares, 1e-12))).sum())


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
