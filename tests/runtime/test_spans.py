"""Tags are spans in six schemes, faulty ones too, as conlleval counts; and a file's scheme is found by its tags."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.runtime.spans import PLAIN, SCHEMES, Scheme, Span, faults, parted, scheme_of, spans_of, steps_of, tags_of

LABELS = ("PER", "LOC", "creative-work", "PER.NAM", "")


@st.composite
def spans(draw: st.DrawFn, touching: bool = True) -> tuple[list[Span], int]:
    """Draw spans that lie one behind another, and a length that holds them."""
    place, made = 0, []
    for _ in range(draw(st.integers(0, 5))):
        start = place + draw(st.integers(0 if touching else 1, 3))
        place = start + draw(st.integers(1, 4))
        made.append(Span(start, place, draw(st.sampled_from(LABELS))))
    return made, place + draw(st.integers(0, 2))


@given(spans(), st.sampled_from(["IOB1", "IOB2", "BIOES", "BMES", "BILOU"]))
def test_spans_to_tags_and_back(drawn: tuple[list[Span], int], scheme: str) -> None:
    made, length = drawn
    tags = tags_of(made, length, scheme)
    assert len(tags) == length and spans_of(tags) == made
    assert faults(steps_of([tags]), Scheme(scheme)) == 0


@given(spans(touching=False))
def test_spans_that_do_not_touch_are_kept_by_io(drawn: tuple[list[Span], int]) -> None:
    made, length = drawn
    tags = tags_of(made, length, "IO")
    assert spans_of(tags) == made and {tag[:1] for tag in tags} <= {"I", "O"}


def test_spans_in_every_scheme() -> None:
    made = [Span(0, 1, "A"), Span(1, 3, "A"), Span(4, 7, "B")]
    assert {scheme: " ".join(tags_of(made, 8, scheme)) for scheme in SCHEMES} == {
        "IOB1": "I-A B-A I-A O I-B I-B I-B O", "IOB2": "B-A B-A I-A O B-B I-B I-B O",
        "BIOES": "S-A B-A E-A O B-B I-B E-B O", "BMES": "S-A B-A E-A O B-B M-B E-B O",
        "BILOU": "U-A B-A L-A O B-B I-B L-B O", "IO": "I-A I-A I-A O I-B I-B I-B O",
    }  # fmt: skip


def reference(tags: list[str]) -> list[Span]:
    """Find spans by asking at every token whether one ends before it and whether one begins at it."""
    found, start = [], None
    parts = [("O", "")] + [(tag[0], tag[2:]) for tag in tags] + [("O", "")]
    for place, ((last, before), (now, label)) in enumerate(pairwise(parts)):
        ends = last in ("E", "L", "S", "U") or (
            last in ("B", "I", "M") and (now in ("B", "S", "U", "O") or before != label)
        )
        begins = now in ("B", "S", "U") or (
            now in ("I", "M", "E", "L") and (last in ("O", "E", "L", "S", "U") or before != label)
        )
        if ends and start is not None:
            found.append(Span(start, place, before))
            start = None
        if begins:
            start = place
    return found


TAGS = st.sampled_from(["O", *(f"{letter}-{label}" for letter in "BIESLUM" for label in "XY")])


@given(st.lists(TAGS, max_size=12))
def test_spans_of_any_tags_are_those_of_the_reference(tags: list[str]) -> None:
    assert spans_of(tags) == reference(tags)


@given(st.lists(TAGS, max_size=12), st.sampled_from(["IOB2", "BIOES", "BMES", "BILOU"]))
def test_spans_repaired_once_are_right(tags: list[str], scheme: str) -> None:
    fixed = tags_of(spans_of(tags), len(tags), scheme)
    assert spans_of(fixed) == spans_of(tags) and faults(steps_of([fixed]), Scheme(scheme)) == 0


def test_spans_of_masked_and_of_foreign_tags() -> None:
    assert spans_of(["B-A", "", "I-A"]) == [Span(0, 1, "A"), Span(2, 3, "A")]
    assert spans_of(["B", "E", "S"]) == [Span(0, 2, ""), Span(2, 3, "")]
    assert parted("B-creative-work") == ("B", "creative-work")
    for tag in ("NOUN", "B_PER", "b-PER", "PER-B"):
        with pytest.raises(DataError, match=f"'{tag}' is no tag of a span"):
            spans_of([tag])


@pytest.mark.parametrize(
    "made", [[(0, 2, "A"), (1, 3, "A")], [(2, 2, "A")], [(0, 5, "A")], [(-1, 1, "A")], [(2, 1, "A")]]
)
def test_spans_that_cannot_be_tags(made: list[tuple[int, int, str]]) -> None:
    with pytest.raises(DataError, match="is empty, outside its sentence or over another"):
        tags_of(made, 4)


def found(*rows: str) -> Scheme:
    return scheme_of(steps_of([row.split() for row in rows]))


@pytest.mark.parametrize(
    ("rows", "scheme"),
    [
        (["I-A O I-B I-A B-A"], Scheme("IOB1")),
        (["I-A I-A O", "I-B"], Scheme("IO")),
        (["B-A I-A O", "B-B"], Scheme("IOB2")),
        (["B-A I-A O I-A", "B-B O B-A"], Scheme("IOB2")),  # one I that begins a span does not make it IOB1
        (["B-A E-A O S-A"], Scheme("BIOES")),
        (["B-A M-A E-A S-B"], Scheme("BMES")),
        (["B-A I-A L-A U-B O"], Scheme("BILOU")),
        (["B M E S"], Scheme("BMES")),
        (["B E S"], Scheme("BIOES")),
        (["O O", "O"], Scheme("IOB2")),
        (["o 0 B-A O"], Scheme("IOB2")),
        (["o 0 o"], Scheme("IOB2")),
        (["I-A O B-A"], Scheme("IOB2")),  # as many of one as of the other
        (["I-A I-B I-A B-A O B-C"], Scheme("IOB1")),
        (["I I B O I"], Scheme("IOB1")),
        (["PER-B PER-I O"], Scheme("IOB2", "-", True)),
        (["B_PER I_PER O"], Scheme("IOB2", "_")),
        (["PER_S O ORG_B ORG_E"], Scheme("BIOES", "_", True)),
        (["B-creative-work I-creative-work O B-A"], Scheme("IOB2")),
        (["NOUN VERB PUNCT"], PLAIN),
        (["DT NN -LRB- PRP$ ."], PLAIN),
        (["S V O"], PLAIN),
        (["X Y B-A"], PLAIN),  # most are no tags of spans
        (["0 1 0"], PLAIN),
        ([], Scheme("IOB2")),
    ],
)
def test_spans_scheme_is_found(rows: list[str], scheme: Scheme) -> None:
    assert found(*rows) == scheme


@pytest.mark.parametrize("tags", ["B-A E-A U-A", "B-A I-A M-A", "B-A M-A E-A L-A", "M-A L-A"])
def test_spans_of_two_schemes(tags: str) -> None:
    with pytest.raises(ValueError, match="-A") as raised:
        found(tags)
    one, other = raised.value.args
    assert one != other and {one, other} <= {*tags.split()}


@given(spans(), st.sampled_from(["IOB1", "IOB2", "BIOES", "BMES", "BILOU"]), st.sampled_from("-_"), st.booleans())
def test_spans_spelt_as_the_file_spells_them(
    drawn: tuple[list[Span], int], name: str, separator: str, after: bool
) -> None:
    made, length = drawn
    scheme = Scheme(name, separator, after)
    for tag in tags_of(made, length, name):
        letter, label = scheme.parted(scheme.joined(tag))
        assert (f"{letter}-{label}" if label else letter) == tag


@pytest.mark.parametrize(
    ("tags", "scheme", "count"),
    [
        ("O I-A I-A", "IOB2", 1), ("B-A I-B", "IOB2", 1), ("I-A O I-A", "IOB2", 2), ("B-A O", "IOB1", 1),
        ("I-A B-A", "IOB1", 0), ("B-A O", "BIOES", 1), ("O E-A", "BIOES", 1), ("B-A E-B", "BIOES", 1),
        ("S-A", "BMES", 0),
        ("B-A", "BMES", 1), ("B-A L-A U-A", "BILOU", 0), ("I-A I-B", "IO", 0), ("B-A E-A I-A O", "BIOES", 2),
    ],
)  # fmt: skip
def test_spans_faulty_steps_are_counted(tags: str, scheme: str, count: int) -> None:
    assert faults(steps_of([tags.split()]), Scheme(scheme)) == count
