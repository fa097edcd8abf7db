"""Parquet and Arrow files: only what is needed becomes Python's, in pieces; the names of classes are read."""

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from tests.data.test_reading import examples, put

from gatewise.base.errors import DataError
from gatewise.data import arrow
from gatewise.data.reading import read

CLASSES = {"info": {"features": {"text": {"dtype": "string", "_type": "Value"},
                                 "label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}  # fmt: skip


def with_classes(labels: list[int]) -> pa.Table:
    table = pa.table({"text": [f"text {row}" for row in range(len(labels))], "label": labels})
    return table.replace_schema_metadata({"huggingface": json.dumps(CLASSES)})


def test_the_names_of_hugging_faces_classes(tmp_path: Path) -> None:
    pq.write_table(with_classes([1, 0, 1]), tmp_path / "train-00000-of-00001.parquet")
    pq.write_table(with_classes([-1, -1]), tmp_path / "test-00000-of-00001.parquet")
    dataset = read(tmp_path)
    assert [label for _, label, _ in examples(dataset.train)] == ["pos", "neg", "pos"]
    assert dataset.test is not None and not dataset.test.labelled  # -1: no label, as in a test part without answers


def test_feather_and_arrow(tmp_path: Path) -> None:
    table = with_classes([1, 0])
    feather.write_feather(table, tmp_path / "a.feather")
    with pa.OSFile(str(tmp_path / "b.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    for name in ("a.feather", "b.arrow"):
        part = read(tmp_path / name).train
        assert examples(part) == examples(part) == [("text 0", "pos", None), ("text 1", "neg", None)]
    with pytest.raises(DataError, match=r"c\.arrow is damaged or not Arrow"):
        read(put(tmp_path / "c.arrow", b"nothing of the kind"))


def test_columns_that_nobody_asks_for_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late, fine = pa.array([2**40, 0], pa.timestamp("s")), pa.array([1, 2], pa.timestamp("ns"))
    table = pa.table({
        "text": ["a long text", "another"], "label": ["x", "y"], "when": late, "fine": fine, "lists": [[1] * 9, []],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "data.parquet", store_schema=True)
    read_columns = set()
    values = arrow._values

    def spied(parts, column, *rest):
        read_columns.add(column)
        return values(parts, column, *rest)

    monkeypatch.setattr(arrow, "_values", spied)
    part = read(tmp_path / "data.parquet").train
    assert len(examples(part)) == 2 and read_columns == {"text", "label"}
    kept = [row["when"] for _, row in part.rows(["when"])] if part else []
    assert len(kept) == 2  # a date that Python does not have stays text


def test_values_inside_others(tmp_path: Path) -> None:
    table = pa.table({"review": [{"text": "some text", "n": 1}, {"text": "more text", "n": 2}], "label": [1.0, 2.0]})
    pq.write_table(table, tmp_path / "data.parquet")
    feather.write_feather(table, tmp_path / "data.feather")
    for name in ("data.parquet", "data.feather"):
        part = read(tmp_path / name, text_column="review.text", label_column="label").train
        assert examples(part) == [("some text", "1", None), ("more text", "2", None)]


def test_few_rows_are_decoded_at_once_where_a_value_may_be_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow, "MOST_BYTES", 1 << 20)
    rows = ["x" * 300_000] * 40
    pq.write_table(pa.table({"text": rows, "label": ["a", "b"] * 20}), tmp_path / "data.parquet", compression="gzip")
    sizes = []
    opened = pq.ParquetFile.iter_batches

    def spied(self, size, **given):
        sizes.append(size)
        return opened(self, size, **given)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spied)
    assert len(examples(read(tmp_path / "data.parquet").train)) == 40
    assert {*sizes} == {arrow.FEWEST_ROWS}


@pytest.mark.parametrize("cut", [4, 50, 300])
def test_a_damaged_file_is_one_line(tmp_path: Path, cut: int) -> None:
    pq.write_table(with_classes([1, 0]), tmp_path / "data.parquet")
    whole = (tmp_path / "data.parquet").read_bytes()
    with pytest.raises(DataError, match="is damaged or not Parquet") as caught:
        examples(read(put(tmp_path / "data.parquet", whole[:cut])).train)
    assert "\n" not in str(caught.value)


def test_a_date_is_no_label(tmp_path: Path) -> None:
    table = pa.table({"text": ["a long text", "another"], "when": [datetime.date(2020, 1, 1)] * 2})
    pq.write_table(table, tmp_path / "data.parquet")
    with pytest.raises(DataError, match="has a date as label"):
        examples(read(tmp_path / "data.parquet", label_column="when").train)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())])
def test_text_that_was_written_as_bytes_is_text(tmp_path: Path, kind: pa.DataType) -> None:
    columns = {"text": pa.array(["很好", "b"]).cast(kind), "label": pa.array(["x", "y"]).cast(kind)}
    pq.write_table(pa.table(columns | {"image": pa.array([b"\xff\x00", b""])}), tmp_path / "a.parquet")
    assert examples(read(tmp_path / "a.parquet").train) == [("很好", "x", None), ("b", "y", None)]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [b"\xff\x00", b""], "label": ["x", "y"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet, row 1 has no string 'text'"):
        examples(read(tmp_path / "a.parquet").train)


def test_the_index_of_a_data_frame_is_no_label(tmp_path: Path) -> None:
    columns = {"t": ["a long text"] * 2, "l": ["x", "y"], "__index_level_0__": [4, 7]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert [label for _, label, _ in examples(read(tmp_path / "a.parquet").train)] == ["x", "y"]


def test_offsets_that_go_back_are_refused_not_followed(tmp_path: Path) -> None:
    offsets, letters = pa.array([0, 5, 2, 6], pa.int32()).buffers()[1], pa.py_buffer(b"abcdef")
    texts = pa.StringArray.from_buffers(3, offsets, letters)
    table = pa.table({"text": texts, "label": ["x", "y", "x"]})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(DataError, match=r"a\.arrow is damaged or not Arrow"):
        examples(read(tmp_path / "a.arrow").train)
