"""The figures that the explanation's sentences name, against the same counted plainly."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.pages.figures import JUMPS, strongest_phrase, with_figures

chances = st.floats(0, 1, width=32)
pushes = st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=30)


def figures(**answer: Any) -> Any:
    return with_figures(answer)["figures"]


def look(running: list[float], read: list[int] | None = None) -> Any:
    shares = {"contributions": [1.0] * len(running), "bias": 0.0}
    read = list(range(len(running))) if read is None else read
    return figures(running=running, read=read, shares=shares, tokens=["word"] * len(running), known=[1, 0, 0])


@given(pushes)
def test_figures_say_how_the_push_is_spread(contributions: list[float]) -> None:
    told = figures(contributions=contributions, bias=0.1)
    sizes = sorted(map(abs, contributions), reverse=True)
    assert [abs(contributions[t]) for t in told["order"]] == sizes[:12]
    assert len(set(told["order"])) == min(12, len(sizes))
    counts = [count for count in range(len(sizes) + 1) if sum(sizes[:count]) >= sum(sizes) / 2 - 1e-12]
    assert sum(sizes[: told["half"]]) == pytest.approx(sum(sizes[: counts[0]]), abs=1e-6)
    assert told["carried"] * sum(sizes) == pytest.approx(sum(sizes[: told["few"]]), abs=1e-6)
    assert told["few"] == min(5, len(sizes))
    assert told["plus"] + told["minus"] == pytest.approx(told["total"], abs=1e-6)
    assert told["minus"] <= 0 <= told["plus"]


def test_figures_of_the_fewest_tokens_that_carry_half() -> None:
    assert figures(contributions=[1.0, -4.0, 2.0, 0.5], bias=0)["half"] == 1
    assert figures(contributions=[3.0, -3.0, 2.0, 2.0], bias=0)["half"] == 2
    assert figures(contributions=[0.0], bias=0)["half"] == 0


@given(st.lists(chances, min_size=1, max_size=30))
def test_figures_say_from_where_on_the_verdict_stands(running: list[float]) -> None:
    told = look(running)
    settled = told["settled"]
    assert all((value < 0.5) == (running[-1] < 0.5) for value in running[settled:])
    assert settled == 0 or (running[settled - 1] < 0.5) != (running[-1] < 0.5)
    assert told["lowest"] == min(running[settled:])
    assert told["unknown"] == 2


def test_figures_jumps_are_between_the_beginnings_that_were_read() -> None:
    told = look([0.1, 0.2, 0.3, 0.9, 0.8, 0.85], read=[0, 2, 3, 5])
    assert [(jump["from"], jump["to"]) for jump in told["jumps"]] == [(2, 3), (0, 2), (3, 5)]
    assert [jump["change"] for jump in told["jumps"]] == pytest.approx([0.6, 0.2, -0.05])
    assert look([0.3])["jumps"] == []
    assert len(look([0.1, 0.2] * 9)["jumps"]) == JUMPS


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=12), st.data())
def test_figures_first_phrase_pushes_most_of_those_around_the_strongest(
    shares: list[float], data: st.DataObject
) -> None:
    tokens = data.draw(st.lists(st.sampled_from(["good", ",", "!"]), min_size=len(shares), max_size=len(shares)))
    found = strongest_phrase(shares, tokens)
    assert found is not None
    top = max(range(len(shares)), key=lambda t: abs(shares[t]))
    all_ = [(a, b) for a, b in itertools.combinations(range(len(shares) + 1), 2) if 2 <= b - a <= 4 and a <= top < b]
    words = [span for span in all_ if set(tokens[slice(*span)]) == {"good"}]
    assert found in (words or all_)
    assert abs(sum(shares[slice(*found)])) == max(abs(sum(shares[slice(*span)])) for span in words or all_)


def test_figures_first_phrase_is_one_of_those_prepared() -> None:
    shares = {"contributions": [0.5, 2.0, 0.5, 0.1], "bias": 0.0}
    seen = {"tokens": ["a", "b", "c", "d"], "shares": shares}
    story = {"look": seen, "phrases": [{"start": start, "stop": start + 2} for start in (1, 2)]}
    assert with_figures(story)["figures"] == {"phrase": (1, 3)}
    assert with_figures(story | {"phrases": []})["figures"] == {"phrase": None}
    assert strongest_phrase([2.0], ["alone"]) is None


def test_figures_of_a_phrase_are_what_its_words_leave_over() -> None:
    told = figures(alone=[1.0, -0.25], effects=[0.5, 0.5], together=2.0, effect=0.75)
    assert told == {"alone": 0.75, "interaction": 1.25, "effects": 1.0, "effect_interaction": -0.25}


def test_figures_of_a_direction_come_from_its_mean_forget_gates() -> None:
    means = {"forget_gate": np.array([0.5, 0.25, 0.75])}
    told = figures(means=means, separation=[0.9, 0.2, float("nan")])
    assert (told["lowest"], told["least"], told["average"]) == (1, 0.25, 0.5)
    assert told["halved"] == pytest.approx(1.0)
    assert told["separates"][:2] == [0.9, 0.8] and math.isnan(told["separates"][2])
    assert figures(means={"forget_gate": np.ones(3)}, separation=[])["halved"] < 1e4  # a gate that never shuts
    assert 0 < figures(means={"forget_gate": np.zeros(3)}, separation=[])["halved"] < 0.1  # one that is always shut


def test_figures_of_the_horizon_are_when_something_is_gone() -> None:
    answer = {"added": [0, 1, 5, 20], "evidence": [1.0, 0.9, 0.4, 0.6], "probabilities": [0.9, 0.8, 0.4, 0.3]}
    assert figures(**answer, memory=[1.0, 0.4, 0.6, 0.2]) == {"half": 5, "lost": 5, "gone": 20}
    sudden = {
        "added": [0, 1, 5],
        "evidence": [1.0, 0.4, 0.3],
        "probabilities": [0.9, 0.2, 0.1],
        "memory": [1.0, 0.1, 0.1],
    }
    assert figures(**sudden) == {"half": 1, "lost": 1, "gone": 1}
    lasting = {"added": [0, 1], "evidence": [1.0, 0.9], "probabilities": [0.2, 0.3], "memory": [1.0, 0.8]}
    assert figures(**lasting) == {"half": None, "lost": None, "gone": None}
    assert figures(**lasting | {"evidence": [0.0, 0.0]})["half"] is None  # a text without evidence has none to lose


def test_figures_leave_every_other_part_alone() -> None:
    story = {
        "edits": {3: {"running": [0.5], "contributions": [1.0]}},
        "without": {1: 0.25},
        "tokens": ["a"],
        "read": [0],
    }
    assert with_figures(story) == story
