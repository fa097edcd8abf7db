"""The companion equals a dictionary of n-grams and pieces, and its shares sum to its logits."""

import dataclasses
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.runtime import companion as module
from gatewise.runtime.batches import Sequences, gather
from gatewise.runtime.companion import (
    MULTIPLIER,
    PIECE,
    Companion,
    bias_logits,
    buckets_for,
    contributions,
    logits,
    pieces_of,
    present,
    size_of,
    words_of,
)
from gatewise.runtime.spelling import spelling_of, written
from gatewise.tasks.classify.companion import train_companion

TEXTS = st.lists(st.lists(st.integers(1, 9), max_size=12), min_size=1, max_size=8)


def sequences(texts: list[list[int]], targets: list[int] | None = None) -> Sequences:
    return gather([[np.array(text, dtype=np.int32) for text in texts]], targets, 10)


def slow_bucket(gram: tuple[int, ...], buckets: int, value: int = 0) -> int:
    for number in gram:
        value = (value ^ (number + 1)) * int(MULTIPLIER) % 2**64
        value ^= value >> 32
    return value % buckets


def occurrences(text: list[int], buckets: int) -> list[tuple[int, int, int]]:
    """Give place, order and bucket of every n-gram of a text."""
    return [
        (place, order, slow_bucket(tuple(text[place : place + order]), buckets))
        for order in (1, 2, 3)
        for place in range(len(text) - order + 1)
    ]


def drawn(columns: int, buckets: int = 64) -> Companion:
    random = np.random.default_rng(columns)
    return Companion(
        random.integers(-127, 128, (buckets, columns)).astype(np.int8),
        random.uniform(1e-5, 1e-3, columns).astype(np.float32),
        random.normal(size=columns).astype(np.float32),
    )


def slow_logits(companion: Companion, text: list[int]) -> np.ndarray:
    present = {bucket for _, _, bucket in occurrences(text, len(companion.table))}
    weights = companion.table.astype(float) * np.abs(companion.table.astype(float)) * companion.scale
    found = sum((weights[bucket] for bucket in present), start=companion.bias.astype(float))
    return np.array([-found[0] / 2, found[0] / 2]) if len(found) == 1 else found


@given(st.lists(st.integers(0, 2**32 - 1), max_size=9), st.integers(1, 3), st.integers(0, 22))
def test_companion_hash_is_the_documented_one(ids, order, bits):
    found = words_of(np.array(ids, dtype=np.uint32), order, 2**bits)
    assert len(found) == order
    grams = [tuple(ids[place : place + order]) for place in range(len(ids) - order + 1)]
    assert found[-1].tolist() == [slow_bucket(gram, 2**bits) for gram in grams]


def test_companion_hash_never_changes():
    """A stored table is read with this hash: other numbers here would spoil every saved model."""
    ids = np.array([0, 1, 29_999], dtype=np.uint16)
    found = [bucket.tolist() for bucket in words_of(ids, 3, 2**22)]
    assert found == [[3999148, 3803992, 2376964], [535917, 1970089], [2555970]]
    letters, _ = written("so", [(0, 2)])
    assert [bucket.tolist() for _, bucket in pieces_of(letters, 4, 2**22)] == [
        [143591, 656957], [465266, 1129287, 2308281], [135049, 3152581], [1340535],
    ]  # fmt: skip


def test_companion_hash_spreads_evenly():
    pairs = np.random.default_rng(0).integers(2, 3000, 40_000)
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    distinct = len({tuple(pair) for pair in np.stack([pairs[:-1], pairs[1:]], 1).tolist()})
    filled = len(np.unique(words_of(pairs, 2, 2**16)[1]))
    assert filled == pytest.approx(2**16 * (1 - np.exp(-distinct / 2**16)), rel=0.02)


@given(TEXTS, st.sampled_from([1, 3]), st.sampled_from([3, 1_000_000]))
def test_companion_logits_equal_a_dictionary(texts, columns, at_once):
    companion = drawn(columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TOKENS_AT_ONCE", at_once)
        found = logits(companion, sequences(texts))
    assert found.shape == (len(texts), 2 if columns == 1 else 3)
    np.testing.assert_allclose(found, [slow_logits(companion, text) for text in texts], atol=1e-9)


@given(TEXTS, st.sampled_from([1, 3]))
def test_companion_shares_and_bias_sum_to_the_logits(texts, columns):
    companion = drawn(columns)
    for text, row in zip(texts, logits(companion, sequences(texts)), strict=True):
        shares = contributions(companion, np.array(text, dtype=np.int32))
        assert shares.shape == (len(text), len(row))
        np.testing.assert_allclose(shares.sum(axis=0) + bias_logits(companion), row, rtol=0, atol=1e-9)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_companion_shares_equal_a_loop_over_occurrences(text):
    companion = drawn(1)
    found = occurrences(text, 64)
    times = Counter(bucket for _, _, bucket in found)
    expected = np.zeros(len(text))
    for place, order, bucket in found:
        weight = float(companion.table[bucket, 0]) * abs(float(companion.table[bucket, 0])) * float(companion.scale[0])
        expected[place : place + order] += weight / times[bucket] / order
    shares = contributions(companion, np.array(text, dtype=np.int32))
    np.testing.assert_allclose(shares[:, 1], expected / 2, atol=1e-12)
    np.testing.assert_allclose(shares[:, 0], -expected / 2, atol=1e-12)


WRITTEN = st.lists(st.text("ab !\N{GRINNING FACE}很", max_size=9), min_size=1, max_size=6)


def offsets(text: str) -> list[tuple[int, int]]:
    """Take runs of "a" and "b", and every other character but a space, as tokens."""
    return [match.span() for match in re.finditer("[ab]+|[^ ]", text)] or [(0, 0)]


def slow_pieces(text: str, pieces: int, buckets: int) -> list[tuple[set[int], int]]:
    """Give the tokens and the bucket of every piece of every word: what stands between spaces."""
    codes = {"\N{GRINNING FACE}": 0xF600 ^ 1}
    found = []
    for word in re.finditer("[^ ]+", text):
        for start in range(word.start() - 1, word.end()):
            for end in range(start + 1, min(word.end() + 1, start + pieces) + 1):
                within = [place for place in range(start, end) if word.start() <= place < word.end()]
                if within:
                    gram = tuple(codes.get(char, ord(char)) for char in f" {text} "[start + 1 : end + 1])
                    tokens = [n for n, (a, b) in enumerate(offsets(text)) for place in within if a <= place < b]
                    found.append((tokens, slow_bucket(gram, buckets, PIECE)))
    return found


@given(WRITTEN, st.integers(1, 4), st.integers(1, 6), st.sampled_from([3, 10**6]))
def test_companion_pieces_equal_a_dictionary_and_their_shares_a_loop(texts, words, pieces, at_once):
    companion = dataclasses.replace(drawn(3, 4096), words=words, pieces=pieces)
    table, scale = companion.table.astype(float), companion.scale.astype(float)
    ids = [[1 + ord(text[start]) % 8 if end else 1 for start, end in offsets(text)] for text in texts]
    spelt = [written(text, offsets(text)) for text in texts]
    spelling = spelling_of([letters for letters, _ in spelt])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TOKENS_AT_ONCE", at_once)
        found = logits(companion, dataclasses.replace(sequences(ids), spelling=spelling))
    for text, own, letters, row in zip(texts, ids, spelt, found, strict=True):
        grams = [
            (list(range(place, place + order)), slow_bucket(tuple(own[place : place + order]), 4096))
            for order in range(1, words + 1)
            for place in range(len(own) - order + 1)
        ]
        grams += slow_pieces(text, pieces, 4096)
        times = Counter(bucket for _, bucket in grams)
        expected = np.zeros((len(own), 3))
        for tokens, bucket in grams:
            for token in tokens:
                expected[token] += table[bucket] * np.abs(table[bucket]) * scale / times[bucket] / len(tokens)
        shares = contributions(companion, np.array(own, dtype=np.int32), *letters)
        np.testing.assert_allclose(shares, expected, atol=1e-9)
        np.testing.assert_allclose(shares.sum(axis=0) + bias_logits(companion), row, rtol=0, atol=1e-9)


def test_companion_refuses_to_read_pieces_of_texts_without_spelling():
    with pytest.raises(AssertionError, match="without their spelling"):
        next(present(sequences([[1]]), 64, 3, 5))


def test_companion_answers_depend_neither_on_order_nor_on_company():
    texts = np.random.default_rng(0).integers(1, 9, (50, 20)).tolist()
    together = logits(drawn(3), sequences(texts))
    assert (logits(drawn(3), sequences(texts[::-1]))[::-1] == together).all()
    assert (np.concatenate([logits(drawn(3), sequences([text])) for text in texts]) == together).all()


def test_companion_table_is_bounded():
    assert buckets_for(10, 2) == 2**12
    assert buckets_for(1000, 2) == 2**12 and buckets_for(1025, 2) == 2**13
    assert buckets_for(10**9, 2) == 2**22
    spelt = dataclasses.replace(sequences([[1, 2]]), spelling=spelling_of([written("so it", [(0, 2), (3, 5)])[0]]))
    assert size_of(sequences([[1, 2]])) == 2 and size_of(spelt) == 2 + 7 // 4
    assert buckets_for(10**9, 2, 2**20) == buckets_for(10**9, 2, 2**21 - 1) == 2**20
    assert buckets_for(10, 2, 2**20) == 2**12
    for classes in (3, 4, 5, 20, 256):
        assert 2**23 < buckets_for(10**9, classes) * classes <= 2**24
    assert train_companion(sequences([[1]] * 600, list(range(300)) * 2), 300) is None
