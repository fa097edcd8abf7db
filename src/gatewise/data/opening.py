"""A path to streams of bytes: a plain file, a compressed one, or the members of a .zip. Knows no rows.

Nothing is unpacked to disk, and no more is read than is asked for.
"""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any, cast

from gatewise.base.errors import DataError, one_line
from gatewise.base.text import as_text, marked

COMPRESSED: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one member of an archive."""

    name: str  # for messages
    path: PurePath  # what says its part and its format: that of orders.csv.gz is orders.csv
    opener: Callable[[], AbstractContextManager[IO[bytes]]]
    plain: Path | None = None  # where it lies, if it can be read from any place

    @property
    def suffix(self) -> str:
        """What tells the format."""
        return self.path.suffix.lower()

    @contextmanager
    def stream(self) -> Iterator[IO[bytes]]:
        """Open it; raise DataError where its compression is damaged, locked or of a kind that Python does not read."""
        try:
            with self.opener() as file:
                yield file
        except DAMAGED as error:
            raise DataError(
                f"{self.name} is damaged, or of a compression that is not known ({one_line(error)}); fetch it again or "
                "unpack it."
            ) from error

    @contextmanager
    def text(self, encoding: str = "", newline: str = "\n") -> Iterator[io.TextIOWrapper]:
        """Open it as text of an encoding, that of its byte order mark or, if it has none, UTF-8.

        Raises DataError for what is no text, or a text that nobody can read without being told the encoding.
        """
        head = self.head(4096)
        known = encoding or marked(head)
        if not known and 5 * head.count(0) > len(head):
            order = "le" if head[1::2].count(0) >= head[::2].count(0) else "be"
            raise DataError(f"{self.name} is no text, unless it is UTF-16: then name it by --encoding utf-16-{order}.")
        with self.stream() as file:
            try:
                yield as_text(cast(Any, file), known, newline)
            except UnicodeError as error:
                reason = one_line(error, 80)
                raise DataError(f"{self.name} is not {known} ({reason}); give another encoding.") from error

    def head(self, size: int) -> bytes:
        """Give its first bytes."""
        with self.stream() as file:
            return file.read(size)


def named(path: Path) -> PurePath:
    """Give the name under which a file's part and format are told: without the suffix of a compression."""
    compressed = path.suffix.lower() in COMPRESSED or (path.suffix.lower() == ".zip" and path.with_suffix("").suffix)
    return path.with_suffix("") if compressed else path


def sources_of(path: Path) -> list[Source]:
    """Give a file as one source, or the files in a .zip in their order, hidden ones left out."""
    suffix = path.suffix.lower()
    if suffix in COMPRESSED:
        return [Source(str(path), named(path), partial(COMPRESSED[suffix], path))]
    if suffix != ".zip":
        return [Source(str(path), path, lambda: path.open("rb"), path)]
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")]
    except (*DAMAGED, ValueError) as error:
        raise DataError(f"{path} is damaged or no .zip archive ({one_line(error)}); fetch it again.") from error
    kept = [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in name.parts)]
    return [Source(f"{path}/{one_line(name)}", name, partial(_member, path, str(name))) for name in sorted(kept)]


@contextmanager
def _member(path: Path, name: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive:
        try:
            file = archive.open(name)
        except (RuntimeError, ValueError, KeyError) as error:
            raise DataError(f"{path} cannot be opened ({one_line(error)}); unpack it.") from error
        with file:
            yield file
