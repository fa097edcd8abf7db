"""Compressed files, archives and encodings."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
from pathlib import Path

import pytest
from tests.data.test_reading import examples, put

from gatewise.base.errors import ConfigError, DataError
from gatewise.data.reading import read

CSV = "text,label\nfine film,pos\nbad film,neg\n"
EXPECTED = [("fine film", "pos", None), ("bad film", "neg", None)]


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_compressed_files(tmp_path: Path) -> None:
    for suffix, module in ((".gz", gzip), (".xz", lzma), (".bz2", bz2)):
        data = put(tmp_path / f"data.csv{suffix}", module.compress(CSV.encode()))
        assert examples(read(data).train) == EXPECTED
        for broken in (data.read_bytes()[:-6], b"no such thing"):
            with pytest.raises(DataError, match=r"is damaged|cannot be read"):
                examples(read(put(data, broken)).train)
    lines = put(tmp_path / "data.jsonl.gz", gzip.compress(b'{"text": "a", "label": 1}\n'))
    assert examples(read(lines).train) == [("a", "1", None)]


def test_archives(tmp_path: Path) -> None:
    extra = {"__MACOSX/._data.csv": "x", "readme.txt": "What this is.", ".hidden.csv": "x"}
    assert examples(read(zipped(tmp_path / "data.csv.zip", **{"data.csv": CSV}, **extra)).train) == EXPECTED
    parts = zipped(tmp_path / "competition.zip", **{"a/train.csv": CSV, "a/test.csv": "text\nunknown\n"})
    dataset = read(parts)
    assert examples(dataset.train) == EXPECTED and examples(dataset.test) == [("unknown", None, None)]
    with pytest.raises(DataError, match=r"holds 'a\.csv', 'b\.csv'; unpack it, and give its folder"):
        read(zipped(tmp_path / "two.zip", **{"a.csv": CSV, "b.csv": CSV}))
    with pytest.raises(DataError, match=r"is damaged or no \.zip"):
        read(put(tmp_path / "bad.zip", b"PK nothing"))
    with pytest.raises(DataError, match="must be unpacked"):
        read(zipped(tmp_path / "x.zip", **{"x.parquet": "PAR1"}))


def test_compressed_parts_of_a_folder(tmp_path: Path) -> None:
    put(tmp_path / "train.csv.gz", gzip.compress(CSV.encode()))
    zipped(tmp_path / "test.csv.zip", **{"whatever.csv": CSV})
    dataset = read(tmp_path)
    assert examples(dataset.train) == examples(dataset.test) == EXPECTED


def test_a_locked_archive(tmp_path: Path) -> None:
    data = zipped(tmp_path / "data.zip", **{"data.csv": CSV})
    content = bytearray(data.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1  # says that it is encrypted
    with pytest.raises(DataError, match="cannot be opened"):
        read(put(data, bytes(content)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    for name, content in (
        ("a.csv", "text,label\n很好,pos\n不好,neg\n"),
        ("a.jsonl", '{"text": "很好", "label": "pos"}\n'),
    ):
        assert examples(read(put(tmp_path / name, content.encode(encoding))).train)[0] == ("很好", "pos", None)
    lines = put(tmp_path / "a.txt", "很好\n不好\n".encode(encoding))
    assert [text for text, _, _ in examples(read(lines, labels=False).train)] == ["很好", "不好"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Ein schöner Abend für uns"), ("gb18030", "这部电影很好看，我很喜欢"),
        ("big5", "這部電影很好看，我很喜歡"), ("cp1251", "Очень хороший фильм"),
    ],
)  # fmt: skip
def test_likely_encodings_are_named_and_can_be_given(tmp_path: Path, encoding: str, text: str) -> None:
    content = f"text,label\n{text},pos\nplain,neg\n"
    data = put(tmp_path / "data.csv", content.encode(encoding))
    with pytest.raises(DataError, match=rf"row 2: byte 0x.. is not UTF-8; .*--encoding, perhaps .*{encoding}"):
        examples(read(data).train)
    assert examples(read(data, encoding=encoding).train)[0] == (text, "pos", None)


def test_wrong_encodings_are_refused(tmp_path: Path) -> None:
    data = put(tmp_path / "data.csv", "text,label\ncafé,pos\nb,neg\n".encode("latin-1"))
    with pytest.raises(DataError, match="is not gb18030"):
        examples(read(data, encoding="gb18030").train)
    for wrong in ("no-such", "rot13", "hex", "a\0b"):
        with pytest.raises(ConfigError, match="none of text"):
            read(data, encoding=wrong)
    bare = put(tmp_path / "bare.csv", "text,label\na,pos\n".encode("utf-16-le"))
    with pytest.raises(DataError, match="--encoding utf-16-le"):
        read(bare)
    assert examples(read(bare, encoding="utf-16-le").train) == [("a", "pos", None)]


def test_a_pipe_is_no_data(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="no plain file"):
        read(tmp_path / "pipe.csv")


def test_an_archive_of_reviews_that_claims_more_than_it_holds_ends(tmp_path: Path) -> None:
    import tarfile

    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        member = tarfile.TarInfo("aclImdb/train/pos/0_9.txt")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"great"))
        member = tarfile.TarInfo("aclImdb/train/pos/1_9.txt")
        member.size = 1 << 40
        held_header = member.tobuf()
    data = put(tmp_path / "a.tar.gz", gzip.compress(held.getvalue()[:1024] + held_header + b"great"))
    with pytest.raises(DataError, match="is damaged"):
        examples(read(data).train)
