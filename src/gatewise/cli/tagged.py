"""A tagger's answers to output: marked text for people, JSON Lines, an HTML page, or any form that training reads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.text import json_text
from gatewise.runtime.spans import PLAIN, Scheme, Span

if TYPE_CHECKING:
    from gatewise.data.tagged import Sentence
    from gatewise.data.tokens import Parts

OWN = ("text", "jsonl", "html")
FORMS = (  # of gatewise.data.tagged_write; brat's is a folder
    "conll", "conllu", "doccano", "doccano-entities", "label-studio", "label-studio-min", "spacy", "prodigy",
    "huggingface",
)  # fmt: skip
COLUMNS = ("conll", "conllu")  # a sentence at a time; the others hold texts
ENDINGS = {  # of a file, and the format it tells
    ".txt": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", ".conll": "conll", ".tsv": "conll", ".conllu": "conllu",
    ".html": "html", ".htm": "html",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """One text's answer; with plain labels every token is a span. Lines of a text are its sentences."""

    text: str
    parts: "Parts"
    tags: Sequence[Sequence[str]]  # of each part, BIOES or plain labels
    spans: Sequence[tuple[Span, float]]  # in code points of the text, with their probabilities
    plain: bool = False
    given: bool = False  # the tokens were given

    @property
    def tokens(self) -> list[str]:
        """The tokens of all sentences."""
        return [token for tokens, _ in self.parts for token in tokens]

    @property
    def labels(self) -> list[str]:
        """The tags of all sentences."""
        return [tag for tags in self.tags for tag in tags]


def format_of(name: str | None, output: Path | None, *, as_json: bool) -> str:
    """Give the format that is asked for, by its name, by --json or by the file's; raise ConfigError."""
    if as_json and name not in (None, "jsonl"):
        raise ConfigError(f"--json is --format jsonl, and --format {name} is given too; leave one out.")
    if as_json or name:
        if name and name not in (*OWN, *FORMS):
            raise ConfigError(f"format is {name!r}; choose one of {', '.join((*OWN, *FORMS))}.")
        return name or "jsonl"
    if output is None:
        return "text"
    if output.suffix.lower() not in ENDINGS:
        raise DataError(f"{output} has no known format for answers; give it a name that ends in {', '.join(ENDINGS)}.")
    return ENDINGS[output.suffix.lower()]


def as_object(answer: Answer) -> dict[str, Any]:
    """Give an answer as JSON has it: spans with code points of the text, or the tokens' labels where they are plain."""
    if answer.plain:
        return {
            "text": answer.text, "tokens": answer.tokens, "tags": answer.labels,
            "offsets": [[span.start, span.end] for span, _ in answer.spans],
            "probabilities": [round(probability, 6) for _, probability in answer.spans],
        }  # fmt: skip
    spans = [
        {
            "start": span.start, "end": span.end, "label": span.label, "probability": round(probability, 6),
            "text": answer.text[span.start : span.end],
        }
        for span, probability in answer.spans
    ]  # fmt: skip
    given = {"tokens": answer.tokens, "tags": answer.labels} if answer.given else {}
    return {"text": answer.text, "spans": spans} | given


def as_marked(answer: Answer) -> str:
    """Give a text on one line for people: [its spans]LABEL 0.98; of plain labels word/LABEL, of borders alone words."""
    if answer.plain:
        return " ".join(f"{_flat(token)}/{tag}" for token, tag in zip(answer.tokens, answer.labels, strict=True))
    if answer.spans and not any(span.label for span, _ in answer.spans):
        return " ".join(_flat(answer.text[span.start : span.end]) for span, _ in answer.spans)
    parts, place = [], 0
    for span, probability in answer.spans:
        parts.append(f"{_flat(answer.text[place : span.start])}[{_flat(answer.text[span.start : span.end])}]")
        parts.append(f"{span.label} {probability:.2f}")
        place = span.end
    return "".join([*parts, _flat(answer.text[place:])])


def _flat(text: str) -> str:
    """Put a text on one line, without changing its length."""
    return "".join(" " if letter in "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029" else letter for letter in text)


def sentences_of(answer: Answer, *, whole: bool) -> "Iterator[Sentence]":
    """Give an answer as what training reads: sentence by sentence, or the text whole."""
    from gatewise.data.tagged import Sentence

    if whole:
        offsets = tuple(place for _, places in answer.parts for place in places)
        yield Sentence(tuple(answer.tokens), tuple(answer.labels), answer.text, offsets)
        return
    for (tokens, places), tags in zip(answer.parts, answer.tags, strict=True):
        start, end = places[0][0], places[-1][1]
        offsets = tuple((first - start, last - start) for first, last in places)
        yield Sentence(tuple(tokens), tuple(tags), answer.text[start:end], offsets)


def chunks(answers: Iterable[Answer], name: str, *, scheme: str, labels: Sequence[str]) -> Iterator[str]:
    """Give answers in a format, piece by piece, line ends included; tags of spans in a scheme, "" where plain."""
    if name in FORMS:
        from gatewise.data.tagged_write import written as in_form

        rows = (one for answer in answers for one in sentences_of(answer, whole=name not in COLUMNS))
        yield from in_form(rows, name, Scheme(scheme) if scheme else PLAIN)
    elif name == "html":
        from gatewise.pages import tagged as page

        yield page.head(labels)
        for answer in answers:
            spans = [(span.start, span.end, span.label, probability) for span, probability in answer.spans]
            yield page.paragraph(answer.text, spans, labels)
        yield page.end()
    else:
        for answer in answers:
            yield f"{json_text(as_object(answer)) if name == 'jsonl' else as_marked(answer)}\n"
