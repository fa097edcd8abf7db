"""Text, label and group are found by name, or by content where that is clear; otherwise one sentence asks."""

import json
from pathlib import Path

import pytest
from tests.data.test_reading import examples, write

from gatewise.base.errors import DataError
from gatewise.data.reading import read

LONG, SHORT = "a long sentence that is clearly the text", "tag"


@pytest.mark.parametrize("columns", [("text", "label"), ("text", "a", "b"), ("movie", "text", "label", "class")])
def test_columns_without_labels_looks_for_no_column_of_them(tmp_path: Path, columns: tuple[str, ...]) -> None:
    rows = [{name: f"{LONG} {row}" if name == "text" else "" for name in columns} for row in range(3)]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    part = read(path, labels=False).train
    assert part is not None and (part.labelled, part.grouped) == (False, "movie" in columns)
    assert [(text, label) for text, label, _ in examples(part)] == [(f"{LONG} {row}", None) for row in range(3)]


@pytest.mark.parametrize(
    ("columns", "options", "labelled", "grouped"),
    [
        (("Review", "Sentiment"), {}, True, False),
        (("label", "texts"), {}, True, False),
        (("headline", "kind"), {}, True, False),
        (("text", "label", "movie", "rating"), {}, True, True),
        (("text", "label", "user"), {"group_column": "user"}, True, True),
        (("", "text", "category", "source"), {}, True, False),
        (("text", "label", "category"), {"label_column": "category"}, True, False),
        (("text", "review", "label"), {"text_column": "review"}, True, False),
        (("text",), {}, False, False),
        (("id", "text"), {}, False, False),
        (("body text", "author", "day"), {"text_column": "body text"}, False, False),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_columns_finds_columns(
    tmp_path: Path, kind: str, columns: tuple[str, ...], options: dict[str, str], labelled: bool, grouped: bool
) -> None:
    texts = options.get("text_column", "review Review texts headline text")
    row = tuple(LONG if column and column in texts else f"{column} {SHORT}" for column in columns)
    part = read(write(tmp_path / f"data.{kind}", [row, row], columns), **options).train
    assert part is not None and (part.labelled, part.grouped) == (labelled, grouped)
    text, label, group = examples(part)[1]
    assert text == LONG and (label is not None) == labelled and (group is not None) == grouped
    if "label_column" in options:
        assert label == f"{options['label_column']} {SHORT}"


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (("one", "two"), {}, r"no column clearly of texts; choose by --text-column one of 'one', 'two'\."),
        (("text", "review"), {}, r"several text columns, 'text', 'review'; choose one with --text-column"),
        (
            ("text", "label", "category"),
            {},
            r"several label columns, 'label', 'category'; choose one with --label-column",
        ),
        (("text", "stars", "user"), {}, r"no clear label column; choose by --label-column one of 'stars', 'user'\."),
        (("text", "label", "movie", "group"), {}, r"several group columns, 'movie', 'group'"),
        (("text", "label"), {"text_column": "Text"}, r"no column 'Text'; its columns are 'text', 'label'\."),
        (("text", "label"), {"label_column": "y"}, r"no column 'y'"),
        (("text", "label"), {"group_column": "film"}, r"no column 'film'"),
        (("text", "label", "label"), {}, r"more than one column called 'label'"),
    ],
)
def test_columns_refuses_unclear_columns(
    tmp_path: Path, columns: tuple[str, ...], options: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "data.csv", [("same size",) * len(columns)], columns), **options)


def test_columns_a_group_is_needed_in_training_alone(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [("a", "b", "u")] * 2, ("text", "label", "user"))
    write(tmp_path / "dev.csv", [("a", "b")])
    write(tmp_path / "test.csv", [("a", "b", "u")], ("text", "label", "user"))
    dataset = read(tmp_path, group_column="user")
    assert [part and part.grouped for part in (dataset.train, dataset.dev, dataset.test)] == [True, False, True]


def test_columns_are_chosen_once_on_the_training_part(tmp_path: Path) -> None:
    columns = ("id", "keyword", "location", "text", "target")
    write(tmp_path / "train.csv", [(row, "k", "l", f"{LONG} {row}", row % 2) for row in range(4)], columns)
    write(tmp_path / "test.csv", [(row, "k", "l", f"{LONG} {row}") for row in range(9, 12)], columns[:-1])
    dataset = read(tmp_path)
    assert dataset.train is not None and dataset.train.labelled
    assert dataset.test is not None and not dataset.test.labelled
    assert examples(dataset.test)[0] == (f"{LONG} 9", None, None)
    write(tmp_path / "test.csv", [(row, "k", "l", f"{LONG} {row}", "") for row in range(9, 12)], columns)
    assert (empty := read(tmp_path).test) is not None and not empty.labelled
    write(tmp_path / "test.csv", [("a text", 1)], ("tweet", "target"))
    with pytest.raises(DataError, match="no column 'text' as the training part has it; its columns are 'tweet'"):
        read(tmp_path)


def test_rows_without_a_label_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", [("a", "pos"), ("b", ""), ("c", " "), ("d", "neg")])
    with pytest.raises(DataError, match=r"row 3 has an empty 'label'; .*--skip-unlabelled"):
        examples(read(data).train)
    part = read(data, skip_unlabelled=True).train
    assert [text for text, _, _ in examples(part)] == [text for text, _, _ in examples(part)] == ["a", "d"]
    assert part is not None and part.skipped.value == 2


@pytest.mark.parametrize("other", ["label_column", "group_column"])
def test_one_column_is_not_text_and_label(tmp_path: Path, other: str) -> None:
    data = write(tmp_path / "a.csv", [("one", "x")])
    with pytest.raises(DataError, match="'text' is asked for as text and as label or group"):
        read(data, text_column="text", **{other: "text"})


def test_a_column_twice_as_long_as_the_next_is_the_text(tmp_path: Path) -> None:
    data = write(tmp_path / "a.csv", [("12345678", "1234")], ("one", "two"))
    assert examples(read(data).train) == [("12345678", "1234", None)]
    with pytest.raises(DataError, match="no column clearly of texts"):
        read(write(tmp_path / "b.csv", [("1234567", "1234")], ("one", "two")))
