"""A part's texts are read with other columns beside them, in order, and only with columns that are there."""

import json
from pathlib import Path

import pytest

from gatewise.base.errors import DataError
from gatewise.data.part import from_lists
from gatewise.data.reading import read


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text('id,text,label,movie\n001,"a ""b"", c",x,7\n002,,,\n')
    return path


def test_rows_carry_the_columns_asked_for(table: Path) -> None:
    part = read(table, labels=False).train
    assert part is not None
    assert list(part.rows(["id", "label"])) == [
        ('a "b", c', {"id": "001", "label": "x"}),
        ("", {"id": "002", "label": ""}),
    ]
    assert list(part.rows()) == list(part.rows()) == [('a "b", c', {}), ("", {})]
    assert next(iter(part.rows(["text"]))) == ('a "b", c', {"text": 'a "b", c'})


def test_rows_refuse_at_once_a_column_that_is_not_there(table: Path) -> None:
    part = read(table, labels=False).train
    assert part is not None
    with pytest.raises(
        DataError, match=r"data\.csv has no column 'nr'; its columns are 'id', 'text', 'label', 'movie'"
    ):
        part.rows(["nr"])
    assert list(from_lists(["a\ud800"]).rows()) == [("a\ufffd", {})]
    with pytest.raises(DataError, match="has no column 'id': it holds texts alone"):
        from_lists(["a"]).rows(["id"])


def test_rows_need_no_usable_group_and_a_row_may_lack_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"text": "a", "id": 1, "movie": 1.5}) + "\n" + json.dumps({"text": "b"}) + "\n")
    part = read(path, labels=False).train
    assert part is not None and list(part.rows(["id"])) == [("a", {"id": 1}), ("b", {"id": None})]
