"""Turn any file or folder of labelled words into streams of sentences, whatever tool wrote it.

Every file is read once to find out what it is (its scheme, what its offsets count) and to count what must be said; then
it is read a sentence at a time, again and again, without ever being held as a whole.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gatewise.base.errors import DataError, one_line
from gatewise.base.places import exists, is_file, is_folder
from gatewise.base.settings import takes
from gatewise.base.text import clean
from gatewise.data.named import OF_WORDS, locate_words
from gatewise.data.opening import Source
from gatewise.data.tagged import WIDE, Joint, Sentence, TaggedDataset, TaggedPart, joined, joint_of, normal, some
from gatewise.data.tagged_brat import brat_texts
from gatewise.data.tagged_columns import column_sentences, said_of, settled, shape_of
from gatewise.data.tagged_conllu import tree_sentences, tree_shape
from gatewise.data.tagged_layout import TaggedLayout, TaggedOptions
from gatewise.data.tagged_objects import Listed, parsed
from gatewise.data.tagged_parts import PARTS, TaggedPlace, tagged_parts
from gatewise.data.tagged_spans import Evidence, Marked, Reading, notes_of, sentence_of
from gatewise.runtime.spans import PLAIN, Scheme, spans_of, steps_of

SPANS = Scheme("IOB2")  # of files that write no tags: what most tools read, should tags be written of them
_LOG = logging.getLogger("gatewise")
Stream = Callable[[int], Iterator[Sentence]]  # sentences, documents counted from the number given
Opened = tuple[Stream, bool, Scheme, tuple[str, ...]]  # of one file: a stream, whether labelled, its scheme, notes


@takes(TaggedOptions())
def read_tagged(data: str | Path, *, labels: bool = True, **given: object) -> TaggedDataset:
    """Open a sample, a file or a folder as streams of tagged sentences, or, without `labels`, of sentences alone.

    Takes CoNLL columns, CoNLL-U, brat's pairs of files, and JSON or JSON Lines of doccano, Label Studio, spaCy,
    Prodigy, DataTurks, Hugging Face or gatewise, compressed or not. A file becomes `train`; in a folder names say the
    part, those of shared tasks too (eng.testa). What was found out, repaired or dropped is in `notes`, a sentence each.
    Raises DataError, naming file and line, and ConfigError for what cannot be said of a file.
    """
    layout, path = TaggedOptions().replace(**given).layout, Path(data)
    try:
        if data in OF_WORDS or not exists(path):
            path = locate_words(str(data))
        if not (is_folder(path) or is_file(path)):
            raise DataError(f"{path} is no plain file, and data is read more than once; write it to a file first.")
        places, notes = tagged_parts(path, layout)
        parts = {
            split: _part(places[split], layout, labels=labels and split != "unlabelled")
            for split in PARTS
            if split in places
        }
        first = next(iter(parts.values()))
        for split, part in parts.items():
            if part.labelled and first.labelled and bool(part.scheme.name) != bool(first.scheme.name):
                what = "plain labels" if first.scheme.name else "spans"
                raise DataError(f"{part.name} ({split}) has {what}, unlike {first.name}; say the scheme with --scheme.")
        notes += tuple(note for part in parts.values() for note in part.notes)
        for note in notes:
            _LOG.info(note)
        return TaggedDataset(str(data), **parts, scheme=first.scheme.name, notes=notes)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({one_line(error.strerror or error)}); check the file and its permissions."
        ) from error


def _part(place: TaggedPlace, layout: TaggedLayout, *, labels: bool) -> TaggedPart:
    """Open the files of a part, which must be alike: all with spans or all with plain labels."""
    open_file = {"conll": _columns, "conllu": _tree, "json": _objects}.get(place.form)
    if open_file is None:
        opened = [_brat(list(place.files), layout)]
    else:
        opened = [open_file(source, layout, labels=labels) for source in place.files]
    name = place.files[0].name if len(place.files) == 1 else str(Path(place.files[0].name).parent)
    first = opened[0]
    for source, (_, labelled, scheme, _) in zip(place.files, opened, strict=False):
        if labelled != first[1] or bool(scheme.name) != bool(first[2].name):
            raise DataError(f"{source.name} has other tags than {place.files[0].name}; keep files of one kind.")

    def sentences() -> Iterator[Sentence]:
        document = 0
        for stream, *_ in opened:
            last = document - 1
            for sentence in stream(document):
                last = sentence.document
                yield sentence
            document = last + 1

    return TaggedPart(name, sentences, first[1], first[2], tuple(note for one in opened for note in one[3]))


def _columns(source: Source, layout: TaggedLayout, *, labels: bool) -> Opened:
    shape, notes = shape_of(source, layout, labels=labels)
    return partial(column_sentences, source, shape, layout.encoding), shape.tag is not None, shape.scheme, notes


def _tree(source: Source, layout: TaggedLayout, *, labels: bool) -> Opened:
    shape, notes = tree_shape(source, layout, labels=labels)
    return partial(tree_sentences, source, shape, layout.encoding), bool(shape.layer), shape.scheme, notes


def _objects(source: Source, layout: TaggedLayout, *, labels: bool) -> Opened:
    """Read a file of JSON once for what its offsets count or its tags mean, and what is left out of it."""
    count: Counter[str] = Counter()
    evidence, steps, places = Evidence(layout), Counter[tuple[str, str]](), dict[str, str]()
    listed = texts = tokens = wide = single = 0
    for one in parsed(source, layout, count):
        texts += 1
        if isinstance(one, Marked):
            evidence.add(one)
            continue
        listed += 1
        tokens += len(one.tokens)
        wide += sum(WIDE.match(token) is not None for token in one.tokens)
        single += sum(len(token) == 1 for token in one.tokens)
        steps.update(steps_of([one.tags or ()]))
        for tag in one.tags or ():
            places.setdefault(tag, one.place.removeprefix(f"{source.name}, "))
    if not texts:
        raise DataError(f"{source.name} has no texts to read; give a file with at least one.")
    if 0 < listed < texts:
        raise DataError(f"{source.name} has texts with spans and lists of tokens with tags; keep one kind a file.")
    if labels and not count["annotated"]:
        raise DataError(f"{source.name} has no spans or tags in any text; name their key with --tag-key.")
    if not listed:
        reading, notes = evidence.reading(source.name) if labels else (Reading(), ())
        return _marked(partial(_texts_of, source, layout), source.name, reading, layout, notes, labels=labels)
    if labels and count["silent"]:
        raise DataError(f"{source.name} has tags in {count['annotated']:,} of {listed:,} sentences; give all or none.")
    places.pop("", None)
    scheme = settled(steps, layout, source.name, places) if labels else PLAIN
    stream = partial(_tagged, source, layout, scheme, joint_of(tokens, wide, single), labels)
    held = f"{source.name}: {some(listed, 'sentence')}, {some(tokens, 'token')}"
    notes = tuple(said_of(held, source.name, scheme, steps)) if labels else (f"{held}, no tags",)
    return stream, labels, scheme, notes


def _brat(sources: list[Source], layout: TaggedLayout) -> Opened:
    name = str(Path(sources[0].name).parent) if len(sources) > 1 else sources[0].name
    evidence = Evidence(layout)
    for one in brat_texts(sources, layout, Counter()):
        evidence.add(one)
    reading, notes = evidence.reading(name)
    return _marked(partial(brat_texts, sources, layout), name, reading, layout, notes, labels=True)


def _texts_of(source: Source, layout: TaggedLayout, count: Counter[str]) -> Iterator[Marked]:
    return (one for one in parsed(source, layout, count) if isinstance(one, Marked))


def _marked(
    open_texts: Callable[[Counter[str]], Iterator[Marked]], name: str, reading: Reading, layout: TaggedLayout,
    notes: tuple[str, ...], *, labels: bool,
) -> Opened:  # fmt: skip
    """Read texts with spans once more, now that offsets are understood, and say what they hold."""

    def sentences(document: int, count: Counter[str]) -> Iterator[Sentence]:
        for one in open_texts(count):
            if not labels:
                one = Marked(one.text, (), one.place, one.document, one.tokens, one.words)
            sentence = sentence_of(one, reading, layout, count)
            if sentence is not None:
                yield Sentence(
                    sentence.tokens, sentence.tags if labels else None, sentence.text, sentence.offsets,
                    sentence.document + document, sentence.place,
                )  # fmt: skip

    count: Counter[str] = Counter()
    texts = tokens = spans = 0
    kinds: set[str] = set()
    for sentence in sentences(0, count):
        texts, tokens = texts + 1, tokens + len(sentence.tokens)
        found = spans_of(sentence.tags or ())
        spans += len(found)
        kinds.update(span.label for span in found)
    if not texts:
        raise DataError(f"{name} has no text with a word in it; give a file with at least one.")
    held = f"{name}: {some(texts, 'text')}, {some(tokens, 'token')}"
    held += f", {some(spans, 'span')} of {some(len(kinds), 'type')}" if labels else ", no spans"
    notes = (held, *notes, *notes_of(name, count, layout))
    return lambda document: sentences(document, Counter()), labels, SPANS if labels else PLAIN, notes


def _tagged(
    source: Source, layout: TaggedLayout, scheme: Scheme, joint: Joint, labels: bool, document: int
) -> Iterator[Sentence]:
    """Read lists of tokens and tags."""
    for one in parsed(source, layout, Counter()):
        if not isinstance(one, Listed):
            continue
        tokens = tuple(map(clean, one.tokens))
        text, offsets = (clean(one.text), one.offsets) if one.offsets else joined(tokens, joint)
        tags = one.tags if labels else None
        if tags is not None and scheme.name:
            tags = normal(tags, scheme, one.place)
        yield Sentence(tokens, tags, text, offsets, one.document + document, one.place)
