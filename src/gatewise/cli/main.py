"""The commands: parse options, call the library, print, pick an exit code (0 fine, 2 wrong use or input, 130 Ctrl-C).

Answers go to standard output, progress and warnings to standard error. Heavy modules are imported inside the commands.
"""

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.base.ram import keep_memory
from gatewise.base.settings import NetworkConfig, PretrainingConfig, Storage, TokenizerConfig, TrainingConfig, sentence
from gatewise.cli.console import (
    Data,
    LabelColumn,
    ModelPath,
    TextColumn,
    give_up_output,
    model_and_texts,
    print_answer,
    print_figures,
    read_data,
    say,
    show_progress,
    watched,
    write_report,
)
from gatewise.cli.explain import explain_command, faithfulness_command
from gatewise.cli.lab import lab
from gatewise.tasks.classify.settings import RECIPES, ClassificationConfig, Settings
from gatewise.tasks.pretrain.settings import PRETRAINING, PretrainingSettings

if TYPE_CHECKING:
    from gatewise.training.loop import Event

app = typer.Typer(
    name="gatewise", no_args_is_help=True, help="Train, measure and use LSTM text classifiers on an ordinary CPU."
)

app.add_typer(lab, name="lab")

StorageOption = Annotated[
    str, typer.Option(help="How weights are stored: float32, float16, or int8 with a scale a row (a quarter the size).")
]
GroupColumn = Annotated[str | None, typer.Option(help="Column whose equal values stay on one side of the dev split.")]


def option(config: type, name: str, *names: str, default: Any = None) -> Any:
    """Make an option whose help is the setting's own sentence, with its default."""
    default = Settings().flat()[name] if default is None else default
    shown = ",".join(default) if isinstance(default, tuple) else default
    panel = config.__name__.removesuffix("Config")
    described = f"{sentence(config, name)} (default: {shown})"
    return typer.Option(*names, help=described, show_default=False, rich_help_panel=panel)


def language_option(config: type, name: str, *names: str) -> Any:
    """Make an option of `gatewise pretrain`, whose defaults are its own."""
    return option(config, name, *names, default=PretrainingSettings().flat()[name])


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
    recipe: Annotated[
        str, typer.Option(help=f"Settings to start from: {', '.join(RECIPES)}. Options change single ones.")
    ] = "labels",
    unlabelled: Annotated[
        str | None, typer.Option(help="More text of the kind, its labels not looked at: a name, file or folder.")
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
    train_tokens: Annotated[int | None, option(ClassificationConfig, "train_tokens")] = None,
    learning_rate: Annotated[float | None, option(TrainingConfig, "learning_rate")] = None,
    weight_decay: Annotated[float | None, option(TrainingConfig, "weight_decay")] = None,
    warmup: Annotated[float | None, option(TrainingConfig, "warmup")] = None,
    clip_norm: Annotated[float | None, option(TrainingConfig, "clip_norm")] = None,
    label_smoothing: Annotated[float | None, option(ClassificationConfig, "label_smoothing")] = None,
    averaging: Annotated[float | None, option(TrainingConfig, "averaging")] = None,
    batch_tokens: Annotated[int | None, option(TrainingConfig, "batch_tokens")] = None,
    batch_texts: Annotated[int | None, option(TrainingConfig, "batch_texts")] = None,
    pretrained: Annotated[str | None, option(TrainingConfig, "pretrained")] = None,
    layer_decay: Annotated[float | None, option(TrainingConfig, "layer_decay")] = None,
    student_epochs: Annotated[int | None, option(ClassificationConfig, "student_epochs")] = None,
    student_texts: Annotated[int | None, option(ClassificationConfig, "student_texts")] = None,
    teachers: Annotated[str | None, option(ClassificationConfig, "teachers")] = None,
    class_weights: Annotated[bool | None, option(ClassificationConfig, "class_weights")] = None,
    word_vectors: Annotated[bool | None, option(TrainingConfig, "word_vectors")] = None,
    companion: Annotated[bool | None, option(ClassificationConfig, "companion")] = None,
    companion_buckets: Annotated[int | None, option(ClassificationConfig, "companion_buckets")] = None,
    dev_share: Annotated[float | None, option(TrainingConfig, "dev_share")] = None,
    patience: Annotated[int | None, option(TrainingConfig, "patience")] = None,
    precision: Annotated[str | None, option(TrainingConfig, "precision")] = None,
    sharing: Annotated[str | None, option(TrainingConfig, "sharing")] = None,
    checkpoint_seconds: Annotated[float | None, option(TrainingConfig, "checkpoint_seconds")] = None,
    threads: Annotated[int | None, option(TrainingConfig, "threads")] = None,
    seed: Annotated[int | None, option(TrainingConfig, "seed")] = None,
    storage: StorageOption = "float32",
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
    from gatewise.base.files import refuse_existing
    from gatewise.tasks.classify.estimator import train_classifier
    from gatewise.training.loop import tensorboard_writer
    from gatewise.training.session import unfinished_settings

    if recipe not in RECIPES:
        raise ConfigError(f"There is no recipe {recipe!r}; choose one of {', '.join(RECIPES)}.")
    if not resume:
        refuse_existing(out, overwrite=overwrite)  # before a long read
    if recipe == "best" and not pretrained:
        given["pretrained"] = str(own_encoder(data, out, text_column, threads, quiet))
    defaults = Settings().replace(**RECIPES[recipe])
    settings = (unfinished_settings(out, defaults) if resume else defaults).replace(**given)
    if tensorboard and out.absolute() in (tensorboard.absolute(), *tensorboard.absolute().parents):
        raise ConfigError(f"--tensorboard {tensorboard} lies in the model folder {out}; choose a folder outside it.")
    dataset = read_data(data, text_column, label_column, group_column)
    if unlabelled:
        more = read_data(unlabelled, text_column, None, None, labels=False)
        dataset = dataclasses.replace(dataset, unlabelled=more.unlabelled or more.train)
    log = tensorboard_writer(tensorboard) if tensorboard else None
    with watched(quiet) as (show, stopped):

        def report(event: "Event") -> None:
            show(event)
            if log:
                log(event)

        trained = train_classifier(
            dataset, out, settings=settings, storage=_storage(storage), resume=resume, overwrite=overwrite,
            report=report, stopped=stopped,
        )  # fmt: skip
    report_path = out / "report.html"
    measured = trained.test or trained.dev
    write_report(measured, report_path, out)
    if trained.stopped:
        say(f"Stopped. The best model so far is in {out}; the same command with --resume goes on.")
        raise typer.Exit(130)
    if trained.test is None:
        say(f"{data} has no labelled test part: these figures are of the dev split, so they flatter.")
    print_figures(measured)
    print_answer(f"model   {out}\nreport  {report_path}")


@app.command("pretrain")
def pretrain_command(
    data: Data,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make for the encoder. [default: runs/, DATA's name, -encoder]")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Encoder folder to go on from: its words, shape and weights. With --bidirectional a forward encoder "
            "learns the backward direction too, and nothing else changes.",
        ),
    ] = None,
    text_column: TextColumn = None,
    minutes: Annotated[float | None, language_option(TrainingConfig, "minutes")] = None,
    epochs: Annotated[int | None, language_option(TrainingConfig, "epochs")] = None,
    embedding_dim: Annotated[int | None, language_option(NetworkConfig, "embedding_dim")] = None,
    hidden_size: Annotated[int | None, language_option(NetworkConfig, "hidden_size")] = None,
    num_layers: Annotated[int | None, language_option(NetworkConfig, "num_layers")] = None,
    bidirectional: Annotated[bool | None, language_option(NetworkConfig, "bidirectional")] = None,
    embedding_dropout: Annotated[float | None, language_option(NetworkConfig, "embedding_dropout")] = None,
    dropout: Annotated[float | None, language_option(NetworkConfig, "dropout")] = None,
    kind: Annotated[str | None, language_option(TokenizerConfig, "kind", "--tokenizer")] = None,
    vocab_size: Annotated[int | None, language_option(TokenizerConfig, "vocab_size")] = None,
    min_count: Annotated[int | None, language_option(TokenizerConfig, "min_count")] = None,
    max_tokens: Annotated[int | None, language_option(TokenizerConfig, "max_tokens")] = None,
    sampled_words: Annotated[int | None, language_option(PretrainingConfig, "sampled_words")] = None,
    learning_rate: Annotated[float | None, language_option(TrainingConfig, "learning_rate")] = None,
    batch_tokens: Annotated[int | None, language_option(TrainingConfig, "batch_tokens")] = None,
    averaging: Annotated[float | None, language_option(TrainingConfig, "averaging")] = None,
    dev_share: Annotated[float | None, language_option(TrainingConfig, "dev_share")] = None,
    word_vectors: Annotated[bool | None, language_option(TrainingConfig, "word_vectors")] = None,
    precision: Annotated[str | None, language_option(TrainingConfig, "precision")] = None,
    sharing: Annotated[str | None, language_option(TrainingConfig, "sharing")] = None,
    checkpoint_seconds: Annotated[float | None, language_option(TrainingConfig, "checkpoint_seconds")] = None,
    threads: Annotated[int | None, language_option(TrainingConfig, "threads")] = None,
    seed: Annotated[int | None, language_option(TrainingConfig, "seed")] = None,
    storage: StorageOption = "float32",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run for --out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the encoder folder at --out.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
) -> None:
    """Learn to read from DATA's text, labels unseen, and leave an encoder for `gatewise train --pretrained`.

    A run that was killed goes on with --resume. Ctrl-C keeps the best encoder so far.
    """
    given = {name: value for name, value in locals().items() if name in PretrainingSettings().flat()}
    out = out or Path("runs") / f"{Path(data).stem}-encoder"
    from gatewise.base.files import refuse_existing
    from gatewise.runtime.folder import load_encoder
    from gatewise.tasks.pretrain.fit import pretrain_encoder, shaped_as
    from gatewise.training.session import unfinished_settings

    defaults = unfinished_settings(out, PretrainingSettings()) if resume else PretrainingSettings()
    place = str(start or defaults.training.pretrained)  # a resumed run knows where it began
    encoder = load_encoder(place) if place else None
    given["pretrained"] = place
    settings = (shaped_as(encoder, defaults) if encoder and not resume else defaults).replace(**given)
    if not resume:
        refuse_existing(out, overwrite=overwrite)
    dataset = read_data(data, text_column, None, None, labels=False)
    with watched(quiet) as (report, stopped):
        made = pretrain_encoder(
            dataset, out, settings=settings, start=encoder, storage=_storage(storage), resume=resume,
            overwrite=overwrite, report=report, stopped=stopped,
        )  # fmt: skip
    if stopped():
        say(f"Stopped. The best encoder so far is in {out}; the same command with --resume goes on.")
        raise typer.Exit(130)
    print_answer(f"dev perplexity {made.facts['dev_perplexity']}\nencoder {out}")


def own_encoder(data: str, out: Path, text_column: str | None, threads: int | None, quiet: bool) -> Path:
    """Pretrain an encoder on DATA's own text beside `out`, unless it stands there already; give its folder."""
    from gatewise.tasks.pretrain.fit import pretrain_encoder
    from gatewise.training.session import resumable, unfinished

    place = out.with_name(out.name + "-encoder")
    if place.is_dir():
        return place
    settings = PretrainingSettings().replace(**PRETRAINING, threads=threads)
    with show_progress(quiet) as show:
        dataset = read_data(data, text_column, None, None, labels=False)
        pretrain_encoder(dataset, place, settings=settings, resume=resumable(unfinished(place)), report=show)
    return place


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
    from gatewise.runtime.folder import load
    from gatewise.tasks.classify.measure import evaluate

    loaded = load(model)
    dataset = read_data(data, text_column, label_column, None)
    part = dataset.test or dataset.train
    if part is None:
        raise DataError(f"{data} has no labelled part to measure on; give a file with labels.")
    found = evaluate(loaded, part)
    if as_json:
        print_answer(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        print_figures(found)
    if report:
        write_report(found, report, Path(model))
        say(f"report written to {report}")


@app.command("predict")
def predict_command(
    given: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL] [TEXT]...", help="A model folder (default: sentiment-en), texts to classify."),
    ] = None,
    input: Annotated[
        Path | None, typer.Option(help="File of texts: JSON Lines, or one text a line; - is stdin.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per text.")] = False,
) -> None:
    """Print label and calibrated probability of each text, in order: the TEXTs, an --input file, or standard input.

    Without MODEL the bundled sentiment-en answers: is an English review positive or negative?
    """
    from gatewise.data.reading import stream_texts
    from gatewise.runtime.folder import load

    model, text = model_and_texts(given or [])
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
                print_answer(json.dumps({
                    "label": prediction.label, "probability": round(prediction.probability, 6),
                    "probabilities": {name: round(value, 6) for name, value in prediction.probabilities.items()},
                }, ensure_ascii=False))  # fmt: skip
            else:
                print_answer(f"{prediction.label}\t{prediction.probability:.4f}")
    if blank:
        say(f"{blank} of the texts {'is' if blank == 1 else 'are'} blank: the answer there rests on no word.")


app.command("explain")(explain_command)
app.command("faithfulness")(faithfulness_command)


def _storage(name: str) -> Storage:
    if name not in get_args(Storage):
        raise ConfigError(f"storage is {name!r}; choose one of {', '.join(get_args(Storage))}.")
    return cast(Storage, name)


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


def main() -> None:
    """Run the command line; a GatewiseError becomes its sentence and exit code 2."""
    keep_memory()
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
                give_up_output(error)
    except GatewiseError as error:
        say(f"gatewise: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        say("Stopped.")
        sys.exit(130)
