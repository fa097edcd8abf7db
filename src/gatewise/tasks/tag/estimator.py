"""A tagger as a scikit-learn estimator: lists of tokens and tags in, lists of tags out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.settings import refuse_unknown, takes
from gatewise.data.tagged import TaggedDataset, TaggedPart, tagged_from_lists
from gatewise.runtime.spans import Scheme, spans_of, tags_of
from gatewise.runtime.tagger import Found
from gatewise.runtime.tagger_folder import load_tagger, save_tagger
from gatewise.tasks.tag.fit import encoder_for, fit
from gatewise.tasks.tag.prepare import prepare
from gatewise.tasks.tag.settings import TagSettings
from gatewise.training.log import Event
from gatewise.training.session import Session


class LSTMTagger(BaseEstimator):  # type: ignore[misc]
    """Tag the words of sentences, as a scikit-learn estimator: fit(tokens, tags), predict, score, spans(text).

    Every argument is the setting of the same name, and None takes its default. `random_state` is the seed, or a NumPy
    RandomState that draws it. After fit, `model_` holds the gatewise Tagger and `scheme_` how the tags given write
    spans, "" for plain labels; predict writes them so too.
    """

    @takes(TagSettings(), leave_out=("seed",))
    def __init__(self, *, random_state: int | np.random.RandomState | None = None, **given: Any) -> None:
        names = [name for name in TagSettings().flat() if name != "seed"]
        if "seed" in given:
            raise ConfigError("LSTMTagger has no setting named 'seed'; scikit-learn's name for it is random_state.")
        refuse_unknown(names, given)
        self.__dict__.update(dict.fromkeys(names) | given, random_state=random_state)

    def fit(
        self,
        X: Sequence[Sequence[str]],
        y: Sequence[Sequence[str]],
        dev: tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]] | None = None,
    ) -> "LSTMTagger":
        """Train on sentences, a list of tokens each, and their tags, in any scheme or plain labels.

        `dev` are sentences and tags to choose by; without them a share of the sentences is held out.
        """
        session = Session()
        if y is None:
            raise DataError("LSTMTagger requires y to be passed, but the target y is None; give each sentence tags.")
        values = self.get_params()
        seed = values.pop("random_state")
        if isinstance(seed, np.random.RandomState):
            seed = int(seed.randint(2**31 - 1))
        settings = TagSettings().replace(**values, seed=seed)
        part = _part(X, y, "the training sentences")
        held_out = _part(*dev, "the dev sentences") if dev is not None else None
        dataset = TaggedDataset("sentences in memory", part, held_out, scheme=part.scheme.name)
        encoder = encoder_for(settings)
        prepared = prepare(dataset, settings, encoder)
        session.report(Event("prepared", session.seconds(), values=prepared.told()))
        self.model_, self.figures_ = fit(prepared, settings, session, encoder)
        self.scheme_, self._scheme = part.scheme.name, part.scheme
        return self

    def predict(self, X: Sequence[Sequence[str]]) -> list[list[str]]:
        """Give each sentence's tags, in the scheme of those learnt from."""
        check_is_fitted(self)
        return [self._written(tags) for tags in self.model_.predict(_sentences(X))]

    def spans(self, text: str) -> list[Found]:
        """Give the spans of a text with their probability; text[start:end] is the span."""
        check_is_fitted(self)
        return self.model_.spans(text)

    def score(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> float:
        """Give the F1 of spans, found whole and with their label, or the accuracy of plain labels."""
        check_is_fitted(self)
        answers = self.model_.predict(_sentences(X))
        gold = [list(sentence.tags or ()) for sentence in _part(X, y, "the sentences").sentences()]
        if not self.model_.spans_are_tags:
            pairs = [pair for truth, own in zip(gold, answers, strict=True) for pair in zip(truth, own, strict=True)]
            return sum(truth == own for truth, own in pairs) / max(1, len(pairs))
        given = [{*spans_of(truth)} for truth in gold]
        found = [{*spans_of(own)} for own in answers]
        right = sum(len(truth & own) for truth, own in zip(given, found, strict=True))
        return 2 * right / max(1, sum(map(len, given)) + sum(map(len, found)))

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the fitted tagger as a folder that `gatewise tag` reads."""
        check_is_fitted(self)
        save_tagger(self.model_, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: Path | str) -> "LSTMTagger":
        """Read a folder as a fitted estimator with the settings it tells of; raise ModelError."""
        model = load_tagger(path)
        told = model.facts.get("settings")
        values = dict(told) if isinstance(told, dict) else {}
        names = TagSettings().flat()
        loaded = cls(random_state=values.pop("seed", None), **{name: values[name] for name in names if name in values})
        loaded.model_ = model
        loaded.scheme_ = "BIOES" if model.spans_are_tags else ""
        loaded._scheme = Scheme(loaded.scheme_)
        return loaded

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _written(self, tags: list[str]) -> list[str]:
        if not self.scheme_ or self.scheme_ == "BIOES":
            return [self._scheme.joined(tag) if self.scheme_ else tag for tag in tags]
        return [self._scheme.joined(tag) for tag in tags_of(spans_of(tags), len(tags), self.scheme_)]


def _sentences(X: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    if isinstance(X, str | bytes):
        raise DataError("One text was given where sentences are expected; give a list of lists of tokens.")
    return list(X)


def _part(X: Sequence[Sequence[str]], y: Sequence[Sequence[str]], name: str) -> TaggedPart:
    return tagged_from_lists(_sentences(X), list(y), name=name)
