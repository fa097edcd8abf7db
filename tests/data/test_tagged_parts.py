"""A folder's parts by the names of shared tasks, what lies beside the data, and a file's form by how it begins."""

import gzip
import zipfile
from pathlib import Path

import pytest

from gatewise.base.errors import DataError
from gatewise.data.opening import sources_of
from gatewise.data.tagged_layout import TaggedLayout
from gatewise.data.tagged_parts import form_of
from gatewise.data.tagged_reading import read_tagged

PARTS = ("train", "dev", "test", "unlabelled")
TREE = "1\tEU\t_\tPROPN\t_\t_\t_\t_\t_\t_\n"


def put(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def parts_in(folder: Path) -> dict[str, list[str]]:
    dataset = read_tagged(folder)
    there = {split: part for split in PARTS if (part := getattr(dataset, split))}
    return {split: [one.tokens[0] for one in part.sentences()] for split, part in there.items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["eng.train", "eng.testa", "eng.testb"], "train dev test"),
        (["wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"], "train dev test"),
        (["train.char.bmes", "dev.char.bmes", "test.char.bmes"], "train dev test"),
        (["weiboNER_2nd_conll.train", "weiboNER_2nd_conll.dev", "weiboNER_2nd_conll.test"], "train dev test"),
        (["train.txt", "test.txt"], "train test"),
        (["train.bio", "valid.bio"], "train dev"),
        (["esp.train.gz", "esp.testa.gz"], "train dev"),
        (["data/train.tsv", "data/test.tsv"], "train test"),
        (["train/a.conll", "dev/b.conll"], "train dev"),
        (["train/a1.conll", "train/a2.conll"], "train train"),
        (["part-1.conll", "part-2.conll"], "train train"),
        (["wikigold.conll.txt", "README.md", "LICENSE.txt", "label_config.json"], "train"),
        (["train.conll", "unlabelled.txt"], "train unlabelled"),
    ],
)
def test_parts_by_their_names(tmp_path: Path, names: list[str], expected: str) -> None:
    wanted: dict[str, list[str]] = {}
    for name, split in zip(names, [*expected.split(), "", "", ""], strict=False):
        path = put(tmp_path / name, f"{name} B-X\n")
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(path.read_bytes()))
        if split:
            wanted.setdefault(split, []).append(name)
    assert parts_in(tmp_path) == wanted


def test_parts_of_a_treebank_with_its_raw_text(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        put(tmp_path / f"en_ewt-ud-{split}.conllu", TREE)
        put(tmp_path / f"en_ewt-ud-{split}.txt", "EU is a text.\n")
    assert parts_in(tmp_path) == {"train": ["EU"], "dev": ["EU"]}


def test_parts_of_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("x/eng.train", "a B-X\n")
        archive.writestr("x/eng.testb", "b B-X\n")
        archive.writestr("x/README", "read me")
    assert parts_in(tmp_path / "data.zip") == {"train": ["a"], "test": ["b"]}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["eng.train", "deu.train"], "several candidates for train: 'deu.train', 'eng.train'; keep one"),
        (["a.test.conll", "b.conll"], "'b.conll', named after no part"),
        (["README.md"], "holds no data that is known"),
        (["a.conll", "b.conllu"], "are of several forms: 'conll', 'conllu'"),
        (["train.conll", "train/a.conll"], "several candidates for train"),
    ],
)
def test_parts_that_are_unclear(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        put(tmp_path / name, TREE if name.endswith("u") else "a B-X\n")
    with pytest.raises(DataError, match=message):
        read_tagged(tmp_path)


def test_parts_not_read_are_said(tmp_path: Path) -> None:
    put(tmp_path / "train.conll", "a B-X\n")
    put(tmp_path / "more.conll", "b B-X\n")
    assert parts_in(tmp_path) == {"train": ["a"]}
    assert "not read, as named after no part: 'more.conll'" in read_tagged(tmp_path).notes[0]


def test_parts_of_other_kinds(tmp_path: Path) -> None:
    put(tmp_path / "train.conll", "a B-X\n")
    put(tmp_path / "test.conll", "a NOUN\n")
    with pytest.raises(DataError, match=r"test.conll \(test\) has plain labels, unlike"):
        read_tagged(tmp_path)
    put(tmp_path / "test.conll", "a B-X\nb E-X\n")
    assert parts_in(tmp_path) == {"train": ["a"], "test": ["a"]}


def test_parts_named_that_are_not_there() -> None:
    with pytest.raises(DataError, match="neither a file or folder here"):
        read_tagged("no/such.conll")


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.txt", "EU B-X\n", "conll"),
        ("a.txt", "[ O\n", "conll"),
        ("a.txt", '{"text": "x", "label": []}\n', "json"),
        ("a.txt", '[\n {"text": "x"}]', "json"),
        ("a.txt", '["text", {"entities": []}]\n', "json"),
        ("a.tsv", f"# sent_id = 1\n{TREE}", "conllu"),
        ("a.conll", TREE.replace("1\t", "1-2\t", 1), "conllu"),
        ("a.conllu", "", "conllu"),
        ("a.conll", "1\ta\tO\n", "conll"),
    ],
)
def test_form_by_how_a_file_begins(tmp_path: Path, name: str, content: str, form: str) -> None:
    assert form_of(sources_of(put(tmp_path / name, content))[0], TaggedLayout()) == form


def test_form_of_what_is_no_data(tmp_path: Path) -> None:
    for content in ("<!DOCTYPE html><html>", "version https://git-lfs.github.com/spec/v1\noid x\n"):
        with pytest.raises(DataError, match=r"Git LFS|page of the web"):
            read_tagged(put(tmp_path / "a.conll", content))
    (tmp_path / "b.parquet").write_bytes(b"PAR1\x00")
    with pytest.raises(DataError, match=r"b\.parquet is damaged or not Parquet"):
        read_tagged(tmp_path / "b.parquet")
    (tmp_path / "c.conll").write_bytes(b"PAR1\x00")
    with pytest.raises(DataError, match=r"c\.conll is Parquet; give it a name that ends in \.parquet"):
        read_tagged(tmp_path / "c.conll")
    (tmp_path / "b.conll").write_bytes(b"PK\x03\x04 more")
    with pytest.raises(DataError, match=r"a \.zip archive or a spreadsheet"):
        read_tagged(tmp_path / "b.conll")
