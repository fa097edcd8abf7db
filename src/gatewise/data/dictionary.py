"""A file of words with a label each, as users keep them, to pairs: a word, a tab, its label, on a line."""

from collections.abc import Iterator
from pathlib import Path

from gatewise.base.errors import DataError, one_line
from gatewise.base.text import check_utf8, lines
from gatewise.data.opening import sources_of


def read_words(path: Path | str, *, default: str | None = None, encoding: str = "") -> Iterator[tuple[str, str]]:
    """Read (word, label) of each line that is not blank; without a tab a word bears `default`, where there is one.

    Raises DataError for a file that cannot be read, a line without a word, and one without a label where it needs one.
    """
    path = Path(path)
    try:
        with sources_of(path)[0].text(encoding) as file:
            for number, raw in enumerate(lines(file, str(path)), 1):
                line = check_utf8(raw, f"{path}, line {number}")
                if not line.strip():
                    continue
                word, _, label = (part.strip() for part in line.partition("\t"))
                label = label or default or ""
                if not word or (not label and default is None):
                    raise DataError(
                        f"{path}, line {number} is {one_line(line, 60)!r}; write a word, a tab and its label."
                    )
                yield word, label
    except OSError as error:
        raise DataError(f"{path} could not be read ({one_line(error.strerror or error)}); check the name.") from error
