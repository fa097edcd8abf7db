"""CoNLL-U to sentences: words with a part of speech, the borders of words, or spans that ride in MISC.

Lines of several words (1-2) give the text and its blanks, lines of empty nodes (8.1) nothing. Without a line `# text`
the text is put together by SpaceAfter=No.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gatewise.base.errors import DataError
from gatewise.base.text import check_utf8, lines
from gatewise.data.opening import Source
from gatewise.data.table import quoted
from gatewise.data.tagged import WIDE, Joint, Offsets, Sentence, joined, joint_of, normal, some
from gatewise.data.tagged_columns import MOST_TOKENS, said_of, settled
from gatewise.data.tagged_layout import TaggedLayout
from gatewise.runtime.spans import PLAIN, Scheme, Span, steps_of, tags_of
from gatewise.runtime.words import words_of

COLUMNS = 10
UPOS, XPOS, DEPS, MISC = 3, 4, 8, 9
NUMBER = re.compile(r"(\d+)(?:([-.])(\d+))?")
EMPTY = re.compile(r"\d\.\d")  # the number of an empty node
KEYED = re.compile(r"(?:^|[|\s])([^|=\s]+)=([^|\s]*)")  # NorNE once parted its values by a blank
LAYERS = {"upos": UPOS, "xpos": XPOS}
WORDS = "words"


@dataclass(slots=True)
class Block:
    """One sentence as its file has it."""

    line: int = 0
    text: str = ""  # of its comment
    words: list[list[str]] = field(default_factory=list)  # columns of each
    lines: list[int] = field(default_factory=list)
    ranges: dict[int, tuple[int, str, str]] = field(default_factory=dict)  # first word: last word, form, MISC
    document: int = 0


@dataclass(frozen=True, slots=True)
class TreeShape:
    """What was found out about a file of CoNLL-U."""

    layer: str  # "": no tags
    scheme: Scheme = PLAIN
    joint: Joint = Joint.BLANK  # where neither a text nor SpaceAfter tells


def tree_shape(source: Source, layout: TaggedLayout, *, labels: bool = True) -> tuple[TreeShape, tuple[str, ...]]:
    """Read a file once: which layer is the tag, and what is to be said of it; raise DataError naming a fault's line."""
    layers: Counter[str] = Counter()
    steps: dict[str, Counter[tuple[str, str]]] = {}
    places: dict[str, dict[str, str]] = {}
    sentences = tokens = wide = masked = documents = 0
    spaced = False
    for block in blocks(source, layout.encoding):
        sentences, tokens, documents = sentences + 1, tokens + len(block.words), block.document + 1
        wide += sum(WIDE.match(word[1]) is not None for word in block.words)
        spaced = spaced or bool(block.text) or any("SpaceAfter=No" in word[MISC] for word in block.words)
        for layer in _layers(block, layout):
            tags = _tags(block, layer)
            layers[layer] += sum(tag != "" for tag in tags)
            steps.setdefault(layer, Counter()).update(steps_of([tags]))
            its = places.setdefault(layer, {})
            for tag, number in zip(tags, block.lines, strict=True):
                if tag not in its:
                    its[tag] = f"line {number}"
    if not sentences:
        raise DataError(f"{source.name} has no sentences; give a file with a word a line, in ten columns.")
    layer = _chosen(source.name, layers, layout) if labels else ""
    joint = Joint.BLANK if spaced else joint_of(tokens, wide, -1)
    held = f"{source.name}: {some(sentences, 'sentence')}, {some(tokens, 'word')}"
    held += f", {documents:,} documents" if documents > 1 else ""
    if layer in ("", WORDS):
        said = ["the borders of words, a tag a character" if layer else "no tags"]
        return TreeShape(layer, Scheme() if layer else PLAIN, joint), (f"{held}, {said[0]}",)
    its = places[layer]
    masked = steps[layer].total() - layers[layer] - sentences
    its.pop("", None)
    scheme = PLAIN if layer in LAYERS else settled(steps[layer], layout, source.name, its)
    notes = [f"{note}, by {layer}" if not number else note for number, note in
             enumerate(said_of(held, source.name, scheme, steps[layer]))]  # fmt: skip
    if masked:
        notes.append(f"{source.name}: {some(masked, 'word')} without {layer} (_), of which nothing is learnt")
    if others := [name for name in ("name", "NER") if layers[name] and name != layer]:
        notes.append(f"{source.name}: MISC holds spans too; read them with --layer {others[0]}")
    return TreeShape(layer, scheme, joint), tuple(notes)


def _layers(block: Block, layout: TaggedLayout) -> list[str]:
    """Name the layers to look at: all that may be the tag, or the one asked for."""
    if layout.layer:
        return [layout.layer] if layout.layer != WORDS else []
    return [*LAYERS, *(name for name in ("name", "NER") if any(f"{name}=" in word[MISC] for word in block.words))]


def _chosen(name: str, layers: Counter[str], layout: TaggedLayout) -> str:
    if layout.layer == WORDS:
        return WORDS
    found = [layer for layer in ([layout.layer] if layout.layer else [*LAYERS, "name", "NER"]) if layers[layer]]
    if not found:
        asked = f"no {quoted(layout.layer)}" if layout.layer else "neither UPOS nor XPOS"
        raise DataError(
            f"{name} has {asked} at any word; choose with --layer upos, xpos, words or a key of its column MISC."
        )
    return found[0]


def _tags(block: Block, layer: str) -> list[str]:
    """Give each word's tag in a layer, "" where it has none; spans are O where MISC does not name them."""
    if layer in LAYERS:
        return ["" if word[LAYERS[layer]] == "_" else word[LAYERS[layer]] for word in block.words]
    found = [dict(KEYED.findall(word[MISC])).get(layer, "") for word in block.words]
    return [tag or "O" for tag in found] if any(found) else found


def tree_sentences(source: Source, shape: TreeShape, encoding: str = "", document: int = 0) -> Iterator[Sentence]:
    """Read a file of a known shape, a sentence at a time, documents counted from the number given."""
    for block in blocks(source, encoding):
        text, offsets = _placed(block, shape.joint)
        where = f"{source.name}, line {block.line}"
        tokens, columns = tuple(word[1] for word in block.words), _others(block, shape.layer)
        tags: tuple[str, ...] | None = None
        if shape.layer == WORDS:
            (tokens, offsets, tags), columns = _characters(text, offsets), ()
        elif shape.layer:
            tags = tuple(_tags(block, shape.layer))
            if shape.scheme.name:
                tags = normal([tag or "O" for tag in tags], shape.scheme, where)
        yield Sentence(tokens, tags, text, offsets, block.document + document, where, columns, bool(columns))


def _others(block: Block, layer: str) -> tuple[tuple[str, ...], ...]:
    """Give each word's columns from the lemma on, without the layer that is its tag and without SpaceAfter.

    Relations to empty nodes are left out, as those are. Nothing where no word has anything.
    """
    rows = []
    for word in block.words:
        kept = [key for key in word[MISC].split("|") if key.partition("=")[0] not in ("_", "SpaceAfter", layer)]
        row = [*word[2:MISC], "|".join(kept) or "_"]
        row[DEPS - 2] = "_" if EMPTY.search(row[DEPS - 2]) else row[DEPS - 2]
        if layer in LAYERS:
            row[LAYERS[layer] - 2] = "_"
        rows.append(tuple(row))
    return tuple(rows) if any({*row} != {"_"} for row in rows) else ()


def _characters(text: str, offsets: Offsets) -> tuple[tuple[str, ...], Offsets, tuple[str, ...]]:
    """Make a token of each character, and of each word a span without a type."""
    places: list[tuple[int, int]] = []
    spans = []
    for start, stop in dict.fromkeys(offsets):  # once, where several words are written as one
        first = len(places)
        places += [(start + one, start + other) for one, other in words_of(text[start:stop], "characters")]
        if len(places) > first:
            spans.append(Span(first, len(places), ""))
    tokens = tuple(text[start:stop] for start, stop in places)
    return tokens, tuple(places), tuple(tags_of(spans, len(places)))


def _placed(block: Block, joint: Joint) -> tuple[str, Offsets]:
    """Find the words in the text of the comment, or put a text together where they do not stand there."""
    forms = [(first, last, form) for first, last, form, _ in _surfaces(block)]
    if block.text:
        offsets, place = [], 0
        for _, _, form in forms:
            while block.text[place : place + 1].isspace() and not block.text.startswith(form, place):
                place += 1
            if not block.text.startswith(form, place):
                break
            offsets.append((place, place + len(form)))
            place += len(form)
        if len(offsets) == len(forms):
            return block.text, _shared(block, forms, offsets)
    if joint is not Joint.BLANK:
        text, whole = joined([form for _, _, form in forms], joint)
        return text, _shared(block, forms, whole)
    pieces, offsets, place = [], [], 0
    for _, _, form, misc in _surfaces(block):
        pieces.append(form if "SpaceAfter=No" in misc else form + " ")
        offsets.append((place, place + len(form)))
        place += len(pieces[-1])
    return "".join(pieces).rstrip(" ") if not forms[-1][2].endswith(" ") else "".join(pieces), _shared(
        block, forms, offsets
    )


def _surfaces(block: Block) -> Iterator[tuple[int, int, str, str]]:
    """Give what stands in the text, a word or several: (first word, last word, form, MISC), counted from 0."""
    word = 0
    while word < len(block.words):
        last, form, misc = block.ranges.get(word, (word, block.words[word][1], block.words[word][MISC]))
        yield word, last, form, misc
        word = last + 1


def _shared(block: Block, forms: Sequence[tuple[int, int, str]], places: Sequence[tuple[int, int]]) -> Offsets:
    """Give each word its place: its own part of a form of several, or all of it where the words are not its parts."""
    offsets: list[tuple[int, int]] = []
    for (first, last, form), (start, end) in zip(forms, places, strict=True):
        words = [block.words[word][1] for word in range(first, last + 1)]
        if "".join(words) != form:
            offsets += [(start, end)] * len(words)
            continue
        for word in words:
            offsets.append((start, start + len(word)))
            start += len(word)
    return tuple(offsets)


def blocks(source: Source, encoding: str = "") -> Iterator[Block]:
    """Give the sentences of a file as blocks of words; raise DataError naming the line of a fault."""
    block, document, begun = Block(), 0, False
    with source.text(encoding) as text:
        for number, raw in enumerate(lines(text, source.name), 1):
            where = f"{source.name}, line {number}"
            line = check_utf8(raw, where).rstrip("\r\n")
            if not line.strip():
                if block.words:
                    yield _checked(block, source.name)
                    begun = True
                block = Block(document=document)
            elif line.startswith("#") and not block.words:
                if line.startswith("# text = "):
                    block.text = line.removeprefix("# text = ")
                elif line.startswith("# newdoc") and begun:
                    document, begun = document + 1, False
                    block.document = document
            else:
                _add(block, line, number, where)
    if block.words:
        yield _checked(block, source.name)


def _add(block: Block, line: str, number: int, where: str) -> None:
    """Put a line of ten columns into a sentence."""
    columns = line.split("\t")
    match = NUMBER.fullmatch(columns[0])
    if len(columns) != COLUMNS or not match or not columns[1]:
        count = len(columns)
        what = f"{count} columns" if count != COLUMNS else f"{quoted(columns[0])} as number" if not match else "no form"
        raise DataError(f"{where} has {what}; a line of CoNLL-U has ten columns with tabs between, a number first.")
    first, kind, last = int(match[1]), match[2], match[3]
    if kind == ".":
        return
    if kind == "-":
        if first != len(block.words) + 1 or int(last) < first:
            raise DataError(f"{where} has words {columns[0]} before word {len(block.words) + 1}; number them in turn.")
        block.ranges[first - 1] = (int(last) - 1, columns[1], columns[MISC])
        return
    if first != len(block.words) + 1:
        raise DataError(f"{where} has word {first} where {len(block.words) + 1} is next; number words in turn.")
    block.line = block.line or number
    block.words.append(columns)
    block.lines.append(number)
    if len(block.words) > MOST_TOKENS:
        raise DataError(f"{where} is in a sentence of more than {MOST_TOKENS:,} words; put blank lines between them.")


def _checked(block: Block, name: str) -> Block:
    """Refuse a sentence that ends inside of several words in one."""
    for first, (last, form, _) in block.ranges.items():
        if last >= len(block.words):
            raise DataError(
                f"{name}, line {block.line} begins a sentence of {len(block.words)} words, but {quoted(form)} has "
                f"words {first + 1} to {last + 1}; add what is missing."
            )
    return block
