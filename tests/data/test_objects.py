"""JSON in the forms that people have it."""

import io
import json
from pathlib import Path

import pytest
from tests.data.test_reading import examples, put

from gatewise.base.errors import DataError
from gatewise.data.objects import PIECE, _stream
from gatewise.data.reading import read

ROWS = [{"text": 'a "b" [c] {d}', "label": "pos"}, {"text": "é 很好\n", "label": "neg"}, {"text": "", "label": "pos"}]
EXPECTED = [(row["text"], row["label"], None) for row in ROWS]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(map(json.dumps, ROWS)), json.dumps(ROWS), json.dumps(ROWS, indent=2), "\ufeff" + json.dumps(ROWS),
        "\n".join(json.dumps(row, indent=2) for row in ROWS), " ".join(map(json.dumps, ROWS)), "  [ ]  ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_lines_arrays_and_objects_one_after_the_other(tmp_path: Path, content: str, suffix: str) -> None:
    data = put(tmp_path / f"data.{suffix}", content)
    if not content.strip(" []"):
        with pytest.raises(DataError, match="has no rows"):
            read(data)
    elif suffix == "jsonl" and not content.lstrip("\ufeff").startswith("[") and content.count("\n") != 2:
        with pytest.raises(DataError, match="line 1 is not valid JSON"):
            read(data)
    else:
        assert examples(read(data).train) == EXPECTED


def test_an_array_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    rows = [{"text": "long " * (PIECE // 2) if row == 3 else f"text {row}", "label": row % 2} for row in range(9_000)]
    got = examples(read(put(tmp_path / "data.json", json.dumps(rows))).train)
    assert [(text, label) for text, label, _ in got] == [(row["text"], str(row["label"])) for row in rows]


def test_values_inside_others_are_named_by_their_path(tmp_path: Path) -> None:
    rows = [{"id": row, "review": {"text": f"some text {row}", "by": {"name": "x"}}, "stars": 5} for row in range(3)]
    data = put(tmp_path / "data.json", "\n".join(map(json.dumps, rows)))
    part = read(data, text_column="review.text", label_column="stars").train
    assert examples(part)[2] == ("some text 2", "5", None)
    with pytest.raises(DataError, match=r"no column 'text'; .* 'review\.text', 'review\.by\.name', 'stars'"):
        read(data, text_column="text")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"text": "a", "label": 1}, {"text": "b", ]', "item 2 is not valid JSON"),
        ('[{"text": "a", "label": 1}, 3]', "item 2 needs an object"),
        ('{"data": [{"text": "a"}]}', "one object whose 'data' holds the rows"),
        ('{\n"data": [{"text": "a"}]\n}', "one object whose 'data' holds the rows"),
        ("[" * 100_000, "is not valid JSON"),
        ('[{"text": "' + "x" * 200_000, "item 1 is not valid JSON"),
    ],
)
def test_what_is_wrong_is_said_by_its_place(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        examples(read(put(tmp_path / "data.json", content)).train)


def test_whole_floats_are_labels(tmp_path: Path) -> None:
    data = put(tmp_path / "data.jsonl", '{"text": "a", "label": 5.0}\n{"text": "b", "label": 1}\n')
    assert [label for _, label, _ in examples(read(data).train)] == ["5", "1"]


@pytest.mark.parametrize(
    "content",
    [
        {"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}}, {"text": ["a", "b"], "label": ["x", "y"]},
    ],
)  # fmt: skip
def test_an_object_of_columns_is_refused_with_a_way_on(tmp_path: Path, content: object) -> None:
    with pytest.raises(
        DataError, match=r"holds a column a key; write one object a row .* orient='records', lines=True"
    ):
        read(put(tmp_path / "a.json", json.dumps(content)))


@pytest.mark.parametrize(
    "row",
    [
        {"text": "a", "tokens": ["a"], "tags": ["b"]}, {"review": {"text": "a"}, "of": {"text": "b"}},
        {"review": {"0": "a"}, "of": {"1": "b"}}, {"a": ["x", "y"], "review": {"text": "a"}},
    ],
)  # fmt: skip
def test_a_row_of_lists_and_objects_is_a_row(tmp_path: Path, row: dict[str, object]) -> None:
    data = put(tmp_path / "a.jsonl", json.dumps(row))
    column = "text" if "text" in row else "review.0" if "of" in row and "0" in str(row) else "review.text"
    assert [text for text, _, _ in examples(read(data, text_column=column, labels=False).train)] == ["a"]


def test_rows_that_hold_nothing_are_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column clearly of texts; its rows hold nothing"):
        read(put(tmp_path / "a.json", "{}"))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('[{"text": "a"}]\n[{"text": "b"}]', "holds more after item 1"),
        ('[{"text": "a"}]]', "holds more after item 1"),
        ('[{"text": "a"}] {"text": "b"}', "holds more after item 1"),
        ('{"text":\n"a"} ] {"text": "b"}', "holds more after item 1"),
        ('[{"text": "a"}, {"text": "b"},\n', "ends after item 2, before its array does"),
        ('[{"text": "a"}', "ends after item 1"),
    ],
)  # fmt: skip
def test_rows_after_an_array_or_missing_at_its_end_are_not_lost_in_silence(
    tmp_path: Path, content: str, fault: str
) -> None:
    with pytest.raises(DataError, match=rf"a\.json {fault}"):
        read(put(tmp_path / "a.json", content), labels=False)


def test_a_long_value_is_read_in_few_pieces() -> None:
    sizes: list[int] = []

    class Watched(io.TextIOWrapper):
        def read(self, size: int | None = -1, /) -> str:
            sizes.append(size or 0)
            return super().read(size)

    value = {"text": "x" * (64 * PIECE)}
    assert list(_stream(Watched(io.BytesIO(json.dumps([value, value]).encode())), "a")) == [value, value]
    assert len(sizes) < 20
