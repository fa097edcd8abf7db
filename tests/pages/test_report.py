"""The report's data: an evaluation as it was given, the figures its sentences name, and the curves that are drawn."""

import json
import math
from typing import Any

import pytest
from tests.pages.test_render import HISTORY, embedded, small

from gatewise.pages.report import POINTS, report

DRAWN = {"step": [{"epoch": 0.5, "loss": 0.66}], "dev": [{"epoch": 1.0, "loss": 0.35, "score": 0.861}]}


def figures(evaluation: dict[str, Any]) -> dict[str, Any]:
    return embedded(report(evaluation, [], ""))["figures"]  # type: ignore[no-any-return]


def curves(history: list[dict[str, Any]]) -> dict[str, Any]:
    return embedded(report(small(), history, ""))["curves"]  # type: ignore[no-any-return]


def test_report_carries_the_evaluation_as_it_is() -> None:
    data = embedded(report(small(), HISTORY, "A model"))
    assert data["title"] == "A model"
    assert data["evaluation"] == json.loads(json.dumps(small()))


def test_report_figures_are_those_of_the_confusion() -> None:
    told = figures(small(((60, 3, 0), (4, 10, 6), (2, 0, 0))))
    assert (told["right"], told["wrong"]) == (70, 15)
    assert told["frequent"] == {"label": "label 0", "share": 63 / 85}
    assert told["chance"] == pytest.approx(math.log(3))
    assert told["rate"] == pytest.approx(85 / 1.5)
    assert told["shares"][1] == [0.2, 0.5, 0.3]
    assert [(one["label"], one["predicted"], one["n"], one["share"]) for one in told["mistakes"]] == [
        ("label 1", "label 2", 6, 0.3), ("label 1", "label 0", 4, 0.2), ("label 0", "label 1", 3, 3 / 63),
        ("label 2", "label 0", 2, 1.0),
    ]  # fmt: skip


def test_report_lists_labels_from_the_rarest_with_their_figures() -> None:
    rows = figures(small(((60, 3, 0), (4, 10, 0), (2, 0, 0))))["by_label"]
    assert [(row["label"], row["n"]) for row in rows] == [("label 2", 2), ("label 1", 14), ("label 0", 63)]
    assert rows[0] | {"f1": 0.0} == {"label": "label 2", "n": 2, "precision": None, "recall": 0.0, "f1": 0.0}
    assert [rows[1][name] for name in ("precision", "recall", "f1")] == pytest.approx([10 / 13, 10 / 14, 20 / 27])


def test_report_overconfidence_is_weighted_by_texts_and_signed() -> None:
    told = figures(small())["overconfidence"]
    assert told["before"] == pytest.approx((1 * (0.4 - 1.0) + 3 * (0.9 - 0.5)) / 4)
    assert told["after"] == pytest.approx(0.1)
    assert figures(small() | {"seconds": 0.0})["rate"] is None


def test_report_keeps_of_the_history_what_is_drawn() -> None:
    assert curves(HISTORY) == DRAWN
    assert curves([]) == {"step": [], "dev": []}


def test_report_draws_the_last_of_several_networks() -> None:
    """A teacher's curve is not the model's, and a line from its end back to the student's start is nobody's."""
    teacher = [
        {"kind": "step", "epoch": 0.5, "loss": 0.7}, {"kind": "dev", "epoch": 2.0, "loss": 0.6, "score": 0.5},
        {"kind": "end", "epoch": 2.0},
    ]  # fmt: skip
    resumed = [{"kind": "resumed", "epoch": 0.25}, {"kind": "start", "epoch": 0.25}]
    for history in (teacher + HISTORY, teacher + teacher + HISTORY, teacher + resumed + HISTORY):
        assert curves(history) == DRAWN


@pytest.mark.parametrize("count", [POINTS, POINTS + 1, 3 * POINTS - 1, 1000])
def test_report_thins_a_long_curve_by_means_of_neighbours(count: int) -> None:
    steps = [{"kind": "step", "epoch": place / count, "loss": float(place % 7)} for place in range(count)]
    drawn = curves(steps)["step"]
    size = -(-count // POINTS)
    assert len(drawn) == -(-count // size) <= POINTS
    assert drawn[0] == {"epoch": pytest.approx((size - 1) / 2 / count), "loss": pytest.approx((size - 1) / 2)}
    whole = sum(place % 7 for place in range(count))
    kept = sum(point["loss"] * min(size, count - place * size) for place, point in enumerate(drawn))
    assert kept == pytest.approx(whole)


def test_report_says_whether_short_and_long_texts_really_differ() -> None:
    def bins(*shares: float, half: float = 0.1) -> dict[str, Any]:
        groups = [{"low": 10 * k, "high": 10 * k + 9, "n": 50, "accuracy": share, "accuracy_low": share - half,
                   "accuracy_high": share + half} for k, share in enumerate(shares)]  # fmt: skip
        return figures(small() | {"by_length": groups, "accuracy": 0.8})["lengths"]  # type: ignore[no-any-return]

    told = bins(0.8, 0.6, 0.85)
    assert (told["best"]["low"], told["weakest"]["low"], told["apart"]) == (20, 10, True)
    assert told["below"] == pytest.approx(0.2)
    assert not bins(0.8, 0.66, 0.85)["apart"]
    assert figures(small() | {"by_length": []})["lengths"] is None


def test_report_hands_over_that_a_dev_split_was_too_small_to_calibrate_by() -> None:
    page = report(small() | {"few_dev_texts": 12}, [], "made")
    assert "fewDevTexts" in page and '"few_dev_texts":12' in page.replace(" ", "")
