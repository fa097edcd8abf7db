"""Answers about a text to the figures that the page's sentences name; knows no model, no word and no script.

An answer is known by what it holds, so that those prepared for a file and those of the server are told alike.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

JUMPS, FEW, LISTED = 3, 5, 12
Answer = Mapping[str, Any]


def with_figures(answer: Any) -> Any:
    """Add `figures` to every mapping inside an answer of which the page tells in words."""
    if isinstance(answer, list | tuple):
        return [with_figures(item) for item in answer] if answer and not isinstance(answer[0], float) else answer
    if not isinstance(answer, Mapping):
        return answer
    told = {name: with_figures(item) for name, item in answer.items()}
    for names, figures in _TELLING.items():
        if names <= set(answer):
            told["figures"] = figures(answer)
    return told


def _text(look: Answer) -> dict[str, Any]:
    """Say where the verdict settled and jumped, and which phrase to show first."""
    running, read = look["running"], look["read"]
    sides = [value < 0.5 for value in running]
    settled = max((t + 1 for t, side in enumerate(sides) if side != sides[-1]), default=0)
    jumps = [{"from": one, "to": next_, "change": running[next_] - running[one]} for one, next_ in pairwise(read)]
    return {
        "unknown": list(look["known"]).count(0),
        "settled": settled,
        "lowest": min(running[settled:]),
        "jumps": sorted(jumps, key=lambda jump: -abs(jump["change"]))[:JUMPS],
        "phrase": strongest_phrase(look["shares"]["contributions"], look["tokens"]),
    }


def _story(story: Answer) -> dict[str, Any]:
    """Say which of the phrases that were prepared to show first."""
    look, prepared = story["look"], [(phrase["start"], phrase["stop"]) for phrase in story["phrases"]]
    return {"phrase": strongest_phrase(look["shares"]["contributions"], look["tokens"], prepared)}


def strongest_phrase(
    contributions: Sequence[float], tokens: Sequence[str], prepared: Sequence[tuple[int, int]] | None = None
) -> tuple[int, int] | None:
    """Give first token and end of the two to four words around the strongest that push most together, if there are.

    Phrases of words alone come before those with a sign in them, and only prepared ones count where some are given.
    """
    strongest = _order(contributions)[0]
    spans = [
        (start, start + size)
        for size in (2, 3, 4)
        for start in range(max(0, strongest - size + 1), min(strongest, len(tokens) - size) + 1)
        if prepared is None or (start, start + size) in prepared
    ]
    spelt = [span for span in spans if all(any(map(str.isalnum, token)) for token in tokens[slice(*span)])]
    return max(spelt or spans, key=lambda span: abs(sum(contributions[slice(*span)])), default=None)


def _order(contributions: Sequence[float]) -> list[int]:
    return sorted(range(len(contributions)), key=lambda t: -abs(contributions[t]))


def _shares(answer: Answer) -> dict[str, Any]:
    """Say how the push is spread: how many tokens carry half of it, what the first few carry, for and against."""
    contributions = answer["contributions"]
    order = _order(contributions)
    sizes = np.abs([contributions[t] for t in order])
    push = float(sizes.sum())
    return {
        "order": order[:LISTED],
        "half": min(len(order), int((np.cumsum(sizes) < push / 2).sum()) + 1) if push else 0,
        "few": min(FEW, len(order)),
        "carried": float(sizes[:FEW].sum()) / max(push, 1e-9),
        "plus": sum(share for share in contributions if share > 0),
        "minus": sum(share for share in contributions if share < 0),
        "total": sum(contributions),
    }


def _phrase(answer: Answer) -> dict[str, float]:
    """Say what the phrase is worth beyond its words, decomposed and taken out."""
    alone, effects = sum(answer["alone"]), sum(answer["effects"])
    return {
        "alone": alone, "interaction": answer["together"] - alone,
        "effects": effects, "effect_interaction": answer["effect"] - effects,
    }  # fmt: skip


def _direction(answer: Answer) -> dict[str, Any]:
    """Say where the forget gates are lowest, how fast a memory fades, and what share each unit alone puts in order."""
    kept = np.asarray(answer["means"]["forget_gate"], np.float64)
    average = float(kept.mean())
    return {
        "lowest": int(kept.argmin()),
        "least": float(kept.min()),
        "average": average,
        "halved": math.log(0.5) / math.log(min(max(average, 1e-9), 0.9999)),
        "separates": [max(score, 1 - score) for score in answer["separation"]],
    }


def _horizon(answer: Answer) -> dict[str, int | None]:
    """Say after how many words half of the evidence, the verdict and half of the state's trace are gone, if ever."""
    evidence, memory, chances = answer["evidence"], answer["memory"], answer["probabilities"]

    def first(gone: Callable[[int], bool]) -> int | None:
        place = next((k for k in range(len(evidence)) if gone(k)), 0)
        return answer["added"][place] if place else None

    return {
        "half": first(lambda k: evidence[k] < 0.5),
        "lost": first(lambda k: (chances[k] > 0.5) != (chances[0] > 0.5)),
        "gone": first(lambda k: max(memory[k:]) < 0.5),
    }


_TELLING: dict[frozenset[str], Callable[[Answer], dict[str, Any]]] = {
    frozenset({"look", "phrases"}): _story,
    frozenset({"running", "read", "shares"}): _text,
    frozenset({"contributions", "bias"}): _shares,
    frozenset({"alone", "effects"}): _phrase,
    frozenset({"means", "separation"}): _direction,
    frozenset({"evidence", "added"}): _horizon,
}
