"""Sentences with tags to every form that gatewise reads, one sentence at a time; knows no file that they came from.

Offsets are code points, half-open. What a form cannot hold is lost and nothing else: columns lose the blanks between
tokens, and keep what other columns came in; the JSON of annotation tools keeps the text and its spans but not where
other tokens part, and plain labels become a span a token there.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from gatewise.base.errors import ConfigError, GatewiseError
from gatewise.base.files import cannot_write, write_atomically, write_pieces
from gatewise.base.text import json_text
from gatewise.data.tagged import Sentence
from gatewise.data.tagged_columns import BORDER, MASKED
from gatewise.runtime.spans import Scheme, Span, spans_of, tags_of

BREAKS = re.compile(r"[\t\r\n]")
BLANKS = re.compile(r"\s")
WORD = "word"
NO_COLUMNS = ("_",) * 8  # of CoNLL-U, from the lemma on
NO_KEY = re.compile(r"[|=\s]")
LINE = re.compile(r"[^\r\n]+")


def written(sentences: Iterable[Sentence], form: str, scheme: Scheme) -> Iterator[str]:
    """Give the pieces of a file of one of FORMS, tags of spans in a scheme, or of plain labels where it is PLAIN.

    Raises ConfigError for another form.
    """
    if form not in WRITERS:
        raise ConfigError(f"form is {form!r}; choose one of {', '.join(FORMS)}.")
    yield from WRITERS[form](sentences, scheme)


def save_tagged(sentences: Iterable[Sentence], path: Path, form: str, scheme: Scheme) -> None:
    """Write a file, or brat's folder, of sentences: whole or, where a sentence cannot be read, not at all.

    Raises GatewiseError where it cannot be written, and for a folder that holds something.
    """
    if form != "brat":
        write_pieces(path, (piece.encode() for piece in written(sentences, form, scheme)))
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise GatewiseError(f"{path} holds files already; give a folder that is new or empty.")
        for name, text, marks in brat_files(sentences, scheme):
            write_atomically(path / f"{name}.txt", text.encode())
            write_atomically(path / f"{name}.ann", marks.encode())
    except OSError as error:
        raise cannot_write(path, error) from error


def tags_in(sentence: Sentence, scheme: Scheme) -> list[str] | None:
    """Give a sentence's tags as a file writes them; None where it has none."""
    if sentence.tags is None or not scheme.name:
        return None if sentence.tags is None else list(sentence.tags)
    tags = tags_of(spans_of(sentence.tags), len(sentence.tags), scheme.name)
    return [scheme.joined(tag) for tag in tags]


def spans_in(sentence: Sentence, scheme: Scheme) -> list[Span]:
    """Give a sentence's spans in code points of its text, for tools that ask for a label.

    Borders of words, which have none, are spans of WORD, and of plain labels each token that has one is a span.
    """
    if scheme.name or sentence.tags is None:
        return [span if span.label else span._replace(label=WORD) for span in sentence.spans()]
    places = zip(sentence.offsets, sentence.tags, strict=True)
    return [Span(start, end, tag) for (start, end), tag in places if tag]


def _conll(sentences: Iterable[Sentence], scheme: Scheme) -> Iterator[str]:
    document = 0
    for number, sentence in enumerate(sentences):
        tags = tags_in(sentence, scheme)
        columns = sentence.columns if sentence.columns and not sentence.tree else ((),) * len(sentence.tokens)
        if sentence.document != document and number:
            yield "\t".join([BORDER, *[MASKED] * len(columns[0]), *([] if tags is None else ["O"])]) + "\n\n"
        document = sentence.document
        ends = [[]] * len(columns) if tags is None else [[tag or MASKED] for tag in tags]
        rows = ([token, *its, *end] for token, its, end in zip(sentence.tokens, columns, ends, strict=True))
        yield "".join("\t".join(BREAKS.sub(" ", one) for one in row) + "\n" for row in rows) + "\n"


def _conllu(sentences: Iterable[Sentence], scheme: Scheme) -> Iterator[str]:
    document = 0
    for number, sentence in enumerate(sentences):
        if sentence.document != document and number:
            yield "# newdoc\n"
        document = sentence.document
        yield "".join(_tree(sentence, scheme)) + "\n"


def _tree(sentence: Sentence, scheme: Scheme) -> Iterator[str]:
    if not BREAKS.search(sentence.text):
        yield f"# text = {sentence.text}\n"
    tags = tags_in(sentence, scheme) or [""] * len(sentence.tokens)
    others = sentence.columns if sentence.tree else [NO_COLUMNS] * len(tags)
    offsets = [*sentence.offsets, (-1, -1)]
    for number, (token, tag) in enumerate(zip(sentence.tokens, tags, strict=True)):
        place, behind = offsets[number], offsets[number + 1]
        misc = ["SpaceAfter=No"] if place[1] == behind[0] else []
        if place == behind and (number == 0 or offsets[number - 1] != place):  # words that are written as one
            last = next(other for other in range(number + 1, len(offsets)) if offsets[other] != place)
            near = "SpaceAfter=No" if place[1] == offsets[last][0] else "_"
            form = BREAKS.sub(" ", sentence.text[slice(*place)])
            yield "\t".join([f"{number + 1}-{last}", form, *"_______", near]) + "\n"
        if scheme.name and tag:
            misc.insert(0, f"name={NO_KEY.sub('_', tag)}")
        lemma, upos, *syntax, kept = others[number]
        if not scheme.name and tag:
            upos = BREAKS.sub(" ", tag)
        misc += [kept] * (kept != MASKED)
        yield "\t".join([f"{number + 1}", BREAKS.sub(" ", token), lemma, upos, *syntax, "|".join(misc) or "_"]) + "\n"


def _lines(record: Callable[[Sentence, Scheme], dict[str, Any]]) -> Callable[..., Iterator[str]]:
    """Make a writer of an object a line."""

    def write(sentences: Iterable[Sentence], scheme: Scheme) -> Iterator[str]:
        for sentence in sentences:
            yield json_text(record(sentence, scheme)) + "\n"

    return write


def _array(record: Callable[[int, Sentence, Scheme], dict[str, Any]]) -> Callable[..., Iterator[str]]:
    """Make a writer of one array of numbered objects."""

    def write(sentences: Iterable[Sentence], scheme: Scheme) -> Iterator[str]:
        yield "["
        for number, sentence in enumerate(sentences, 1):
            yield (",\n" if number > 1 else "\n") + json_text(record(number, sentence, scheme))
        yield "\n]\n"

    return write


def _own(sentence: Sentence, scheme: Scheme) -> dict[str, Any]:
    """Keep all of a sentence: its text, tokens and their places, spans or plain labels, and its document."""
    row: dict[str, Any] = {
        "text": sentence.text, "tokens": list(sentence.tokens), "offsets": [list(place) for place in sentence.offsets],
    }  # fmt: skip
    if sentence.tags is not None and (not scheme.name or {*sentence.tags} & {"S", "B"}):  # labels, borders of words
        row["tags"] = tags_in(sentence, scheme)
    elif sentence.tags is not None:
        row["spans"] = [
            {"start": start, "end": end, "label": label, "text": sentence.text[start:end]}
            for start, end, label in sentence.spans()
        ]
    return row | {"document": sentence.document}


def _triples(key: str) -> Callable[[Sentence, Scheme], dict[str, Any]]:
    return lambda sentence, scheme: {"text": sentence.text, key: [list(span) for span in spans_in(sentence, scheme)]}


def _doccano_entities(sentence: Sentence, scheme: Scheme) -> dict[str, Any]:
    spans = [
        {"id": number, "label": label, "start_offset": start, "end_offset": end}
        for number, (start, end, label) in enumerate(spans_in(sentence, scheme))
    ]
    return {"text": sentence.text, "entities": spans, "relations": []}


def _prodigy(sentence: Sentence, scheme: Scheme) -> dict[str, Any]:
    ends = [*(start for start, _ in sentence.offsets[1:]), len(sentence.text)]
    tokens = [
        {"text": sentence.text[start:end], "start": start, "end": end, "id": number, "ws": behind > end}
        for number, ((start, end), behind) in enumerate(zip(sentence.offsets, ends, strict=True))
    ]
    firsts = {token["start"]: token["id"] for token in reversed(tokens)}
    lasts = {token["end"]: token["id"] for token in tokens}
    spans = [
        {"start": start, "end": end, "token_start": firsts[start], "token_end": lasts[end], "label": label}
        for start, end, label in spans_in(sentence, scheme)
    ]
    return {"text": sentence.text, "tokens": tokens, "spans": spans, "answer": "accept"}


def _values(sentence: Sentence, scheme: Scheme) -> list[dict[str, Any]]:
    return [
        {"start": start, "end": end, "text": sentence.text[start:end], "labels": [label]}
        for start, end, label in spans_in(sentence, scheme)
    ]


def _label_studio(number: int, sentence: Sentence, scheme: Scheme) -> dict[str, Any]:
    result = [
        {"id": f"{number}-{place}", "from_name": "label", "to_name": "text", "type": "labels", "value": value}
        for place, value in enumerate(_values(sentence, scheme), 1)
    ]
    annotations = [] if sentence.tags is None else [{"id": number, "was_cancelled": False, "result": result}]
    return {"id": number, "data": {"text": sentence.text}, "annotations": annotations, "predictions": []}


def _label_studio_min(number: int, sentence: Sentence, scheme: Scheme) -> dict[str, Any]:
    return {"id": number, "text": sentence.text, "label": _values(sentence, scheme)}


def _hugging_face(sentence: Sentence, scheme: Scheme) -> dict[str, Any]:
    tags = tags_in(sentence, scheme)
    key = "ner_tags" if scheme.name else "tags"
    return {"tokens": list(sentence.tokens)} | ({} if tags is None else {key: tags})


def brat_files(sentences: Iterable[Sentence], scheme: Scheme) -> Iterator[tuple[str, str, str]]:
    """Give the name, text and annotations of each sentence as brat's two files have them, in their order."""
    for number, sentence in enumerate(sentences, 1):
        marks = []
        for place, (start, end, label) in enumerate(spans_in(sentence, scheme), 1):
            lines = list(LINE.finditer(sentence.text, start, end))  # brat's spans end with the line
            pieces = ";".join(f"{line.start()} {line.end()}" for line in lines)
            words = " ".join(line[0] for line in lines)
            marks.append(f"T{place}\t{BLANKS.sub('_', label)} {pieces}\t{BREAKS.sub(' ', words)}\n")
        yield f"{number:08}", sentence.text, "".join(marks)


WRITERS: dict[str, Callable[[Iterable[Sentence], Scheme], Iterator[str]]] = {
    "conll": _conll, "conllu": _conllu, "jsonl": _lines(_own), "doccano": _lines(_triples("label")),
    "doccano-entities": _lines(_doccano_entities), "label-studio": _array(_label_studio),
    "label-studio-min": _array(_label_studio_min), "spacy": _lines(_triples("entities")), "prodigy": _lines(_prodigy),
    "huggingface": _lines(_hugging_face),
}  # fmt: skip
FORMS = (*WRITERS, "brat")
