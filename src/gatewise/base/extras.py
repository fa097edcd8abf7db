"""The packages that only some installs have, and the sentence for who lacks one. Knows nothing of what they do."""

from collections.abc import Iterator
from contextlib import contextmanager

from gatewise.base.errors import MissingExtra

EXTRAS = {  # as in pyproject.toml: what each brings that a base install has not
    "train": ("torch", "sklearn", "scipy", "pyarrow"),
    "lab": ("matplotlib",),
    "tensorboard": ("tensorboard",),
}


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Say in one sentence what to install where an import in this block, or decorated function, misses a package.

    Raises MissingExtra, which names the extra that brings the package, or `extra` if several do.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        bringing = [name for name, packages in EXTRAS.items() if package in packages]
        if not bringing:
            raise
        brought = extra if extra in bringing else bringing[0]
        raise MissingExtra(
            f"This needs {package}, which is not installed here; run: pip install 'gatewise[{brought}]'",
            name=error.name,
        ) from error
