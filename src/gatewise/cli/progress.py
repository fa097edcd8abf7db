"""A run's events to standard error as they come, and signals to a request. Knows no task: an event names its figure."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from gatewise.base.errors import one_line
from gatewise.cli.output import Told, say

if TYPE_CHECKING:
    from gatewise.data.part import Dataset
    from gatewise.training.log import Event


FIRST_CLASSES, LAST_CLASSES = 10, 5


def now_and_then(line: Callable[..., str], seconds: float) -> Callable[..., None]:
    """Give where to tell how far a work is: it says the line for that once in so many seconds, and not before."""
    said = time.monotonic()

    def tell(*done: Any) -> None:
        nonlocal said
        if time.monotonic() - said > seconds:
            said = time.monotonic()
            say(line(*done))

    return tell


def read_data(data: str, said: Mapping[str, Any], *, labels: bool = True) -> "Dataset":
    """Open a data set, saying what was found out of its files and how far its download is, if it needs one."""
    from gatewise.data.reading import read

    dataset = read(
        data, labels=labels, **said,
        progress=now_and_then(
            lambda done, total: f"Downloading {data}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", seconds=1
        ),
    )  # fmt: skip
    for note in dataset.notes:
        say(note)
    return dataset


class Stop:
    """Whether a run is to end, and by which signal; training asks before every step."""

    def __init__(self) -> None:
        self.number = 0  # of the signal
        self.steps = False  # a step is under way, after which the run can end well

    def __call__(self) -> bool:
        """Say whether the run is to end."""
        return self.number != 0

    @property
    def code(self) -> int:
        """The exit code of a program that a signal has ended."""
        return 128 + self.number

    def ask(self, number: int, frame: object = None) -> None:
        """Take a signal: between steps, and the second at any time, it ends the run at once."""
        if self() or not self.steps:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
        self.number = number
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        with suppress(RuntimeError):  # it came while another line was being printed
            say(f"Stopping after this step; once more {name} stops at once and keeps only the last checkpoint.")


@contextmanager
def signals(stop: Stop) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP ask for the end of a run; one that is ignored, as by nohup, stays so."""
    before = {signal.SIGINT: signal.getsignal(signal.SIGINT)}
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if (number := getattr(signal, name, None)) and signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.getsignal(number)
    for number in before:
        signal.signal(number, stop.ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def watched(
    quiet: bool, out: Path, again: str = "the same command with --resume"
) -> Iterator[tuple[Callable[["Event"], None], Stop]]:
    """Show the run for `out` and let a signal end it; give where its events go, and what it asks before a step.

    Where it ends at once and something is kept, say that `again` goes on.
    """
    stop = Stop()
    with show_progress(quiet) as show, signals(stop):

        def report(event: "Event") -> None:
            stop.steps = event.step > 0 and event.kind != "end"
            show(event)

        try:
            yield report, stop
        except (KeyboardInterrupt, SystemExit):
            from gatewise.training.session import resumable, unfinished

            say(f"Stopped; {again} goes on." if resumable(unfinished(out)) else "Stopped.")
            raise


@contextmanager
def show_progress(quiet: bool) -> Iterator[Callable[["Event"], None]]:
    """Show a run's events: a live bar on a terminal, a plain line every ten seconds elsewhere."""
    if quiet:
        yield lambda event: say(event.values["message"]) if event.kind == "warning" else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=cast(IO[str], Told()))
    dev, said, first = "", time.monotonic() - 8, None
    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %")]
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=1.0)

        def show(event: "Event") -> None:
            nonlocal dev, said, first
            if event.kind == "dev":
                dev = f"   {dev_figure(event)}"
            if event.kind in ("prepared", "dev", "warning", "resumed", "start", "answering"):
                console.print(event_line(event), highlight=False, soft_wrap=True)
            if event.kind == "answering":
                bar.update(task, description="answering")
            if event.kind in ("start", "resumed"):
                first = None  # what was spent before it, on reading or another network, says nothing of what is left
            if event.kind == "step":
                share = event.values["done"]
                first = first or (event.seconds, share)
                seconds, done = event.seconds - first[0], share - first[1]
                left = seconds * (1 - share) / done if done > 0.005 else None
                line = (
                    f"epoch {event.epoch:5.2f}   loss {event.values['loss']:.4f}{dev}   "
                    f"{event.values['tokens_per_second']:,} tokens/s   {duration(left)} left"
                )
                bar.update(task, completed=share, description=line)
                if not console.is_terminal and time.monotonic() - said > 10:
                    said = time.monotonic()
                    say(f"{100 * share:3.0f} %   {line}")

        yield show


def event_line(event: "Event") -> str:
    """Say in a line, or two where there are classes, what an event tells."""
    values = event.values
    if event.kind == "prepared":
        classes = "".join(f"\n{_classes(values[name], name)}" for name in ("classes", "labels") if values.get(name))
        return f"{'; '.join(_noticed(values))}; read in {event.seconds:.0f} s{classes}"
    if event.kind == "start":
        together = ", all cores on each operation" if values["sharing"] == "operations" else ""
        return f"training, {values['epochs']} epoch(s) at most, in {values['precision']}{together}"
    if event.kind == "answering":
        return f"answering {values['texts']:,} unlabelled texts for the next network to learn from"
    if event.kind == "resumed":
        changed = f"; the bits may differ: {', '.join(values['changed'])}" if values["changed"] else ""
        return f"resumed at step {event.step}{changed}"
    if event.kind == "dev":
        return f"epoch {event.epoch:.2f}: {dev_figure(event)}, loss {values['loss']:.4f}, {duration(event.seconds)}"
    return f"Warning: {values['message']}"


NOTICED = {
    "left_out_equal_to_test": "training texts equal to a test text left out",
    "left_out_copies": "copies left out",
    "blank_training_texts": "training texts are blank",
    "rows_without_label": "rows without a label left out",
    "unlabelled_texts": "unlabelled texts",
    "unlabelled_equal_to_test": "unlabelled texts equal to a test text left out",
}


def _noticed(notes: dict[str, Any]) -> Iterator[str]:
    if "horizon" in notes:
        yield f"{notes['rows']:,} rows of {notes['series']:,} series, {notes['horizon']:,} ahead"
        yield f"{notes['dev_origins']} dev origins"
        yield f"the base is {notes['base']}"
        return
    split = f" (split {notes['dev_split']})" if "dev_split" in notes else ""
    tokens = f", {notes['training_tokens']:,} tokens" if "training_tokens" in notes else ""
    what = "sentences" if "training_sentences" in notes else "texts"
    yield f"{notes[f'training_{what}']:,} training and {notes[f'dev_{what}']:,} dev {what}{split}{tokens}"
    yield from (f"{notes[name]:,} {what}" for name, what in NOTICED.items() if notes.get(name))


def _classes(counts: dict[str, int], what: str) -> str:
    """List classes with their counts, rarest last; of many the first and the last."""
    names = [f"{one_line(label, 60)} {count:,}" for label, count in counts.items()]
    if len(names) > FIRST_CLASSES + LAST_CLASSES:
        between = f"... {len(names) - FIRST_CLASSES - LAST_CLASSES:,} more ..."
        names = [*names[:FIRST_CLASSES], between, *names[-LAST_CLASSES:]]
    return f"{len(counts):,} {what}, rarest last: {', '.join(names)}"


def dev_figure(event: "Event") -> str:
    """Give what was measured on the dev split, in the words and the unit that the event brings."""
    value = event.values["value"]
    return f"dev {event.values['name']} {value:.{4 if abs(value) <= 1 else 2}f}"


def duration(seconds: float | None) -> str:
    """Give seconds as minutes:seconds."""
    return "?" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
