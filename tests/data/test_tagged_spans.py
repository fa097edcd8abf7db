"""What offsets count is found for a whole file or not at all; of spans one over another some stay; tokens part."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.data.tagged import TaggedPart
from gatewise.data.tagged_layout import TaggedLayout
from gatewise.data.tagged_reading import read_tagged
from gatewise.data.tagged_spans import COUNTINGS, Evidence, Mark, Marked, Reading, sentence_of

PIECES = st.sampled_from(["a", "b", " ", "\r\n", "\n", "\r", "😀", "é", "中", "\xa0"])


def counted(text: str, counting: str) -> int:
    """Count as tools do: JavaScript by UTF-16 units, a browser's text area with \\r\\n as one."""
    text = text.replace("\r\n", "\n") if "lines" in counting else text
    return len(text.encode("utf-16-le")) // 2 if "utf-16" in counting else len(text)


@given(st.lists(PIECES, min_size=1, max_size=12), st.data(), st.sampled_from(COUNTINGS), st.booleans())
def test_reading_maps_what_tools_count(pieces: list[str], data: st.DataObject, counting: str, inclusive: bool) -> None:
    borders = [len("".join(pieces[:place])) for place in range(len(pieces) + 1)]
    start, end = sorted(data.draw(st.lists(st.sampled_from(borders), min_size=2, max_size=2, unique=True)))
    text = "".join(pieces)
    if ("lines" in counting and text[start - 1 : start + 1] == "\r\n") or text[end - 1 : end + 1] == "\r\n":
        return  # two pieces that became one line end
    given_as = counted(text[:start], counting), counted(text[:end], counting) - inclusive
    if inclusive and counted(text[end - 1 : end], counting) > 1:
        given_as = given_as[0], counted(text[:end], counting) - 1  # the last unit of a pair
    assert Reading(counting, inclusive).pieces(text, [given_as]) == [(start, end)]


def part_of(folder: Path, rows: list[dict], **given: object) -> TaggedPart:
    path = folder / "data.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    part = read_tagged(path, **given).train
    assert part is not None
    return part


def found(part: TaggedPart) -> list[tuple[str, str]]:
    return [(one.text[start:end], label) for one in part.sentences() for start, end, label in one.spans()]


def stated(text: str, *spans: tuple[int, int, str]) -> dict:
    return {"text": text, "label": [{"start": a, "end": b, "text": words, "labels": ["X"]} for a, b, words in spans]}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([stated("a Berlin", (2, 8, "Berlin"))], ""),
        ([stated("😀 Berlin", (2, 8, "Berlin"))], ""),
        ([stated("😀 Berlin", (3, 9, "Berlin")), stated("Berlin", (0, 6, "Berlin"))], "UTF-16 units"),
        ([stated("a\r\nBerlin", (2, 8, "Berlin"))], r"\r\n as one character"),
        ([stated("😀😀\r\nBerlin", (5, 11, "Berlin"))], r"UTF-16 units, and \r\n as one"),
        ([stated("a Berlin", (2, 7, "Berlin"))], "code points, and name the last character"),
        ([stated("😀 Berlin", (3, 8, "Berlin"))], "UTF-16 units, and name the last character"),
        ([stated("a New  York", (2, 11, "New York"))], ""),
        ([stated("a Berlin ", (2, 9, "Berlin"))], ""),
    ],
)  # fmt: skip
def test_offsets_are_held_to_the_stated_words(tmp_path: Path, rows: list[dict], said: str) -> None:
    part = part_of(tmp_path, rows)
    assert {words.replace("  ", " ") for words, _ in found(part)} <= {"Berlin", "New York"} and len(found(part)) == len(
        rows
    )
    notes = [note for note in part.notes if "offsets count" in note]
    assert said in notes[0] if said else not notes


def test_offsets_are_one_way_for_the_whole_file_or_refused(tmp_path: Path) -> None:
    rows = [stated("😀 Berlin", (3, 9, "Berlin")), stated("😀 Berlin", (2, 8, "Berlin"))]
    with pytest.raises(DataError, match=r"line 2 has a span 2 to 8 \('X'\) that is to be 'Berlin', but .* stands"):
        part_of(tmp_path, rows)
    with pytest.raises(DataError, match=r"line 1 has a span 2 to 9 .* no way of counting fits"):
        part_of(tmp_path, [stated("a Berlin", (2, 9, "Berlin"))])
    with pytest.raises(DataError, match="line 1 has a span 3 to 9"):
        part_of(tmp_path, rows, offsets="code-points")
    assert found(part_of(tmp_path, rows[:1], offsets="utf-16")) == [("Berlin", "X")]


def test_offsets_without_stated_words(tmp_path: Path) -> None:
    astral = [{"text": "😀 Berlin x", "label": [[3, 9, "X"]]}]
    part = part_of(tmp_path, astral)
    assert found(part) == [("Berlin", "X")] and "count UTF-16 units, as all spans meet words then" in part.notes[1]
    assert found(part_of(tmp_path, astral, offsets="code-points")) == [("erlin", "X")]  # said so; trimmed and cut
    part = part_of(tmp_path, [{"text": "😀 Berlin x", "label": [[2, 8, "X"]]}])
    assert found(part) == [("Berlin", "X")] and len(part.notes) == 1
    part = part_of(tmp_path, [{"text": "EU and Berlin", "label": [[0, 1, "X"], [7, 12, "X"]]}])
    assert found(part) == [("E", "X"), ("Berli", "X")]
    assert "2 spans begin or end inside of a word" in part.notes[1] and "then say --inclusive" in part.notes[2]
    part = part_of(tmp_path, [{"text": "EU and Berlin", "label": [[0, 1, "X"], [7, 12, "X"]]}], inclusive=True)
    assert found(part) == [("EU", "X"), ("Berlin", "X")] and len(part.notes) == 1


NESTED = {
    "text": "University of New York City",
    "label": [[0, 22, "ORG"], [14, 22, "LOC"], [14, 27, "LOC"], [0, 22, "ORG"]],
}


@pytest.mark.parametrize(
    ("nested", "expected"),
    [("outer", [("University of New York", "ORG")]), ("inner", [("New York", "LOC")])],
)
def test_spans_one_over_another(tmp_path: Path, nested: str, expected: list) -> None:
    part = part_of(tmp_path, [NESTED], nested=nested)
    assert found(part) == expected
    assert [note.partition(": ")[2] for note in part.notes[1:]] == [
        f"2 spans over or under another left out, the {nested} kept (--nested)",
        "1 span that stood twice, with one label, taken once",
    ]


def test_spans_one_over_another_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1 has spans one over another"):
        part_of(tmp_path, [NESTED], nested="refuse")
    touching = {"text": "ab cd", "label": [[0, 2, "X"], [3, 5, "X"], [0, 2, "X"]]}
    assert found(part_of(tmp_path, [touching], nested="refuse")) == [("ab", "X"), ("cd", "X")]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8), st.sampled_from("XY")), max_size=8), st.booleans())
def test_spans_kept_do_not_overlap_and_none_is_left_out_for_nothing(drawn: list, outer: bool) -> None:
    marks = tuple(Mark(((start, start + size),), label) for start, size, label in drawn)
    marked = Marked("abcdefghij" * 3, marks, "here")
    layout, count = TaggedLayout(nested="outer" if outer else "inner"), Counter[str]()
    sentence = sentence_of(marked, Reading(), layout, count)
    assert sentence is not None
    kept = sentence.spans()
    assert all(one.end <= other.start for one, other in pairwise(kept))
    given_spans = {(*mark.pieces[0], mark.label) for mark in marks}
    assert {*kept} <= given_spans and len(kept) + count["nested"] == len(given_spans)
    for start, end, label in given_spans - {*kept}:  # each lost to one at least as long, or as short
        over = [other - begin for begin, other, _ in kept if begin < end and start < other]
        assert max(over) >= end - start if outer else min(over) <= end - start, label


def test_spans_part_tokens_and_lose_blanks(tmp_path: Path) -> None:
    row = {"text": "Berlin-based  Müllers x", "label": [[0, 6, "A"], [12, 19, "B"], [13, 14, "C"], [19, 23, "D"]]}
    part = part_of(tmp_path, [row])
    assert found(part) == [("Berlin", "A"), ("Mülle", "B"), ("rs x", "D")]
    assert next(part.sentences()).tokens == ("Berlin", "-", "based", "Mülle", "rs", "x")
    assert [note.partition(": ")[2] for note in part.notes[1:]] == [
        "3 spans begin or end inside of a word",
        "2 spans beginning or ending inside of a token, which was parted there",
        "1 span with blanks at an end, which were left off",
        "1 span of blanks alone left out",
    ]


def test_evidence_of_several_pieces() -> None:
    evidence = Evidence(TaggedLayout())
    evidence.add(
        Marked("a Lorem\nipsum x dolor", (Mark(((2, 7), (8, 13), (16, 21)), "X", "Lorem ipsum dolor"),), "here")
    )
    assert evidence.reading("file") == (Reading(), ())
