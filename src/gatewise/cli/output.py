"""What a command has found to standard output, for people or as JSON; a sentence to standard error. Knows no result."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from gatewise.base.errors import GatewiseError
from gatewise.base.text import json_text

if TYPE_CHECKING:
    from gatewise.explanation.shares import Explanation


class Result(Protocol):
    """What has lines for people and plain values for JSON."""

    def lines(self) -> list[str]: ...
    def as_dict(self) -> dict[str, Any]: ...


def print_result(result: Result, *, as_json: bool = False) -> None:
    """Print a result for people, or as one JSON object."""
    print_lines([json_text(result.as_dict())] if as_json else map(printable, result.lines()))


def print_lines(lines: Iterable[str]) -> None:
    """Print to standard output; a reader that has gone ends the program, a full disk is an error."""
    try:
        for line in lines:
            print(line)
    except OSError as error:
        give_up_output(error)


def printable(text: str) -> str:
    """Show control characters, which could move the cursor or hide text, as replacement characters."""
    return "".join(letter if letter.isprintable() or letter in " \n\t" else "\ufffd" for letter in text)


def give_up_output(error: OSError) -> NoReturn:
    """End the program because standard output takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again when it ends
    if isinstance(error, BrokenPipeError):  # the reader of our output has gone, as `| head` does
        sys.exit(141)
    raise GatewiseError(f"The output could not be written ({error.strerror}); free space or send it elsewhere.")


def say(sentence: str) -> None:
    """Print to standard error."""
    print(sentence, file=sys.stderr, flush=True)


def print_coloured(explanation: "Explanation") -> None:
    """Print a text on a terminal, coloured by what each word said: blue spoke for the label, orange against it."""
    if not sys.stdout.isatty():
        return
    from rich.console import Console
    from rich.text import Text

    coloured = Text(printable(explanation.text))
    most = max(float(abs(explanation.contributions).max()), 1e-12)
    for (start, end), share in zip(explanation.offsets, explanation.contributions.tolist(), strict=True):
        strength = round(155 * min(1.0, abs(share) / most))
        red, green, blue = (0, 40 + strength // 2, 100 + strength)
        if share < 0:
            red, green, blue = (100 + strength, 60 + strength // 3, 0)
        if strength > 15:
            coloured.stylize(f"white on rgb({red},{green},{blue})", start, end)
    Console().print(coloured, soft_wrap=True)
