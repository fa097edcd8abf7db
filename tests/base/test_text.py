"""Bytes become text, lines and values, or one sentence that names the place."""

import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base import text as decoding
from gatewise.base.errors import DataError
from gatewise.base.text import check_utf8, clean, decode, finite, json_text, json_values, numbered_lines

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\ufeff"))


@given(st.lists(texts, min_size=1))
def test_decoding_lines_come_back_numbered(lines):
    content = "\r\n".join(lines).encode() + b"\n"
    assert list(numbered_lines(io.BytesIO(content), "f")) == list(enumerate(lines, 1))


@given(st.binary(max_size=20))
def test_decoding_gives_the_text_or_names_the_byte(data):
    try:
        expected = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        with pytest.raises(DataError, match=r"^here: byte 0x[89a-f][0-9a-f] is not UTF-8; name .* file as UTF-8\.$"):
            decode(data, "here")
        assert error.object[error.start] >= 0x80
    else:
        assert decode(data, "here") == expected


def test_decoding_names_the_line_that_is_wrong():
    with pytest.raises(DataError, match=r"f, line 2: byte 0xff is not UTF-8"):
        list(numbered_lines(io.BytesIO(b"good\n\xff\n"), "f"))
    with pytest.raises(DataError, match=r"f, line 3 is not valid JSON .*; correct that line\.$"):
        list(json_values([(1, '"a"'), (2, " "), (3, "{")], "f"))
    with pytest.raises(DataError, match="is not valid JSON"):
        list(json_values([(1, "[" * 10**6)], "f"))


@given(st.lists(st.one_of(st.none(), st.integers(), texts, st.dictionaries(texts, texts)), max_size=5))
def test_decoding_json_values_come_back_with_their_lines(values):
    lines = [(number, json.dumps(value)) for number, value in enumerate(values, 1)]
    assert list(json_values([(0, "  "), *lines], "f")) == list(enumerate(values, 1))


def test_decoding_refuses_a_value_of_any_size(monkeypatch):
    monkeypatch.setattr(decoding, "LONGEST", 10)
    assert decode(b"x" * 10, "here") == "x" * 10
    with pytest.raises(DataError, match="here is longer than 10 bytes; split it"):
        decode(b"x" * 11, "here")
    with pytest.raises(DataError, match="f, line 1 is longer"):
        list(numbered_lines(io.BytesIO(b"x" * 30), "f"))


def test_decoding_finds_what_surrogateescape_let_through():
    assert check_utf8("good 👍", "here") == "good 👍"
    with pytest.raises(DataError, match="here: byte 0xe9"):
        check_utf8(b"caf\xe9".decode("utf-8", "surrogateescape"), "here")


def test_text_clean_replaces_lone_surrogates_one_for_one():
    assert clean("a\ud800b\udfff😀\ud83d") == "a\ufffdb\ufffd😀\ufffd"


def test_json_text_has_null_for_what_is_no_number():
    values = {"a": math.nan, "b": [math.inf, -math.inf, (1, 0.5)], "é": {"c": {"d": math.nan, "e": True}}, "f": "NaN"}
    plain = {"a": None, "b": [None, None, [1, 0.5]], "é": {"c": {"d": None, "e": True}}, "f": "NaN"}
    assert json.loads(json_text(values), parse_constant=pytest.fail) == finite(values) == plain
    assert json_text({"é": 1.5}) == '{"é": 1.5}' and json_text([1], indent=1) == "[\n 1\n]"
