"""A folder of labelled words to its parts, also by the names that shared tasks use, and a file to its form."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from gatewise.base.errors import DataError
from gatewise.base.places import is_folder
from gatewise.base.text import lines
from gatewise.data.formats import JSON_ROW, refuse_other
from gatewise.data.opening import Source, named, sources_of
from gatewise.data.parts import split_of
from gatewise.data.table import listing
from gatewise.data.tagged_layout import TaggedLayout
from gatewise.data.tagged_objects import ARROW, NAME_FILES

PARTS = ("train", "dev", "test", "unlabelled")
SHARED = {"testa": "dev", "testb": "test"}  # CoNLL-2002 and 2003 name dev and test so
KNOWN = (
    ".conll", ".conllu", ".conllx", ".bio", ".bio2", ".iob", ".iob1", ".iob2", ".bioes", ".iobes", ".bilou", ".bmes",
    ".tsv", ".tab", ".txt", ".col", ".ner", ".pos", ".jsonl", ".ndjson", ".json", ".annotated",
    *ARROW,
)  # fmt: skip
SURE = tuple(ending for ending in KNOWN if ending not in (".txt", ".json"))
NO_DATA = re.compile(r"(readme|licen[cs]e|copying|citation|changelog|makefile|notice|contributing)\b.*", re.IGNORECASE)
NO_WORDS = (".md", ".rst", ".py", ".sh", ".pdf", ".html", ".ann", ".conf", ".xml", ".yml", ".yaml", ".ini", ".cfg")
PAIR_ROW = re.compile(rb'(?:\xef\xbb\xbf)?\s*\[\s*(?:\[\s*)?"(?:[^"\\]|\\.)*"\s*,\s*\{')
TREE_ROW = re.compile(r"\d+([-.]\d+)?\t[^\t]*(\t[^\t]*){8}")
HEAD_LINES = 200


@dataclass(frozen=True, slots=True)
class TaggedPlace:
    """What makes up one part: files of one form."""

    files: tuple[Source, ...]
    form: str  # conll, conllu, json or brat


def tagged_parts(path: Path, layout: TaggedLayout) -> tuple[dict[str, TaggedPlace], tuple[str, ...]]:
    """Give the files that each part is made of, and what is to be said; all is train where no name says otherwise.

    Raises DataError where the names leave it unclear.
    """
    if not is_folder(path):
        files = _files(sources_of(path), alone=True)
        beside = path.with_suffix(".ann")
        if path.suffix.lower() == ".ann" or (path.suffix.lower() == ".txt" and beside.is_file()):
            return {"train": TaggedPlace((_brat_source(beside),), "brat")}, ()
        if len(files) == 1:
            return {"train": _place(files, layout)}, ()
        return _by_name(str(path), files, {}, layout)
    texts = [] if layout.form not in ("auto", "brat") else _brat_in(path)
    if texts:
        return {"train": TaggedPlace(tuple(texts), "brat")}, ()
    inside = _visible(path)
    folders = {split: folder for folder in inside if folder.is_dir() and (split := _split(folder, folder=True))}
    known = _files([_one(file) for file in inside if file.is_file() and _is_data(file)], alone=False)
    parts, notes = _by_name(str(path), known, folders, layout)
    if not parts and (path / "data").is_dir():
        return tagged_parts(path / "data", layout)
    if not parts:
        raise DataError(
            f"{path} holds no data that is known; it needs a .conll, .conllu or .jsonl file, or brat's pairs."
        )
    return parts, notes


def _by_name(
    where: str, files: Sequence[Source], folders: dict[str, Path], layout: TaggedLayout
) -> tuple[dict[str, TaggedPlace], tuple[str, ...]]:
    """Find the parts by the words of names; where none is named, all files are training data."""
    found: dict[str, list[Source]] = {}
    for source in files:
        if split := _split(source.path):
            found.setdefault(split, []).append(source)
    inner = {split: _in_folder(folder, layout) for split, folder in folders.items()}
    for split, sources in found.items():
        numbered = all(re.search(r"\d", one.path.stem) for one in sources)
        if split in inner or (len(sources) > 1 and not numbered):
            paths = [one.path for one in sources] + [folders[one] for one in (split,) if one in folders]
            raise DataError(f"{where} has several candidates for {split}: {listing(paths)}; keep one.")
    parts = inner | {split: _place(sources, layout) for split, sources in found.items()}
    others = [one for one in files if not _split(one.path) and one.suffix in SURE]
    if others and parts and "train" not in parts:
        raise DataError(
            f"{where} has {listing([one.path for one in others])}, named after no part; call it train, dev, test or "
            "unlabelled, or move it away."
        )
    if others and parts:
        return parts, (f"{where}: not read, as named after no part: {listing([one.path for one in others])}",)
    if not parts and files:
        kept = [one for one in files if one.suffix in SURE] or list(files)
        notes = (f"{where}: {len(kept):,} files read as one part: {listing([one.path for one in kept])}",)
        return {"train": _place(kept, layout)}, notes[: len(kept) > 1]
    return parts, ()


def _in_folder(folder: Path, layout: TaggedLayout) -> TaggedPlace:
    if layout.form in ("auto", "brat") and (texts := _brat_in(folder)):
        return TaggedPlace(tuple(texts), "brat")
    files = _files([_one(file) for file in _visible(folder) if file.is_file() and _is_data(file)], alone=False)
    if not files:
        raise DataError(f"{folder} holds no data that is known; it needs a .conll, .conllu or .jsonl file.")
    return _place([one for one in files if one.suffix in SURE] or files, layout)


def _place(files: Sequence[Source], layout: TaggedLayout) -> TaggedPlace:
    forms = {form_of(one, layout) for one in files}
    if len(forms) > 1:
        raise DataError(
            f"{files[0].name} and the files beside it are of several forms: {listing(sorted(forms))}; keep one."
        )
    return TaggedPlace(tuple(files), forms.pop())


def _split(path: PurePath, *, folder: bool = False) -> str | None:
    """Say which part a name tells of, its ending too: eng.testa is dev."""
    name = re.sub(r"(?<![a-z])test[ab](?![a-z])", lambda match: SHARED[match[0]], path.name.lower())
    return split_of(PurePath(name if folder else f"{name}.x"), folder=folder)


def _visible(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!._]*"))


def _is_data(file: Path) -> bool:
    """Tell files that may be data: of a known ending, or called after a part."""
    name = named(file)
    if name.suffix.lower() in NO_WORDS or NO_DATA.fullmatch(name.name) or name.name in NAME_FILES:
        return False
    return name.suffix.lower() in KNOWN or _split(name) is not None


def _one(file: Path) -> Source:
    sources = sources_of(file)
    if len(sources) != 1:
        raise DataError(f"{file} holds {len(sources)} files; unpack it, or give it alone.")
    return Source(sources[0].name, named(file), sources[0].opener, sources[0].plain)


def _files(files: Sequence[Source], *, alone: bool) -> list[Source]:
    """Leave out the raw text that treebanks lay beside their files of the same name."""
    if alone and len(files) > 1:
        files = [one for one in files if _is_data(Path(one.path))]
    stems = {one.path.with_suffix("") for one in files if one.suffix in SURE}
    return [one for one in files if one.suffix != ".txt" or one.path.with_suffix("") not in stems]


def _brat_in(folder: Path) -> list[Source]:
    """Give the texts of a folder of brat's, in their order; none where there are no annotations."""
    pairs = [file for file in _visible(folder) if file.suffix.lower() == ".ann" and file.is_file()]
    return [_brat_source(file) for file in pairs]


def _brat_source(annotations: Path) -> Source:
    text = annotations.with_suffix(".txt")
    if not text.is_file():
        raise DataError(f"{annotations} has no text beside it; put {text.name} there.")
    return sources_of(text)[0]


def form_of(source: Source, layout: TaggedLayout) -> str:
    """Say whether a file is CoNLL-U, JSON or plain columns, as asked or as it begins."""
    if source.suffix in ARROW:
        return "json"
    head = source.head(1 << 16)
    refuse_other(Source(source.name, PurePath("x.conll"), source.opener))
    if layout.form != "auto":
        return layout.form
    if source.suffix == ".conllu" or layout.layer:
        return "conllu"
    if source.suffix in (".json", ".jsonl", ".ndjson") or JSON_ROW.match(head) or PAIR_ROW.match(head):
        return "json"
    with source.text(layout.encoding) as text:
        for _, line in zip(range(HEAD_LINES), lines(text, source.name), strict=False):
            if line.strip() and not line.startswith("#"):
                return "conllu" if TREE_ROW.fullmatch(line.rstrip("\r\n")) else "conll"
    return "conll"
