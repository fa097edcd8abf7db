"""What the commands take: the arguments they share, a setting as an option, and whether a word is a model or a text.

Knows nothing of what a command does; imports nothing heavy, so that `--help` stays quick.
"""

import dataclasses
import difflib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, cast, get_args, get_origin

import typer

from gatewise.base.errors import ConfigError, DataError, GatewiseError, ModelError, one_line
from gatewise.base.places import exists, standing
from gatewise.base.settings import Storage, choices, shown, takes, values_of
from gatewise.data.layout import LayoutOptions
from gatewise.runtime.bundled import BUNDLED

SEVERAL = "<str>,..."  # how an option that takes several values shows them
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA", help="A data set's name (imdb, reviews), a file (CSV, JSON, Parquet, text, ...) or a folder."
    ),
]
ModelPath = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A folder that `gatewise train --out` made, or sentiment-en, sentiment-zh."),
]
StorageOption = Annotated[
    str, typer.Option(help="How weights are stored: float32, float16, or int8 with a scale a row (a quarter the size).")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run for --out.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the whole folder at --out.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress; warnings and the figures remain.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: one object, or one a text.")]
Fast = Annotated[
    bool,
    typer.Option("--fast", help="Round more inside: up to twice as quick, and a logit may move by 0.05."),
]


def option_of(field: dataclasses.Field[Any], default: Any) -> Any:
    """Make a setting an option: its sentence, default and range as help, its choices in the place of a value."""
    several, names = get_origin(field.type) is tuple, choices(field)
    kind: Any = list[str] if several else str if names else field.type
    name = field.name.replace("_", "-")
    usual = f"--{'' if default else 'no-'}{name}" if kind is bool else shown(default)
    taken = f"; {values_of(field)}" if field.metadata["low"] is not None else ""
    return Annotated[
        kind | None,
        typer.Option(
            *([field.metadata["option"]] if field.metadata["option"] else []),
            metavar="|".join(names) or (SEVERAL if several else None),
            help=field.metadata["sentence"] + (f" (default: {usual}{taken})" if default is not None else ""),
            show_default=False,
        ),
    ]


OF_LABELS = ("label_column", "group_column", "skip_unlabelled")
with_data = takes(LayoutOptions(), option_of)  # what may be said of a file, for who reads it with its labels,
with_texts = takes(LayoutOptions(), option_of, leave_out=OF_LABELS)  # and for who reads its texts alone


def apart(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell what is said of a file from the settings of a command."""
    names = LayoutOptions().flat()
    said = {name: value for name, value in given.items() if name in names}
    return said, {name: value for name, value in given.items() if name not in names}


def of_texts(said: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is said of labels."""
    return {name: value for name, value in said.items() if name not in OF_LABELS}


def storage_of(name: str) -> Storage:
    """Give how weights are to be stored, or raise ConfigError."""
    if name not in get_args(Storage):
        raise ConfigError(f"storage is {name!r}; choose one of {', '.join(get_args(Storage))}.")
    return cast(Storage, name)


def model_and_texts(given: list[str], *, elsewhere: bool = False) -> tuple[str, list[str]]:
    """Tell a model's folder or name from texts: what holds a space, or stands alone and names no place, is text.

    Where none is named, the model is "": the bundled one that reads the text. Where the texts come from `elsewhere`, a
    lone word can only be meant for a model: raise ModelError if it is none.
    """
    if not given:
        return "", []
    first = given[0]
    named = first in BUNDLED or _exists(first)
    spaced = any(letter.isspace() for letter in first) or is_sentence(first)
    text = not named and (spaced or (len(given) == 1 and not set(first) & set("/\\")))
    if text and elsewhere and len(given) == 1 and first and not spaced:
        near = _nearest(first)
        meant = f" (did you mean {near}?)" if near else ""
        raise ModelError(
            f"There is no model {one_line(first)!r}{meant}; give a model, or, where it is a text, a model before it."
        )
    return ("", given) if text else (first, given[1:])


def is_sentence(text: str) -> bool:
    """Say whether what holds no blank is a sentence all the same, by its Chinese stops."""
    return bool(set(text) & set("，。！？；、"))


def texts_are_piped() -> bool:
    """Tell whether standard input is a pipe or a file, so that texts are meant to come from there."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # no descriptor: a stream in memory, or closed
        return sys.stdin is not None and not sys.stdin.closed
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


@contextmanager
def opened(path: Path | None) -> Iterator[Any]:
    """Open a file of texts, unpacked where it is packed, or standard input where there is none or it is called -."""
    from gatewise.data.opening import sources_of

    if path is None or str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        with sources_of(path)[0].stream() as file:
            yield file
    except OSError as error:
        raise DataError(f"{path} could not be read ({error.strerror}); check the name.") from error


def _exists(name: str) -> bool:
    try:
        return name != "" and exists(standing(Path(name)))
    except GatewiseError:  # not to be looked at, so a text
        return False


def _nearest(word: str) -> str | None:
    """Give the model in the box or in a folder here whose name is most like a word, if any is."""
    names = {name.lower(): name for name in BUNDLED}
    for pattern in ("*/config.json", "runs/*/config.json"):
        for config in islice(Path().glob(pattern), 1000):
            names |= dict.fromkeys((str(config.parent).lower(), config.parent.name.lower()), str(config.parent))
    near = difflib.get_close_matches(word.lower(), names, n=1)
    return names[near[0]] if near else None


def answer_alone() -> None:
    """Keep NumPy's library from starting a thread for each core as it is loaded: one text is answered by one.

    This process is our own, NumPy is not loaded yet, and work for several cores is shared out by gatewise itself.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
