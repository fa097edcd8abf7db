"""Which method's shares can be trusted? Take out the words a method names, and see what the network says then.

The network's own part of the answer is asked, without an n-gram companion, whose shares are exact as they are.
Comprehensiveness and sufficiency are those of ERASER (DeYoung et al. 2020), averaged over SHARES.
"""

import copy
import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from gatewise.attribution import METHODS, Question, contrast
from gatewise.batching import gather
from gatewise.errors import DataError
from gatewise.model import Model, Numbers, logits_of, softmax
from gatewise.network import TextLSTM
from gatewise.tokenizer import UNKNOWN_ID, Ids

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of the tokens taken out, or alone kept; one token at least
RANDOM_ORDERS = 5
CHECKED = 50  # texts whose shares are compared with those of networks drawn anew


@dataclass(frozen=True, slots=True)
class Score:
    """What one method reaches, averaged over texts; the errors are standard errors of the paired difference to best."""

    method: str
    comprehensiveness: float  # fall of the probability without the words named; high is good
    comprehensiveness_behind: float  # the best method's minus this one's
    comprehensiveness_error: float
    sufficiency: float  # fall of the probability with the words named alone; low is good
    rank_agreement: float  # Spearman's with leave-one-out
    gap_mean: float  # |answer - bias - sum of shares|
    gap_max: float
    milliseconds: float  # a text
    redrawn: dict[str, float]  # Spearman's with the shares of a network with parts drawn anew: near 0 is good


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """The battery's result: a line a method, and the band of random orders."""

    texts: int
    tokens: float  # mean
    scores: tuple[Score, ...]
    random_comprehensiveness: tuple[float, float]  # least and most of the random orders
    random_sufficiency: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return dataclasses.asdict(self)


def faithfulness(
    model: Model,
    texts: Sequence[str],
    *,
    methods: Sequence[str] = tuple(METHODS),
    longest: int = 200,
    progress: Callable[[int], None] = lambda done: None,
) -> Faithfulness:
    """Run the battery on texts, those of 2 to `longest` tokens; `progress(done)` follows. Raises DataError."""
    encoded = [ids for ids in model.tokenizer.encode_batch(list(texts)) if 2 <= len(ids) <= longest]
    if len(encoded) < 2:
        raise DataError(f"There are {len(encoded)} texts of 2 to {longest} tokens; give more, or a larger --longest.")
    names = list(dict.fromkeys([*methods, "leave-one-out"]))
    classes = len(model.labels)
    falls: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    orders: list[list[tuple[float, float]]] = [[] for _ in range(RANDOM_ORDERS)]
    shares: dict[str, list[Numbers]] = {name: [] for name in names}
    gaps: dict[str, list[float]] = {name: [] for name in names}
    seconds = dict.fromkeys(names, 0.0)
    random = np.random.default_rng(0)
    whole = logits_of(model.network, gather([encoded], None, model.tokenizer.vocab_size))
    for done, (ids, logits) in enumerate(zip(encoded, whole, strict=True)):
        target = int(logits.argmax())
        question = Question(model.network, ids, contrast(target, classes))
        for name in names:
            started = time.perf_counter()
            found, bias = METHODS[name](question)
            seconds[name] += time.perf_counter() - started
            shares[name].append(found)
            gaps[name].append(abs(float(question.row @ logits) - bias - float(found.sum())))
        ranked = [np.argsort(-shares[name][-1], kind="stable") for name in names]
        ranked += [random.permutation(len(ids)) for _ in range(RANDOM_ORDERS)]
        for place, fall in enumerate(_falls(model, ids, target, ranked)):
            (falls[names[place]] if place < len(names) else orders[place - len(names)]).append(fall)
        progress(done + 1)
    bands = np.array([np.mean(order, axis=0) for order in orders])
    return Faithfulness(
        len(encoded), float(np.mean([len(ids) for ids in encoded])),
        _scores(model, encoded, [name for name in names if name in methods], falls, shares, gaps, seconds),
        (float(bands[:, 0].min()), float(bands[:, 0].max())), (float(bands[:, 1].min()), float(bands[:, 1].max())),
    )  # fmt: skip


def _falls(model: Model, ids: Ids, target: int, ranked: Sequence[Any]) -> list[tuple[float, float]]:
    """Give, for each order of tokens, the mean fall of the probability without its first ones, and with them alone."""
    texts = [ids]
    for order in ranked:
        for share in SHARES:
            chosen = np.zeros(len(ids), dtype=bool)
            chosen[order[: max(1, round(share * len(ids)))]] = True
            texts += [ids[~chosen] if not chosen.all() else np.array([UNKNOWN_ID], np.int32), ids[chosen]]
    answers = logits_of(model.network, gather([texts], None, model.tokenizer.vocab_size))
    probabilities = softmax(answers)[:, target]
    drops = (probabilities[0] - probabilities[1:]).reshape(len(ranked), len(SHARES), 2).mean(axis=1)
    return [(float(without), float(alone)) for without, alone in drops]


def _scores(
    model: Model,
    encoded: Sequence[Ids],
    names: Sequence[str],
    falls: dict[str, list[tuple[float, float]]],
    shares: dict[str, list[Numbers]],
    gaps: dict[str, list[float]],
    seconds: dict[str, float],
) -> tuple[Score, ...]:
    without = {name: np.array(falls[name])[:, 0] for name in names}
    best = max(without.values(), key=lambda values: float(values.mean()))
    redrawn = _redrawn(model, encoded[:CHECKED], names, shares)
    scores = [
        Score(
            method=name,
            comprehensiveness=float(without[name].mean()),
            comprehensiveness_behind=float((best - without[name]).mean()),
            comprehensiveness_error=float((best - without[name]).std(ddof=1) / np.sqrt(len(encoded))),
            sufficiency=float(np.array(falls[name])[:, 1].mean()),
            rank_agreement=_agreement(shares[name], shares["leave-one-out"]),
            gap_mean=float(np.mean(gaps[name])),
            gap_max=float(np.max(gaps[name])),
            milliseconds=1000 * seconds[name] / len(encoded),
            redrawn=redrawn[name],
        )
        for name in names
    ]
    return tuple(sorted(scores, key=lambda score: -score.comprehensiveness))


def _redrawn(
    model: Model, encoded: Sequence[Ids], names: Sequence[str], shares: dict[str, list[Numbers]]
) -> dict[str, dict[str, float]]:
    """Compare each method's shares with those it gives on networks drawn anew from the head down (Adebayo 2018)."""
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    target = contrast(1, len(model.labels))
    for label, parts in (("head", 1), ("head and LSTM", 2), ("everything", 3)):
        network = _drawn_anew(model.network, parts)
        for name in names:
            pairs = []
            for ids, mine in zip(encoded, shares[name], strict=False):
                theirs, _ = METHODS[name](Question(network, ids, target))
                pairs.append(_spearman(mine, theirs))
            found[name][label] = float(np.mean(np.abs(pairs)))  # which class was explained turns the sign
    return found


def _drawn_anew(network: TextLSTM, parts: int) -> TextLSTM:
    """Give a copy whose head, then LSTM, then embedding has first weights again."""
    twin = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = TextLSTM(network.config, len(network.embedding.weight), network.head.out_features)
    drawn = (fresh.head, fresh.encoder, fresh.embedding)
    for mine, theirs in list(zip((twin.head, twin.encoder, twin.embedding), drawn, strict=True))[:parts]:
        mine.load_state_dict(theirs.state_dict())
    return twin.eval()


def _agreement(mine: Sequence[Numbers], theirs: Sequence[Numbers]) -> float:
    return float(np.mean([_spearman(one, other) for one, other in zip(mine, theirs, strict=True)]))


def _spearman(one: Numbers, other: Numbers) -> float:
    """Give the rank correlation; nothing can be said of constant shares, which agree with nothing."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)
