"""A box of named ranges and scores of trials to the next trial: random, goshawks, CMA-ES and TPE by ask and tell.

Lower scores are better. A search is its seed and the scores it was told: told them again, it goes on where it was.
Knows no model.
"""

import json
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError, one_line
from gatewise.base.extras import require
from gatewise.base.files import write_atomically
from gatewise.training.swarm import northern_goshawk, shifted

Method = Literal["tpe", "random", "cmaes", "ngo", "ngo-published"]
METHODS = get_args(Method)
Point = npt.NDArray[np.float64]  # [D] of the unit box
Proposals = Generator[Point, float, None]  # points one by one, each answered with its score
FIRST = 10  # trials that TPE takes from a Sobol sequence, before it has anything to go by
STEP = 0.3  # the first spread of CMA-ES, of a box of 1
ENOUGH = 4  # trials with an early score, before another one can be called poor
FAILED = 1e30  # what a trial without a score counts as


@dataclass(frozen=True, slots=True)
class Range:
    """The values that a setting may take: numbers between two ends, by their logarithm if so said, or choices."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    choices: tuple[str | int | float | bool, ...] = ()

    def __post_init__(self) -> None:
        if not self.choices and not (math.isfinite(self.low) and self.low < self.high < math.inf):
            raise ConfigError(f"The range of {self.name} is {self.low} to {self.high}; the first end is the lower one.")
        if self.log and not self.choices and self.low <= 0:
            raise ConfigError(f"The range of {self.name} begins at {self.low}; a logarithmic one begins above 0.")

    def value(self, place: float) -> Any:
        """Give the value at a place of the unit interval."""
        if self.choices:
            return self.choices[min(len(self.choices) - 1, int(place * len(self.choices)))]
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        found = low + (high - low) * place
        found = min(self.high, max(self.low, math.exp(found) if self.log else found))
        return round(found) if self.whole else found


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings to be tried, and after that their score; None while it is awaited, or where it failed."""

    number: int
    point: tuple[float, ...]
    values: Mapping[str, Any]
    score: float | None = None
    early: float | None = None  # a third of the way
    seconds: float = 0.0


class Search:
    """A search under way: ask() for a trial, tell() its score, again and again.

    With a `path` every trial told is kept there, a line each, and a search begun anew on it goes on after the last one.
    """

    def __init__(
        self, box: Sequence[Range], method: Method = "random", *, trials: int = 40, seed: int = 1,
        path: Path | None = None,
    ) -> None:  # fmt: skip
        if method not in METHODS or not box or trials < 1:
            raise ConfigError(
                f"search is {one_line(method)!r} over {len(box)} settings, {trials} trials; choose one of "
                f"{', '.join(METHODS)}, at least one setting and one trial."
            )
        self.box, self.method, self.trials, self.seed, self.path = tuple(box), method, trials, seed, path
        self.told: list[Trial] = []
        self._proposals = proposals(self.box, method, trials, seed)
        self._next = next(self._proposals)
        if path is not None:
            self._resume(path)

    def ask(self) -> Trial:
        """Give the trial that is next; the same one until its score is told."""
        point = tuple(float(place) for place in self._next)
        values = {one.name: one.value(place) for one, place in zip(self.box, point, strict=True)}
        return Trial(len(self.told), point, values)

    def tell(self, score: float | None, *, early: float | None = None, seconds: float = 0.0) -> Trial:
        """Take the score of the trial that was asked for last, None where it failed, and keep it."""
        asked = self.ask()
        score, early = (None if one is None or not math.isfinite(one) else float(one) for one in (score, early))
        trial = Trial(asked.number, asked.point, asked.values, score, early, seconds)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")
        self._take(trial)
        return trial

    def best(self) -> Trial | None:
        """Give the trial with the lowest score so far, the first of equals."""
        done = [trial for trial in self.told if trial.score is not None]
        return min(done, key=lambda trial: trial.score if trial.score is not None else math.inf, default=None)

    def poor(self, early: float) -> bool:
        """Tell whether a trial may be cut: its early score is worse than the median of those before (median rule)."""
        others = [trial.early for trial in self.told if trial.early is not None]
        return len(others) >= ENOUGH and early > median(others)

    def _take(self, trial: Trial) -> None:
        self.told.append(trial)
        self._next = self._proposals.send(FAILED if trial.score is None else trial.score)

    def _head(self) -> dict[str, Any]:
        return {"search": self.method, "trials": self.trials, "seed": self.seed,
                "box": json.loads(json.dumps([asdict(one) for one in self.box]))}  # fmt: skip

    def _resume(self, path: Path) -> None:
        """Take the trials of a file, or begin it; a last line that was cut off while it was written is dropped."""
        head = json.dumps(self._head()) + "\n"
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            if head.startswith(text):  # nothing yet, or a part of the head
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, head.encode())
                return
            whole, _, rest = text.rpartition("\n")
            found, *rows = [json.loads(line) for line in whole.split("\n")]
            trials = [Trial(**row | {"point": tuple(row["point"])}) for row in rows]
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{path} holds no trials of a search; name another file, or remove it.") from error
        if found != self._head():
            raise ConfigError(
                f"{path} holds a search with another method, box, seed or number of trials; name another file."
            )
        for trial in trials:
            if not np.allclose(trial.point, self._next, atol=1e-9):
                raise ConfigError(
                    f"{path} holds trial {trial.number}, which this version would not have tried; name another file."
                )
            self._take(trial)
        if rest:
            write_atomically(path, (whole + "\n").encode())


def proposals(box: Sequence[Range], method: Method, trials: int, seed: int) -> Proposals:
    """Begin a method's stream of points; raises MissingExtra where its package is not installed."""
    size, draw = len(box), np.random.default_rng(seed)
    if method in ("ngo", "ngo-published"):
        hunt = northern_goshawk(np.zeros(size), np.ones(size), trials, draw)
        return shifted(hunt, draw.random(size)) if method == "ngo" else hunt
    begin: Callable[[], Proposals] = {
        "random": lambda: uniform(size, draw), "cmaes": lambda: evolved(size, seed), "tpe": lambda: parzen(box, seed),
    }[method]  # fmt: skip
    return begin()


def uniform(size: int, draw: np.random.Generator) -> Proposals:
    """Propose points drawn alike from all the box."""
    while True:
        yield draw.random(size)


def evolved(size: int, seed: int) -> Proposals:
    """Propose points by CMA-ES (Hansen 2016), as the package cmaes has it, beside optuna."""
    require("tune", "optuna", "cmaes")
    from cmaes import CMA

    wide = max(2, size)  # it wants two dimensions at least
    strategy = CMA(np.full(wide, 0.5), STEP, bounds=np.tile([0.0, 1.0], (wide, 1)), seed=seed)
    while True:
        scored = []
        for _ in range(strategy.population_size):
            point = strategy.ask()
            scored.append((point, (yield point[:size])))
        strategy.tell(scored)


def parzen(box: Sequence[Range], seed: int) -> Proposals:
    """Propose points by TPE (Bergstra et al. 2011), optuna's, after the first of a scrambled Sobol sequence."""
    require("tune", "optuna")
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
    from scipy.stats import qmc

    def place(one: Range, given: float) -> float:
        return (given + 0.5) / len(one.choices) if one.choices else given

    kinds: dict[str, BaseDistribution] = {
        one.name: CategoricalDistribution(range(len(one.choices))) if one.choices else FloatDistribution(0.0, 1.0)
        for one in box
    }
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it greets otherwise
    try:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST))
    finally:
        optuna.logging.set_verbosity(level)
    for point in qmc.Sobol(len(box), rng=seed).random_base2(4)[:FIRST]:
        given = {
            one.name: min(len(one.choices) - 1, int(at * len(one.choices))) if one.choices else float(at)
            for one, at in zip(box, point, strict=True)
        }
        score = yield np.array([place(one, given[one.name]) for one in box])
        study.add_trial(optuna.trial.create_trial(params=given, distributions=kinds, value=score))
    while True:
        asked = study.ask(kinds)
        score = yield np.array([place(one, asked.params[one.name]) for one in box])
        study.tell(asked, score)
