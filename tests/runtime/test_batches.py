"""Every text once an epoch, within the budget, in an order of (seed, epoch) alone, with little padding."""

import dataclasses
import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.settings import TokenizerConfig
from gatewise.data.vocabulary import train_tokenizer
from gatewise.runtime.batches import (
    Sequences,
    collate,
    cut,
    encoded,
    fingerprint,
    gather,
    in_order_of_length,
    join,
    offsets_of,
    plan,
    share_out,
    shortened,
    windows,
)
from gatewise.runtime.tokenizer import left_out

lengths_of = st.lists(st.integers(1, 300), max_size=200).map(lambda values: np.array(values, dtype=np.int64))
budgets = st.tuples(st.integers(1, 2000), st.integers(1, 40))


kinds = st.tuples(st.sampled_from(["ids", "rows"]), st.sampled_from(["sequence", "step"]), st.booleans())
IDS = ("ids", "sequence", False)


def sequences_of(lengths, seed: int = 0, kind=IDS) -> Sequences:
    """Make sequences of ids or of rows of two floats, with a class or three floats for each sequence or step."""
    (steps, per, floats), random = kind, np.random.default_rng(seed)
    total = int(np.sum(lengths))
    flat = random.normal(size=(total, 2)).astype(np.float32)
    if steps == "ids":
        flat = random.integers(1, 1000, total).astype(np.uint16)
    count = total if per == "step" else len(lengths)
    targets = random.normal(size=(count, 3)).astype(np.float32) if floats else random.integers(0, 3, count)
    return Sequences(flat, offsets_of(lengths), targets, per)


def each_of(sequences: Sequences) -> list[tuple[list, list]]:
    """Give each sequence's steps and its target or targets, one by one, and nothing is left over."""
    apart = []
    assert (sequences.starts[0], sequences.starts[-1]) == (0, len(sequences.steps))
    assert len(sequences.targets) == (len(sequences.steps) if sequences.per == "step" else len(sequences))
    for row in range(len(sequences.starts) - 1):
        places = range(sequences.starts[row], sequences.starts[row + 1])
        targets = [sequences.targets[place].tolist() for place in (places if sequences.per == "step" else [row])]
        apart.append(([sequences.steps[place].tolist() for place in places], targets))
    return apart


@given(lengths_of, budgets, st.integers(0, 2**31 - 1), st.integers(0, 100))
def test_batching_plan_shows_each_text_once_within_the_budget(lengths, budget, seed, epoch):
    batch_tokens, batch_texts = budget
    batches = plan(lengths, batch_tokens=batch_tokens, batch_texts=batch_texts, seed=seed, epoch=epoch)
    assert sorted(row for rows in batches for row in rows.tolist()) == list(range(len(lengths)))
    for rows in batches:
        assert 1 <= len(rows) <= batch_texts
        assert len(rows) * lengths[rows].max() <= batch_tokens or len(rows) == 1  # a longer text alone


@given(lengths_of.filter(lambda lengths: len(lengths) > 0), budgets)
def test_batching_cut_fills_batches_up(lengths, budget):
    batch_tokens, batch_texts = budget
    order = np.argsort(-lengths, kind="stable")
    batches = cut(order, lengths, batch_tokens, batch_texts)
    assert np.concatenate(batches).tolist() == order.tolist()
    for rows in batches[:-1]:  # one text more would break a limit
        assert len(rows) == batch_texts or (len(rows) + 1) * lengths[rows].max() > batch_tokens


def test_batching_plan_is_a_function_of_seed_and_epoch_alone():
    lengths = np.random.default_rng(0).integers(1, 50, 300)

    def flat(seed, epoch):
        return [rows.tolist() for rows in plan(lengths, batch_tokens=400, batch_texts=8, seed=seed, epoch=epoch)]

    first = flat(1, 0)
    np.random.seed(5)  # noqa: NPY002 - the global state must not matter
    assert flat(1, 0) == first
    others = [flat(1, 1), flat(2, 0), flat(0, 1), flat(2, 1)]
    assert all(other != first for other in others)
    assert sorted(map(len, first)) != [] and len({str(other) for other in others}) == 4
    code = (
        "import numpy as np; from gatewise.runtime.batches import plan;"
        "lengths = np.random.default_rng(0).integers(1, 50, 300);"
        "print([rows.tolist() for rows in plan(lengths, batch_tokens=400, batch_texts=8, seed=1, epoch=0)])"
    )
    other_process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other_process.stdout.strip() == str(first)


def test_batching_plan_mixes_lengths_and_companions():
    lengths = np.random.default_rng(0).integers(1, 50, 2000)
    first, second = (plan(lengths, batch_tokens=400, batch_texts=8, seed=1, epoch=epoch) for epoch in (0, 1))
    longest = np.array([lengths[rows].max() for rows in first])
    assert 0.35 < np.mean(np.diff(longest) > 0) < 0.65  # batches come in no order of length
    companions = {frozenset(rows.tolist()) for rows in first}
    assert np.mean([frozenset(rows.tolist()) in companions for rows in second]) < 0.1


@pytest.mark.parametrize(
    ("budget", "pool"),
    [((300, 4), 400), ((30, 8), 300), ((5, 8), 100), ((100_000, 1), 100)],  # of texts, by mean length 10 or alone
)
def test_batching_plan_sorts_by_length_within_a_pool_of_a_hundred_batches(budget, pool):
    """A larger pool would be the whole data set, and every epoch would have the same neighbours."""
    lengths = np.random.default_rng(0).permutation(np.arange(1, 2000)) % 19 + 1
    assert lengths.mean() == pytest.approx(10, abs=0.05)
    batches = plan(lengths, batch_tokens=budget[0], batch_texts=budget[1], seed=3, epoch=5)
    drawn = np.random.default_rng((3, 5)).permutation(len(lengths))
    pool_of = np.argsort(drawn) // pool
    assert all(len(set(pool_of[rows])) == 1 for rows in batches)
    for number in range(-(-len(lengths) // pool)):
        inside = [lengths[rows] for rows in batches if pool_of[rows[0]] == number]
        inside.sort(key=lambda some: (-some.max(), -some.min()))
        assert all(longer.min() >= shorter.max() for longer, shorter in pairwise(inside))


@pytest.mark.parametrize("texts", [25_000, 3_000])
def test_batching_padding_stays_under_five_percent_on_lengths_like_imdbs(texts):
    # Log-normal with median 200; the sigma that gives p90 = 528 is ln(528 / 200) / 1.2816, near p99 = 1042's.
    lengths = np.exp(np.random.default_rng(0).normal(np.log(200), np.log(528 / 200) / 1.2816, texts))
    assert np.quantile(lengths, 0.9) == pytest.approx(528, rel=0.05)
    lengths = np.clip(lengths, 1, 1042).astype(np.int64)
    for batch_tokens, batch_texts in ((16_384, 64), (16_384, 32), (8_192, 64)):
        batches = plan(lengths, batch_tokens=batch_tokens, batch_texts=batch_texts, seed=1, epoch=0)
        cells = sum(len(rows) * int(lengths[rows].max()) for rows in batches)
        assert 1 - lengths.sum() / cells < 0.05


@given(lengths_of.filter(lambda lengths: len(lengths) > 0), st.integers(0, 9), kinds)
def test_batching_collate_equals_a_slow_loop(lengths, seed, kind):
    sequences = sequences_of(lengths, kind=kind)
    rows = np.random.default_rng(seed).permutation(len(lengths))[:7]
    batch, apart = collate(sequences, rows), each_of(sequences)
    time = max(int(lengths[row]) for row in rows)
    nothing = [math.nan] * 3 if kind[2] else -1
    for column, row in enumerate(rows):
        steps, targets = apart[row]
        filler = [0] * (time - len(steps))
        assert batch.inputs[:, column].tolist() == steps + [0 if kind[0] == "ids" else [0, 0] for _ in filler]
        if kind[1] == "step":
            np.testing.assert_array_equal(batch.targets[:, column], np.array(targets + [nothing for _ in filler]))
        else:
            assert batch.targets[column].tolist() == targets[0]
    assert batch.inputs.shape[:2] == (time, len(rows)) and batch.per == kind[1]
    np.testing.assert_array_equal(batch.lengths, [lengths[row] for row in rows])
    np.testing.assert_array_equal(batch.rows, rows)
    assert batch.inputs.dtype == (np.int64 if kind[0] == "ids" else np.float32)  # what torch takes
    assert batch.targets.dtype == (np.float32 if kind[2] else np.int64) and batch.lengths.dtype == np.int64
    assert batch.padding == pytest.approx(1 - sum(lengths[rows]) / (time * len(rows)))


def test_batching_collate_takes_very_many_texts():
    sequences = sequences_of([3] * 1500 + [5] * 10)
    batch = collate(sequences, np.arange(1510))
    assert batch.inputs.shape == (5, 1510)
    np.testing.assert_array_equal(batch.inputs[:3, :1500].T.ravel(), sequences.steps[:4500])
    assert batch.lengths.tolist() == [3] * 1500 + [5] * 10


@given(lengths_of.filter(lambda lengths: len(lengths) > 0), kinds, st.booleans())
def test_batching_gather_takes_ids_and_rows_and_targets_of_each(lengths, kind, known):
    sequences = sequences_of(lengths, kind=kind)
    parts = np.split(sequences.steps, sequences.starts[1:-1])
    vocab_size = 1000 if kind[0] == "ids" else None
    again = gather([parts[:2], [], parts[2:]], sequences.targets if known else None, vocab_size, kind[1])
    assert again.steps.dtype == sequences.steps.dtype and again.per == kind[1]
    if known:
        assert each_of(again) == each_of(sequences) and again.targets.dtype == sequences.targets.dtype
    else:
        assert again.targets.tolist() == [-1] * (len(again.steps) if kind[1] == "step" else len(lengths))


@given(st.lists(st.lists(st.lists(st.integers(0, 60_000), min_size=1, max_size=9), max_size=5), max_size=5))
def test_batching_gather_keeps_every_id_in_order(batches):
    encoded = [[np.array(text, dtype=np.int32) for text in batch] for batch in batches]
    texts = [text for batch in batches for text in batch]
    sequences = gather(iter(encoded), list(range(len(texts))), 60_001)
    assert len(sequences) == len(texts)
    found = [sequences.steps[a:b].tolist() for a, b in zip(sequences.starts, sequences.starts[1:], strict=False)]
    assert found == texts
    assert sequences.lengths.tolist() == [len(text) for text in texts]
    assert sequences.targets.tolist() == list(range(len(texts)))
    unlabelled = gather(iter(encoded), None, 60_001)
    assert unlabelled.targets.tolist() == [-1] * len(texts)


@pytest.mark.parametrize(
    ("vocab_size", "dtype"), [(2, np.uint16), (2**16, np.uint16), (2**16 + 1, np.uint32), (10**6, np.uint32)]
)
def test_batching_gather_takes_two_bytes_where_they_suffice(vocab_size, dtype):
    largest = np.array([0, vocab_size - 1], dtype=np.int32)
    sequences = gather([[largest]], None, vocab_size)
    assert sequences.steps.dtype == dtype
    assert sequences.steps.tolist() == [0, vocab_size - 1]
    assert collate(sequences, np.array([0])).inputs[:, 0].tolist() == [0, vocab_size - 1]


@pytest.mark.parametrize("most", [8, 9, 11, 40, 1000])
def test_batching_shortened_texts_are_those_of_a_tokenizer_with_that_limit(most):
    lengths = [1, 7, 8, 9, 10, 11, 12, 39, 40, 41, 300]
    texts = [" ".join(f"w{place}" for place in range(length)) for length in lengths]
    tokenizer = train_tokenizer([texts], TokenizerConfig(min_count=1, max_tokens=1000))
    whole, expected = (
        gather([some.encode_batch(texts)], range(len(texts)), 2**17) for some in (tokenizer, tokenizer.limited(most))
    )
    found = shortened(whole, most)
    assert found.steps.dtype == np.uint32 and found.steps.tolist() == expected.steps.tolist()
    assert found.starts.tolist() == expected.starts.tolist() and found.targets.tolist() == list(range(len(texts)))
    assert shortened(whole, 0) is whole


@given(lengths_of, st.integers(8, 60), kinds)
def test_batching_shortened_keeps_the_targets_of_what_it_keeps(lengths, most, kind):
    sequences = sequences_of(lengths, kind=kind)
    kept = shortened(sequences, most)
    expected = []
    for steps, targets in each_of(sequences):
        gap = left_out(len(steps), most) if len(steps) > most else slice(0, 0)
        inside = [place for place in range(len(steps)) if not gap.start <= place < gap.stop]
        shorter = [targets[place] for place in inside] if kind[1] == "step" else targets
        expected.append(([steps[place] for place in inside], shorter))
    assert each_of(kept) == expected and kept.per == kind[1]


@given(lengths_of, st.lists(st.integers(0, 199), max_size=20), kinds)
def test_batching_select_equals_a_slow_loop(lengths, rows, kind):
    sequences = sequences_of(lengths, kind=kind)
    rows = np.array([row for row in rows if row < len(lengths)], dtype=np.int64)
    some, apart = sequences.select(rows), each_of(sequences)
    assert each_of(some) == [apart[row] for row in rows] and some.per == kind[1]
    assert some.lengths.tolist() == lengths[rows].tolist() and len(some) == len(rows)
    assert (some.steps.dtype, some.targets.dtype) == (sequences.steps.dtype, sequences.targets.dtype)


@given(lengths_of, budgets)
def test_batching_in_order_of_length_gives_each_text_once_longest_first(lengths, budget):
    batch_tokens, batch_texts = budget
    sequences = sequences_of(lengths)
    batches = list(in_order_of_length(sequences, batch_tokens=batch_tokens, batch_texts=batch_texts))
    rows = [row for batch in batches for row in batch.rows.tolist()]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths.tolist(), reverse=True)
    assert all(batch.inputs.size <= batch_tokens or len(batch.rows) == 1 for batch in batches)


def test_batching_of_nothing_is_nothing():
    empty = gather([], [], 10)
    assert len(empty) == 0 and empty.starts.tolist() == [0] and empty.lengths.tolist() == []
    assert len(gather([[]], None, 10)) == 0
    assert plan(empty.lengths, batch_tokens=100, batch_texts=4, seed=0, epoch=0) == []
    assert list(in_order_of_length(empty, batch_tokens=100, batch_texts=4)) == []
    assert len(sequences_of([3, 2]).select(np.array([], dtype=np.int64))) == 0


@given(lengths_of, st.integers(1, 50), kinds)
def test_batching_windows_cut_each_text_into_near_equal_pieces_in_order(lengths, longest, kind):
    sequences = sequences_of(lengths, kind=kind)
    pieces = windows(sequences, longest)
    assert pieces.lengths.max(initial=0) <= longest and pieces.per == kind[1]
    assert set(sequences.starts) <= set(pieces.starts)  # no piece holds two texts
    assert np.array_equal(pieces.steps, sequences.steps)
    if kind[1] == "step":
        assert np.array_equal(pieces.targets, sequences.targets)
    else:
        assert pieces.targets.tolist() == [-1] * len(pieces)
    for row, length in enumerate(lengths):
        inside = (pieces.starts[:-1] >= sequences.starts[row]) & (pieces.starts[1:] <= sequences.starts[row + 1])
        assert inside.sum() == -(-length // longest)
        assert np.ptp(pieces.lengths[inside]) <= 1


@given(lengths_of, lengths_of, kinds)
def test_batching_join_puts_texts_behind_each_other(first, second, kind):
    parts = [sequences_of(first, kind=kind), sequences_of(second, 1, kind)]
    joined = join(parts)
    assert each_of(joined) == each_of(parts[0]) + each_of(parts[1]) and joined.per == kind[1]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 6), kinds)
def test_batching_share_out_deals_every_text_to_one_share_of_like_work(lengths, shares, kind):
    ordered = np.array(sorted(lengths, reverse=True))
    sequences = sequences_of(ordered, kind=kind)
    dealt = share_out(collate(sequences, np.arange(len(ordered))), shares)
    assert len(dealt) == min(shares, len(ordered))
    assert sorted(row for share in dealt for row in share.rows.tolist()) == list(range(len(ordered)))
    for share in dealt:
        alone = collate(sequences, share.rows)
        assert share.per == alone.per == kind[1] and share.inputs.flags.c_contiguous
        for name in ("inputs", "lengths", "targets", "rows"):
            np.testing.assert_array_equal(getattr(share, name), getattr(alone, name))
    work = [share.lengths.sum() for share in dealt]
    assert max(work) - min(work) <= ordered[0]  # by no more than the longest text


def test_batches_carry_spelling_where_a_companion_reads_it():
    tokenizer = train_tokenizer([["so it is", "it was so"]], TokenizerConfig(min_count=1))
    texts = ["So it is", "", "wassss", "it is"]
    plain, spelt = (encoded(tokenizer, [texts[:2], texts[2:]], spelt=flag) for flag in (False, True))
    assert plain.spelling is None and plain.steps.tolist() == spelt.steps.tolist()
    assert fingerprint("x", plain) != fingerprint("x", spelt)

    def written(sequences):
        starts = sequences.spelling.starts
        return ["".join(map(chr, sequences.spelling.letters[a:b])) for a, b in pairwise(starts.tolist())]

    assert written(spelt) == [" so it is ", "  ", " wassss ", " it is "]
    assert written(spelt.select(np.array([3, 0, 3]))) == [" it is ", " so it is ", " it is "]
    assert written(join([spelt, spelt.select(np.array([2]))])) == [*written(spelt), " wassss "]
    assert join([spelt, plain]).spelling is None and join([plain, plain]).spelling is None
    assert shortened(spelt, 0) is spelt and shortened(spelt, 2).spelling is None and windows(spelt, 2).spelling is None
    assert collate(spelt, np.array([0, 3])).inputs.tolist() == collate(plain, np.array([0, 3])).inputs.tolist()


def test_batches_of_text_end_with_the_one_that_makes_enough():
    tokenizer = train_tokenizer([["so it is"]], TokenizerConfig(min_count=1))
    batches = iter([["so it"], ["is"], ["so so"], ["it"]])
    assert len(encoded(tokenizer, batches, enough=3)) == 2 and next(batches) == ["so so"]


def test_batches_carry_weights_wherever_their_sequences_go():
    ids = [np.arange(1, 2 + row) for row in range(6)]
    plain = gather([ids], list(range(6)), 100)
    weighed = dataclasses.replace(plain, weights=np.arange(1, 7, dtype=np.float32))
    assert weighed.select(np.array([4, 1])).weights.tolist() == [5, 2]
    assert shortened(weighed, 2).weights.tolist() == [1, 2, 3, 4, 5, 6]
    assert join([plain, weighed]).weights.tolist() == [1] * 6 + [1, 2, 3, 4, 5, 6]
    assert join([plain, plain]).weights is None and collate(plain, np.array([0])).weights is None
    batch = collate(weighed, np.array([5, 3, 0]))
    assert batch.weights.tolist() == [6, 4, 1]
    assert [share.weights.tolist() for share in share_out(batch, 2)] == [[6, 1], [4]]
    assert fingerprint("x", plain) != fingerprint("x", weighed)
