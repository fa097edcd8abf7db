"""Lines of given tokens: every token where it stands, JSON or plain by the first line."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.data.tokens import stream_tokens, tokens_of


def read(content: bytes) -> list[list[str]]:
    found = []
    for text, parts in stream_tokens(io.BytesIO(content), name="x"):
        for tokens, offsets in parts:
            assert [text[start:end] for start, end in offsets] == list(tokens)
        found.append([token for tokens, _ in parts for token in tokens])
    return found


@given(st.text())
def test_tokens_stand_where_they_are_said_to(text):
    whole, parts = tokens_of(text)
    assert whole == text
    assert [token for tokens, _ in parts for token in tokens] == text.split()
    for tokens, offsets in parts:
        assert [text[start:end] for start, end in offsets] == tokens


def test_tokens_that_repeat_stand_apart():
    assert tokens_of("a aa a")[1] == [(["a", "aa", "a"], [(0, 1), (2, 4), (5, 6)])]


def test_stream_of_plain_lines():
    assert read("one two\n\n  \nthree\u00a0four\n".encode()) == [["one", "two"], [], [], ["three", "four"]]


def test_stream_of_json_lines():
    assert read(b'["one", "two words"]\n\n{"tokens": ["three"], "id": 1}\n[]\n') == [
        ["one", "two words"],
        ["three"],
        [],
    ]


def test_stream_of_a_bracket_that_is_a_token():
    assert read(b"[ 1 ]\n[ 2 ] two\n") == [["[", "1", "]"], ["[", "2", "]", "two"]]


@pytest.mark.parametrize("line", [b'["a", 1]', b'{"text": "a"}', b'"a"', b'["a", ""]', b"[[]]"])
def test_stream_says_which_line_is_wrong(line):
    with pytest.raises(DataError, match="x, line 2 needs a JSON list of tokens"):
        read(b'["a"]\n' + line)
