"""Files, folders, archives and lists all become parts: the same examples at every reading, few of them at once."""

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

from gatewise.base.errors import DataError
from gatewise.data.part import BATCH_ROWS, Example, Part, from_lists
from gatewise.data.reading import read, stream_texts

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
    rows = [example for batch in batches for example in batch]
    assert all(0 < len(batch) <= BATCH_ROWS for batch in batches) and {*map(type, rows)} <= {Example}
    return [tuple(row) for row in rows]


def write(path: Path, rows: list[tuple], columns: tuple[str, ...] = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".csv", ".tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            tabs = path.suffix == ".tsv"
            quoting = csv.QUOTE_ALL if tabs else csv.QUOTE_MINIMAL  # with tabs, a mark is text in any other file
            csv.writer(file, delimiter="\t" if tabs else ",", quoting=quoting).writerows([columns, *rows])
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


def test_reading_many_long_texts_make_small_batches() -> None:
    part = from_lists(["x" * 9_000_000] * 5)
    assert [len(batch) for batch in part.batches()] == [2, 2, 1]


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


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["train_data.csv", "test_data.csv"], "train test"), (["X_train.csv", "X_test.csv"], "train test"),
        (["twitter_training.csv", "twitter_validation.csv"], "train dev"),
        (["train-set.csv", "testing.csv"], "train test"), (["détest.csv", "train.csv"], "train"),
        (["imdb.train.csv", "imdb.unlabelled.csv"], "train unlabelled"), (["2024test1.csv", "train.csv"], "train test"),
        (["train-00000-of-00002.csv", "train-00001-of-00002.csv"], "train"), (["latest.csv"], "train"),
        (["data/train-0.csv", "data/test-0.csv"], "train test"),
        (["train_data/a.csv", "test_data/b.csv"], "train test"),
        (["trainset.csv", "testset.csv"], "train test"), (["traindata.csv", "valdata.csv"], "train dev"),
        (["TrainData.csv", "testData.csv"], "train test"), (["orders_devset.csv", "train.csv"], "train dev"),
        (["训练集.csv", "测试集_test.csv", "验证集.csv"], "train dev test"),
        (["development.csv", "train.csv"], "train dev"),
        (["dataset_infos.json", "data/train-0.csv"], "train"), (["contestset.csv"], "train"),
    ],
)  # fmt: skip
def test_reading_a_word_of_a_name_says_which_part_it_is(tmp_path: Path, names: list[str], parts: str) -> None:
    for name in names:
        write(tmp_path / name, [(f"{name} {row}", "pos") for row in range(2)])
    dataset = read(tmp_path)
    there = [name for name in ("train", "dev", "test", "unlabelled") if getattr(dataset, name)]
    assert there == parts.split()
    seen = [text.split()[0] for name in there for text, _, _ in examples(getattr(dataset, name))]
    assert sorted(seen) == sorted(
        [name for name in names if name not in ("détest.csv", "dataset_infos.json")] * 2
    )  # each in one part alone
    if dataset.test:
        assert all("test" in text for text, _, _ in examples(dataset.test))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["data.csv", "test.csv"], "'test.csv' beside 'data.csv', named after no part"),
        (["latest.csv", "valid_1.csv"], "beside 'latest.csv'"),
        (["train_test.csv"], "is named after test and train; rename it"),
        (["X_train.csv", "y_train.csv", "test.csv"], "several candidates for train: 'X_train.csv', 'y_train.csv'"),
    ],
)
def test_reading_a_folder_whose_parts_are_unclear_is_refused(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        write(tmp_path / name, [("a text", "pos")])
    with pytest.raises(DataError, match=message):
        read(tmp_path)


@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.jsonl", "data.parquet"])
def test_reading_blanks_around_a_label_are_no_part_of_it(tmp_path: Path, name: str) -> None:
    part = read(write(tmp_path / name, [("a text", "pos "), ("another", " pos"), ("a third", "two words")])).train
    assert [label for _, label, _ in examples(part)] == ["pos", "pos", "two words"]


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
        rows = sum(map(len, part.batches()))
        peaks.append(tracemalloc.get_traced_memory()[1])
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


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("columns", "lacking"), [(("text", "category"), "label"), (("content", "label"), "text")])
def test_reading_each_file_of_a_part_has_the_columns_of_its_first(
    tmp_path: Path, kind: str, columns: tuple[str, str], lacking: str
) -> None:
    write(tmp_path / f"train-1.{kind}", [("a text", "x")])
    write(tmp_path / f"train-2.{kind}", [("a text", "x")], columns)
    with pytest.raises(DataError, match=rf"train-2\.{kind} has no column '{lacking}' as .*train-1\.{kind} has it"):
        examples(read(tmp_path, skip_unlabelled=True).train)
    write(tmp_path / f"train-2.{kind}", [("y", "text b")], ("label", "text"))
    assert examples(read(tmp_path).train) == [("a text", "x", None), ("text b", "y", None)]


def test_reading_says_what_was_taken_together_and_why_a_part_has_no_labels(tmp_path: Path) -> None:
    for name in ("eval", "orders"):
        write(tmp_path / "one" / f"{name}.csv", [("a text", "x")])
    assert read(tmp_path / "one").notes == (f"{tmp_path / 'one'}: 2 files read as one part: 'eval.csv', 'orders.csv'",)
    write(tmp_path / "two" / "train.csv", [("a text", "x")])
    write(tmp_path / "two" / "test.csv", [("a text", "x")], ("text", "Label"))
    dataset = read(tmp_path / "two")
    assert dataset.test is not None and not dataset.test.labelled
    assert dataset.notes[0].endswith("test.csv: no labels, as it has no column 'label' as the training part has it")


def test_reading_texts_of_class_folders_may_end_in_capitals(tmp_path: Path) -> None:
    for name in ("a/1.TXT", "a/2.txt", "b/1.Txt"):
        put(tmp_path / name, name)
    assert [text for text, _, _ in examples(read(tmp_path).train)] == ["a/1.TXT", "a/2.txt", "b/1.Txt"]


def test_reading_a_class_may_be_called_after_a_part_and_more(tmp_path: Path) -> None:
    for name in ("good/1.txt", "test_results/1.txt"):
        put(tmp_path / name, name)
    dataset = read(tmp_path)
    assert [label for _, label, _ in examples(dataset.train)] == ["good", "test_results"] and dataset.test is None


def test_reading_a_class_that_is_called_as_a_part_is_told_of(tmp_path: Path) -> None:
    for name in ("good/1.txt", "test/1.txt"):
        put(tmp_path / name, name)
    with pytest.raises(DataError, match="if test is a class itself, rename it"):
        read(tmp_path)
