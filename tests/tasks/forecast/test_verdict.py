"""The verdict in words: every case of who is better, by how much, and whether it may be chance."""

import math

import pytest

from gatewise.tasks.forecast.figures import Ratio
from gatewise.tasks.forecast.verdict import verdict

SURE = 0.01  # half an interval's width


def said(losses: dict[str, float], origins: int = 50, series: int = 1, width: float = SURE, net: str = "the LSTM"):
    def ratio_of(one: str, other: str) -> Ratio:
        value = losses[one] / losses[other]
        return Ratio(value, value - width, value + width)

    return verdict(list(losses), ratio_of, origins, series, net)


NOISE = " On 50 origins of one series, differences under 5 % are noise."
PEERS = {"seasonal_naive": 1.0, "ridge": 0.5, "boosting": 0.6}


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (0.44, "The LSTM is 12 % better than ridge."),
        (0.485, "The LSTM is 3 % better than ridge, within noise."),
        (0.4995, "The LSTM and ridge are level."),
        (0.5005, "The LSTM and ridge are level."),
        (0.51, "Ridge is better than the LSTM by 2 %, within noise."),
        (0.5376, "Ridge is better than the LSTM by 7 %."),
        (1.25, "Ridge is better than the LSTM by 60 %; the LSTM is worse than seasonal naive too."),
    ],
)
def test_verdict_of_a_net(net: float, expected: str) -> None:
    assert said({"net": net, **PEERS}) == expected + NOISE


def test_verdict_the_interval_decides_with_many_origins() -> None:
    losses = {"net": 0.485, **PEERS}
    assert said(losses, 400, 8).startswith("The LSTM is 3 % better than ridge. Measured on 400 origins of 8 series.")
    assert said(losses, 400, 8, width=0.1).startswith("The LSTM is 3 % better than ridge, within noise.")
    assert said({"net": 0.4, **PEERS}, width=0.3).startswith("The LSTM is 20 % better than ridge, within noise.")
    assert said({"net": 0.4, **PEERS}, width=math.nan).startswith("The LSTM is 20 % better than ridge, within noise.")


def test_verdict_a_net_behind_seasonal_naive_alone() -> None:
    losses = {"net": 1.25, "seasonal_naive": 1.0, "last_value": 2.0}
    assert said(losses) == "Seasonal naive is better than the LSTM by 20 %." + NOISE
    assert said({"net": 0.5, "last_value": 0.8, "seasonal_naive": 1.0}, net="the GRU").startswith(
        "The GRU is 38 % better than the last value."
    )
    assert "too" not in said({"net": 1.02, **PEERS})  # within noise of seasonal naive


def test_verdict_of_peers() -> None:
    assert said(PEERS) == "Ridge is 50 % better than seasonal naive, the best of 3 peers." + NOISE
    assert said({"seasonal_naive": 1.0, "ets": 0.97}) == "ETS is 3 % better than seasonal naive, within noise." + NOISE
    assert said({"seasonal_naive": 1.0, "ridge": 1.1}) == "No peer is better than seasonal naive." + NOISE


@pytest.mark.parametrize(
    ("origins", "series", "expected"),
    [
        (1, 1, "One origin of one series tells nothing of the next."),
        (2, 1, "On 2 origins of one series, differences under 5 % are noise."),
        (2, 2, "On 2 origins of 2 series, differences under 5 % are noise."),
        (100, 1, "Measured on 100 origins of one series."),
        (4140, 414, "Measured on 4,140 origins of 414 series."),
    ],
)
def test_verdict_says_what_it_rests_on(origins: int, series: int, expected: str) -> None:
    assert said(PEERS, origins, series).endswith(f". {expected}")


def test_verdict_of_nothing_measured() -> None:
    nothing = {"seasonal_naive": math.nan, "ridge": math.nan}
    assert said(nothing) == said({"net": math.nan, **PEERS})
    assert said(nothing) == "No verdict: none of the values that were forecast has been measured."


def test_verdict_small_shares_keep_a_digit() -> None:
    assert said({"seasonal_naive": 1.0, "ridge": 0.9949}, 500, 5).startswith("Ridge is 1 % better")
    assert said({"seasonal_naive": 1.0, "ridge": 0.99495}, 500, 5, width=1e-4).startswith("Ridge is 1 % better than")
