"""An evaluation, as plain numbers, to its report page; knows no task and no model.

Every figure that a sentence of the page names is computed here: the script chooses words and draws.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gatewise.pages import render

STYLES = ("page", "report")
SCRIPTS = (
    *render.SHARED, "report/headline", "report/learning", "report/confusion", "report/calibration", "report/lengths",
    "report/labels", "report/mistakes", "report/page",
)  # fmt: skip
POINTS = 200  # of the training loss at most


def report(evaluation: Mapping[str, Any], history: Sequence[Mapping[str, Any]], title: str) -> str:
    """Give the whole page as text to be written as UTF-8.

    The evaluation is an Evaluation's as_dict(); history is a run's metrics.jsonl, one mapping per event.
    """
    data = {"title": title, "evaluation": evaluation, "figures": _figures(evaluation), "curves": _curves(history)}
    return render.page("report", render.style_and_script(STYLES, SCRIPTS), data)[0]


def _figures(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Derive what the page says beside the evaluation's own numbers."""
    confusion, labels, n = evaluation["confusion"], evaluation["labels"], evaluation["n"]
    texts = [sum(row) for row in confusion]
    right = [row[place] for place, row in enumerate(confusion)]
    shares = [[_ratio(count, all_) for count in row] for row, all_ in zip(confusion, texts, strict=True)]
    mistakes = [
        {"label": labels[true], "predicted": labels[said], "n": count, "share": shares[true][said]}
        for true, row in enumerate(confusion)
        for said, count in enumerate(row)
        if count and true != said
    ]
    largest = texts.index(max(texts))
    return {
        "right": sum(right),
        "wrong": n - sum(right),
        "frequent": {"label": labels[largest], "share": _ratio(texts[largest], n)},
        "chance": math.log(len(labels)),  # the log-loss of guessing evenly
        "rate": _ratio(n, evaluation["seconds"]),
        "shares": shares,
        "mistakes": sorted(mistakes, key=lambda mistake: -mistake["n"]),
        "by_label": sorted(evaluation["by_label"], key=lambda row: row["n"]),
        "overconfidence": {
            "before": _overconfidence(evaluation["reliability_uncalibrated"]),
            "after": _overconfidence(evaluation["reliability"]),
        },
        "lengths": _lengths(evaluation["by_length"], evaluation["accuracy"]),
    }


def _lengths(bins: Sequence[Mapping[str, Any]], accuracy: float) -> dict[str, Any] | None:
    """Name the groups of lengths with most and fewest right answers, and say whether their intervals lie apart."""
    if not bins:
        return None
    best, weakest = (choose(bins, key=lambda one: one["accuracy"]) for choose in (max, min))
    return {
        "best": best, "weakest": weakest, "below": accuracy - weakest["accuracy"],
        "apart": weakest["accuracy_high"] < best["accuracy_low"],
    }  # fmt: skip


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _overconfidence(bins: Sequence[Mapping[str, Any]]) -> float | None:
    """Give how far the stated probabilities lie above the share of right answers on average; below: negative."""
    return _ratio(sum(bin_["n"] * (bin_["confidence"] - bin_["accuracy"]) for bin_ in bins), sum(b["n"] for b in bins))


def _curves(history: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Keep what is drawn: step and dev events that say at which epoch they happened, of the last network that learnt.

    Where a run teaches several networks in turn, each begins again at epoch 0, and the last is the model's. A head that
    was fitted at once, at step 0, has no curve.
    """
    keys = {"step": ("epoch", "loss"), "dev": ("epoch", "loss", "score")}
    events = [
        event
        for event in history
        if event.get("kind") in keys and event.get("epoch") is not None and event.get("step") != 0
    ]
    begins = [place for place, (one, next_) in enumerate(pairwise(events), 1) if next_["epoch"] < one["epoch"]]
    own = events[begins[-1] if begins else 0 :]
    curves = {
        kind: [{key: event.get(key) for key in wanted} for event in own if event["kind"] == kind]
        for kind, wanted in keys.items()
    }
    return curves | {"step": _thinned(curves["step"])}


def _thinned(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Average neighbours until at most POINTS are left; a point without a loss is left out."""
    known = [point for point in points if point["loss"] is not None and math.isfinite(point["loss"])]
    size = math.ceil(len(known) / POINTS) or 1
    groups = [known[start : start + size] for start in range(0, len(known), size)]
    return [{key: sum(point[key] for point in group) / len(group) for key in ("epoch", "loss")} for group in groups]
