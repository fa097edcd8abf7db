"""Which method's shares can be trusted? Take out the words a method names, and see what the network says then.

The network's own part of the answer is asked, without an n-gram companion, whose shares are exact as they are.
Comprehensiveness and sufficiency are those of ERASER (DeYoung et al. 2020), averaged over SHARES.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewise.base.errors import DataError
from gatewise.base.ranks import spearman
from gatewise.explanation.shares import DEFAULT, METHODS, contrast
from gatewise.explanation.tracing import Change, Reading, read, read_encoded
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.classifier import Model, Numbers, softmax
from gatewise.runtime.network import Network, Table
from gatewise.runtime.tokenizer import PAD_ID, UNKNOWN_ID

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of the tokens taken out, or alone kept; one token at least
REFERENCE = "leave-one-out"
RANDOM_ORDERS = 5
CHECKED = 50  # texts whose shares are compared with those of networks drawn anew
EMBEDDING_STD = 0.1


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

    def lines(self) -> list[str]:
        """Say it in plain lines, the most faithful method first."""
        (least, most), (fewest, largest) = self.random_comprehensiveness, self.random_sufficiency
        return [
            f"{self.texts} texts of {self.tokens:.0f} tokens on average",
            "method                comprehensive  against the default  in logit  masked  sufficient  rank  largest gap"
            "  redrawn   ms a text",
            *(
                f"{score.method:20}  {score.comprehensiveness:13.4f}  {score.against_default:+9.4f} ± "
                f"{score.against_default_error:.4f}   {score.in_logit:8.3f}  {score.masked:6.4f}  "
                f"{score.sufficiency:10.4f}  {score.rank_agreement:4.2f}  {score.gap_max:11.2g}  "
                f"{score.redrawn['everything']:7.2f}  {score.milliseconds:10.1f}"
                for score in self.scores
            ),
            f"random orders: comprehensiveness {least:.4f} to {most:.4f}, sufficiency {fewest:.4f} to {largest:.4f}",
        ]


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one method said of each text asked, and what taking out its words did."""

    shares: list[Numbers] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    falls: list[Numbers] = field(default_factory=list)  # [SHARES, 4] each; see _falls


def measurable(model: Model, texts: Sequence[str], longest: int) -> list[str]:
    """Choose the texts of 2 to `longest` tokens: one word cannot be taken apart, long texts take long."""
    encoded = model.tokenizer.encode_batch(list(texts))
    return [text for text, ids in zip(texts, encoded, strict=True) if 2 <= len(ids) <= longest]


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
    chosen = measurable(model, texts, longest)
    if len(chosen) < 2:
        raise DataError(f"There are {len(chosen)} texts of 2 to {longest} tokens; give more, or a larger --longest.")
    if most is not None and len(chosen) > most:
        chosen = [chosen[place * len(chosen) // most] for place in range(most)]
    said = {name: _Answers() for name in dict.fromkeys([*methods, DEFAULT, REFERENCE])}
    orders: list[list[Numbers]] = [[] for _ in range(RANDOM_ORDERS)]
    random = np.random.default_rng(0)
    checked: list[tuple[Change, Numbers]] = []
    tokens = 0
    for done, text in enumerate(chosen):
        started = time.perf_counter()
        reading = read(model, text)
        seconds, tokens = time.perf_counter() - started, tokens + len(reading.ids)
        row = contrast(int(reading.network_logits.argmax()), len(model.labels))
        for name, answers in said.items():
            started = time.perf_counter()
            shares, bias = METHODS[name](reading, row)
            answers.seconds.append(seconds + time.perf_counter() - started)
            answers.shares.append(shares)
            answers.gaps.append(abs(float(row @ reading.network_logits) - bias - float(shares.sum())))
        ranked = [np.argsort(-answers.shares[-1], kind="stable") for answers in said.values()]
        ranked += [random.permutation(len(reading.ids)) for _ in range(RANDOM_ORDERS)]
        into = [answers.falls for answers in said.values()] + orders
        for falls, fall in zip(into, _falls(reading, row, ranked), strict=True):
            falls.append(fall)
        if done < CHECKED:
            checked.append((Change(text, reading.encoded), row))
        progress(done + 1)
    redrawn = _redrawn(model, checked, {name: said[name].shares for name in methods})
    scores = [_score(name, said, redrawn[name]) for name in redrawn]
    curves = np.mean(orders, axis=1)  # [RANDOM_ORDERS, SHARES, 4]
    bands = [(float(band.min()), float(band.max())) for band in curves.mean(axis=1).T[:2]]
    return Faithfulness(
        len(chosen), tokens / len(chosen), SHARES,
        tuple(sorted(scores, key=lambda score: -score.comprehensiveness)), bands[0], bands[1],
        tuple(tuple(curve[:, 0].tolist()) for curve in curves),
    )  # fmt: skip


def _falls(reading: Reading, row: Numbers, ranked: Sequence[Any]) -> Numbers:
    """Take the first tokens of each order away, for each of SHARES; give what falls by how much, [orders, SHARES, 4].

    The probability without them, with them alone, and with them masked; and the number explained without them.
    """
    ids, texts = reading.ids, [reading.ids]
    for order in ranked:
        for share in SHARES:
            chosen = np.zeros(len(ids), dtype=bool)
            chosen[order[: max(1, round(share * len(ids)))]] = True
            without = ids[~chosen] if not chosen.all() else np.array([UNKNOWN_ID], np.int32)
            texts += [without, ids[chosen], np.where(chosen, UNKNOWN_ID, ids).astype(np.int32)]
    logits = reading.ask(texts)
    probabilities, answers = softmax(logits)[:, row.argmax()], logits @ row
    drops = (probabilities[0] - probabilities[1:]).reshape(len(ranked), len(SHARES), 3)
    in_logit = (answers[0] - answers[1:]).reshape(len(ranked), len(SHARES), 3)[:, :, :1]
    return np.concatenate([drops, in_logit], axis=2)


def _score(name: str, said: dict[str, _Answers], redrawn: dict[str, float]) -> Score:
    """Sum up what a method said of all texts."""
    answers = said[name]
    falls = np.array(answers.falls)  # [texts, SHARES, 4]
    without, alone, masked, in_logit = falls.mean(axis=(0, 1)).tolist()
    differences = (falls - np.array(said[DEFAULT].falls))[:, :, 0].mean(axis=1)
    return Score(
        method=name,
        comprehensiveness=without,
        against_default=float(differences.mean()),
        against_default_error=float(differences.std(ddof=1) / np.sqrt(len(differences))),
        in_logit=in_logit,
        masked=masked,
        curve=tuple(falls[:, :, 0].mean(axis=0).tolist()),
        sufficiency=alone,
        rank_agreement=_agreement(answers.shares, said[REFERENCE].shares),
        gap_mean=float(np.mean(answers.gaps)),
        gap_max=float(np.max(answers.gaps)),
        milliseconds=1000 * float(np.mean(answers.seconds)),
        redrawn=redrawn,
    )


def _redrawn(
    model: Model, checked: Sequence[tuple[Change, Numbers]], shares: dict[str, list[Numbers]]
) -> dict[str, dict[str, float]]:
    """Compare shares, signs included, with those on networks drawn anew from the head down (Adebayo et al. 2018)."""
    agreements: dict[str, dict[str, float]] = {name: {} for name in shares}
    for parts, label in enumerate(("head", "head and LSTM", "everything"), start=1):
        other = dataclasses.replace(model, network=drawn_anew(model.network, parts))
        readings = [(read_encoded(other, change), row) for change, row in checked]
        for name, mine in shares.items():
            theirs = [METHODS[name](reading, row)[0] for reading, row in readings]
            agreements[name][label] = _agreement(mine[: len(theirs)], theirs)
    return agreements


def drawn_anew(network: Network, parts: int) -> Network:
    """Give the network with a head, then LSTM, then embedding drawn as before training.

    From the distributions of nets/, with NumPy's generator: no torch is needed to know nothing.
    """
    random = np.random.default_rng(0)
    bound = network.head.shape[1] ** -0.5
    head, head_bias = (random.uniform(-bound, bound, own.shape) for own in (network.head, network.head_bias))
    network = dataclasses.replace(network, head=head.astype(np.float32), head_bias=head_bias.astype(np.float32))
    if parts > 1:
        layers = [[_first_weights(random, network, own) for own in row] for row in network.layers]
        network = dataclasses.replace(network, layers=layers)
    if parts > 2:
        values = random.normal(0, EMBEDDING_STD, network.embedding.values.shape).astype(np.float32)
        values[PAD_ID] = 0
        network = dataclasses.replace(network, embedding=Table(values))
    return network


def _first_weights(random: np.random.Generator, network: Network, own: CellWeights) -> CellWeights:
    """Draw Xavier's uniform input weights, orthogonal recurrent ones, and biases with an open forget gate."""
    config, (size, width) = network.config, (own.recurrent.shape[1], own.input.shape[1])
    bound = (6 / (size + width)) ** 0.5
    turns = [np.linalg.qr(random.normal(size=(size, size))) for _ in range(4)]
    recurrent = np.concatenate([turn * np.sign(np.diag(scale)) for turn, scale in turns])
    bias = np.zeros(4 * size)
    bias[size : 2 * size] = config.forget_bias
    if config.chrono_horizon > 1:
        bias[size : 2 * size] = np.log(random.uniform(1, max(config.chrono_horizon - 1, 1.0001), size))
        bias[:size] = -bias[size : 2 * size]
    weights = random.uniform(-bound, bound, own.input.shape), recurrent, bias
    return CellWeights(*(array.astype(np.float32) for array in weights))


def _agreement(mine: Sequence[Numbers], theirs: Sequence[Numbers]) -> float:
    return float(np.mean([spearman(one, other) for one, other in zip(mine, theirs, strict=True)]))
