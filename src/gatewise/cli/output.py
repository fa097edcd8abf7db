"""What a command has found to standard output, for people or as JSON; a sentence to standard error. Knows no result."""

import os
import sys
from collections.abc import Callable, Iterable
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


class Told:
    """Standard error as a file whose reader may go, or whose disk fill: what is told then goes nowhere, no run ends."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Write a text."""
        self._try(lambda: sys.stderr.write(text))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self._try(lambda: sys.stderr.flush())

    def isatty(self) -> bool:
        """Say whether people read it as it comes."""
        return sys.stderr.isatty()

    def fileno(self) -> int:
        """Give its descriptor."""
        return sys.stderr.fileno()

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def say(sentence: str) -> None:
    """Print to standard error."""
    print(sentence, file=Told(), flush=True)


def open_streams() -> None:
    """Give a process whose standard streams were closed others in their place, else a file it opens would take them.

    Writing to a closed standard output goes on to fail, reading a closed standard input finds nothing.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, mode), number)
    sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115 - for as long as the process
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


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
