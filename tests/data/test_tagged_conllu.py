"""CoNLL-U: words of several in one, empty nodes, blanks by SpaceAfter, layers of tags; faults with their line."""

from pathlib import Path

import pytest

from gatewise.base.errors import DataError
from gatewise.data.tagged import TaggedPart
from gatewise.data.tagged_reading import read_tagged
from gatewise.runtime.spans import PLAIN, Span


def line(number: object, form: str, upos: str = "_", misc: str = "_", xpos: str = "_") -> str:
    return "\t".join([str(number), form, "_", upos, xpos, *"____", misc]) + "\n"


def part_of(folder: Path, content: str, **given: object) -> TaggedPart:
    path = folder / "data.conllu"
    path.write_text(content, encoding="utf-8")
    part = read_tagged(path, **given).train
    assert part is not None
    return part


DONT = (
    line("1-2", "don't", misc="SpaceAfter=No") + line(1, "do", "AUX") + line(2, "n't", "PART", "SpaceAfter=No")
    + line("2.1", "empty", "VERB") + line(3, ",", "PUNCT") + line("4-5", "du") + line(4, "de", "ADP")
    + line(5, "le", "_") + line(6, "10 000", "NUM", "SpaceAfter=No") + "\n"
)  # fmt: skip


@pytest.mark.parametrize("comment", ["", "# text = don't, du 10 000\n", "# text = other words\n"])
def test_conllu_words_of_several_and_empty_nodes(tmp_path: Path, comment: str) -> None:
    part = part_of(tmp_path, comment + DONT)
    (one,) = part.sentences()
    assert one.tokens == ("do", "n't", ",", "de", "le", "10 000")
    assert one.tags == ("AUX", "PART", "PUNCT", "ADP", "", "NUM") and part.scheme == PLAIN
    assert one.text == "don't, du 10 000"
    assert [one.text[start:end] for start, end in one.offsets] == ["do", "n't", ",", "du", "du", "10 000"]
    assert one.place.endswith("line 3" if comment else "line 2")
    assert "1 word without upos" in part.notes[1]


def test_conllu_text_of_the_comment_keeps_its_blanks(tmp_path: Path) -> None:
    (one,) = part_of(
        tmp_path, "# text =  a\xa0 b😀.\n" + line(1, "a", "X") + line(2, "b😀", "X") + line(3, ".", "X")
    ).sentences()
    assert one.text == " a\xa0 b😀." and one.offsets == ((1, 2), (4, 6), (6, 7))


def test_conllu_documents(tmp_path: Path) -> None:
    word = line(1, "a", "X") + "\n"
    part = part_of(tmp_path, f"# newdoc id = 1\n# sent_id = 1\n{word}{word}# newdoc\n{word}")
    assert [one.document for one in part.sentences()] == [0, 0, 1]
    assert part.notes[0].endswith("3 sentences, 3 words, 2 documents, plain labels, 1 of them, by upos")


def test_conllu_layers(tmp_path: Path) -> None:
    content = line(1, "EU", "PROPN", "name=B-ORG|SpaceAfter=No", "NNP") + line(
        2, "x", "X", "SpaceAfter=No name=I-ORG", "FW"
    )
    content += line(3, "y", "X", "_", "NN")
    part = part_of(tmp_path, content)
    assert "read them with --layer name" in part.notes[1]
    assert next(part.sentences()).tags == ("PROPN", "X", "X")
    assert next(part_of(tmp_path, content, layer="xpos").sentences()).tags == ("NNP", "FW", "NN")
    part = part_of(tmp_path, content, layer="name")
    assert next(part.sentences()).tags == ("B-ORG", "E-ORG", "O") and part.scheme.name == "IOB2"
    assert next(part.sentences()).spans() == [Span(0, 3, "ORG")]
    mixed = line(1, "a", "X", "name=B-X") + line(2, "b", "X", "name=E-X") + line(3, "c", "X", "name=U-X")
    with pytest.raises(DataError, match="line 3 has tags of two schemes, 'E-X' and 'U-X'"):
        part_of(tmp_path, mixed, layer="name")
    with pytest.raises(DataError, match="has no 'NE' at any word; choose with --layer"):
        part_of(tmp_path, content, layer="NE")
    with pytest.raises(DataError, match="neither UPOS nor XPOS"):
        part_of(tmp_path, line(1, "a"))


def test_conllu_borders_of_chinese_words(tmp_path: Path) -> None:
    part = part_of(
        tmp_path,
        line(1, "中国", "X") + line(2, "在", "X") + line(3, "̄", "X") + line(4, "Ab", "X") + line(5, "人", "X"),
        layer="words",
    )
    (one,) = part.sentences()
    assert one.text == "中国在̄Ab人" and one.tokens == ("中", "国", "在", "̄", "A", "b", "人")
    assert one.tags == ("B", "E", "S", "S", "B", "E", "S")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\ta\tb\n", "line 1 has 3 columns"),
        (line("x", "a", "X"), "line 1 has 'x' as number"),
        (line(1, "", "X"), "line 1 has no form"),
        (line(2, "a", "X"), "line 1 has word 2 where 1 is next"),
        (line(1, "a", "X") + line(1, "b", "X"), "line 2 has word 1 where 2 is next"),
        (line("2-3", "ab"), "line 1 has words 2-3 before word 1"),
        (line("1-3", "ab") + line(1, "a", "X"), "begins a sentence of 1 words, but 'ab' has words 1 to 3"),
        (line("1-2", "ab") + line(1, "a", "X"), "begins a sentence of 1 words, but 'ab' has words 1 to 2"),
        ("# text = a\n", "has no sentences"),
    ],
)
def test_conllu_faults_with_their_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        part_of(tmp_path, content)
