"""A user's file of words and labels."""

import gzip

import pytest

from gatewise.base.errors import DataError
from gatewise.data.dictionary import read_words


def test_read_words(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("New York\tLOC\n\n  \n深圳\t LOC \r\n", encoding="utf-8")
    assert list(read_words(path)) == [("New York", "LOC"), ("深圳", "LOC")]


def test_read_words_without_labels_where_there_is_but_one(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("深圳\n北京\tX\n".encode())
    assert list(read_words(path, default="")) == [("深圳", ""), ("北京", "X")]
    assert list(read_words(path, default="W")) == [("深圳", "W"), ("北京", "X")]


def test_read_words_compressed(tmp_path):
    path = tmp_path / "words.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tX\n"))
    assert list(read_words(path)) == [("a", "X")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tX\nb\n", "line 2 is 'b'; write a word, a tab and its label."),
        (b"\tX\n", "line 1 is 'X'; write a word"),
        (b"a\t\n", "line 1 is 'a'; write a word"),
        (b"a\xff\tX\n", "byte 0xff is not UTF-8"),
    ],
)
def test_read_words_says_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "words.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        list(read_words(path))


def test_read_words_of_no_file(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.tsv could not be read"):
        list(read_words(tmp_path / "nowhere.tsv"))
