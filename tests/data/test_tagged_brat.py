"""brat's pairs of files: offsets of the text as stored, pieces of spans, lines that are no spans."""

from pathlib import Path

import pytest

from gatewise.base.errors import DataError
from gatewise.data.tagged_reading import read_tagged

TEXT = "Lorem ipsum\r\nOrg dolor 😀 Café x"
MARKS = (
    "R1\tPart Arg1:T1 Arg2:T9\n#1\tAnnotatorNotes T1\ta note\n*\tEquiv T1 T2\n\nE1\tX:T1\nA1\tNegated E1\nM1\tY E1\n"
    "N1\tReference T1 Wikipedia:1\tx\nT9\tLoc 25 29\tCafé\nT1\tOrg 0 5\tLorem\nT2\tLoc 6 11;13 16\tipsum Org\n"
)


def write(folder: Path, name: str, text: str, marks: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_bytes(text.encode())
    if marks is not None:
        (folder / f"{name}.ann").write_bytes(marks.encode())


def found(path: Path) -> list[list[tuple[str, str]]]:
    part = read_tagged(path).train
    assert part is not None
    return [[(one.text[start:end], label) for start, end, label in one.spans()] for one in part.sentences()]


def test_brat_folder_and_file(tmp_path: Path) -> None:
    write(tmp_path, "b", TEXT, MARKS)
    write(tmp_path, "a", "nothing here", "")
    expected = [("Lorem", "Org"), ("ipsum\r\nOrg", "Loc"), ("Café", "Loc")]
    assert found(tmp_path) == [[], expected]
    assert found(tmp_path / "b.ann") == found(tmp_path / "b.txt") == [expected]
    (tmp_path / "annotation.conf").write_text("[entities]\n", encoding="utf-8")
    assert len(found(tmp_path)) == 2


def test_brat_of_parts(tmp_path: Path) -> None:
    write(tmp_path / "train", "a", TEXT, MARKS)
    write(tmp_path / "test", "a", "a b", "T1\tX 0 1\ta\n")
    dataset = read_tagged(tmp_path)
    assert dataset.train is not None and dataset.test is not None and dataset.dev is None
    assert [one.tokens for one in dataset.test.sentences()] == [("a", "b")]


def test_brat_pieces_with_words_between(tmp_path: Path) -> None:
    write(tmp_path, "a", "heart and lung disease", "T1\tDis 0 5;15 22\theart disease\n")
    assert found(tmp_path) == [[("heart", "Dis"), ("disease", "Dis")]]
    part = read_tagged(tmp_path).train
    assert part is not None and "1 annotation of several pieces, each taken for a span" in part.notes[1]


def test_brat_offsets_of_other_counts(tmp_path: Path) -> None:
    write(tmp_path, "a", "a\r\nBerlin", "T1\tX 2 8\tBerlin\n")
    assert found(tmp_path) == [[("Berlin", "X")]]


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ("T1 X 0 1 a\n", r"a\.ann, line 1 is 'T1 X 0 1 a'; a span of brat's"),
        ("\n T1\tX 0 1\ta\n", "line 2 is"),
        (
            "T1\tX 0 1\ta\nT2\tX 0 3\tfoo\n",
            r"a\.ann, line 2 has a span 0 to 3 \('X'\) that is to be 'foo', but 'a b' stands",
        ),
        ("T1\tX 0 9\n", r"a\.ann, line 1 has a span 0 to 9"),
    ],
)  # fmt: skip
def test_brat_faults_with_their_line(tmp_path: Path, marks: str, message: str) -> None:
    write(tmp_path, "a", "a b", marks)
    with pytest.raises(DataError, match=message):
        found(tmp_path)


def test_brat_without_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.ann").touch()
    with pytest.raises(DataError, match=r"a\.ann has no text beside it; put a\.txt there"):
        found(tmp_path)
