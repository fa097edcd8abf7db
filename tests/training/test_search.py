"""Searches: ranges, ask and tell, resuming to the bit, goshawks by their equations, and what cannot be."""

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError, MissingExtra
from gatewise.training.search import METHODS, Range, Search
from gatewise.training.swarm import CHASE, northern_goshawk, shifted

BOX = (
    Range("learning_rate", 1e-4, 1e-1, log=True),
    Range("hidden_size", 8, 256, log=True, whole=True),
    Range("dropout", 0.0, 0.5),
    Range("net", choices=("lstm", "gru", "bilstm")),
)
OWN = ("random", "ngo", "ngo-published")
INSTALLED = [method for method in METHODS if method in OWN or importlib.util.find_spec("optuna")]


def loss(values: dict) -> float:
    return (math.log10(values["learning_rate"]) + 2.5) ** 2 + values["dropout"] + (values["net"] != "gru")


def run(search: Search, trials: int) -> list:
    for _ in range(trials):
        search.tell(loss(search.ask().values))
    return search.told


@given(st.floats(0, 1))
def test_range_values_lie_within(place: float) -> None:
    rate, size, dropout, net = (one.value(place) for one in BOX)
    assert 1e-4 <= rate <= 1e-1 and 8 <= size <= 256 and 0 <= dropout <= 0.5
    assert isinstance(size, int) and net in ("lstm", "gru", "bilstm")
    assert rate == pytest.approx(10 ** (-4 + 3 * place)) and dropout == 0.5 * place


def test_range_ends_and_shares() -> None:
    assert [BOX[3].value(place) for place in (0.0, 0.34, 0.67, 1.0)] == ["lstm", "gru", "bilstm", "bilstm"]
    assert BOX[1].value(0.5) == 45 and BOX[0].value(1.0) == 1e-1


@pytest.mark.parametrize(
    ("low", "high", "log"), [(1, 1, False), (2, 1, False), (0, 1, True), (math.nan, 1, False), (0, math.inf, False)]
)
def test_range_refuses_ends_that_cannot_be(low: float, high: float, log: bool) -> None:
    with pytest.raises(ConfigError, match="The range of x "):
        Range("x", low, high, log)


@pytest.mark.parametrize("method", INSTALLED)
def test_search_goes_on_where_it_was(method: str, tmp_path: Path) -> None:
    whole = run(Search(BOX, method, trials=30, seed=3), 25)
    path = tmp_path / "runs" / "trials.jsonl"
    run(Search(BOX, method, trials=30, seed=3, path=path), 13)
    again = Search(BOX, method, trials=30, seed=3, path=path)
    assert len(again.told) == 13 and again.ask() == again.ask()
    assert [trial.point for trial in run(again, 12)] == [trial.point for trial in whole]
    assert again.best() == min(again.told, key=lambda trial: trial.score)
    assert len(path.read_text().splitlines()) == 26
    other = run(Search(BOX, method, trials=30, seed=4), 3)
    assert other[0].point != whole[0].point


@pytest.mark.parametrize("method", INSTALLED)
def test_search_stays_in_the_box_and_gets_better(method: str) -> None:
    told = run(Search(BOX, method, trials=60, seed=1), 60)
    points = np.array([trial.point for trial in told])
    assert (points >= 0).all() and (points <= 1).all() and len(np.unique(points[:, 0])) > 20
    assert min(trial.score for trial in told) < 0.5 * np.median([trial.score for trial in told])


@pytest.mark.parametrize("method", INSTALLED)
def test_search_of_one_setting_and_of_failures(method: str) -> None:
    search = Search([Range("x")], method, trials=20)
    for number in range(20):
        asked = search.ask()
        search.tell(None if number % 3 == 0 else math.inf if number % 3 == 1 else abs(asked.values["x"] - 0.5))
    assert [trial.score is None for trial in search.told] == [number % 3 != 2 for number in range(20)]
    assert search.best().score == min(trial.score for trial in search.told if trial.score is not None)
    assert Search([Range("x")]).best() is None


def test_search_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    run(Search(BOX, "ngo", path=path), 4)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    again = Search(BOX, "ngo", path=path)
    assert len(again.told) == 3
    again.tell(loss(again.ask().values))
    assert [json.loads(line)["point"] for line in path.read_text().splitlines()[1:]] == [
        json.loads(line)["point"] for line in whole.decode().splitlines()[1:]
    ]
    path.write_bytes(whole[:10])  # not even the head was written
    assert Search(BOX, "ngo", path=path).told == []
    assert path.read_text().splitlines()[0] == whole.decode().splitlines()[0]


def test_search_refuses_another_ones_trials(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    run(Search(BOX, "ngo", path=path), 3)
    for other in ({"seed": 2}, {"trials": 41}, {"method": "random"}, {"box": BOX[:2]}):
        with pytest.raises(ConfigError, match="another method, box, seed or number of trials"):
            Search(**({"box": BOX, "method": "ngo", "path": path} | other))
    lines = path.read_text().splitlines()
    row = json.loads(lines[2])
    row["point"][0] += 0.1
    path.write_text("\n".join([*lines[:2], json.dumps(row), ""]))
    with pytest.raises(ConfigError, match="holds trial 1, which this version would not have tried"):
        Search(BOX, "ngo", path=path)
    path.write_text("a poem\n")
    with pytest.raises(ConfigError, match="holds no trials of a search"):
        Search(BOX, "ngo", path=path)


def test_search_refuses_what_cannot_be() -> None:
    for wrong in ({"method": "eagle"}, {"box": ()}, {"trials": 0}):
        with pytest.raises(ConfigError, match="choose one of tpe, random, cmaes, ngo, ngo-published"):
            Search(**({"box": BOX} | wrong))


@pytest.mark.parametrize("method", ["tpe", "cmaes"])
def test_search_without_its_package_is_one_sentence(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewise.base.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"needs optuna, .* run: pip install 'gatewise\[tune\]'"):
        Search(BOX, method)


def test_search_a_poor_trial_can_be_cut() -> None:
    search = Search(BOX)
    assert not search.poor(1e9)
    for early in (1.0, 2.0, None, 3.0, 4.0):
        search.tell(1.0, early=early)
    assert search.poor(2.6) and not search.poor(2.5)


def sphere(centre: float, hunt, trials: int = 2020) -> float:
    point, best = next(hunt), math.inf
    for _ in range(trials):
        score = float(np.square(point - centre).sum())
        best, point = min(best, score), hunt.send(score)
    return best


def test_goshawks_are_drawn_to_zero_unless_shifted() -> None:
    """What is published finds an optimum at the zero vector to 1e-5, and a neighbour of it not at all."""
    ends = np.full(10, -100.0), np.full(10, 100.0)
    at_zero, beside = (sphere(c, northern_goshawk(*ends, 2020, np.random.default_rng(1))) for c in (0.0, 10.0))
    assert at_zero < 1e-3 and beside > 1.0
    unit = np.zeros(10), np.ones(10)
    plain, moved = ([], [])
    for seed in range(3):
        draw = np.random.default_rng(seed)
        plain.append(sphere(0.0, northern_goshawk(*unit, 2020, np.random.default_rng(seed))))
        moved.append(sphere(0.0, shifted(northern_goshawk(*unit, 2020, draw), draw.random(10))))
    assert np.median(plain) < 1e-9 < 1e-4 < np.median(moved)


def test_goshawks_by_their_equations() -> None:
    """Every step is a prey's (4) or a chase's (6, 7), tried in turn, and kept only where it is better."""
    low, high, trials, many = np.full(3, -1.0), np.full(3, 2.0), 65, 5
    hunt = northern_goshawk(low, high, trials, np.random.default_rng(0), many)
    score = lambda point: float(np.abs(point - 0.7).sum())  # noqa: E731
    hawks, scores, point = [], [], next(hunt)
    for _ in range(many):
        hawks.append(point)
        scores.append(score(point))
        point = hunt.send(scores[-1])
    kept = 0
    for turn in range(1, 7):
        for place in range(many):
            for phase in range(2):
                assert (point >= low).all() and (point <= high).all()
                step, own = point - hawks[place], hawks[place]
                inside = (point > low) & (point < high)
                if phase == 0:
                    reaches = [
                        (hawks[prey] - twice * own) if scores[prey] < scores[place] else own - hawks[prey]
                        for prey in range(many) for twice in (1, 2)
                    ]  # fmt: skip
                    assert any(
                        ((step * reach >= 0) & (np.abs(step) <= np.abs(reach) + 1e-12))[inside].all()
                        for reach in reaches
                    )
                else:
                    assert (np.abs(step) <= CHASE * (1 - turn / 6) * np.abs(own) + 1e-12).all()
                found = score(point)
                if found < scores[place]:
                    hawks[place], scores[place], kept = point, found, kept + 1
                point = hunt.send(found)
    assert kept > 10
