"""Every format gives the same rows; every bad file gives one sentence that names the place."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.test_reading import ROWS, examples, put, write

from gatewise.base.errors import DataError, MissingExtra
from gatewise.data.reading import read

FORMATS = ["csv", "tsv", "jsonl", "ndjson", "parquet"]


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_formats_agree_and_read_again(tmp_path: Path, kind: str) -> None:
    dataset = read(write(tmp_path / f"data.{kind}", ROWS))
    assert dataset.train is not None and dataset.train.labelled and not dataset.train.grouped
    assert (dataset.dev, dataset.test, dataset.unlabelled) == (None, None, None)
    for _ in range(2):
        assert examples(dataset.train) == [(text, label, None) for text, label in ROWS]


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
tables = st.lists(st.tuples(cells, cells.filter(str.strip)), min_size=1, max_size=20)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=tables)
def test_formats_round_trip(tmp_path: Path, kind: str, rows: list[tuple[str, str]]) -> None:
    expected = [(text, label.strip(), None) for text, label in rows]
    quoting = "minimal" if kind == "tsv" else "auto"  # a value with tabs and line ends is refused unless that is said
    assert examples(read(write(tmp_path / f"data.{kind}", rows), quoting=quoting).train) == expected


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_very_long_text(tmp_path: Path, kind: str) -> None:
    text = "word, " * 850_000
    assert examples(read(write(tmp_path / f"data.{kind}", [(text, "a"), ("b", "c")])).train)[0][0] == text


def test_formats_csv_byte_order_mark_line_ends_and_blank_lines(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        data = put(tmp_path / "data.CSV", "\ufefftext,label" + end + "a,1" + end + end + "b,001" + end)
        assert examples(read(data).train) == [("a", "1", None), ("b", "001", None)]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (pa.array([0, 1], pa.int8()), ["0", "1"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        (pa.array(["x", "y"], pa.large_string()), ["x", "y"]),
    ],
)
def test_formats_parquet_labels_become_strings(tmp_path: Path, labels: pa.Array, shown: list[str]) -> None:
    pq.write_table(pa.table({"text": ["a", None], "label": labels}), tmp_path / "data.parquet")
    assert examples(read(tmp_path / "data.parquet").train) == [("a", shown[0], None), ("", shown[1], None)]


def test_formats_jsonl_replaces_lone_surrogates(tmp_path: Path) -> None:
    data = put(
        tmp_path / "data.jsonl", '{"text": "a\\ud800b \\ud83d\\ude00", "label": 1}\n{"text": null, "label": true}\n'
    )
    assert examples(read(data).train) == [("a\ufffdb 😀", "1", None), ("", "true", None)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", r"a\.csv has no rows"),
        ("a.csv", "text,label\n", r"a\.csv has no rows"),
        ("a.csv", b"text,label\nfine,x\ncaf\xe9,y\n", r"row 3: byte 0xe9 is not UTF-8"),
        ("a.csv", 'text,label\n"a\nb",x\nc,d,e\n', r"row 3 has 3 values where the header has 2"),
        ("a.csv", "text,label\na,x\nb\n", r"row 3 has 1 values where the header has 2"),
        ("a.csv", 'text,label\na,x\n"b,y\n', r"row 3 cannot be read \(unexpected end of data\)"),
        ("a.csv", "text,label\na,x\nb, \n", r"row 3 has an empty 'label'"),
        ("a.jsonl", "\n\n", r"a\.jsonl has no rows"),
        ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": "\xff", "label": 1}\n', r"line 2: byte 0xff is not UTF-8"),
        ("a.jsonl", '{"text": "a", "label": 1}\n\n{"text": }\n', r"line 3 is not valid JSON"),
        ("a.jsonl", '{"text": "a", "label": 1}\n' + "[" * 100_000 + "\n", r"line 2 is not valid JSON"),
        ("a.jsonl", '{"text": "a", "label": 1}\n["b", 1]\n', r"line 2 needs an object"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"label": 1}\n', r"row 2 has no string 'text'"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text": 3, "label": 1}\n', r"row 2 has no string 'text'"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text": "b"}\n', r"row 2 has an empty 'label'"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text": "b", "label": NaN}\n', r"row 2 has an empty 'label'"),
        ("a.jsonl", '{"text": "a", "label": 1.5}\n', r"row 1 has a float as label or group"),
        ("a.parquet", b"PAR1 but no more", r"a\.parquet is damaged or not Parquet"),
        ("a.xlsx", b"PK", r"a\.xlsx has no known format"),
        ("a.tar.gz", b"no archive", r"a\.tar\.gz is damaged or not a \.tar\.gz"),
    ],
)
def test_formats_refuses_bad_files(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        examples(read(put(tmp_path / name, content)).train)
    assert "\n" not in str(caught.value)


def test_formats_refuses_parquet_text_that_is_not_utf8(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 2, [None, *pa.array([b"a", b"\xff"]).buffers()[1:]])
    pq.write_table(pa.table({"text": bad, "label": ["x", "y"]}), tmp_path / "data.parquet")
    with pytest.raises(DataError, match=r"0xff .*row 2\)"):
        examples(read(tmp_path / "data.parquet").train)


def test_formats_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(tmp_path / "data.parquet", ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"needs pyarrow, .*'gatewise\[train\]'"):
        read(data)


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "run git lfs pull"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "run git lfs pull"),
        ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "run git lfs pull"),
        ("a.csv", b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html></html>", "a page of the web"),
        ("a.tsv", b"<HTML><body>", "a page of the web"), ("a.csv", b"\x1f\x8b\x08\x00", "ends in .gz"),
        ("a", b"\x1f\x8b\x08\x00", "ends in .gz"), ("a.csv", b"PK\x03\x04\x14\x00", "a spreadsheet"),
        ("a.csv", b"PAR1\x15\x04", "ends in .parquet"), ("a.csv", b"ARROW1\0\0", "ends in .arrow"),
        ("a.csv", b'{"text": "a, b", "label": "x"}\n', "ends in .jsonl"),
        ("a.tsv", b'[{"text": "a"}]', "ends in .jsonl"),
    ],
)  # fmt: skip
def test_formats_what_is_of_another_kind_than_its_name_says_is_named(
    tmp_path: Path, name: str, content: bytes, hint: str
) -> None:
    with pytest.raises(DataError, match=hint):
        read(put(tmp_path / name, content))


def test_formats_a_text_may_begin_as_a_page_or_as_json(tmp_path: Path) -> None:
    for name, content in (("a.txt", "<html> is a tag\nPar1 is a text\n"), ("b.txt", '{"text": 1}\n[{"a": 1}]\n')):
        assert len(examples(read(put(tmp_path / name, content), labels=False).train)) == 2
    assert len(examples(read(put(tmp_path / "c.csv", "text,label\nPK,x\n{a},y\n")).train)) == 2
