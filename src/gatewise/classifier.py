"""From a data set to a trained, calibrated, measured Model: the one place that strings the steps together.

train_classifier() serves the command line and leaves a model folder; LSTMClassifier is the same as a scikit-learn
estimator.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from gatewise import folder
from gatewise.batching import Sequences, join
from gatewise.config import Settings, Storage, TrainingConfig
from gatewise.encoders import shaped_as
from gatewise.errors import DataError
from gatewise.evaluation import Evaluation, evaluate, fit_blend, fit_temperature, log_loss, summarise, unit_separation
from gatewise.files import read_checkpoint, remove_folder, tensor_bytes, write_atomically
from gatewise.model import Label, Model, Numbers, PretrainedEncoder, logits_of, softmax
from gatewise.network import EMBEDDING_STD, TextLSTM
from gatewise.ngrams import logits as ngram_logits
from gatewise.ngrams import train_ngrams
from gatewise.preparation import Prepared, prepare
from gatewise.reading import Dataset, from_lists
from gatewise.runs import TEACHER, Report, opened, settle
from gatewise.tokenizer import PAD_ID
from gatewise.training import CHECKPOINT, METRICS, Event, train
from gatewise.vectors import vectors_from_company, word_vectors

STUDENT = "student.safetensors"  # the second network's checkpoint
TEACHER_SHARE = 0.4  # of the minutes, where a second network follows


@dataclass(frozen=True, slots=True)
class Trained:
    """What train_classifier() gives: the model, its figures on the dev split and, if there is one, on the test part."""

    model: Model
    dev: Evaluation
    test: Evaluation | None
    stopped: bool


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


def train_classifier(
    dataset: Dataset,
    out: Path | str,
    *,
    settings: Settings | None = None,
    storage: Storage = "float32",
    resume: bool = False,
    overwrite: bool = False,
    report: Report = lambda event: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train on a data set, leave a model folder at `out`, and measure it on the test part if there is one.

    What is measured is the model as it is stored.

    While it runs, the folder `out`.training keeps what a resumed run needs. When `stopped` says so, the best model so
    far is saved and the run can still be resumed. Raises GatewiseError before anything is written or lost.
    """
    started, out = time.perf_counter(), Path(out)
    settings = settle(out, settings, Settings(), resume=resume, overwrite=overwrite)
    encoder = folder.load_encoder(settings.training.pretrained) if settings.training.pretrained else None
    settings = shaped_as(encoder, settings) if encoder else settings
    prepared = prepare(dataset, settings, known=encoder.tokenizer if encoder else None)
    with opened(out, settings, resume=resume) as (run_folder, resume):
        report(Event("prepared", time.perf_counter() - started, 0, 0.0, prepared.notes))
        model, dev = fit(
            prepared, settings, encoder=encoder, report=report, run_folder=run_folder, resume=resume, started=started,
            stopped=stopped,
        )  # fmt: skip
    log = {METRICS: (run_folder / METRICS).read_bytes()}
    folder.save(model, out, overwrite=overwrite or resume, storage=storage, extra=log)
    model = folder.load(out)
    if stopped():
        return Trained(model, dev, None, stopped=True)
    test = evaluate(model, dataset.test) if dataset.test and dataset.test.labelled else None
    if test:
        model.facts["test"] = figures(test)
        folder.update_card(model, out)
    remove_folder(run_folder)
    return Trained(model, dev, test, stopped=False)


class LSTMClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify texts with an LSTM, as a scikit-learn estimator: fit(texts, labels), predict, predict_proba, score.

    Every argument is a setting of the same name in gatewise.config, where its meaning and default stand; None takes the
    default. `random_state` is the seed, or a NumPy RandomState that draws it. After fit, `classes_` holds the labels
    and `model_` the gatewise Model.
    """

    def __init__(
        self,
        *,
        kind: str | None = None,
        vocab_size: int | None = None,
        min_count: int | None = None,
        lowercase: bool | None = None,
        max_tokens: int | None = None,
        embedding_dim: int | None = None,
        hidden_size: int | None = None,
        num_layers: int | None = None,
        bidirectional: bool | None = None,
        pooling: tuple[str, ...] | None = None,
        word_dropout: float | None = None,
        embedding_dropout: float | None = None,
        dropout: float | None = None,
        forget_bias: float | None = None,
        chrono_horizon: int | None = None,
        epochs: int | None = None,
        minutes: float | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        warmup: float | None = None,
        clip_norm: float | None = None,
        label_smoothing: float | None = None,
        averaging: float | None = None,
        batch_tokens: int | None = None,
        batch_texts: int | None = None,
        student_epochs: int | None = None,
        adversarial: float | None = None,
        layer_decay: float | None = None,
        class_weights: bool | None = None,
        pretrained: str | None = None,
        word_vectors: bool | None = None,
        companion: bool | None = None,
        dev_share: float | None = None,
        patience: int | None = None,
        precision: str | None = None,
        threads: int | None = None,
        random_state: int | None = None,
    ) -> None:
        self.kind = kind
        self.vocab_size = vocab_size
        self.min_count = min_count
        self.lowercase = lowercase
        self.max_tokens = max_tokens
        self.embedding_dim = embedding_dim
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.word_dropout = word_dropout
        self.embedding_dropout = embedding_dropout
        self.dropout = dropout
        self.forget_bias = forget_bias
        self.chrono_horizon = chrono_horizon
        self.epochs = epochs
        self.minutes = minutes
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.clip_norm = clip_norm
        self.label_smoothing = label_smoothing
        self.averaging = averaging
        self.batch_tokens = batch_tokens
        self.batch_texts = batch_texts
        self.student_epochs = student_epochs
        self.adversarial = adversarial
        self.layer_decay = layer_decay
        self.class_weights = class_weights
        self.pretrained = pretrained
        self.word_vectors = word_vectors
        self.companion = companion
        self.dev_share = dev_share
        self.patience = patience
        self.precision = precision
        self.threads = threads
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[str],
        y: Sequence[Label],
        groups: Sequence[Any] | None = None,
        unlabelled: Sequence[str] | None = None,
    ) -> "LSTMClassifier":
        """Train on texts and their labels; texts of one group (author, film) stay on one side of the dev split.

        Unlabelled texts of the same kind feed the word vectors and, with `student_epochs`, the second network.
        """
        texts = as_texts(X)
        check_consistent_length(texts, y, groups)
        refuse_missing(y)
        check_classification_targets(y)
        labels = column_or_1d(y, warn=True)
        classes = np.unique(labels)
        values = {  # a grid made with NumPy holds NumPy's numbers
            name: value.item() if isinstance(value, np.generic) else value for name, value in self.get_params().items()
        }
        seed = values.pop("random_state")
        if isinstance(seed, np.random.RandomState):
            seed = int(seed.randint(2**31 - 1))
        settings = Settings().replace(**values, seed=seed)
        names = [str(label) for label in classes.tolist()]
        part = from_lists(texts, [str(label) for label in labels.tolist()], groups, name="the training data")
        encoder = folder.load_encoder(settings.training.pretrained) if settings.training.pretrained else None
        settings = shaped_as(encoder, settings) if encoder else settings
        more = from_lists(as_texts(unlabelled), name="the unlabelled texts") if unlabelled is not None else None
        dataset = Dataset("texts in memory", part, None, None, more)
        prepared = prepare(dataset, settings, names, encoder.tokenizer if encoder else None)
        model, _ = fit(prepared, settings, encoder=encoder, started=time.perf_counter())
        self.classes_ = classes
        self.model_ = dataclasses.replace(model, labels=tuple(classes.tolist()))
        return self

    def predict_proba(self, X: Sequence[str]) -> Numbers:
        """Give calibrated probabilities, [N, C], in the order of `classes_`."""
        check_is_fitted(self)
        return self.model_.probabilities(as_texts(X))

    def predict(self, X: Sequence[str]) -> npt.NDArray[Any]:
        """Give each text's likeliest label."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]  # type: ignore[no-any-return]

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the fitted model as a folder that gatewise.load() and the command line read."""
        check_is_fitted(self)
        folder.save(self.model_, path, overwrite=overwrite)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def as_texts(X: Any) -> list[str]:
    """Take a list, array or column of strings; refuse a lone string and anything that is no text."""
    if isinstance(X, (str, bytes)):
        raise DataError("One text was given where a list of texts is expected; put it in a list.")
    if getattr(X, "ndim", 1) != 1 or isinstance(X, dict):
        raise DataError("A table was given where a list of texts is expected; give one column of it.")
    texts = list(X)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"Text {place} is a {type(text).__name__}, not a string; give a list of strings.")
    return texts


def refuse_missing(y: Any) -> None:
    """Refuse None, NaN and pandas.NA among labels, before NumPy turns them into the text "nan"."""
    if y is None:
        raise DataError("LSTMClassifier requires y to be passed, but the target y is None; give every text a label.")
    for place, label in enumerate(y if getattr(y, "ndim", 1) == 1 else ()):
        if label is None or type(label).__name__ in ("NAType", "NaTType") or label != label:  # NaN is not itself
            raise DataError(f"Label {place} is missing ({label!r}); give every text a label or leave the text out.")
