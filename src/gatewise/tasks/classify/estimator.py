"""A classifier as a scikit-learn estimator: lists in, arrays out, and the same training as the command's."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from gatewise.base.errors import ConfigError, DataError, one_line
from gatewise.base.settings import refuse_unknown, takes
from gatewise.base.text import clean
from gatewise.data.part import Dataset, from_lists
from gatewise.runtime import folder
from gatewise.runtime.batches import Weights
from gatewise.runtime.classifier import Label, Numbers, as_texts
from gatewise.runtime.encoder import shaped_as
from gatewise.tasks.classify.auto import choose
from gatewise.tasks.classify.fit import fit, sources
from gatewise.tasks.classify.prepare import prepare
from gatewise.tasks.classify.settings import AUTO, RECIPES, Settings
from gatewise.training.log import Event
from gatewise.training.session import Session

if TYPE_CHECKING:
    from gatewise.tasks.classify.keywords import Keywords


class LSTMClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify texts with an LSTM, as a scikit-learn estimator: fit(texts, labels), predict, predict_proba, score.

    Every argument is the setting of the same name, and None takes its default, which `recipe` may change as the
    command's does: labels, fast, standard, or auto, which looks at the texts. `random_state` is the seed, or a NumPy
    RandomState that draws it. After fit, `classes_` holds the labels and `model_` the gatewise Model.
    """

    @takes(Settings(), leave_out=("seed",))
    def __init__(
        self, *, recipe: str = "labels", random_state: int | np.random.RandomState | None = None,
        **given: "Unpack[Keywords]",
    ) -> None:  # fmt: skip
        names = [name for name in Settings().flat() if name != "seed"]
        if "seed" in given:
            raise ConfigError("LSTMClassifier has no setting named 'seed'; scikit-learn's name for it is random_state.")
        refuse_unknown(names, given)
        self.__dict__.update(dict.fromkeys(names) | given, recipe=recipe, random_state=random_state)

    def fit(
        self,
        X: Sequence[str],
        y: Sequence[Label],
        groups: Sequence[Any] | None = None,
        unlabelled: Sequence[str] | None = None,
        sample_weight: Sequence[float] | npt.NDArray[Any] | None = None,
    ) -> "LSTMClassifier":
        """Train on texts and their labels; texts of one group (author, film) stay on one side of the dev split.

        Unlabelled texts of the same kind feed the word vectors and, with `student_epochs`, teach other networks. A text
        of weight 2 counts in every loss, the calibration's too, as two copies would; one of weight 0 is left out.
        """
        session = Session()
        texts, labels, groups, weights = checked(X, y, groups, sample_weight)
        classes = np.unique(labels)
        values = self.get_params()
        seed = values.pop("random_state")
        if isinstance(seed, np.random.RandomState):
            seed = int(seed.randint(2**31 - 1))
        names = [str(label) for label in classes.tolist()]
        part = from_lists(texts, [str(label) for label in labels.tolist()], groups, name="the training data")
        more = from_lists(as_texts(unlabelled), name="the unlabelled texts") if unlabelled is not None else None
        dataset = Dataset("texts in memory", part, None, None, more)
        settings = Settings().replace(**changes_of(values.pop("recipe"), dataset, values)).replace(**values, seed=seed)
        encoder, teachers = sources(settings)
        settings = shaped_as(encoder, settings) if encoder else settings
        prepared = prepare(dataset, settings, names, encoder.tokenizer if encoder else None, weights)
        session.report(Event("prepared", session.seconds(), values=prepared.told()))
        model, _ = fit(prepared, settings, session, encoder=encoder, teachers=teachers)
        self.classes_ = classes
        self.model_ = dataclasses.replace(model, labels=tuple(classes.tolist()))
        return self

    def predict_proba(self, X: Sequence[str]) -> Numbers:
        """Give calibrated probabilities, [N, C], in the order of `classes_`."""
        check_is_fitted(self)
        return self.model_.probabilities(X)

    def predict(self, X: Sequence[str]) -> npt.NDArray[Any]:
        """Give each text's likeliest label."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]  # type: ignore[no-any-return]

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the fitted model as a folder that gatewise.load() and the command line read."""
        check_is_fitted(self)
        folder.save(self.model_, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: Path | str) -> "LSTMClassifier":
        """Read a model folder, of `save` or of the command line, as a fitted estimator with the settings it tells of.

        Raises ModelError.
        """
        model = folder.load(path)
        told = model.facts.get("settings")
        values = dict(told) if isinstance(told, dict) else {}
        names = Settings().flat()
        loaded = cls(random_state=values.pop("seed", None), **{name: values[name] for name in names if name in values})
        loaded.classes_, loaded.model_ = model.classes_, model
        return loaded

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def checked(
    X: Sequence[str], y: Sequence[Label], groups: Sequence[Any] | None, sample_weight: Any
) -> tuple[list[str], npt.NDArray[Any], Sequence[Any] | None, Weights | None]:
    """Give texts, labels, groups and weights, the texts of weight 0 left out; refuse what cannot be learnt from."""
    texts = as_texts(X)
    check_consistent_length(texts, y, groups)
    refuse_missing(y)
    check_classification_targets(y)
    labels = column_or_1d(y, warn=True)
    if sample_weight is None:
        return texts, labels, groups, None
    weights = weights_from(sample_weight, len(texts))
    kept = np.flatnonzero(weights)
    groups = None if groups is None else [list(groups)[row] for row in kept]
    return [texts[row] for row in kept], labels[kept], groups, weights[kept]


def changes_of(recipe: str, dataset: Dataset, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what a recipe changes in the defaults; raise ConfigError where there is none of that name."""
    if recipe == AUTO:
        return choose(dataset, {name: value for name, value in given.items() if value is not None}).changes
    if recipe == "best" or recipe not in RECIPES:  # best pretrains an encoder of its own: the command's business
        names = ", ".join([*(name for name in RECIPES if name != "best"), AUTO])
        raise ConfigError(f"LSTMClassifier has no recipe {recipe!r}; choose one of {names}.")
    return RECIPES[recipe]


def weights_from(given: Any, texts: int) -> Weights:
    """Take a weight for each text; refuse another number of them, negative ones, and what is no number."""
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused below
            weights: Weights = np.asarray(given, dtype=np.float64).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"sample_weight holds what is no number ({one_line(error)}); give a weight a text.") from error
    if weights.shape != (texts,):
        raise DataError(f"sample_weight has the shape {weights.shape} for {texts} texts; give one weight a text.")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise DataError(f"sample_weight {wrong[0]} is {weights[wrong[0]]:g}; give weights from 0 up.")
    if not weights.any():
        raise DataError("sample_weight is 0 for every text; give some texts a weight.")
    return weights


def refuse_missing(y: Any) -> None:
    """Refuse None, NaN and pandas.NA among labels, before NumPy turns them into the text "nan"."""
    if y is None:
        raise DataError("LSTMClassifier requires y to be passed, but the target y is None; give every text a label.")
    for place, label in enumerate(y if getattr(y, "ndim", 1) == 1 else ()):
        if label is None or type(label).__name__ in ("NAType", "NaTType") or label != label:  # NaN is not itself
            raise DataError(f"Label {place} is missing ({label!r}); give every text a label or leave the text out.")
        if isinstance(label, str) and clean(label) != label:
            raise DataError(f"Label {place} holds a lone surrogate ({label!r}), which no file can hold; correct it.")
