"""CoNLL columns of every cut become sentences, and what is wrong in a file is told with its line."""

from pathlib import Path

import pytest

from gatewise.base.errors import DataError
from gatewise.data.tagged import Sentence, TaggedPart
from gatewise.data.tagged_reading import read_tagged
from gatewise.runtime.spans import PLAIN, Scheme


def part_of(folder: Path, content: str | bytes, name: str = "data.conll", **given: object) -> TaggedPart:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    part = read_tagged(path, **given).train
    assert part is not None
    return part


def rows(part: TaggedPart) -> list[str]:
    made = [*part.sentences()]
    assert made == [*part.sentences()]
    assert all([one.text[start:end] for start, end in one.offsets] == [*one.tokens] for one in made)
    return [" ".join(f"{token}/{tag}" for token, tag in zip(one.tokens, one.tags or (), strict=True)) for one in made]


CASES = {
    "two": ("EU B-ORG\nis O\n\nUN B-ORG\n\n", ["EU/S-ORG is/O", "UN/S-ORG"]),
    "no end": ("EU B-ORG\nis O", ["EU/S-ORG is/O"]),
    "four, IOB1": ("EU NNP I-NP I-ORG\nis V I-VP O\nA N I-NP I-X\nB N I-NP B-X\n", ["EU/S-ORG is/O A/S-X B/S-X"]),
    "tabs": (" \tB-A\n\xa0\tI-A\n#\tO\n\u3000\tO\n", [" /B-A \xa0/E-A #/O \u3000/O"]),
    "NBSP": ("\xa0 B-A\nx O\n", ["\xa0/S-A x/O"]),
    "runs of blanks": ("EU    B-ORG  \n  is O\n", ["EU/S-ORG is/O"]),
    "lines of blanks": ("a B-X\n   \n \t \nb O\n", ["a/S-X", "b/O"]),
    "line ends, BOM": ("\ufeffEU B-ORG\r\nis O\r\n\r\nUN O\r\n", ["EU/S-ORG is/O", "UN/O"]),
    "tag first": ("B-NP EU\nO is\n\nB-NP c\nI-NP d\n", ["EU/S-NP is/O", "c/B-NP d/E-NP"]),
    "suffix": ("EU ORG_B\nU ORG_E\nx O\n", ["EU/B-ORG U/E-ORG x/O"]),
    "BMES": ("中 B-A\n国 M-A\n人 E-A\n在 S-B\n", ["中/B-A 国/I-A 人/E-A 在/S-B"]),
    "segments": ("中 B\n国 E\n人 S\n", ["中/B 国/E 人/S"]),
    "o and 0": ("EU B-ORG\nis o\na 0\n", ["EU/S-ORG is/O a/O"]),
    "colon": ("EU B-PER:NAM\nx I-PER:NAM\n", ["EU/B-PER:NAM x/E-PER:NAM"]),
    "Label Studio": ("-DOCSTART- -X- O\nEU -X- _ B-ORG\nis -X- _ O\n", ["EU/S-ORG is/O"]),
    "comment": ("# id 5 x y\nEU _ O\n# O O\nis _ O\n", ["EU/O #/O is/O"]),
    "plain": ("a DET\nb _\n", ["a/DET b/"]),
    "other": ("EU O B-ORG I-LOC\n", ["EU/S-LOC"]),
    "one token": ("EU O\n", ["EU/O"]),
    "RTL": ("שלום\tB-PER\n👩‍👩‍👧\tI-PER\ne\u0301\tO\n", ["שלום/B-PER 👩‍👩‍👧/E-PER e\u0301/O"]),
}


@pytest.mark.parametrize("name", CASES)
def test_columns_of_every_cut(tmp_path: Path, name: str) -> None:
    content, expected = CASES[name]
    assert rows(part_of(tmp_path, content)) == expected


def test_columns_asked_for(tmp_path: Path) -> None:
    content = "1 EU NNP I-ORG\n2 is VB O\n"
    part = part_of(tmp_path, content, token_column=2, tag_column=3)
    assert part.scheme == PLAIN and rows(part) == ["EU/NNP is/VB"]
    assert rows(part_of(tmp_path, content, token_column=2, tag_column=-2)) == ["EU/NNP is/VB"]
    assert rows(part_of(tmp_path, content, token_column=2)) == ["EU/S-ORG is/O"]
    assert rows(part_of(tmp_path, content, token_column=2, tag_column=4)) == ["EU/S-ORG is/O"]
    assert rows(part_of(tmp_path, "EU B-X\n", scheme="plain")) == ["EU/B-X"]
    assert part_of(tmp_path, "EU B-X\n", scheme="BILOU").scheme == Scheme("BILOU")


def test_columns_of_documents_and_places(tmp_path: Path) -> None:
    content = "-DOCSTART- -X- -X- O\n\na x x O\n\nb x x O\n\n-DOCSTART- O\n\nc x x B-X\n-DOCSTART- -X- -X- O\n"
    part = part_of(tmp_path, content)
    assert [(one.document, one.place.rpartition(", ")[2]) for one in part.sentences()] == [
        (0, "line 3"), (0, "line 5"), (1, "line 9"),
    ]  # fmt: skip
    assert part.notes[0].endswith("3 sentences, 3 tokens, 2 documents, spans of 1 type, tags in IOB2")


def test_columns_whose_tokens_end_in_their_place(tmp_path: Path) -> None:
    content = "科0\tB-A\n技1\tI-A\n30\tO\na1\tO\n\n" + "".join(f"中{place}\tO\n" for place in range(12))
    part = part_of(tmp_path, content)
    first, second = part.sentences()
    assert first.text == "科技3a" and second.text == "中" * 12
    assert "each token ends in its place in its word" in part.notes[1]
    assert rows(part_of(tmp_path, "A0 O\nB0 O\n")) == ["A0/O B0/O"]  # only where most are Chinese
    assert rows(part_of(tmp_path, "科0 O\n技1 O\n学 O\n")) == ["科0/O 技1/O 学/O"]  # and all end so
    assert rows(part_of(tmp_path, "科7 O\n技3 O\n")) == ["科7/O 技3/O"]  # and count


def test_columns_of_chinese_are_put_together_without_blanks(tmp_path: Path) -> None:
    (one,) = part_of(tmp_path, "中国 B-A\n很 O\nApple O\nInc O\n大 O\n").sentences()
    assert one.text == "中国很Apple Inc大"


def test_columns_repairs_are_counted(tmp_path: Path) -> None:
    part = part_of(tmp_path, "a O\nb I-X\n\nc B-X\nd I-X\n\ne B-X\n\nf O\ng I-Y\n")
    assert rows(part) == ["a/O b/S-X", "c/B-X d/E-X", "e/S-X", "f/O g/S-Y"]
    assert "2 steps from tag to tag are not as IOB2 has it" in part.notes[1]


BAD = {
    "": "has no sentences",
    "\n\n": "has no sentences",
    "-DOCSTART- O\n\n": "has no sentences",
    "EU\nis\n": "has one column",
    "EU B-X\nis\n": "line 2 has 1 column where the others have 2",
    "EU\tB-X\nis\t\n": "line 2 has an empty tag",
    "\tB-X\n": "line 1 has an empty token",
    "a B-X\nb E-X\nc U-X\n": "line 3 has tags of two schemes, 'E-X' and 'U-X'",
    "a B-X\n\nb FOO\n": "line 3 has the tag 'FOO', which is none of IOB2",
}


@pytest.mark.parametrize("content", BAD)
def test_columns_faults_with_their_line(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match=BAD[content]):
        part_of(tmp_path, content)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"tag_column": 5}, "has 2 columns, so none is number 5"), ({"tag_column": 1, "token_column": 1}, "need another")],
)
def test_columns_that_are_not_there(tmp_path: Path, given: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        part_of(tmp_path, "a B-X\n", **given)


def test_columns_of_other_encodings(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: byte 0xe9 is not UTF-8; name its encoding"):
        part_of(tmp_path, "é B-X\n".encode("cp1252"))
    assert rows(part_of(tmp_path, "é B-X\n".encode("cp1252"), encoding="cp1252")) == ["é/S-X"]
    assert rows(part_of(tmp_path, "é B-X\n".encode("utf-16"))) == ["é/S-X"]


def test_columns_of_a_long_sentence_and_of_one_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = part_of(tmp_path, "a O\n" * 5000).sentences()
    assert len(one.tokens) == 5000 and isinstance(one, Sentence)
    monkeypatch.setattr("gatewise.data.tagged_columns.MOST_TOKENS", 100)
    with pytest.raises(DataError, match="line 1 begins a sentence of more than 100 tokens"):
        part_of(tmp_path, "a O\n" * 101)


def test_columns_without_tags(tmp_path: Path) -> None:
    path = tmp_path / "data.conll"
    path.write_text("EU\nis\n\nUN\n", encoding="utf-8")
    part = read_tagged(path, labels=False).train
    assert part is not None and not part.labelled
    assert [(one.tokens, one.tags) for one in part.sentences()] == [(("EU", "is"), None), (("UN",), None)]
