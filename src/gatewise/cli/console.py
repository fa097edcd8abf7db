"""What the commands share: what they take, answers to standard output, progress to standard error, Ctrl-C."""

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from gatewise.base.errors import GatewiseError

if TYPE_CHECKING:
    from gatewise.data.reading import Dataset
    from gatewise.explanation.faithfulness import Faithfulness
    from gatewise.explanation.shares import Explanation
    from gatewise.tasks.classify.measure import Evaluation
    from gatewise.training.loop import Event

Data = Annotated[
    str, typer.Argument(help="A data set's name (imdb, reviews), a file (CSV, TSV, JSONL, Parquet) or a folder.")
]
ModelPath = Annotated[
    str, typer.Argument(metavar="MODEL", help="A folder that `gatewise train --out` made, or sentiment-en.")
]
TextColumn = Annotated[str | None, typer.Option(help="Column of the texts, where it is not plain.")]
LabelColumn = Annotated[str | None, typer.Option(help="Column of the labels, where it is not plain.")]


def read_data(
    data: str, text_column: str | None, label_column: str | None, group_column: str | None, *, labels: bool = True
) -> "Dataset":
    """Open a data set, saying how far its download is, if it needs one."""
    from gatewise.data.reading import read

    last = 0.0

    def downloaded(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 1 or done == total:
            last = time.monotonic()
            say(f"Downloading {data}: {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    return read(
        data, text_column=text_column, label_column=label_column, group_column=group_column, labels=labels,
        progress=downloaded,
    )  # fmt: skip


def print_figures(found: "Evaluation") -> None:
    """Print an evaluation for people."""
    alone = ", ".join(f"{name} {accuracy:.4f}" for name, accuracy in found.accuracy_alone.items())
    alone = f"accuracy alone    {alone}\n" if alone else ""
    print_answer(
        f"accuracy          {found.accuracy:.4f}   "
        f"95 % interval {found.accuracy_low:.4f} to {found.accuracy_high:.4f}\n"
        f"macro F1          {found.macro_f1:.4f}\n"
        f"log-loss          {found.log_loss:.4f}   {found.log_loss_uncalibrated:.4f} before calibration\n"
        f"calibration error {found.ece:.4f}   {found.ece_uncalibrated:.4f} before calibration\n"
        f"{alone}"
        f"texts             {found.n}{f', {found.empty_texts} of them blank' if found.empty_texts else ''}"
        f"{f', {found.n / found.seconds:.0f} a second' if found.seconds else ''}   ({found.data})"
    )


def print_answer(answer: str) -> None:
    """Print to standard output; a reader that has gone ends the program, a full disk is an error."""
    try:
        print(answer)
    except OSError as error:
        give_up_output(error)


DEFAULT_MODEL = "sentiment-en"


def model_and_texts(given: list[str]) -> tuple[str, list[str]]:
    """Tell a model's folder or name from texts: what holds a space, or stands alone and names no place, is text."""
    from gatewise.runtime.folder import BUNDLED

    if not given:
        return DEFAULT_MODEL, []
    first = given[0]
    named = Path(first).exists() or first in BUNDLED
    text = any(letter.isspace() for letter in first) or (len(given) == 1 and not set(first) & set("/\\"))
    return (DEFAULT_MODEL, given) if text and not named else (first, given[1:])


STRONGEST = 12  # tokens listed beside the coloured text


def print_explanation(found: "Explanation") -> None:
    """Print a text coloured by what each word said, the strongest words, and the sum; plainly where no terminal is."""
    from rich.console import Console
    from rich.text import Text

    from gatewise.runtime.tokenizer import UNKNOWN_ID

    console = Console()
    if (found.ids == UNKNOWN_ID).all():
        say("The model knows none of these words: the answer rests on the unknown word alone.")
    ends = [end for _, end in found.offsets]
    left_out = "".join(found.text[end:start] for end, (start, _) in zip(ends, found.offsets[1:], strict=False)).strip()
    if left_out:
        say(f"The text is longer than the model reads: {len(left_out):,} characters in its middle were left out.")
    print_answer(
        f"{found.label}   probability {found.probability:.4f}   logit {found.logit:+.4f}   method {found.method}"
    )
    most = max(float(abs(found.contributions).max()), 1e-12)
    if console.is_terminal:
        shown = Text(_printable(found.text))
        for (start, end), share in zip(found.offsets, found.contributions.tolist(), strict=True):
            strength = round(155 * min(1.0, abs(share) / most))  # blue speaks for the label, orange against it
            colour = (
                f"rgb(0,{40 + strength // 2},{100 + strength})"
                if share > 0
                else f"rgb({100 + strength},{60 + strength // 3},0)"
            )
            if strength > 15:
                shown.stylize(f"white on {colour}", start, end)
        console.print(shown, soft_wrap=True)
    strongest = sorted(range(len(found.tokens)), key=lambda place: -abs(found.contributions[place]))[:STRONGEST]
    for place in strongest:
        share = float(found.contributions[place])
        bar = "#" * max(1, round(24 * abs(share) / most))
        print_answer(f"{share:+9.4f}  {bar:24}  {_printable(found.tokens[place])}  (token {place})")
    rest = float(found.contributions.sum()) - sum(float(found.contributions[place]) for place in strongest)
    print_answer(
        f"{rest:+9.4f}  the other {len(found.tokens) - len(strongest)} tokens\n"
        f"{found.bias:+9.4f}  bias, which is no token's\n"
        f"{found.residual:+9.4f}  residual: what the shares leave unexplained\n{found.logit:+9.4f}  logit"
    )


def write_report(found: "Evaluation", path: Path, model: Path) -> None:
    """Write an evaluation as a page, with the learning curves of the model's log if it has one."""
    from gatewise.base.files import write_atomically
    from gatewise.pages.page import report

    log = model / "metrics.jsonl"
    history = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []
    write_atomically(path, report(found, history, model.name).encode())


def print_faithfulness(found: "Faithfulness") -> None:
    """Print the battery's table, the most faithful method first."""
    print_answer(
        f"{found.texts} texts of {found.tokens:.0f} tokens on average\n"
        "method                comprehensive  against the default  in logit  masked  sufficient  rank  largest gap  "
        "redrawn   ms a text"
    )
    for score in found.scores:
        print_answer(
            f"{score.method:20}  {score.comprehensiveness:13.4f}  {score.against_default:+9.4f} ± "
            f"{score.against_default_error:.4f}   {score.in_logit:8.3f}  {score.masked:6.4f}  "
            f"{score.sufficiency:10.4f}  {score.rank_agreement:4.2f}  {score.gap_max:11.2g}  "
            f"{score.redrawn['everything']:7.2f}  {score.milliseconds:10.1f}"
        )
    (least, most), (fewest, largest) = found.random_comprehensiveness, found.random_sufficiency
    print_answer(
        f"random orders: comprehensiveness {least:.4f} to {most:.4f}, sufficiency {fewest:.4f} to {largest:.4f}"
    )


def _printable(text: str) -> str:
    """Show control characters, which could move the cursor or hide text, as replacement characters."""
    return "".join(letter if letter.isprintable() or letter in " \n" else "\ufffd" for letter in text)


def give_up_output(error: OSError) -> NoReturn:
    """End the program because standard output takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again when it ends
    if isinstance(error, BrokenPipeError):  # the reader of our output has gone, as `| head` does
        sys.exit(141)
    raise GatewiseError(f"The output could not be written ({error.strerror}); free space or send it elsewhere.")


def say(sentence: str) -> None:
    """Print to standard error."""
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def ctrl_c(begun: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a request that training answers after its step; the second stops at once.

    Before the first step there is nothing to keep, and one is enough.
    """
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked or not begun():
            raise KeyboardInterrupt
        asked = True
        say("Stopping after this step; once more Ctrl-C stops at once and keeps only the last checkpoint.")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def watched(quiet: bool) -> Iterator[tuple[Callable[["Event"], None], Callable[[], bool]]]:
    """Show a run and let Ctrl-C end it once it has taken a step; give where its events go, and what it asks."""
    begun = False
    with show_progress(quiet) as show, ctrl_c(lambda: begun) as stopped:

        def report(event: "Event") -> None:
            nonlocal begun
            begun = begun or event.step > 0
            show(event)

        yield report, stopped


@contextmanager
def show_progress(quiet: bool) -> Iterator[Callable[["Event"], None]]:
    """Show a run's events: a live bar on a terminal, a plain line every ten seconds elsewhere."""
    if quiet:
        yield lambda event: say(event.values["message"]) if event.kind == "warning" else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
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
                share = event.values["share"]
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
    """Say in one line what an event tells."""
    values = event.values
    if event.kind == "prepared":
        return f"{'; '.join(_noticed(values))}; read in {event.seconds:.0f} s"
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


def _noticed(notes: dict[str, Any]) -> Iterator[str]:
    split = f" (split {notes['dev_split']})" if "dev_split" in notes else f", {notes['training_tokens']:,} tokens"
    yield f"{notes['training_texts']:,} training and {notes['dev_texts']:,} dev texts{split}"
    for name, what in (
        ("left_out_equal_to_test", "training texts equal to a test text left out"),
        ("left_out_copies", "copies left out"),
        ("blank_training_texts", "training texts are blank"),
        ("unlabelled_texts", "unlabelled texts"),
        ("unlabelled_equal_to_test", "unlabelled texts equal to a test text left out"),
    ):
        if notes.get(name):
            yield f"{notes[name]:,} {what}"


def dev_figure(event: "Event") -> str:
    """Give a dev score in its usual words: accuracy, or a language model's perplexity, whose score is negative."""
    score = event.values["score"]
    return f"dev accuracy {score:.4f}" if score >= 0 else f"dev perplexity {math.exp(-score):.2f}"


def duration(seconds: float | None) -> str:
    """Give seconds as minutes:seconds."""
    return "?" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
