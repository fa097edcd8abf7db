"""JSON of annotation tools to texts with spans, or to tokens with tags: what each object's keys show it to be.

doccano's four forms, Label Studio (whole and short), spaCy, Prodigy, DataTurks, Hugging Face, and gatewise's own; of
Parquet and Arrow a row is such an object.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError
from gatewise.data.arrow import arrow_rows
from gatewise.data.objects import PIECE, Numbered, values
from gatewise.data.opening import Source
from gatewise.data.table import quoted
from gatewise.data.tagged_layout import TaggedLayout
from gatewise.data.tagged_spans import Mark, Marked, Piece

TEXT_KEYS = ("text", "content", "sentence", "data", "document", "raw_text", "body")
SPAN_KEYS = ("spans", "entities", "ents", "label", "labels", "annotations", "annotation")
TAG_KEYS = ("ner_tags", "tags", "labels", "ner", "upos", "pos_tags", "chunk_tags", "pos", "label", "tag")
TOKEN_KEYS = ("tokens", "words")
ARROW = (".parquet", ".feather", ".arrow")
NAME_FILES = ("label_config.json", "dataset_infos.json", "dataset_info.json")
MOST_NAMES = 1 << 22  # bytes of a file of names
NUMBERS = "names for the numbers that are its labels: put doccano's label_config.json beside it, or give --names"
Names = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """One sentence as tokens with a tag each, or without tags."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...] | None
    place: str
    text: str = ""
    offsets: tuple[Piece, ...] = ()
    document: int = 0


def parsed(source: Source, layout: TaggedLayout, count: Counter[str]) -> Iterator[Marked | Listed]:
    """Read a file of JSON, an object at a time; `count` is told what is left out, and how many have annotations."""
    names = names_of(source, layout)
    for number, (unit, value) in enumerate(_objects(source, layout)):
        one = _one(value, f"{source.name}, {unit}", number, layout, names, count)
        if one is not None:
            yield one


def _objects(source: Source, layout: TaggedLayout) -> Numbered:
    """Tell an object a line, pretty-printed ones and an array by the first line, and read them one by one.

    A row of Parquet or Arrow is an object of its columns that hold something.
    """
    if source.suffix in ARROW:
        for number, row in arrow_rows(source):
            yield f"row {number}", {name: value for name, value in row.items() if value is not None}
        return
    with source.text(layout.encoding) as opened:
        head = opened.read(PIECE).lstrip()
    try:
        first = json.loads(head.split("\n", 1)[0])
    except (ValueError, RecursionError):
        first = None
    pair = isinstance(first, list) and len(first) == 2 and isinstance(first[0], str)
    with source.text(layout.encoding) as text:
        yield from values(text, source.name, isinstance(first, dict) or pair)


def _one(
    value: Any, where: str, number: int, layout: TaggedLayout, names: Names, count: Counter[str]
) -> Marked | Listed | None:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        value = {"text": value[0], **value[1]}  # as spaCy's examples were written
    if not isinstance(value, dict):
        raise DataError(f'{where} is no object; write one such as {{"text": ..., "spans": [[0, 2, "ORG"]]}}.')
    if value.get("answer", "accept") != "accept":
        count["rejected"] += 1
        return None
    document = value.get("document")
    if type(document) is not int:
        document = number
    if isinstance(value.get("data"), dict):
        return _task(value, where, document, layout, count)
    listed = _listed(value, where, document, layout, names, count)
    if listed is not None:
        return listed
    text = _text(value, where, layout)
    key = layout.tag_key or _span_key(value)
    spans = value.get(key)
    if spans is None:
        count["silent"] += 1
        spans = []
    else:
        count["annotated"] += 1
    if not isinstance(spans, list):
        raise DataError(f'{where} has no list of spans as {quoted(key)}; write each as [0, 2, "ORG"].')
    tokens, words = _tokens(value, text, where)
    marks = [mark for span in spans for mark in _marks(span, where, tokens, names)]
    return Marked(text, tuple(marks), where, document, tokens, words)


def _text(value: dict[str, Any], where: str, layout: TaggedLayout) -> str:
    keys = (layout.text_key,) if layout.text_key else TEXT_KEYS
    text: str | None = next((value[key] for key in keys if isinstance(value.get(key), str)), None)
    if text is None and not layout.text_key:
        strings = [part for key, part in value.items() if isinstance(part, str) and key != "id"]
        text = strings[0] if len(strings) == 1 else None
    if text is None:
        raise DataError(f"{where} has no string {quoted(keys[0])}; name the key of the text with --text-key.")
    return text


def _span_key(value: dict[str, Any]) -> str:
    """Name the key of the spans: a usual one, or the only one with a list of Label Studio's regions."""
    for key in SPAN_KEYS:
        if isinstance(value.get(key), list) and all(isinstance(one, list | dict) for one in value[key]):
            return key
    for key, part in value.items():
        if isinstance(part, list) and part and all(isinstance(one, dict) and "start" in one for one in part):
            return key
    strings = next((key for key in SPAN_KEYS if value.get(key)), "")
    return strings or SPAN_KEYS[0]


def _listed(
    value: dict[str, Any], where: str, document: int, layout: TaggedLayout, names: Names, count: Counter[str]
) -> Listed | None:
    """Give an object of tokens and tags; None where it has no tokens, or spans over a text."""
    tokens = next((value[key] for key in TOKEN_KEYS if _is_strings(value.get(key))), None)
    if tokens is None or (not layout.tag_key and "spans" in value):
        return None
    keys = (layout.tag_key,) if layout.tag_key else TAG_KEYS
    key = next((key for key in keys if isinstance(value.get(key), list)), None)
    if key is not None and any(isinstance(tag, list | dict) for tag in value[key]):
        return None
    if not tokens or not all(tokens):
        raise DataError(
            f"{where} has {'an empty token' if tokens else 'no tokens'}; give each sentence some, none empty."
        )
    tags = None
    if key is None:
        count["silent"] += 1
    else:
        count["annotated"] += 1
        if len(value[key]) != len(tokens):
            raise DataError(f"{where} has {len(tokens):,} tokens but {len(value[key]):,} {quoted(key)}; give each one.")
        tags = tuple(_label(tag, where, names) if tag != "" else "" for tag in value[key])
    text, places = value.get("text"), value.get("offsets")
    if not (isinstance(text, str) and places is not None):
        return Listed(tuple(tokens), tags, where, document=document)
    offsets = _places(places, text, where)
    if len(offsets) != len(tokens):
        raise DataError(f"{where} has {len(tokens):,} tokens but {len(offsets):,} offsets; give each token one.")
    return Listed(tuple(tokens), tags, where, text, offsets, document)


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _tokens(value: dict[str, Any], text: str, where: str) -> tuple[tuple[Piece, ...] | None, tuple[str, ...]]:
    """Give the places of tokens that the file states, as Prodigy, spaCy and gatewise do, and gatewise's own words."""
    tokens = value.get("tokens")
    if _is_strings(tokens) and isinstance(value.get("offsets"), list):
        offsets = _places(value["offsets"], text, where)
        return offsets, tuple(tokens or ()) if len(offsets) == len(tokens or ()) else ()
    if not (isinstance(tokens, list) and tokens and all(isinstance(one, dict) for one in tokens)):
        return None, ()
    whole = [[one.get("start"), one.get("end")] for one in tokens]
    places = _places(whole, text, where)
    return tuple(place for place in places if text[slice(*place)].strip()) or None, ()


def _places(given: Any, text: str, where: str) -> tuple[Piece, ...]:
    places = [tuple(one) for one in given if isinstance(one, list) and [*map(type, one)] == [int, int]]
    before = 0
    for start, end in places:
        if not before <= start < end <= len(text):
            raise DataError(f"{where} has a token from {start} to {end}, out of its turn or its text; correct it.")
        before = start
    if len(places) < len(given):
        raise DataError(f"{where} has tokens without whole numbers as start and end; correct them.")
    return tuple((start, end) for start, end in places)


def _marks(span: Any, where: str, tokens: tuple[Piece, ...] | None, names: Names) -> Iterator[Mark]:
    """Give a span's marks, one for each of its labels."""
    if isinstance(span, list):
        if len(span) < 3:
            raise DataError(f'{where} has the span {quoted(span)}; write it as [0, 2, "ORG"].')
        yield Mark(((_whole(span[0], where), _whole(span[1], where)),), _label(span[2], where, names))
        return
    if not isinstance(span, dict):
        raise DataError(f'{where} has {quoted(span)} as a span, which is none; write it as [0, 2, "ORG"].')
    labels = next((span[key] for key in ("labels", "label", "type", "entity", "tag") if key in span), None)
    if isinstance(span.get("points"), list):  # DataTurks
        for point in span["points"]:
            yield from _marks({"label": labels, **point}, where, tokens, names)
        return
    start, end = (next((span[key] for key in keys if key in span), None)
                  for keys in (("start", "start_offset"), ("end", "end_offset")))  # fmt: skip
    if start is None and tokens and {"token_start", "token_end"} <= span.keys():
        first, last = _whole(span["token_start"], where), _whole(span["token_end"], where)
        if not 0 <= first <= last < len(tokens):
            raise DataError(f"{where} has a span of tokens {first} to {last}, of {len(tokens)}; correct it.")
        start, end = tokens[first][0], tokens[last][1]
    surface = span.get("text") if isinstance(span.get("text"), str) else None
    for label in labels if isinstance(labels, list) else [labels]:
        yield Mark(((_whole(start, where), _whole(end, where)),), _label(label, where, names), surface)


def _whole(value: Any, where: str) -> int:
    if type(value) is not int:
        raise DataError(f"{where} has a span whose start or end is {quoted(value)}; give whole numbers.")
    return value


def _label(value: Any, where: str, names: Names) -> str:
    if type(value) is int:
        if value not in names:
            raise DataError(f"{where} has label {value}, and there are no {NUMBERS}.")
        return names[value]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where} has {quoted(value)} as a label; give each span and each token a name.")
    return value.strip()


def _task(value: dict[str, Any], where: str, document: int, layout: TaggedLayout, count: Counter[str]) -> Marked | None:
    """Read a task of Label Studio: the last annotation that was not cancelled."""
    text = _text(value["data"], where, layout)
    given = value.get("annotations", value.get("completions"))
    done = [one for one in given or [] if isinstance(one, dict)
            and not (one.get("was_cancelled") or one.get("skipped"))]  # fmt: skip
    if not done:
        count["silent" if given is None else "unannotated"] += 1
        return Marked(text, (), where, document) if given is None else None
    count["annotated"] += 1
    count["several"] += len(done) > 1
    regions = done[-1].get("result")
    marks: list[Mark] = []
    for region in regions if isinstance(regions, list) else []:
        inner = region.get("value") if isinstance(region, dict) else None
        if not isinstance(inner, dict) or "start" not in inner or "end" not in inner:
            continue  # a relation, a choice for the whole text
        labels = inner.get("labels", inner.get(str(region.get("type"))))
        if labels:
            marks += _marks({**inner, "labels": labels}, where, None, {})
    return Marked(text, tuple(marks), where, document)


def names_of(source: Source, layout: TaggedLayout) -> Names:
    """Find the names of labels that are numbers: those given, or those of a file beside the data."""
    if layout.names:
        return dict(enumerate(layout.names))
    for name in NAME_FILES if source.plain else ():
        path = Path(str(source.plain)).with_name(name)
        with suppress(OSError, ValueError, RecursionError):
            if path.stat().st_size <= MOST_NAMES and (names := _names_in(json.loads(path.read_bytes()))):
                return names
    return {}


def _names_in(value: Any) -> dict[int, str]:
    """Find names in what doccano or Hugging Face wrote: objects with id and text, or names of a class in a row."""
    if isinstance(value, list):
        return {
            one["id"]: one["text"]
            for one in value
            if isinstance(one, dict) and type(one.get("id")) is int and isinstance(one.get("text"), str)
        }
    if not isinstance(value, dict):
        return {}
    if _is_strings(value.get("names")):
        return dict(enumerate(value["names"]))
    found = [names for inner in value.values() if isinstance(inner, dict) and (names := _names_in(inner))]
    return found[0] if len(found) == 1 else {}
