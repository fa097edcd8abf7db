"""A linear-chain CRF in NumPy (Lafferty, McCallum & Pereira 2001): scores of tags to probabilities and best readings.

Sentences are laid out step by step, the longest first, as in gatewise.runtime.network: at step t stand the first
counts[t] of them, so nothing is computed for padding. The sums run in float64 and in the exp domain, with one
rescaling a step: eight times as fast as log-sum-exp over [B, K, K], and right where float32 is not (at a spread of
scores of 80, ten of 200 sentences came out infinite). A sentence that still leaves the range is redone with logarithms.

Knows no words, no names of tags beyond those of BIOES, and no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import DataError

Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
FORBIDDEN = -1e4  # exp of it is 0 to the last bit, and it is a number: minus infinity makes NaN of a gradient


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """What a tag scores behind another, [K, K] from and to, at the start, [K], and at the end, [K]."""

    transitions: Numbers
    start: Numbers
    stop: Numbers

    def __add__(self, other: "Chain") -> "Chain":
        return Chain(self.transitions + other.transitions, self.start + other.start, self.stop + other.stop)

    def divided(self, temperature: float) -> "Chain":
        """Give the chain of softer probabilities, above 1, or of harder ones."""
        return Chain(self.transitions / temperature, self.start / temperature, self.stop / temperature)


class Expected(NamedTuple):
    """What the loss needs: log Z, [B], and its gradients: of emissions, [N, K], and of the three parts of a Chain."""

    log_partition: Numbers
    marginals: Numbers
    chain: Chain


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Everything known of one sentence: emissions and chain, and the two sums of each step, normalised.

    exp(forward) of a step sums to 1, exp(forward + backward) are its marginals, and scales are what a step was divided
    by: log Z is the sum of scales and of `ending`.
    """

    chain: Chain
    emissions: Numbers  # [T, K]
    forward: Numbers  # [T, K] logarithms
    backward: Numbers  # [T, K] logarithms
    scales: Numbers  # [T] logarithms
    ending: float

    @property
    def log_partition(self) -> float:
        """The logarithm of the sum over all readings of exp(score)."""
        return float(self.scales.sum()) + self.ending

    @property
    def marginals(self) -> Numbers:
        """Each tag's probability at each step, [T, K]."""
        marginals: Numbers = np.exp(self.forward + self.backward)
        return marginals

    def probability(self, start: int, tags: Sequence[int] | Rows) -> float:
        """Give the exact probability that the steps from `start` are tagged so, whatever the others are.

        Under BIOES an entity is one such path, B-x I-x ... E-x or S-x, so this is the probability of the entity.
        """
        path, steps = np.asarray(tags), slice(start, start + len(tags))
        total = self.forward[start, path[0]] + self.backward[start + len(path) - 1, path[-1]]
        inner = self.emissions[steps][np.arange(len(path)), path][1:] - self.scales[steps][1:]
        total += self.chain.transitions[path[:-1], path[1:]].sum() + inner.sum()
        return float(np.exp(min(0.0, total)))


def falling(lengths: Sequence[int] | Rows) -> Rows:
    """Give how many sentences stand at each step, [T], of falling lengths, [B], each at least 1."""
    lengths = np.asarray(lengths)
    counts: Rows = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")
    return counts


def constraints(tags: Sequence[str], *, spans: bool = True) -> Chain:
    """Give the Chain that forbids what BIOES does not allow: 0 where a step may be, FORBIDDEN where not.

    After O, E-x and S-x comes O, B-* or S-*; after B-x and I-x comes I-x or E-x; none starts inside or ends before E.
    Where tags are plain labels and no spans everything is allowed.
    """
    if not spans:
        return zeros(len(tags))
    heads, types = [tag[0] for tag in tags], np.array([tag[2:] for tag in tags])
    opened, enters = (np.isin(heads, list(some)) for some in ("BI", "IE"))  # what goes on; what comes from within
    allowed = np.where(opened[:, None], enters & (types[:, None] == types), ~enters)
    return Chain(*(np.where(legal, 0.0, FORBIDDEN) for legal in (allowed, ~enters, ~opened)))


def zeros(tags: int) -> Chain:
    """Give the Chain that says nothing."""
    return Chain(np.zeros((tags, tags)), np.zeros(tags), np.zeros(tags))


# ------------------------------------------------------------------------------------------- sums over all readings


class _Passes(NamedTuple):
    """Forward and backward sums in the exp domain, of N rows laid out step by step."""

    shares: Numbers  # [N, K] forward, each row sums to 1
    ahead: Numbers  # [N, K] backward; shares times ahead are the marginals
    steps: Numbers  # [N, K] what a step brings to the one before it: X b / Z
    scales: Numbers  # [N] logarithms
    ending: Numbers  # [B] logarithms
    moves: Numbers  # [K, K] exp(transitions - their peak)
    last: Rows  # [B] each sentence's last row
    before: Rows  # [N - B] the row of each row's predecessor
    owners: Rows  # [N] the sentence of each row


def _passes(chain: Chain, emissions: Numbers, counts: Rows) -> _Passes:
    begins = np.cumsum(counts) - counts
    rows = np.arange(len(emissions))
    step = np.repeat(np.arange(len(counts)), counts)
    owners = rows - begins[step]
    lengths = np.bincount(owners, minlength=counts[0])
    last = begins[lengths - 1] + np.arange(counts[0])
    peak, first, end = chain.transitions.max(), chain.start.max(), chain.stop.max()
    moves, opening, closing = (
        np.exp(chain.transitions - peak), np.exp(chain.start - first), np.exp(chain.stop - end),
    )  # fmt: skip
    top = emissions.max(axis=1)
    powers = np.exp(emissions - top[:, None])
    shares, scales, steps = np.empty_like(powers), np.empty(len(rows)), np.empty_like(powers)
    places, spans = begins.tolist(), counts.tolist()
    for t, (at, count) in enumerate(zip(places, spans, strict=True)):
        here = shares[at : at + count]
        if t:
            before = places[t - 1]
            np.matmul(shares[before : before + count], moves, out=here)
            here *= powers[at : at + count]
        else:
            np.multiply(powers[:count], opening, out=here)
        total = here.sum(axis=1)
        here /= total[:, None]
        scales[at : at + count] = total
    ends = shares[last] @ closing
    ahead = np.empty_like(powers)
    ahead[last] = closing / ends[:, None]
    powers /= scales[:, None]
    for t in range(len(spans) - 1, 0, -1):
        at, count, before = places[t], spans[t], places[t - 1]
        here = np.multiply(powers[at : at + count], ahead[at : at + count], out=steps[at : at + count])
        np.matmul(here, moves.T, out=ahead[before : before + count])
    logs = np.log(scales) + top
    logs[: counts[0]] += first
    logs[counts[0] :] += peak
    return _Passes(
        shares, ahead, steps, logs, np.log(ends) + end, moves, last, begins[step[counts[0] :] - 1]
        + owners[counts[0] :], owners,
    )  # fmt: skip


def expected(chain: Chain, emissions: npt.NDArray[np.floating], counts: Rows) -> Expected:
    """Give log Z of sentences laid out step by step, emissions [N, K], and its gradients: the marginals.

    The gradient of a transition is the expected number of its uses, of a start or end that tag's probability there.
    """
    wide = emissions.astype(np.float64)
    with np.errstate(all="ignore"):
        done = _passes(chain, wide, counts)
        marginals = done.shares * done.ahead
        log_partition = np.bincount(done.owners, done.scales, counts[0]) + done.ending
        fine = np.isfinite(log_partition) & np.isfinite(_summed(marginals, done.owners, counts[0]))
        left, right = done.shares[done.before], done.steps[counts[0] :]
        if not fine.all():
            own = fine[done.owners]
            marginals[~own] = 0
            left, right = left[own[counts[0] :]], right[own[counts[0] :]]
        pairs = done.moves * (left.T @ right)
    for text in np.flatnonzero(~fine).tolist():
        rows = np.flatnonzero(done.owners == text)
        lattice = in_logarithms(chain, wide[rows])
        marginals[rows], log_partition[text] = lattice.marginals, lattice.log_partition
        for t in range(1, len(rows)):
            pairs += _pair(lattice, t)
    return Expected(
        log_partition, marginals, Chain(pairs, marginals[: counts[0]].sum(axis=0), marginals[done.last].sum(axis=0))
    )


def _summed(numbers: Numbers, owners: Rows, texts: int) -> Numbers:
    sums: Numbers = np.bincount(owners, numbers.sum(axis=1), texts).astype(np.float64, copy=False)
    return sums


def _pair(lattice: Lattice, t: int) -> Numbers:
    """Give the probability of each pair of tags at steps t - 1 and t, [K, K]."""
    inner = lattice.chain.transitions + (lattice.emissions[t] + lattice.backward[t] - lattice.scales[t])
    pairs: Numbers = np.exp(lattice.forward[t - 1][:, None] + inner)
    return pairs


def log_partition(chain: Chain, emissions: npt.NDArray[np.floating], counts: Rows) -> Numbers:
    """Give log Z of each sentence, [B]."""
    return expected(chain, emissions, counts).log_partition


def lattices(chain: Chain, emissions: npt.NDArray[np.floating], counts: Rows) -> list[Lattice]:
    """Give the Lattice of each sentence laid out step by step, emissions [N, K], in their order."""
    wide = emissions.astype(np.float64)
    with np.errstate(all="ignore"):
        done = _passes(chain, wide, counts)
        total = np.bincount(done.owners, done.scales, counts[0]) + done.ending
        fine = np.isfinite(total) & np.isfinite(_summed(done.shares * done.ahead, done.owners, counts[0]))
        forward, backward = np.log(done.shares), np.log(done.ahead)
    order = np.argsort(done.owners, kind="stable")
    found = []
    for text, own in enumerate(np.split(order, np.cumsum(np.bincount(done.owners))[:-1])):
        rows = own.astype(np.int64)
        if fine[text]:
            sums = forward[rows], backward[rows], done.scales[rows]
            found.append(Lattice(chain, wide[rows], *sums, float(done.ending[text])))
        else:
            found.append(in_logarithms(chain, wide[rows]))
    return found


def probabilities_on(
    chain: Chain, emissions: npt.NDArray[np.floating], counts: Rows, path: Rows, first: Rows, last: Rows
) -> Numbers:
    """Give the exact probability of each stretch of a reading, [S], from row `first` to row `last` of its sentence.

    The reading, [N], is of sentences laid out step by step, emissions [N, K]; it is what Lattice.probability() gives
    of one stretch, for all at once.
    """
    wide = emissions.astype(np.float64)
    with np.errstate(all="ignore"):
        done = _passes(chain, wide, counts)
        rows, texts = np.arange(len(wide)), int(counts[0])
        inner = wide[rows, path] - done.scales
        inner[texts:] += chain.transitions[path[done.before], path[texts:]]
        for at, count in zip(np.cumsum(counts)[:-1].tolist(), counts[1:].tolist(), strict=True):
            inner[at : at + count] += inner[done.before[at - texts : at - texts + count]]  # summed along a sentence
        logs = np.log(done.shares[first, path[first]]) + np.log(done.ahead[last, path[last]])
        found: Numbers = np.exp(np.minimum(0.0, logs + inner[last] - inner[first]))
    wrong = np.unique(done.owners[first[~np.isfinite(found)]])
    for text in wrong.tolist():
        own = np.flatnonzero(done.owners == text)
        lattice = in_logarithms(chain, wide[own])
        for place in np.flatnonzero(done.owners[first] == text).tolist():
            begin, end = np.searchsorted(own, [first[place], last[place]])
            found[place] = lattice.probability(int(begin), path[own[begin : end + 1]])
    return found


def in_logarithms(chain: Chain, emissions: Numbers) -> Lattice:
    """Give the Lattice of one sentence, emissions [T, K], by log-sum-exp: slow, and finite for all finite scores."""
    forward, backward = np.empty_like(emissions), np.empty_like(emissions)
    scales = np.empty(len(emissions))
    score = chain.start + emissions[0]
    for t in range(len(emissions)):
        if t:
            score = _log_sum(forward[t - 1][:, None] + chain.transitions, 0) + emissions[t]
        scales[t] = _log_sum(score, 0)
        forward[t] = score - scales[t]
    ending = float(_log_sum(forward[-1] + chain.stop, 0))
    backward[-1] = chain.stop - ending
    for t in range(len(emissions) - 1, 0, -1):
        ahead = emissions[t] + backward[t] - scales[t]
        backward[t - 1] = _log_sum(chain.transitions + ahead, 1)
    return Lattice(chain, emissions, forward, backward, scales, ending)


def _log_sum(scores: Numbers, axis: int) -> Numbers:
    top = scores.max(axis=axis, keepdims=True)
    sums: Numbers = np.log(np.exp(scores - top).sum(axis=axis)) + top.squeeze(axis)
    return sums


# -------------------------------------------------------------------------------------------------- best readings


def viterbi(chain: Chain, emissions: npt.NDArray[np.floating], counts: Rows) -> tuple[Rows, Numbers]:
    """Give the best reading of each sentence laid out step by step: tags, [N], in the rows' order, and scores, [B]."""
    tags, total = emissions.shape[1], int(counts[0])
    score = (chain.start + emissions[:total]).astype(np.float64)
    pointers = np.empty((len(emissions), tags), np.int16)
    into = np.ascontiguousarray(chain.transitions.T)  # [to, from]
    finished = np.empty((total, tags))
    at = total
    for count in counts[1:].tolist():
        finished[count : len(score)] = score[count:]
        reached = score[:count, None, :] + into  # [count, to, from]
        best = reached.argmax(axis=2)
        pointers[at : at + count] = best
        score = np.take_along_axis(reached, best[:, :, None], 2)[:, :, 0] + emissions[at : at + count]
        at += count
    finished[: len(score)] = score
    finished += chain.stop
    path: Rows = np.empty(len(emissions), np.int64)
    here: Rows = finished.argmax(axis=1).astype(np.int64)
    for count in counts[::-1].tolist():
        at -= count
        path[at : at + count] = here[:count]
        if at:  # a sentence that ends before stays where it ended
            here[:count] = pointers[np.arange(at, at + count), here[:count]]
    return path, finished.max(axis=1)


def best_readings(chain: Chain, emissions: npt.NDArray[np.floating], most: int) -> list[tuple[list[int], float]]:
    """Give one sentence's best readings with their scores, the best first, at most so many (list Viterbi).

    Every state keeps its `most` best ways in: O(T K^2 n). Emissions are [T, K]. A reading that takes a forbidden step
    is none, unless there is no other.
    """
    steps, tags = emissions.shape
    score = np.full((tags, most), -np.inf)
    score[:, 0] = chain.start + emissions[0]
    pointers = np.zeros((steps, tags, most), np.int64)
    for t in range(1, steps):
        reached = (score[:, :, None] + chain.transitions[:, None, :]).reshape(tags * most, tags)
        order = np.argsort(-reached, axis=0, kind="stable")[:most]  # [n, to]
        score = np.take_along_axis(reached, order, 0).T + emissions[t][:, None]
        pointers[t] = order.T
    final = (score + chain.stop[:, None]).ravel()
    found: list[tuple[list[int], float]] = []
    for place in np.argsort(-final, kind="stable")[:most].tolist():
        if not np.isfinite(final[place]) or (found and final[place] < found[0][1] + FORBIDDEN / 2):
            break
        path, state = [], place
        for t in range(steps - 1, -1, -1):
            path.append(state // most)
            state = int(pointers[t].ravel()[state])
        found.append((path[::-1], float(final[place])))
    return found


def score_of(chain: Chain, emissions: npt.NDArray[np.floating], path: Sequence[int]) -> float:
    """Give the score of one reading of one sentence, emissions [T, K]. Raises DataError where lengths differ."""
    if len(path) != len(emissions):
        raise DataError(f"A reading of {len(path)} tags was given for {len(emissions)} tokens; give one tag a token.")
    tags = np.asarray(path)
    inner = chain.transitions[tags[:-1], tags[1:]].sum() + emissions[np.arange(len(tags)), tags].sum()
    return float(chain.start[tags[0]] + inner + chain.stop[tags[-1]])


def laid_out(sentences: Sequence[npt.NDArray[np.floating]]) -> tuple[Numbers, Rows, Rows]:
    """Lay out sentences, [T, K] each: emissions, [N, K], counts, [T], and each one's place by falling length, [B]."""
    lengths = np.array([len(one) for one in sentences])
    order = np.argsort(-lengths, kind="stable")
    counts = falling(lengths[order])
    owners = np.concatenate([np.arange(count) for count in counts.tolist()])
    step = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(lengths) - lengths
    flat = np.concatenate(sentences).astype(np.float64)
    return flat[starts[order][owners] + step], counts, order
