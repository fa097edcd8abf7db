"""Every format and folder form gives the same stream of (text, label, group); every bad file gives one sentence."""

import csv
import gzip
import io
import json
import os
import tarfile
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.data.reading import BATCH_ROWS, SCHEMA, Part, from_lists, read, stream_texts

ROWS = [
    ("a good film, truly", "pos"),
    ('a "bad"\nfilm', "neg"),
    ("", "neg"),
    (" \t ", "pos"),
    ("很好看\x00\x07", "pos"),
]


def examples(part: Part | None) -> list[tuple[str, str | None, str | None]]:
    assert part is not None
    batches = list(part.batches())
    assert all(batch.schema == SCHEMA and 0 < batch.num_rows <= BATCH_ROWS for batch in batches)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def write(path: Path, rows: list[tuple], columns: tuple[str, ...] = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".csv", ".tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",").writerows([columns, *rows])
    elif path.suffix == ".parquet":
        pq.write_table(pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))), path)
    else:
        lines = [json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows]
        path.write_text("".join(lines), encoding="utf-8")
    return path


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


FORMATS = ["csv", "tsv", "jsonl", "ndjson", "parquet"]


@pytest.mark.parametrize("kind", FORMATS)
def test_reading_formats_agree_and_read_again(tmp_path: Path, kind: str) -> None:
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
def test_reading_round_trip(tmp_path: Path, kind: str, rows: list[tuple[str, str]]) -> None:
    assert examples(read(write(tmp_path / f"data.{kind}", rows)).train) == [(*row, None) for row in rows]


@pytest.mark.parametrize("kind", FORMATS)
def test_reading_very_long_text(tmp_path: Path, kind: str) -> None:
    text = "word, " * 850_000
    assert examples(read(write(tmp_path / f"data.{kind}", [(text, "a"), ("b", "c")])).train)[0][0] == text


def test_reading_many_long_texts_make_small_batches() -> None:
    part = from_lists(["x" * 9_000_000] * 5)
    assert [batch.num_rows for batch in part.batches()] == [2, 2, 1]


def test_reading_csv_byte_order_mark_line_ends_and_blank_lines(tmp_path: Path) -> None:
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
def test_reading_parquet_labels_become_strings(tmp_path: Path, labels: pa.Array, shown: list[str]) -> None:
    pq.write_table(pa.table({"text": ["a", None], "label": labels}), tmp_path / "data.parquet")
    assert examples(read(tmp_path / "data.parquet").train) == [("a", shown[0], None), ("", shown[1], None)]


def test_reading_jsonl_replaces_lone_surrogates(tmp_path: Path) -> None:
    data = put(
        tmp_path / "data.jsonl", '{"text": "a\\ud800b \\ud83d\\ude00", "label": 1}\n{"text": null, "label": true}\n'
    )
    assert examples(read(data).train) == [("a\ufffdb 😀", "1", None), ("", "true", None)]


LONG, SHORT = "a long sentence that is clearly the text", "tag"


@pytest.mark.parametrize("columns", [("text", "label"), ("text", "a", "b"), ("movie", "text", "label", "class")])
def test_reading_without_labels_looks_for_no_column_of_them(tmp_path: Path, columns: tuple[str, ...]) -> None:
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
def test_reading_finds_columns(
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
def test_reading_refuses_unclear_columns(
    tmp_path: Path, columns: tuple[str, ...], options: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "data.csv", [("same size",) * len(columns)], columns), **options)


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
def test_reading_refuses_bad_files(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        examples(read(put(tmp_path / name, content)).train)
    assert "\n" not in str(caught.value)


def test_reading_refuses_parquet_text_that_is_not_utf8(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 2, [None, *pa.array([b"a", b"\xff"]).buffers()[1:]])
    pq.write_table(pa.table({"text": bad, "label": ["x", "y"]}), tmp_path / "data.parquet")
    with pytest.raises(DataError, match=r"0xff .*row 2\)"):
        examples(read(tmp_path / "data.parquet").train)


def test_reading_missing_path_or_name() -> None:
    for name in ("reveiws", "no/such/file.csv", "x" * 5000):
        with pytest.raises(DataError):
            read(name)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs users who can be refused")
def test_reading_unreadable_file() -> None:
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o711)
        data = write(Path(folder) / "data.csv", ROWS)
        data.chmod(0)
        if user == 0:
            os.seteuid(65_534)  # root is refused nothing
        try:
            with pytest.raises(DataError, match=r"cannot be read.*Permission denied"):
                read(data)
        finally:
            os.seteuid(user)


def test_reading_file_that_vanished(tmp_path: Path) -> None:
    part = read(write(tmp_path / "data.csv", ROWS)).train
    (tmp_path / "data.csv").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        examples(part)


def test_reading_folder_of_splits(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", ROWS)
    write(tmp_path / "valid.jsonl", ROWS[:2])
    write(tmp_path / "unlabeled.jsonl", [("u", 1, 2)], ("text", "day", "hour"))
    for part in (1, 0):
        write(tmp_path / "test" / f"part-{part}.parquet", [(f"text {part}", "pos")])
    put(tmp_path / "test" / "_SUCCESS", "")
    put(tmp_path / "notes.txt", "not data")
    dataset = read(tmp_path)
    assert len(examples(dataset.train)) == 5 and len(examples(dataset.dev)) == 2
    assert examples(dataset.test) == [("text 0", "pos", None), ("text 1", "pos", None)]
    assert examples(dataset.unlabelled) == [("u", None, None)]


def test_reading_folder_numbered_and_doubled_files(tmp_path: Path) -> None:
    for shard in (1, 0):
        write(tmp_path / f"train-0000{shard}-of-00002.parquet", [(f"text {shard}", "pos")])
    assert [text for text, _, _ in examples(read(tmp_path).train)] == ["text 0", "text 1"]
    write(tmp_path / "train.csv", ROWS)
    with pytest.raises(DataError, match="several candidates for train"):
        read(tmp_path)


def test_reading_folder_of_part_files(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / f"{name}.csv", [(name, "x")])
    assert [text for text, _, _ in examples(read(tmp_path).train)] == ["a", "b"]
    write(tmp_path / "c.tsv", ROWS)
    with pytest.raises(DataError, match="keep one format"):
        read(tmp_path)


def test_reading_class_folders(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name, text in [("sport/b.txt", "goal\n"), ("sport/a.txt", ""), ("art/1.txt", "画")]:
            put(tmp_path / split / name, text)
    put(tmp_path / "unsup" / "1.txt", "free")
    expected = [("画", "art", None), ("", "sport", None), ("goal\n", "sport", None)]
    dataset = read(tmp_path)
    assert examples(dataset.train) == examples(dataset.test) == examples(read(tmp_path / "train").train) == expected
    assert examples(dataset.unlabelled) == [("free", None, None)]
    put(tmp_path / "train" / "art" / "2.txt", b"\xff")
    with pytest.raises(DataError, match=r"art/2\.txt: byte 0xff is not UTF-8"):
        examples(dataset.train)


def test_reading_a_folder_of_plain_texts_where_no_labels_are_wanted(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "older/c.txt"):
        put(tmp_path / name, name)
    assert examples(read(tmp_path, labels=False).train) == [("a.txt", None, None), ("b.txt", None, None)]
    assert examples(read(tmp_path).train) == [("older/c.txt", "older", None)]
    (tmp_path / "older" / "c.txt").unlink()
    with pytest.raises(DataError, match="per class"):
        read(tmp_path)


def test_reading_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no data"):
        read(tmp_path)
    (tmp_path / "aclImdb").mkdir()
    with pytest.raises(DataError, match="holds no reviews"):
        read(tmp_path / "aclImdb")


@pytest.fixture
def acl(tmp_path: Path) -> Path:
    """Make aclImdb with two reviews of each kind; review 1 comes before review 0 in some listings."""
    root = tmp_path / "aclImdb"
    for split, kind, rating in [
        ("train", "pos", 9), ("train", "neg", 2), ("train", "unsup", 0), ("test", "pos", 8), ("test", "neg", 1),
    ]:  # fmt: skip
        for review in (0, 1):
            put(root / split / kind / f"{review}_{rating}.txt", f"{split} {kind} {review} é")
        urls = [f"http://www.imdb.com/title/tt{len(split)}{len(kind)}0{review}/usercomments\n" for review in (0, 1)]
        put(root / split / f"urls_{kind}.txt", "".join(urls))
    put(root / "README", "not a review")
    return root


def test_reading_acl_folder_and_archive_agree(acl: Path) -> None:
    archive = acl.with_name("aclImdb_v1.tar.gz")
    with tarfile.open(archive, "w:gz") as file:
        file.add(acl, "aclImdb")
    for data in (acl, archive):
        dataset = read(data)
        assert dataset.train and dataset.train.labelled and dataset.train.grouped and dataset.dev is None
        for _ in range(2):
            train = sorted(examples(dataset.train))
            assert train[0] == ("train neg 0 é", "negative", "tt5300")
            assert train[3] == ("train pos 1 é", "positive", "tt5301") and len(train) == 4
        assert Counter(label for _, label, _ in examples(dataset.test)) == {"negative": 2, "positive": 2}
        assert dataset.unlabelled and not dataset.unlabelled.labelled
        assert sorted(examples(dataset.unlabelled))[0] == ("train unsup 0 é", None, "tt5500")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DataError, match="is damaged"):
        read(archive)


def test_reading_acl_without_unlabelled_or_films(acl: Path) -> None:
    for file in [*acl.glob("*/urls_*"), *acl.glob("train/unsup/*")]:
        file.unlink()
    dataset = read(acl)
    assert dataset.unlabelled is None and dataset.train and not dataset.train.grouped
    assert {group for _, _, group in examples(dataset.train)} == {None}


def test_reading_imdb_labels_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acl: Path) -> None:
    monkeypatch.setenv("GATEWISE_DATA", str(tmp_path))
    (tmp_path / "imdb").mkdir()
    acl.rename(tmp_path / "imdb" / "aclImdb")
    assert {label for _, label, _ in examples(read("imdb").train)} == {"negative", "positive"}
    columns = ("text", "label", "rating", "movie")
    write(tmp_path / "imdb" / "train.parquet", [("bad", 0, 2, "tt1"), ("good", 1, 9, "tt2")], columns)
    write(tmp_path / "imdb" / "unsupervised.parquet", [("so", -1, 0, "tt3")], columns)
    dataset = read("imdb")
    assert examples(dataset.train) == [("bad", "negative", "tt1"), ("good", "positive", "tt2")]
    assert examples(dataset.unlabelled) == [("so", None, "tt3")]


def test_reading_reviews_sample_keeps_its_promises() -> None:
    dataset = read("reviews")
    train, test = examples(dataset.train), examples(dataset.test)
    assert Counter(label for _, label, _ in train) == {"negative": 2000, "positive": 2000}
    assert Counter(label for _, label, _ in test) == {"negative": 1000, "positive": 1000}
    movies = [Counter(movie for _, _, movie in part) for part in (train, test)]
    assert not movies[0].keys() & movies[1].keys() and max(movies[0].values()) <= 6 and len(movies[0]) > 1000
    texts = [" ".join(text.replace("<br />", " ").split()) for text, _, _ in train + test]
    assert len(set(texts)) == len(texts)


@pytest.mark.slow
def test_reading_reviews_sample_shares_no_text_with_the_full_test_part() -> None:
    train, full = ({" ".join(text.replace("<br />", " ").split()) for text, _, _ in examples(part)}
                   for part in (read("reviews").train, read("imdb").test))  # fmt: skip
    assert len(full) > 24_000 and not train & full


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_reading_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    peaks = []
    for count in (4_000, 20_000):
        part = read(write(tmp_path / f"data.{kind}", [("a text of some length " * 5, "label")] * count)).train
        assert part is not None
        tracemalloc.start()
        arrow, rows = 0, 0
        for batch in part.batches():
            rows += batch.num_rows
            arrow = max(arrow, pa.total_allocated_bytes())
        peaks.append(arrow + tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows == count
    assert peaks[1] < 1.3 * peaks[0] < 5_000_000


def test_reading_from_lists() -> None:
    part = from_lists(iter(["a", "b\ud800"]), [1, False], ["g", "h"])
    assert part.labelled and part.grouped
    assert examples(part) == examples(part) == [("a", "1", "g"), ("b\ufffd", "False", "h")]
    assert examples(from_lists(["a"])) == [("a", None, None)] and examples(from_lists([])) == []
    with pytest.raises(DataError, match="single string"):
        from_lists("abc")
    with pytest.raises(DataError, match=r"texts\[1\] is of type float"):
        from_lists(["a", float("nan")])
    with pytest.raises(DataError, match="2 texts but 1 labels"):
        from_lists(["a", "b"], ["x"])


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("a\n\nb\r\n", ["a", "", "b"]),
        ("\n\na", ["", "", "a"]),
        ("", []),
        ("\n\n", ["", ""]),
        ("\ufeffa\u2028b\n", ["a\u2028b"]),
        ('"Great" he said\nb\n', ['"Great" he said', "b"]),
        ("123\n[1]\n", ["123", "[1]"]),
        ('\n{"text": "a", "id": 1}\n\n{"text": "\\ud800"}\n', ["a", "\ufffd"]),
        ('"a \\"b\\" \\n"\n{"text": ""}\n', ['a "b" \n', ""]),
    ],
)
def test_reading_stream_texts(source: str, texts: list[str]) -> None:
    assert list(stream_texts(io.BytesIO(source.encode()), name="stdin")) == texts


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"a\nb\xff\n", "stdin, line 2: byte 0xff is not UTF-8"),
        (b'{"text": "a"}\n{"text": \n', "stdin, line 2 is not valid JSON"),
        (b'{"text": "a"}\n{"txt": "b"}\n', 'stdin, line 2 needs a JSON string, or an object with a string "text"'),
        (b'"a"\n3\n', "stdin, line 2 needs a JSON string"),
    ],
)
def test_reading_stream_texts_refuses(source: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(stream_texts(io.BytesIO(source), name="stdin"))


def test_reading_stream_texts_is_lazy_and_takes_long_lines(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "lines.gz", "wb") as file:
        file.write(json.dumps("é\\" * 2_500_000).encode() + b"\n" + b"broken")
    with gzip.open(tmp_path / "lines.gz") as file:
        assert len(next(stream_texts(file, name="lines"))) == 5_000_000
