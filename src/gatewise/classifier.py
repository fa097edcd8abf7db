"""From a data set to a trained, calibrated, measured Model: the one place that strings the steps together.

train_classifier() serves the command line and leaves a model folder; LSTMClassifier is the same as a scikit-learn
estimator.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from gatewise.config import NetworkConfig, Settings, TokenizerConfig, TrainingConfig
from gatewise.errors import ConfigError, DataError, TrainingError
from gatewise.evaluation import Evaluation, evaluate, fit_temperature, summarise, unit_separation
from gatewise.files import make_folder, read_json, refuse_existing, remove_folder, write_atomically
from gatewise.model import Label, Model, Numbers, logits_of
from gatewise.network import EMBEDDING_STD, TextLSTM
from gatewise.preparation import Prepared, prepare
from gatewise.reading import Dataset, from_lists
from gatewise.tokenizer import PAD_ID
from gatewise.training import CHECKPOINT, METRICS, Event, train
from gatewise.vectors import word_vectors

SETTINGS = "settings.json"
Report = Callable[[Event], None]


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
    report: Report = lambda event: None,
    run_folder: Path | None = None,
    resume: bool = False,
    started: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Model, Evaluation]:
    """Train a network on prepared data and calibrate it on the dev split."""
    config = settings.training
    classes = len(prepared.labels)
    shares = np.bincount(prepared.train.targets, minlength=classes) / len(prepared.train)
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(config.threads or threads)
            torch.manual_seed(config.seed)
            network = TextLSTM(settings.network, prepared.tokenizer.vocab_size, classes)
            if config.word_vectors and not resume:
                parts = [prepared.train, *([prepared.unlabelled] if prepared.unlabelled else [])]
                start = word_vectors(parts, *network.embedding.weight.shape, std=EMBEDDING_STD, seed=config.seed)
                start[PAD_ID] = 0
                network.embedding.weight.data.copy_(torch.from_numpy(start))
            network.label_smoothing = config.label_smoothing
            if config.class_weights:
                network.class_weights = torch.from_numpy(1 / (classes * np.maximum(shares, 1e-12))).float()
                shares = np.full(classes, 1 / classes)
            shares = (1 - config.label_smoothing) * shares + config.label_smoothing / classes  # as the targets are
            baseline = float(-(shares * np.log(np.maximum(shares, 1e-12))).sum())
            events = train(
                network, prepared.train, prepared.dev, config, baseline=baseline, folder=run_folder, resume=resume,
                fingerprint=prepared.fingerprint(), used_seconds=time.perf_counter() - started if started else 0.0,
                stopped=stopped,
            )  # fmt: skip
            for event in events:
                report(event)
        finally:
            torch.set_num_threads(threads)
    logits = logits_of(network, prepared.dev)
    temperature = fit_temperature(logits, prepared.dev.targets)
    dev = summarise(
        logits,
        prepared.dev.targets,
        prepared.dev.lengths,
        temperature=temperature,
        labels=prepared.labels,
        data="dev split",
    )
    facts = prepared.notes | {
        "trained_seconds": round(event.seconds, 1), "steps": event.step, "epochs": round(event.epoch, 3),
        "padding_share": round(event.values["padding"], 4), "settings": settings.flat(), "dev": figures(dev),
        "unit_separation": unit_separation(network, prepared.dev),
    }  # fmt: skip
    return Model(prepared.tokenizer, network, prepared.labels, temperature, facts), dev


def figures(found: Evaluation) -> dict[str, Any]:
    """Give an evaluation's numbers for the card, without texts and tables."""
    names = ("n", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss", "ece", "ece_uncalibrated")
    return {name: getattr(found, name) for name in names}


def unfinished(out: Path) -> Path:
    """Give the folder in which a run for `out` keeps its settings, log and checkpoints until it is over."""
    if out.name in ("", ".."):
        raise ConfigError(f"{out} is no name for a model folder; give --out a new name.")
    return out.with_name(out.name + ".training")


def unfinished_settings(out: Path) -> Settings:
    """Give the settings of an unfinished run. Raises TrainingError when there is none."""
    path = unfinished(out) / SETTINGS
    if not path.is_file():
        raise TrainingError(f"There is no unfinished run for {out}; leave out --resume to start one.")
    groups = read_json(path, 1 << 20)
    try:
        return Settings(
            TokenizerConfig(**groups["tokenizer"]),
            NetworkConfig(**groups["network"]),
            TrainingConfig(**groups["training"]),
        )
    except (KeyError, TypeError) as error:
        raise TrainingError(
            f"{path} was written by another version of gatewise ({error}); leave out --resume and add --overwrite."
        ) from error


def train_classifier(
    dataset: Dataset,
    out: Path | str,
    *,
    settings: Settings | None = None,
    resume: bool = False,
    overwrite: bool = False,
    report: Report = lambda event: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train on a data set, leave a model folder at `out`, and measure it on the test part if there is one.

    While it runs, the folder `out`.training keeps what a resumed run needs. When `stopped` says so, the best model so
    far is saved and the run can still be resumed. Raises GatewiseError before anything is written or lost.
    """
    started, out = time.perf_counter(), Path(out)
    run_folder = unfinished(out)
    if resume:
        stored = unfinished_settings(out)
        settings = settings or stored
        for name, value in stored.flat().items():
            if settings.flat()[name] != value:
                raise TrainingError(f"The run to resume has {name}={value}; leave that option out, or --resume.")
    else:
        refuse_existing(out, overwrite=overwrite)
        if (run_folder / CHECKPOINT).exists() and not overwrite:  # killed before the first one: nothing to lose
            raise TrainingError(f"{run_folder} holds an unfinished run; add --resume to go on, or --overwrite.")
    settings = settings or Settings()
    prepared = prepare(dataset, settings)
    resume = resume and (run_folder / CHECKPOINT).is_file()  # killed before the first checkpoint: begin again
    try:
        if not resume:
            remove_folder(run_folder)
            make_folder(run_folder)
            write_atomically(run_folder / SETTINGS, json.dumps(dataclasses.asdict(settings), indent=2).encode())
        report(Event("prepared", time.perf_counter() - started, 0, 0.0, prepared.notes))
        model, dev = fit(
            prepared, settings, report=report, run_folder=run_folder, resume=resume, started=started, stopped=stopped
        )
    except BaseException:
        if not (run_folder / CHECKPOINT).exists():  # nothing to resume
            remove_folder(run_folder)
        raise
    log = {METRICS: (run_folder / METRICS).read_bytes()}
    folder.save(model, out, overwrite=overwrite or resume, extra=log)
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
        class_weights: bool | None = None,
        word_vectors: bool | None = None,
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
        self.class_weights = class_weights
        self.word_vectors = word_vectors
        self.dev_share = dev_share
        self.patience = patience
        self.precision = precision
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: Sequence[str], y: Sequence[Label], groups: Sequence[Any] | None = None) -> "LSTMClassifier":
        """Train on texts and their labels; texts of one group (author, film) stay on one side of the dev split."""
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
        prepared = prepare(Dataset("texts in memory", part, None, None, None), settings, names)
        model, _ = fit(prepared, settings, started=time.perf_counter())
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
