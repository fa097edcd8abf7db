"""The commands: parse options, call the library, print, pick an exit code (0 fine, 2 wrong use or input, 130 Ctrl-C).

Answers go to standard output, progress and warnings to standard error. Heavy modules are imported inside the commands.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from gatewise.config import NetworkConfig, Settings, TokenizerConfig, TrainingConfig, sentence
from gatewise.errors import ConfigError, DataError, GatewiseError

if TYPE_CHECKING:
    from gatewise.evaluation import Evaluation
    from gatewise.reading import Dataset
    from gatewise.training import Event

app = typer.Typer(
    name="gatewise", no_args_is_help=True, help="Train, measure and use LSTM text classifiers on an ordinary CPU."
)

Data = Annotated[
    str, typer.Argument(help="A data set's name (imdb, reviews), a file (CSV, TSV, JSONL, Parquet) or a folder.")
]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="The folder that `gatewise train --out` made.")]
TextColumn = Annotated[str | None, typer.Option(help="Column of the texts, where it is not plain.")]
LabelColumn = Annotated[str | None, typer.Option(help="Column of the labels, where it is not plain.")]
GroupColumn = Annotated[str | None, typer.Option(help="Column whose equal values stay on one side of the dev split.")]


def option(config: type, name: str, *names: str) -> Any:
    """Make an option whose help is the setting's own sentence, with its default."""
    default = Settings().flat()[name]
    shown = ",".join(default) if isinstance(default, tuple) else default
    panel = config.__name__.removesuffix("Config")
    described = f"{sentence(config, name)} (default: {shown})"
    return typer.Option(*names, help=described, show_default=False, rich_help_panel=panel)


@app.callback(invoke_without_command=True)
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Train, measure and use LSTM text classifiers on an ordinary CPU."""
    if version:
        from gatewise import __version__

        print(f"gatewise {__version__}")
        raise typer.Exit


@app.command("train")
def train_command(
    data: Data,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make for the model. [default: runs/ and DATA's name]")
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    group_column: GroupColumn = None,
    minutes: Annotated[float | None, option(TrainingConfig, "minutes")] = None,
    epochs: Annotated[int | None, option(TrainingConfig, "epochs")] = None,
    embedding_dim: Annotated[int | None, option(NetworkConfig, "embedding_dim")] = None,
    hidden_size: Annotated[int | None, option(NetworkConfig, "hidden_size")] = None,
    num_layers: Annotated[int | None, option(NetworkConfig, "num_layers")] = None,
    bidirectional: Annotated[bool | None, option(NetworkConfig, "bidirectional")] = None,
    pooling: Annotated[str | None, option(NetworkConfig, "pooling")] = None,
    word_dropout: Annotated[float | None, option(NetworkConfig, "word_dropout")] = None,
    embedding_dropout: Annotated[float | None, option(NetworkConfig, "embedding_dropout")] = None,
    dropout: Annotated[float | None, option(NetworkConfig, "dropout")] = None,
    forget_bias: Annotated[float | None, option(NetworkConfig, "forget_bias")] = None,
    chrono_horizon: Annotated[int | None, option(NetworkConfig, "chrono_horizon")] = None,
    kind: Annotated[str | None, option(TokenizerConfig, "kind", "--tokenizer")] = None,
    vocab_size: Annotated[int | None, option(TokenizerConfig, "vocab_size")] = None,
    min_count: Annotated[int | None, option(TokenizerConfig, "min_count")] = None,
    lowercase: Annotated[bool | None, option(TokenizerConfig, "lowercase")] = None,
    max_tokens: Annotated[int | None, option(TokenizerConfig, "max_tokens")] = None,
    learning_rate: Annotated[float | None, option(TrainingConfig, "learning_rate")] = None,
    weight_decay: Annotated[float | None, option(TrainingConfig, "weight_decay")] = None,
    warmup: Annotated[float | None, option(TrainingConfig, "warmup")] = None,
    clip_norm: Annotated[float | None, option(TrainingConfig, "clip_norm")] = None,
    label_smoothing: Annotated[float | None, option(TrainingConfig, "label_smoothing")] = None,
    averaging: Annotated[float | None, option(TrainingConfig, "averaging")] = None,
    batch_tokens: Annotated[int | None, option(TrainingConfig, "batch_tokens")] = None,
    batch_texts: Annotated[int | None, option(TrainingConfig, "batch_texts")] = None,
    class_weights: Annotated[bool | None, option(TrainingConfig, "class_weights")] = None,
    word_vectors: Annotated[bool | None, option(TrainingConfig, "word_vectors")] = None,
    companion: Annotated[bool | None, option(TrainingConfig, "companion")] = None,
    dev_share: Annotated[float | None, option(TrainingConfig, "dev_share")] = None,
    patience: Annotated[int | None, option(TrainingConfig, "patience")] = None,
    precision: Annotated[str | None, option(TrainingConfig, "precision")] = None,
    checkpoint_seconds: Annotated[float | None, option(TrainingConfig, "checkpoint_seconds")] = None,
    threads: Annotated[int | None, option(TrainingConfig, "threads")] = None,
    seed: Annotated[int | None, option(TrainingConfig, "seed")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run for --out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model folder at --out.")] = False,
    tensorboard: Annotated[Path | None, typer.Option(help="Also log to this folder for TensorBoard.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
) -> None:
    """Train on DATA, leave a model folder at --out, and measure it on the test part if there is one.

    A run that was killed goes on with --resume. Ctrl-C keeps the best model so far.
    """
    given = {name: value for name, value in locals().items() if name in Settings().flat()}
    given["pooling"] = tuple(pooling.replace(",", " ").split()) if pooling is not None else None
    out = out or Path("runs") / Path(data).stem
    from gatewise.classifier import train_classifier, unfinished_settings
    from gatewise.files import refuse_existing
    from gatewise.training import tensorboard_writer

    settings = (unfinished_settings(out) if resume else Settings()).replace(**given)
    if not resume:
        refuse_existing(out, overwrite=overwrite)  # before a long read
    if tensorboard and out.absolute() in (tensorboard.absolute(), *tensorboard.absolute().parents):
        raise ConfigError(f"--tensorboard {tensorboard} lies in the model folder {out}; choose a folder outside it.")
    dataset = _read(data, text_column, label_column, group_column)
    log = tensorboard_writer(tensorboard) if tensorboard else None
    begun = False
    with _progress(quiet) as show, _ctrl_c(lambda: begun) as stopped:

        def report(event: "Event") -> None:
            nonlocal begun
            begun = begun or event.step > 0
            show(event)
            if log:
                log(event)

        trained = train_classifier(
            dataset, out, settings=settings, resume=resume, overwrite=overwrite,
            report=report, stopped=stopped,
        )  # fmt: skip
    report_path = out / "report.html"
    measured = trained.test or trained.dev
    _write_report(measured, report_path, out)
    if trained.stopped:
        _say(f"Stopped. The best model so far is in {out}; the same command with --resume goes on.")
        raise typer.Exit(130)
    if trained.test is None:
        _say(f"{data} has no labelled test part: these figures are of the dev split, so they flatter.")
    _print_figures(measured)
    _print(f"model   {out}\nreport  {report_path}")


@app.command("evaluate")
def evaluate_command(
    model: ModelPath,
    data: Data,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    report: Annotated[Path | None, typer.Option(help="Also write a report page to this file.")] = None,
) -> None:
    """Measure MODEL on the test part of DATA, or on all of it if it has only one part."""
    from gatewise.evaluation import evaluate
    from gatewise.folder import load

    loaded = load(model)
    dataset = _read(data, text_column, label_column, None)
    part = dataset.test or dataset.train
    if part is None:
        raise DataError(f"{data} has no labelled part to measure on; give a file with labels.")
    found = evaluate(loaded, part)
    if as_json:
        _print(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        _print_figures(found)
    if report:
        _write_report(found, report, model)
        _say(f"report written to {report}")


@app.command("predict")
def predict_command(
    model: ModelPath,
    text: Annotated[list[str] | None, typer.Argument(help="Texts to classify.")] = None,
    input: Annotated[
        Path | None, typer.Option(help="File of texts: JSON Lines, or one text a line; - is stdin.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per text.")] = False,
) -> None:
    """Print label and calibrated probability of each text, in order: the TEXTs, an --input file, or standard input."""
    from gatewise.folder import load
    from gatewise.reading import stream_texts

    if text and input:
        raise GatewiseError("Give texts or --input, not both.")
    if not text and not input and sys.stdin.isatty():
        raise GatewiseError("Give texts, --input FILE, or texts on standard input.")
    loaded = load(model)
    blank = 0
    with _opened(input) as file:
        texts = iter(text) if text else stream_texts(file, name=str(input or "standard input"))
        for prediction in loaded.stream(texts):
            blank += prediction.empty
            if as_json:
                _print(json.dumps({
                    "label": prediction.label, "probability": round(prediction.probability, 6),
                    "probabilities": {name: round(value, 6) for name, value in prediction.probabilities.items()},
                }, ensure_ascii=False))  # fmt: skip
            else:
                _print(f"{prediction.label}\t{prediction.probability:.4f}")
    if blank:
        _say(f"{blank} of the texts {'is' if blank == 1 else 'are'} blank: the answer there rests on no word.")


def _read(data: str, text_column: str | None, label_column: str | None, group_column: str | None) -> "Dataset":
    from gatewise.reading import read

    last = 0.0

    def downloaded(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 1 or done == total:
            last = time.monotonic()
            _say(f"Downloading {data}: {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    return read(
        data, text_column=text_column, label_column=label_column, group_column=group_column, progress=downloaded
    )


@contextmanager
def _opened(path: Path | None) -> Iterator[Any]:
    if path is None or str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DataError(f"{path} could not be read ({error.strerror}); check the name.") from error


def _write_report(found: "Evaluation", path: Path, model: Path) -> None:
    from gatewise.files import write_atomically
    from gatewise.page import report

    log = model / "metrics.jsonl"
    history = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []
    write_atomically(path, report(found, history, model.name).encode())


def _print_figures(found: "Evaluation") -> None:
    alone = ", ".join(f"{name} {accuracy:.4f}" for name, accuracy in found.accuracy_alone.items())
    alone = f"accuracy alone    {alone}\n" if alone else ""
    _print(
        f"accuracy          {found.accuracy:.4f}   "
        f"95 % interval {found.accuracy_low:.4f} to {found.accuracy_high:.4f}\n"
        f"macro F1          {found.macro_f1:.4f}\n"
        f"log-loss          {found.log_loss:.4f}   {found.log_loss_uncalibrated:.4f} before calibration\n"
        f"calibration error {found.ece:.4f}   {found.ece_uncalibrated:.4f} before calibration\n"
        f"{alone}"
        f"texts             {found.n}{f', {found.empty_texts} of them blank' if found.empty_texts else ''}"
        f"{f', {found.n / found.seconds:.0f} a second' if found.seconds else ''}   ({found.data})"
    )


def _print(answer: str) -> None:
    try:
        print(answer)
    except OSError as error:
        _give_up_output(error)


def _give_up_output(error: OSError) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again when it ends
    if isinstance(error, BrokenPipeError):  # the reader of our output has gone, as `| head` does
        sys.exit(141)
    raise GatewiseError(f"The output could not be written ({error.strerror}); free space or send it elsewhere.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def _ctrl_c(begun: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a request that training answers after its step; the second stops at once.

    Before the first step there is nothing to keep, and one is enough.
    """
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked or not begun():
            raise KeyboardInterrupt
        asked = True
        _say("Stopping after this step; once more Ctrl-C stops at once and keeps only the last checkpoint.")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[["Event"], None]]:
    """Show a run's events: a live bar on a terminal, a plain line every ten seconds elsewhere."""
    if quiet:
        yield lambda event: _say(event.values["message"]) if event.kind == "warning" else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    dev, said = "", time.monotonic() - 8
    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %")]
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=1.0)

        def show(event: "Event") -> None:
            nonlocal dev, said
            if event.kind == "dev":
                dev = f"   dev accuracy {event.values['score']:.4f}"
            if event.kind in ("prepared", "dev", "warning", "resumed", "start"):
                console.print(_line(event), highlight=False, soft_wrap=True)
            if event.kind == "step":
                share = event.values["share"]
                left = event.seconds * (1 - share) / share if share > 0.005 else None
                line = (
                    f"epoch {event.epoch:5.2f}   loss {event.values['loss']:.4f}{dev}   "
                    f"{event.values['tokens_per_second']:,} tokens/s   {_duration(left)} left"
                )
                bar.update(task, completed=share, description=line)
                if not console.is_terminal and time.monotonic() - said > 10:
                    said = time.monotonic()
                    _say(f"{100 * share:3.0f} %   {line}")

        yield show


def _line(event: "Event") -> str:
    values = event.values
    if event.kind == "prepared":
        line = (
            f"{values['training_texts']:,} training and {values['dev_texts']:,} dev texts (split {values['dev_split']})"
        )
        if values["left_out_equal_to_test"]:
            line += f"; {values['left_out_equal_to_test']} training texts equal to a test text left out"
        if values["blank_training_texts"]:
            line += f"; {values['blank_training_texts']} training texts are blank"
        if values["unlabelled_texts"]:
            line += f"; {values['unlabelled_texts']:,} unlabelled texts for the word vectors"
        return f"{line}; read in {event.seconds:.0f} s"
    if event.kind == "start":
        return f"training, {values['epochs']} epoch(s) at most, in {values['precision']}"
    if event.kind == "resumed":
        changed = f"; the bits may differ: {', '.join(values['changed'])}" if values["changed"] else ""
        return f"resumed at step {event.step}{changed}"
    if event.kind == "dev":
        figures = f"dev accuracy {values['score']:.4f}, loss {values['loss']:.4f}"
        return f"epoch {event.epoch:.2f}: {figures}, {_duration(event.seconds)}"
    return f"Warning: {values['message']}"


def _duration(seconds: float | None) -> str:
    return "?" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def main() -> None:
    """Run the command line; a GatewiseError becomes its sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        try:
            app()
        finally:
            try:
                sys.stdout.flush()
            except OSError as error:
                _give_up_output(error)
    except GatewiseError as error:
        _say(f"gatewise: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        _say("Stopped.")
        sys.exit(130)
