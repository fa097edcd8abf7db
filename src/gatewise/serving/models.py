"""Model folders to models by name that answer a batch of texts. Knows no JSON, no HTTP and nothing of waiting."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError, one_line
from gatewise.base.files import read_json
from gatewise.base.places import exists, is_folder, standing
from gatewise.runtime.batches import Sequences, join
from gatewise.runtime.bundled import BUNDLED
from gatewise.runtime.classifier import Model, Numbers, softmax
from gatewise.runtime.folder import CONFIG, CONFIG_LIMIT, load
from gatewise.runtime.tagger import Tagger
from gatewise.runtime.tagger_folder import load_tagger

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FEW = 12  # texts of which it is measured whether they are answered sooner together
PIECE_TOKENS, PIECE_TEXTS = 4096, 64  # of a request that are computed at once
TOGETHER = 64  # pieces answered at once, where that pays
WARM = "A first text, so that what is loaded late is loaded. " * 8


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """A classifier's answer for one text: its labels, as strings, and for each a logit and a probability, [C]."""

    labels: tuple[str, ...]
    logits: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]


Spans = list[dict[str, Any]]  # a tagger's: label, start and end in code points, text, probability
Answer = Scores | Spans


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A model under its name, the folder it comes from, and how many pieces of work it answers best at once."""

    name: str
    folder: str
    model: Model | Tagger
    together: int = TOGETHER

    @property
    def task(self) -> str:
        """What it does: classification or tagging."""
        return "classification" if isinstance(self.model, Model) else "tagging"

    def works(self, texts: Sequence[str]) -> list[tuple[Any, int]]:
        """Give texts as pieces of work, in their order, each with its tokens; a tagger, which cuts later, guesses."""
        if isinstance(self.model, Tagger):
            return [([text], 1 + text.count(" ") + sum(letter > "\u2e7f" for letter in text)) for text in texts]
        sequences = self.model.encode(texts)
        if len(sequences) == 1:
            return [(sequences, len(sequences.steps))]
        starts, first, works = sequences.starts, 0, []
        while first < len(sequences):
            last = int(np.searchsorted(starts, starts[first] + PIECE_TOKENS, "right")) - 1
            last = min(max(last, first + 1), first + min(PIECE_TEXTS, self.together))
            works.append((sequences.select(np.arange(first, last)), int(starts[last] - starts[first])))
            first = last
        return works

    def answer(self, works: Sequence[Any]) -> list[list[Answer]]:
        """Answer a batch of works, each with the answers of its texts."""
        if isinstance(self.model, Tagger):
            return [[_spans(self.model, text) for text in texts] for texts in works]
        return _scores(self.model, works)


def _scores(model: Model, works: Sequence[Sequences]) -> list[list[Answer]]:
    network, companion = model.parts(join(works) if len(works) > 1 else works[0])
    logits: Numbers = network + companion
    labels = tuple(map(str, model.labels))
    each: list[Answer] = [Scores(labels, *row) for row in zip(logits, softmax(logits / model.temperature), strict=True)]
    ends = np.cumsum([len(work) for work in works]).tolist()
    return [each[end - len(work) : end] for work, end in zip(works, ends, strict=True)]


def _spans(tagger: Tagger, text: str) -> Spans:
    return [
        {
            "label": found.span.label, "start": found.span.start, "end": found.span.end,
            "text": text[found.span.start : found.span.end], "probability": float(found.probability),
        }
        for found in tagger.spans(text)
    ]  # fmt: skip


def places_of(given: Sequence[str]) -> dict[str, str]:
    """Read MODEL or NAME=MODEL arguments; give folders, or names of bundled models, by name.

    Raises ConfigError for a name that is taken or cannot stand in a path.
    """
    places: dict[str, str] = {}
    for argument in given:
        name, equals, folder = argument.partition("=")
        if not equals or argument in BUNDLED or is_folder(Path(argument)):
            name, folder = Path(argument).name, argument
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"{one_line(name, 60)!r} is no name for a model (letters, digits, . _ -); say NAME={one_line(folder)}."
            )
        if name in places:
            raise ConfigError(f"Two models are called {name!r}; say NAME=FOLDER to give one another name.")
        places[name] = folder
    return places


def opened(places: Mapping[str, str]) -> dict[str, Served]:
    """Load models by name, and answer texts with each: what is loaded late is then there, and known what pays.

    Raises ModelError, with one sentence, for a folder that holds none.
    """
    models = {}
    for name, folder in places.items():
        served = Served(name, folder, load_tagger(folder) if _task(folder) == "tagging" else load(folder))
        models[name] = served if _pays(served) else replace(served, together=1)
    return models


def _pays(served: Served) -> bool:
    """Measure whether texts are answered sooner together: by NumPy's products they are not always.

    A product of many rows by a large matrix lays the matrix out anew, which a product of one row does not.
    """
    words = WARM.split(" ")
    works = [served.works([" ".join(words[: len(words) * part // FEW])])[0][0] for part in range(1, FEW + 1)]

    def seconds(*batches: list[Any]) -> float:
        started = time.thread_time()
        for batch in batches:
            served.answer(batch)
        return time.thread_time() - started

    served.answer(works)
    return min(seconds(works) for _ in range(2)) < min(seconds(*([work] for work in works)) for _ in range(2))


def _task(folder: str) -> Any:
    """Give what a folder says that it is for, None where there is no folder."""
    bundled = folder in BUNDLED and not exists(Path(folder))
    place = BUNDLED[folder] if bundled else standing(Path(folder))
    return read_json(place / CONFIG, CONFIG_LIMIT).get("task") if is_folder(place) else None
