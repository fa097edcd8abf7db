"""Out and in again is the identity in every form, as far as it can hold a sentence."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.data.tagged import Sentence
from gatewise.data.tagged_reading import read_tagged
from gatewise.data.tagged_write import FORMS, WRITERS, save_tagged, spans_in, written
from gatewise.runtime.spans import PLAIN, SCHEMES, Scheme, Span, tags_of
from gatewise.runtime.words import words_of

PIECES = [
    "a",
    "Berlin",
    "don't",
    "'s",
    " ",
    "  ",
    "\r\n",
    "\n",
    "\xa0",
    "\u200b",
    "😀",
    "👩\u200d👩\u200d👧",
    "e\u0301",
    "中",
    "国",
]
PIECES += ["3", "1,000.5", "-", '"', "\\", "\t", "של", "\u2028", "#", "U.S.", "_", "\u0304", "O", "\x00"]
LABELS = ("PER", "creative-work", "PER.NAM", "地名")
KEEPS_TOKENS = ("conll", "conllu", "jsonl", "prodigy", "huggingface")


@st.composite
def sentences(draw: st.DrawFn, plain: bool = False) -> Sentence:
    """Draw a text with its tokens, and spans over some of them or a plain label for each."""
    text = "".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=10)))
    offsets = tuple(words_of(text))
    assume(offsets)
    tokens = tuple(text[start:end] for start, end in offsets)
    if plain:
        tags = tuple(draw(st.sampled_from(["NOUN", "PRP$", ""])) for _ in tokens)
        assume(any(tags))
        return Sentence(tokens, tags, text, offsets)
    spans, place = [], 0
    while place < len(tokens) and draw(st.booleans()):
        start = draw(st.integers(place, len(tokens) - 1))
        place = draw(st.integers(start + 1, len(tokens)))
        spans.append(Span(start, place, draw(st.sampled_from(LABELS))))
    return Sentence(tokens, tuple(tags_of(spans, len(tokens))), text, offsets)


SEVERAL = st.lists(sentences(), min_size=1, max_size=3)


def again(made: list[Sentence], form: str, scheme: Scheme) -> list[Sentence]:
    with tempfile.TemporaryDirectory() as folder:
        name = {"conll": "a.conll", "conllu": "a.conllu", "brat": "a"}.get(form, "a.json")
        path = Path(folder) / name
        save_tagged(iter(made), path, form, scheme)
        given_as: dict[str, object] = {"offsets": "code-points", "form": "conll" if form == "conll" else "auto"}
        if form == "conllu" and scheme.name:
            given_as["layer"] = "name"
        part = read_tagged(path, **given_as).train
        assert part is not None
        return list(part.sentences())


@pytest.mark.parametrize("form", FORMS)
@given(
    made=st.lists(sentences(), min_size=1, max_size=3), name=st.sampled_from([one for one in SCHEMES if one != "IO"])
)
def test_write_spans_out_and_in(form: str, made: list[Sentence], name: str) -> None:
    if form == "conllu":
        assume(any({*one.tags} - {"O"} for one in made))  # else there is nothing to see of a layer of spans
    back = again(made, form, Scheme(name))
    assert len(back) == len(made)
    for one, other in zip(made, back, strict=True):
        if form in KEEPS_TOKENS:
            assert (other.tokens, other.tags) == (one.tokens, one.tags)
        if form in ("jsonl", "prodigy"):
            assert other.offsets == one.offsets
        if form not in ("conll", "huggingface", "conllu"):
            assert other.text == one.text and other.spans() == one.spans()
        if form == "conllu" and not {"\r", "\n", "\t"} & {*one.text}:
            assert (other.text, other.offsets) == (one.text, one.offsets)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=12)
@given(made=st.lists(sentences(plain=True), min_size=1, max_size=3))
def test_write_plain_labels_out_and_in(form: str, made: list[Sentence]) -> None:
    back = again(made, form, PLAIN)
    for one, other in zip(made, back, strict=True):
        if form in ("conll", "conllu", "jsonl", "huggingface"):
            assert (other.tokens, other.tags) == (one.tokens, one.tags)
        else:
            assert other.spans() == spans_in(one, PLAIN)


@pytest.mark.parametrize("form", ["conll", "jsonl", "huggingface"])
def test_write_borders_of_words_out_and_in(form: str) -> None:
    made = [Sentence((*"中国在",), ("B", "E", "S"), "中国在", ((0, 1), (1, 2), (2, 3)), 0)]
    (one,) = again(made, form, Scheme("BMES"))
    assert (one.tokens, one.tags, one.text) == (made[0].tokens, made[0].tags, made[0].text)
    assert "".join(written(made, "conll", Scheme("BMES"))) == "中\tB\n国\tE\n在\tS\n\n"
    assert '"label": [[0, 2, "word"], [2, 3, "word"]]' in "".join(written(made, "doccano", Scheme("BMES")))


@pytest.mark.parametrize(
    "scheme", [Scheme("IOB1"), Scheme("BILOU", "_"), Scheme("IOB2", "-", True), Scheme("BMES", "_", True)]
)
def test_write_in_the_scheme_that_came_in(tmp_path: Path, scheme: Scheme) -> None:
    rows = tags_of([Span(0, 1, "A"), Span(1, 3, "A"), Span(4, 7, "B")], 8, scheme.name)
    content = "".join(f"t{place}\t{scheme.joined(tag)}\n" for place, tag in enumerate(rows)) + "\n"
    content += f"-DOCSTART-\tO\n\nx\t{scheme.joined(tags_of([(0, 1, 'B')], 1, scheme.name)[0])}\n\n"
    (tmp_path / "a.conll").write_text(content, encoding="utf-8")
    part = read_tagged(tmp_path / "a.conll").train
    assert part is not None and part.scheme == scheme
    assert "".join(written(part.sentences(), "conll", part.scheme)) == content


def test_write_words_that_are_written_as_one() -> None:
    offsets = ((0, 4), (5, 7), (5, 7), (8, 12))
    made = Sentence(("vado", "a", "il", "mare"), ("V", "P", "D", "N"), "vado al mare", offsets)
    (one,) = again([made], "conllu", PLAIN)
    assert (one.tokens, one.tags, one.text, one.offsets) == (made.tokens, made.tags, made.text, offsets)
    (one,) = again([made], "jsonl", PLAIN)
    assert (one.tokens, one.offsets) == (made.tokens, offsets)
    named = Sentence(made.tokens, ("O", "O", "O", "S-LOC"), made.text, offsets)
    (one,) = again([named], "jsonl", Scheme("IOB2"))
    assert (one.tokens, one.tags, one.offsets) == (made.tokens, named.tags, offsets)


def test_write_documents_and_unlabelled() -> None:
    made = [Sentence(("a",), None, "a", ((0, 1),), document) for document in (0, 0, 1)]
    assert "".join(written(made, "conll", PLAIN)) == "a\n\na\n\n-DOCSTART-\n\na\n\n"
    assert "".join(written(made, "huggingface", PLAIN)) == '{"tokens": ["a"]}\n' * 3
    assert "".join(written(made, "conllu", PLAIN)).count("# newdoc") == 1
    assert [
        one.document for one in again([Sentence(("a",), ("X",), "a", ((0, 1),), n) for n in (0, 2)], "jsonl", PLAIN)
    ] == [0, 2]


def test_write_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Iterator[Sentence]:
        yield Sentence(("a",), ("X",), "a", ((0, 1),))
        raise DataError("line 2 is bad.")

    path = tmp_path / "a.conll"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(DataError, match="line 2 is bad"):
        save_tagged(broken(), path, "conll", PLAIN)
    assert path.read_text(encoding="utf-8") == "old" and [one.name for one in tmp_path.iterdir()] == ["a.conll"]
    with pytest.raises(GatewiseError, match="could not be written"):
        save_tagged([], tmp_path / "none" / "a", "conll", PLAIN)
    with pytest.raises(GatewiseError, match="holds files already"):
        save_tagged([], tmp_path, "brat", PLAIN)
    with pytest.raises(ConfigError, match="choose one of conll, conllu"):
        list(written([], "xml", PLAIN))
    assert set(FORMS) == {*WRITERS, "brat"}


def test_write_other_columns_of_a_file_of_columns(tmp_path: Path) -> None:
    source = tmp_path / "a.conll"
    source.write_text("EU NNP I-NP B-ORG\nis VBZ I-VP O\n\n-DOCSTART- -X- O O\n\na DT I-NP O\n", encoding="utf-8")
    part = read_tagged(source).train
    text = "".join(written(part.sentences(), "conll", part.scheme))
    assert text.split("\n") == [
        "EU\tNNP\tI-NP\tB-ORG", "is\tVBZ\tI-VP\tO", "", "-DOCSTART-\t_\t_\tO", "", "a\tDT\tI-NP\tO", "", "",
    ]  # fmt: skip
    source.write_text(text, encoding="utf-8")
    again = read_tagged(source).train
    assert [(one.tokens, one.tags, one.columns, one.document) for one in again.sentences()] == [
        (("EU", "is"), ("S-ORG", "O"), (("NNP", "I-NP"), ("VBZ", "I-VP")), 0), (("a",), ("O",), (("DT", "I-NP"),), 1),
    ]  # fmt: skip
    assert "NNP" not in "".join(written(again.sentences(), "conllu", again.scheme))


@pytest.mark.parametrize("layer", ["upos", "name"])
def test_write_other_columns_of_a_treebank(tmp_path: Path, layer: str) -> None:
    lines = [
        "# text = It is a.", "1\tIt\tit\tPRON\tPRP\tCase=Nom\t2\tnsubj\t2:nsubj\tx=y",
        "2\tis\tbe\tAUX\tVBZ\t_\t0\troot\t2.1:x\tname=O", "3\ta\ta\tX\tNN\t_\t2\tdep\t_\tSpaceAfter=No|name=B-PER",
        "4\t.\t.\tPUNCT\t.\t_\t2\tpunct\t_\t_", "",
    ]  # fmt: skip
    source = tmp_path / "a.conllu"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part = read_tagged(source, layer=layer).train
    assert part is not None
    words = [line.split("\t") for line in "".join(written(part.sentences(), "conllu", part.scheme)).split("\n")[1:5]]
    assert [row[:8] for row in words] == [line.split("\t")[:8] for line in lines[1:5]]
    assert [row[8] for row in words] == ["2:nsubj", "_", "_", "_"]  # empty nodes are left out, and what names them
    kept = [{*row[9].split("|")} - {"name=O", "_", "SpaceAfter=No"} for row in words]
    assert kept == [{"x=y"}, set(), {"name=B-PER"}, set()]
