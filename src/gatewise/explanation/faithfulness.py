"""Which method's shares can be trusted? Take out the words a method names, and see what the network says then.

The network's own part of the answer is asked, without an n-gram companion, whose shares are exact as they are.
Comprehensiveness and sufficiency are those of ERASER (DeYoung et al. 2020), averaged over SHARES.
"""

import copy
import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from gatewise.base.errors import DataError
from gatewise.explanation.shares import DEFAULT, METHODS, Question, contrast
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import gather
from gatewise.runtime.classifier import Model, Numbers, logits_of, softmax
from gatewise.runtime.tokenizer import UNKNOWN_ID, Ids

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of the tokens taken out, or alone kept; one token at least
REFERENCE = "leave-one-out"
RANDOM_ORDERS = 5
CHECKED = 50  # texts whose shares are compared with those of networks drawn anew


@dataclass(frozen=True, slots=True)
class Score:
    """What one method reaches, averaged over texts; errors are standard errors of paired differences."""

    method: str
    comprehensiveness: float  # fall of the probability without the words named; high is good
    against_default: float  # this method's comprehensiveness minus the default method's
    against_default_error: float
    in_logit: float  # comprehensiveness as a fall of the number explained: probabilities of sure answers hardly move
    masked: float  # comprehensiveness with the words named replaced by the unknown word: deletion also shortens
    curve: tuple[float, ...]  # comprehensiveness at each of SHARES
    sufficiency: float  # fall of the probability with the words named alone; low is good
    rank_agreement: float  # Spearman's with leave-one-out
    gap_mean: float  # |answer - bias - sum of shares|
    gap_max: float
    milliseconds: float  # a text
    redrawn: dict[str, float]  # Spearman's with the shares of a network with parts drawn anew: near 0 is good


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """The battery's result: a line a method, the most comprehensive first, and the band of random orders."""

    texts: int
    tokens: float  # mean
    shares: tuple[float, ...]
    scores: tuple[Score, ...]
    random_comprehensiveness: tuple[float, float]  # least and most of the random orders
    random_sufficiency: tuple[float, float]
    random_curves: tuple[tuple[float, ...], ...]  # comprehensiveness at each share, an order a row

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one method said of each text asked, and what taking out its words did."""

    shares: list[Numbers] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    falls: list[Numbers] = field(default_factory=list)  # [SHARES, 4] each; see _falls


def measurable(model: Model, texts: Sequence[str], longest: int) -> list[Ids]:
    """Encode the texts of 2 to `longest` tokens: one word cannot be taken apart, long texts take long."""
    return [ids for ids in model.tokenizer.encode_batch(list(texts)) if 2 <= len(ids) <= longest]


def faithfulness(
    model: Model,
    texts: Sequence[str],
    *,
    most: int | None = None,
    methods: Sequence[str] = tuple(METHODS),
    longest: int = 200,
    progress: Callable[[int], None] = lambda done: None,
) -> Faithfulness:
    """Run the battery on texts of 2 to `longest` tokens, `most` of them drawn evenly; `progress(done)` follows.

    Raises DataError when there are fewer than two.
    """
    encoded = measurable(model, texts, longest)
    if len(encoded) < 2:
        raise DataError(f"There are {len(encoded)} texts of 2 to {longest} tokens; give more, or a larger --longest.")
    if most is not None and len(encoded) > most:
        encoded = [encoded[place * len(encoded) // most] for place in range(most)]
    found = {name: _Answers() for name in dict.fromkeys([*methods, DEFAULT, REFERENCE])}
    orders: list[list[Numbers]] = [[] for _ in range(RANDOM_ORDERS)]
    random = np.random.default_rng(0)
    whole = logits_of(model.network, gather([encoded], None, model.tokenizer.vocab_size))
    for done, (ids, logits) in enumerate(zip(encoded, whole, strict=True)):
        question = Question(model.network, ids, contrast(int(logits.argmax()), len(logits)))
        for name, answers in found.items():
            started = time.perf_counter()
            shares, bias = METHODS[name](question)
            answers.seconds.append(time.perf_counter() - started)
            answers.shares.append(shares)
            answers.gaps.append(abs(float(question.row @ logits) - bias - float(shares.sum())))
        ranked = [np.argsort(-answers.shares[-1], kind="stable") for answers in found.values()]
        ranked += [random.permutation(len(ids)) for _ in range(RANDOM_ORDERS)]
        into = [answers.falls for answers in found.values()] + orders
        for falls, fall in zip(into, _falls(question, ranked), strict=True):
            falls.append(fall)
        progress(done + 1)
    targets = whole.argmax(axis=1).tolist()
    redrawn = _redrawn(model, encoded[:CHECKED], targets, {name: found[name].shares for name in methods})
    scores = [_score(name, found, redrawn[name]) for name in redrawn]
    curves = np.mean(orders, axis=1)  # [RANDOM_ORDERS, SHARES, 4]
    bands = [(float(band.min()), float(band.max())) for band in curves.mean(axis=1).T[:2]]
    return Faithfulness(
        len(encoded), float(np.mean([len(ids) for ids in encoded])), SHARES,
        tuple(sorted(scores, key=lambda score: -score.comprehensiveness)), bands[0], bands[1],
        tuple(tuple(curve[:, 0].tolist()) for curve in curves),
    )  # fmt: skip


def _falls(question: Question, ranked: Sequence[Any]) -> Numbers:
    """Take the first tokens of each order away, for each of SHARES; give what falls by how much, [orders, SHARES, 4].

    The probability without them, with them alone, and with them masked; and the number explained without them.
    """
    ids, texts = question.ids, [question.ids]
    for order in ranked:
        for share in SHARES:
            chosen = np.zeros(len(ids), dtype=bool)
            chosen[order[: max(1, round(share * len(ids)))]] = True
            without = ids[~chosen] if not chosen.all() else np.array([UNKNOWN_ID], np.int32)
            texts += [without, ids[chosen], np.where(chosen, UNKNOWN_ID, ids).astype(np.int32)]
    logits = logits_of(question.network, gather([texts], None, len(question.network.embedding.weight)))
    probabilities, answers = softmax(logits)[:, question.row.argmax()], logits @ question.row
    drops = (probabilities[0] - probabilities[1:]).reshape(len(ranked), len(SHARES), 3)
    in_logit = (answers[0] - answers[1:]).reshape(len(ranked), len(SHARES), 3)[:, :, :1]
    return np.concatenate([drops, in_logit], axis=2)


def _score(name: str, found: dict[str, _Answers], redrawn: dict[str, float]) -> Score:
    """Sum up what a method said of all texts."""
    answers = found[name]
    falls = np.array(answers.falls)  # [texts, SHARES, 4]
    without, alone, masked, in_logit = falls.mean(axis=(0, 1)).tolist()
    differences = (falls - np.array(found[DEFAULT].falls))[:, :, 0].mean(axis=1)
    return Score(
        method=name,
        comprehensiveness=without,
        against_default=float(differences.mean()),
        against_default_error=float(differences.std(ddof=1) / np.sqrt(len(differences))),
        in_logit=in_logit,
        masked=masked,
        curve=tuple(falls[:, :, 0].mean(axis=0).tolist()),
        sufficiency=alone,
        rank_agreement=_agreement(answers.shares, found[REFERENCE].shares),
        gap_mean=float(np.mean(answers.gaps)),
        gap_max=float(np.max(answers.gaps)),
        milliseconds=1000 * float(np.mean(answers.seconds)),
        redrawn=redrawn,
    )


def _redrawn(
    model: Model, encoded: Sequence[Ids], targets: Sequence[int], shares: dict[str, list[Numbers]]
) -> dict[str, dict[str, float]]:
    """Compare shares, signs included, with those on networks drawn anew from the head down (Adebayo et al. 2018)."""
    found: dict[str, dict[str, float]] = {name: {} for name in shares}
    rows = [contrast(target, len(model.labels)) for target in targets]
    for parts, label in enumerate(("head", "head and LSTM", "everything"), start=1):
        network = _drawn_anew(model.network, parts)
        for name, mine in shares.items():
            theirs = [METHODS[name](Question(network, ids, row))[0] for ids, row in zip(encoded, rows, strict=False)]
            found[name][label] = _agreement(mine[: len(theirs)], theirs)
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
