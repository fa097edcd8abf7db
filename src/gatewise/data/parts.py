"""A folder or archive to its parts: which files or folders are train, dev, test, unlabelled. Opens no file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from gatewise.base.errors import DataError
from gatewise.base.places import is_folder
from gatewise.data.formats import LOOSE, TABLES
from gatewise.data.opening import Source, named, sources_of
from gatewise.data.table import listing, quoted

SPLITS = dict.fromkeys(("train", "training"), "train") | dict.fromkeys(("test", "testing"), "test")
SPLITS |= dict.fromkeys(("dev", "valid", "validation", "val", "development"), "dev")
SPLITS |= dict.fromkeys(("unsup", "unsupervised", "unlabelled", "unlabeled"), "unlabelled")
SPLITS |= {
    "训练": "train",
    "训练集": "train",
    "测试": "test",
    "测试集": "test",
    "验证": "dev",
    "验证集": "dev",
    "开发集": "dev",
}
JOINED = re.compile(rf"({'|'.join(SPLITS)})(?:set|data|split|file)s?")  # trainset
HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")  # of trainData


@dataclass(frozen=True, slots=True)
class Place:
    """What makes up one part: files of rows, or a folder."""

    files: tuple[Source, ...] = ()
    folder: Path | None = None


def parts_of(path: Path) -> tuple[dict[str, Place], tuple[str, ...]]:
    """Give what each part is made of, all of it training data where no name says otherwise; and what is to be said.

    Raises DataError where the names leave it unclear, or two files would hold the same rows.
    """
    if not is_folder(path):
        files = sources_of(path)
        if len(files) == 1:
            return {"train": Place((files[0],))}, ()
        tables = _tables(files)
        if len(tables) == 1:
            return {"train": Place((tables[0],))}, ()
        parts, notes = _by_part(str(path), tables, [])
        if not parts:
            held = listing([one.path for one in tables]) or "no data"
            raise DataError(f"{path} holds {held}; unpack it, and give its folder or one file of rows.")
        return parts, notes
    parts, notes = _in_folder(path)
    return parts or {"train": Place(folder=path)}, notes


def tables_in(folder: Path) -> list[Source]:
    """Give the files of rows of a folder; what may lie beside such ones only where there are none."""
    return _tables([one for file in _visible(folder) if file.is_file() and _is_known(file) for one in _one(file)])


def _in_folder(folder: Path) -> tuple[dict[str, Place], tuple[str, ...]]:
    """Look into a folder, or the `data` folder of one without tables, as in a cloned repository of a data set."""
    known = [one for file in _visible(folder) if file.is_file() and _is_known(file) for one in _one(file)]
    parts, notes = _by_part(str(folder), known, [path for path in _visible(folder) if path.is_dir()])
    if not parts and all(one.suffix in LOOSE for one in known) and (folder / "data").is_dir():
        inner, inner_notes = _in_folder(folder / "data")
        if inner:
            return inner, inner_notes
    tables = [one for one in _tables(known) if one.suffix != ".txt"]
    if not parts and len(tables) > 1:
        notes = (f"{folder}: {len(tables):,} files read as one part: {listing([one.path for one in tables])}",)
    return parts, notes


def _by_part(where: str, files: Sequence[Source], folders: Sequence[Path]) -> tuple[dict[str, Place], tuple[str, ...]]:
    """Find the files or folders that a word names as train, test, ...; numbered ones belong together."""
    candidates: dict[str, list[PurePath]] = {}
    made: dict[str, Place] = {}
    for source in files:
        if split := split_of(source.path):
            candidates.setdefault(split, []).append(source.path)
            made[split] = Place((*made.get(split, Place()).files, source))
    for folder in folders:
        if split := split_of(folder, folder=True):
            candidates.setdefault(split, []).append(folder)
            made[split] = Place(folder=folder)
    for split, paths in candidates.items():
        if len(paths) > 1 and (not all(re.search(r"\d", path.stem) for path in paths) or made[split].folder):
            # Read together, the same rows in two formats would be trained on, or measured, twice.
            raise DataError(f"{where} has several candidates for {split}: {listing(paths)}; keep one.")
    others = [source.path for source in files if not split_of(source.path) and source.suffix not in LOOSE]
    if others and made and "train" not in made:
        parts = [path for paths in candidates.values() for path in paths]
        raise DataError(
            f"{where} has {listing(parts)} beside {listing(others)}, named after no part; call it train, dev, test or "
            "unlabelled, or move it away."
        )
    notes = (f"{where}: not read, as named after no part: {listing(others)}",) if others and made else ()
    return made, notes


def split_of(path: PurePath, *, folder: bool = False) -> str | None:
    """Say which part a file or folder is by the words of its name, set off by signs or digits."""
    words = {word for word in re.split(r"[\W\d_]+", HUMPS.sub("_", path.stem).lower()) if word}
    words = {JOINED.sub(r"\1", word) if JOINED.fullmatch(word) else word for word in words}
    words -= {"set", "data", "split", "of"}
    parts = {SPLITS[word] for word in words if word in SPLITS}
    if folder and not words <= SPLITS.keys():  # a class may well be called test_results
        return None
    if len(parts) > 1:
        raise DataError(
            f"{quoted(path)} is named after {' and '.join(sorted(parts))}; rename it after the part that it is."
        )
    return parts.pop() if parts else None


def _visible(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!._]*"))


def _is_known(file: Path) -> bool:
    return named(file).suffix.lower() in TABLES + LOOSE


def _one(file: Path) -> list[Source]:
    """Give a file as a source that is called after it, also where it is the only one in a .zip."""
    sources = sources_of(file)
    if len(sources) != 1:
        raise DataError(f"{file} holds {len(sources)} files; unpack it, or give it alone.")
    return [Source(sources[0].name, named(file), sources[0].opener, sources[0].plain)]


def _tables(files: Sequence[Source]) -> list[Source]:
    """Leave out what may lie beside tables and tell of them, where there are tables."""
    sure = [one for one in files if one.suffix in TABLES]
    loose = [one for one in files if one.suffix in LOOSE]
    return sure or [one for one in loose if one.suffix == ".json"] or loose
