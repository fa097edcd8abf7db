"""The sentence for who lacks a package that only an extra of gatewise brings. Knows nothing of what these do."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from gatewise.base.errors import MissingExtra


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Say which extra to install where an import in this block, or decorated function, misses a package.

    Raises MissingExtra. A module of our own that is missing is a fault, and stays one.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "gatewise").split(".")[0]
        if package == "gatewise":
            raise
        raise _missing(package, extra) from error


def require(extra: str, *packages: str) -> None:
    """Raise MissingExtra where a package is not installed, before any is imported and any work begun."""
    for package in packages:
        if find_spec(package) is None:
            raise _missing(package, extra)


def _missing(package: str, extra: str) -> MissingExtra:
    return MissingExtra(f"This needs {package}, which is not installed; run: pip install 'gatewise[{extra}]'.")
