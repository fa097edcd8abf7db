"""Hashed features: a slow reading of the same templates agrees, and nothing but what a template names moves a row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.runtime.features import (
    BEGUN,
    DENSE,
    ENDED,
    LONGEST,
    SPACE,
    TEMPLATES,
    attributes_of,
    from_bits,
    hashes_of,
    normal,
    seen,
    words_in,
)

MASK, MULTIPLIER = 2**64 - 1, 0x9E3779B97F4A7C15
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
sentences = st.lists(st.lists(words, min_size=1, max_size=6), min_size=1, max_size=4)


def mix(hashed: int, number: int) -> int:
    hashed = ((hashed ^ number) * MULTIPLIER) & MASK
    return hashed ^ hashed >> 32


def whole(word: str) -> int:
    hashed = len(word)
    for letter in word[:LONGEST]:
        hashed = mix(hashed, ord(letter))
    return hashed


def slow_hashes(given: list[list[str]], kind: str) -> list[list[int]]:
    """Hash token by token, template by template."""
    rows = []
    for sentence in given:
        own = [{name: int(part[0]) for name, part in attributes_of([word], kind).items()} for word in sentence]
        for at in range(len(sentence)):
            row = []
            for number, template in enumerate(TEMPLATES[kind]):
                hashed = number + 1
                for name, place in template:
                    near = at + place
                    value = int(BEGUN) if near < 0 else int(ENDED) if near >= len(sentence) else own[near][name]
                    hashed = mix(hashed, value)
                row.append(hashed % (SPACE // 2) + (SPACE // 2 if number >= DENSE[kind] else 0))
            rows.append(row)
    return rows


@pytest.mark.parametrize("kind", TEMPLATES)
@settings(max_examples=40, deadline=None)
@given(given=sentences)
def test_features_of_many_are_those_of_one_by_one(kind, given):
    assert hashes_of(words_in(given), kind).tolist() == slow_hashes(given, kind)


@given(word=words)
def test_features_an_attribute_is_what_it_says(word):
    found = {name: int(part[0]) for name, part in attributes_of([word, "x" * 60], "words").items()}
    assert found["word"] == whole(word)
    begin = 0
    for size in range(1, 5):
        begin = mix(begin, ord(word[size - 1])) if size <= len(word) else begin
        assert found[f"begin{size}"] == begin
    end = 0
    for size in range(1, 5):
        end = mix(end, ord(word[-size])) if size <= len(word) else end
        assert found[f"end{size}"] == end


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Berlin", "Paris", ["shape"]), ("BERLIN", "Berlin", ["lower"]), ("1996-08-22", "2001-1-2", ["shape"]),
        ("U.S.", "E.U.", ["shape"]), ("running", "jogging", ["shape", "end1", "end2", "end3"]),
        ("很", "好", ["shape"]), ("a", "ä", ["shape"]),
    ],
)  # fmt: skip
def test_features_words_share_what_they_should(one, other, alike):
    found = attributes_of([one, other], "words")
    shared = [name for name, part in found.items() if part[0] == part[1]]
    assert set(alike) <= set(shared)
    assert "word" not in shared and len(shared) <= len(alike) + 2


def test_features_a_long_word_is_cut_but_not_mistaken():
    longer = attributes_of(["a" * 100, "a" * 101, "a" * 48], "words")["word"]
    assert len({*longer.tolist()}) == 3


def test_features_of_neighbours_stop_at_the_border_of_a_sentence():
    alone, behind = words_in([["one", "two"]]), words_in([["zero"], ["one", "two"], ["three"]])
    np.testing.assert_array_equal(hashes_of(alone, "words"), hashes_of(behind, "words")[1:3])
    swapped = hashes_of(words_in([["two", "one"]]), "words")
    own = slice(0, DENSE["words"])
    np.testing.assert_array_equal(swapped[0, own], hashes_of(alone, "words")[1, own])
    assert (swapped[0] != hashes_of(alone, "words")[1]).any()


def test_features_of_nothing_and_of_an_empty_sentence():
    assert hashes_of(words_in([]), "words").shape == (0, len(TEMPLATES["words"]))
    assert words_in([[], ["a"], []]).starts.tolist() == [0, 0, 1, 1]
    assert hashes_of(words_in([[], ["a"], []]), "characters").shape == (1, len(TEMPLATES["characters"]))


@given(st.one_of(words, st.text("aB1-9²٣é", min_size=1)))
def test_features_normal_form_letter_by_letter(word):
    assert normal(word) == "".join("0" if letter.isdigit() else letter for letter in word.lower())


def test_features_normal_form():
    assert [normal(word) for word in ("Berlin", "1996-08-22", "B2B", "٣", "很")] == [
        "berlin", "0000-00-00", "b0b", "0", "很",
    ]  # fmt: skip


def test_features_known_are_those_seen_often_enough():
    hashes = np.array([[5, SPACE // 2 + 1], [5, 9], [7, SPACE // 2 + 1]], np.uint32)
    all_of_them, twice = seen(hashes, 1), seen(hashes, 2)
    assert all_of_them.hashes.tolist() == [5, 7, 9, SPACE // 2 + 1] and all_of_them.own == 3
    assert twice.hashes.tolist() == [5, SPACE // 2 + 1] and twice.own == 1
    assert twice.numbers[hashes].tolist() == [[1, 2], [1, 0], [0, 2]]
    again = from_bits(twice.bits())
    np.testing.assert_array_equal(again.hashes, twice.hashes)
    np.testing.assert_array_equal(again.numbers, twice.numbers)
