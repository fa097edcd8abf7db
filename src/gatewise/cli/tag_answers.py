"""The command that asks a tagger: texts or tokens in, spans out, as a stream in constant memory."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.base.places import exists
from gatewise.cli import options, tagged
from gatewise.cli.output import print_lines, printable, say
from gatewise.cli.tag import read_words, with_words
from gatewise.runtime.spans import SCHEMES

if TYPE_CHECKING:
    from gatewise.cli.tagged import Answer
    from gatewise.data.tagged import Sentence
    from gatewise.data.tokens import Parts, Text
    from gatewise.runtime.dictionary import Dictionary
    from gatewise.runtime.tagger import Tagged, Tagger

DEFAULT_TAGGER = "entities-en"
OF_TOKENS = (".conll", ".conllu", ".conllx", ".bio", ".iob", ".iob2", ".bioes", ".bmes", ".bilou", ".col")
CHUNK, CHUNK_CHARACTERS = 2048, 4_000_000  # in memory at once


Format = Annotated[
    str | None,
    typer.Option(
        metavar="|".join((*tagged.OWN, *tagged.FORMS)),
        help="How answers are written; text, jsonl and html say probabilities. [default: text]",
    ),
]
WriteScheme = Annotated[
    str | None,
    typer.Option(metavar="|".join(SCHEMES), help="Scheme of tags in columns. [default: that of the training data]"),
]


@with_words
def predict(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] [TEXT]...", help=f"A model folder (default: {DEFAULT_TAGGER}), texts to label."
        ),
    ] = None,
    input: Annotated[
        Path | None,
        typer.Option(help="File of texts, one a line or JSON Lines, or of tokens (.conll, .conllu, ...); - is stdin."),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="A text is a sentence of given tokens, blanks between; in JSON a list.")
    ] = False,
    dictionary: Annotated[
        Path | None, typer.Option(help="File of words with their labels, a tab between, that are obeyed.")
    ] = None,
    format: Format = None,
    write_scheme: WriteScheme = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write instead, in a format that its name tells or --format names.")
    ] = None,
    as_json: options.AsJson = False,
    **said: Any,
) -> None:
    """Find the spans of each text, in order: the TEXTs, an --input file, or standard input.

    Every span comes with its probability, and with its place in the text: text[start:end] is the span.
    """
    model, texts = options.model_and_texts(given or [], elsewhere=input is not None or options.texts_are_piped())
    if texts and input:
        raise GatewiseError("Give texts or --input, not both.")
    if not texts and not input and sys.stdin.isatty():
        raise GatewiseError("Give texts, --input FILE, or texts on standard input.")
    kind = tagged.format_of(format, output, as_json=as_json)
    if write_scheme and write_scheme not in SCHEMES:
        raise ConfigError(f"write_scheme is {write_scheme!r}; choose one of {', '.join(SCHEMES)}.")
    if output and input and exists(output) and exists(input) and output.samefile(input):
        raise GatewiseError(f"--output {output} is the file that --input reads; choose another name.")
    options.answer_alone()
    from gatewise.runtime.tagger_folder import load_tagger

    loaded = load_tagger(model or DEFAULT_TAGGER)
    own = _dictionary(dictionary, loaded) if dictionary else None
    with _sentences(loaded, texts, input, said, tokens=tokens) as parts:
        answers = answered(loaded, parts, own, given=tokens or _of_tokens(input))
        _write(loaded, answers, kind, write_scheme, output)


def _write(model: "Tagger", answers: "Iterable[Answer]", kind: str, scheme: str | None, output: Path | None) -> None:
    """Print answers in a format, or write them to a file and count them."""
    from gatewise.base.files import refuse_place, write_pieces

    if output:
        refuse_place(output)
    count = 0

    def counted() -> "Iterator[Answer]":
        nonlocal count
        for answer in answers:
            count += 1
            yield answer

    named = scheme or model.facts.get("scheme")
    own = "" if not model.spans_are_tags else named if named in SCHEMES else "IOB2"
    pieces = tagged.chunks(counted(), kind, scheme=own, labels=_labels(model))
    if output:
        write_pieces(output, (piece.encode() for piece in pieces))
        say(f"{count:,} {'answer' if count == 1 else 'answers'} written to {output}")
        return
    shown = printable if sys.stdout.isatty() else str
    for piece in pieces:
        print_lines([shown(piece.removesuffix("\n"))])


def _dictionary(path: Path, model: "Tagger") -> "Dictionary":
    """Read a user's dictionary for a model; a word without a label bears the model's one, where it has but one."""
    from gatewise.data.dictionary import read_words as read
    from gatewise.runtime.dictionary import dictionary_of, refuse_unknown

    labels = _labels(model)
    only = labels[0] if len(labels) == 1 else None
    made = dictionary_of(read(path, default=only))
    if not made.labels_of:
        raise DataError(f"{path} holds no words; write a word, a tab and its label on a line.")
    refuse_unknown(made, labels)
    return made


def _labels(model: "Tagger") -> tuple[str, ...]:
    from gatewise.runtime.dictionary import labels_of

    return labels_of(model.tags, spans_are_tags=model.spans_are_tags)


def answered(
    model: "Tagger", texts: "Iterable[Text]", dictionary: "Dictionary | None", *, given: bool
) -> "Iterator[Answer]":
    """Answer a stream of texts in its order and in constant memory."""
    from gatewise.runtime.dictionary import allowed_by

    for chunk in _chunks(texts):
        sentences = [tokens for _, parts in chunk for tokens, _ in parts]
        masks = None
        if dictionary:
            masks = [
                allowed_by(dictionary.spans(tokens), len(tokens), model.tags, spans_are_tags=model.spans_are_tags)
                for tokens in sentences
            ]
        rest = iter(model.tag(sentences, masks))
        for text, parts in chunk:
            yield _answer(text, parts, list(islice(rest, len(parts))), plain=not model.spans_are_tags, given=given)


def _answer(text: str, parts: "Parts", said: "Sequence[Tagged]", *, plain: bool, given: bool) -> "Answer":
    """Put the answers of a text's sentences together, places in code points of the text."""
    from gatewise.runtime.spans import Span

    spans = [
        (Span(offsets[span.start][0], offsets[span.end - 1][1], span.label), probability)
        for (_, offsets), one in zip(parts, said, strict=True)
        for span, probability in one.found
    ]
    return tagged.Answer(text, parts, [one.tags for one in said], spans, plain, given)


def _chunks(texts: "Iterable[Text]") -> "Iterator[list[Text]]":
    """Cut a stream into lists of at most CHUNK texts, ended early by CHUNK_CHARACTERS characters."""
    chunk: list[Text] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text[0])
        if len(chunk) == CHUNK or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


@contextmanager
def _sentences(
    model: "Tagger", texts: list[str], path: Path | None, said: dict[str, Any], *, tokens: bool
) -> "Iterator[Iterable[Text]]":
    """Give texts with their sentences: those given, those of a file of tokens, or those of lines."""
    from gatewise.data.reading import stream_texts
    from gatewise.data.tokens import stream_tokens, tokens_of

    if _of_tokens(path):
        dataset = read_words(str(path), said, labels=False)
        part = dataset.train or dataset.test or dataset.dev or dataset.unlabelled
        yield (_as_text(sentence) for sentence in part.sentences()) if part else ()
    elif texts:
        yield (tokens_of(text) if tokens else lines_of(text, model.words) for text in texts)
    else:
        name, encoding = str(path or "standard input"), str(said.get("encoding") or "")
        with options.opened(path) as file:
            if tokens:
                yield stream_tokens(file, name=name, encoding=encoding)
            else:
                lines = stream_texts(file, name=name, encoding=encoding)
                yield (lines_of(text, model.words) for text in lines)


def _of_tokens(path: Path | None) -> bool:
    from gatewise.data.opening import named

    return path is not None and named(path).suffix.lower() in OF_TOKENS


def _as_text(sentence: "Sentence") -> "Text":
    return sentence.text, [(sentence.tokens, sentence.offsets)]


def lines_of(text: str, rule: str) -> "Text":
    """Take a text apart: its lines are sentences, those without a word are none."""
    from gatewise.runtime.words import words_of

    parts, start = [], 0
    for line in text.splitlines(keepends=True):
        if places := words_of(line, rule):
            offsets = [(start + first, start + last) for first, last in places]
            parts.append(([text[first:last] for first, last in offsets], offsets))
        start += len(line)
    return text, parts
