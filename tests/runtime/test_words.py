"""Tokens of raw text: nothing but blanks is lost, and offsets are those of the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.runtime.words import RULES, rule_of, words_of

PIECES = [
    "a",
    "Berlin",
    "don't",
    "'s",
    " ",
    "\r\n",
    "\xa0",
    "\u200b",
    "😀",
    "👩\u200d👩\u200d👧",
    "🇩🇪",
    "é",
    "e\u0301",
    "中",
]
PIECES += ["国", "カ", "3", "1,000.5", "-", "..", "\ud800", "של", "\u2028", "U.S.", "@x", "\u0304"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=12).map("".join)


@given(TEXTS, st.sampled_from([*RULES]))
def test_words_lose_nothing_but_blanks(text: str, rule: str) -> None:
    places, end = words_of(text, rule), 0
    for start, stop in places:
        assert end <= start < stop and (start == end or text[end:start].isspace())
        assert not any(character.isspace() for character in text[start:stop])
        end = stop
    assert not text[end:].strip()


@pytest.mark.parametrize(
    ("rule", "text", "tokens"),
    [
        ("words", "Berlin's mayor didn't, don’t U.S. O'Brien", "Berlin 's mayor did n't , do n’t U . S . O ' Brien"),
        ("treebank", "Berlin's mayor didn't, don’t U.S. O'Brien", "Berlin 's mayor did n't , do n’t U.S. O'Brien"),
        ("words", "Anglo-American 1996-08-22 $1,000.5", "Anglo - American 1996 - 08 - 22 $ 1,000.5"),
        ("treebank", "Anglo-American 1996-08-22, $1,000.5", "Anglo-American 1996-08-22 , $ 1,000.5"),
        ("treebank", "Mr. Li (www.x.com/a) a@b.co 3rd...", "Mr. Li ( www.x.com/a ) a@b.co 3rd ..."),
        ("words", "在北京iPhone很好。", "在 北 京 iPhone 很 好 。"),
        ("treebank", "在北京iPhone很好。", "在 北 京 iPhone 很 好 。"),
        ("characters", "北京ab 12e\u0301", "北 京 a b 1 2 e\u0301"),
        ("words", "👩‍👩‍👧🇩🇪😀!!", "👩‍👩‍👧 🇩🇪 😀 !!"),
    ],
)
def test_words_by_each_rule(rule: str, text: str, tokens: str) -> None:
    assert [text[start:end] for start, end in words_of(text, rule)] == tokens.split()


@pytest.mark.parametrize(
    ("sentence", "rule"),
    [
        ("Anglo-American banks of the U.S. did n't", "treebank"),
        ("Anglo - American banks did n't", "words"),
        ("a good film", "words"),
    ],
)
def test_words_rule_of_given_tokens(sentence: str, rule: str) -> None:
    places, place = [], 0
    for token in sentence.split():
        places.append((place, place + len(token)))
        place += len(token) + 1
    assert rule_of([(sentence, places)]) == rule
    assert rule_of([("1990年Intel", [(place, place + 1) for place in range(10)])]) == "characters"


def test_words_rule_of_looks_at_so_many() -> None:
    texts = iter([("U.S. x", [(0, 4), (5, 6)])] * 5 + [("ab", [(0, 1), (1, 2)])] * 100)
    assert rule_of(texts, most=5) == "treebank"
