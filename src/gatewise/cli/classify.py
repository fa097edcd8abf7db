"""The commands of a classifier: train one, measure it, ask it. They parse, call the library and print."""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.base.extras import require
from gatewise.base.settings import takes
from gatewise.cli import options
from gatewise.cli.output import print_lines, print_result, say
from gatewise.cli.pretrain import own_encoder
from gatewise.cli.progress import read_data, watched
from gatewise.tasks.classify.settings import RECIPES, Settings

if TYPE_CHECKING:
    from gatewise.tasks.classify.measure import Evaluation
    from gatewise.training.log import Event


@takes(Settings(), options.option_of)
def train(
    data: options.Data,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make for the model. [default: runs/ and DATA's name]")
    ] = None,
    recipe: Annotated[
        str, typer.Option(help=f"Settings to start from: {', '.join(RECIPES)}. Options change single ones.")
    ] = "labels",
    unlabelled: Annotated[
        str | None, typer.Option(help="More text of the kind, its labels not looked at: a name, file or folder.")
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    group_column: options.GroupColumn = None,
    storage: options.StorageOption = "float32",
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    tensorboard: Annotated[Path | None, typer.Option(help="Also log to this folder for TensorBoard.")] = None,
    quiet: options.Quiet = False,
    **given: Any,
) -> None:
    """Train on DATA, leave a model folder at --out, and measure it on the test part if there is one.

    A run that was killed goes on with --resume. Ctrl-C keeps the best model so far.
    """
    out = out or Path("runs") / Path(data).stem
    stored = options.storage_of(storage)
    settings = _settings(recipe, out, given, resume=resume, overwrite=overwrite)  # what is wrong is said before a read
    if tensorboard and out.absolute() in (tensorboard.absolute(), *tensorboard.absolute().parents):
        raise ConfigError(f"--tensorboard {tensorboard} lies in the model folder {out}; choose a folder outside it.")
    require("train", "torch", "sklearn")
    if tensorboard:
        require("tensorboard", "tensorboard")
    dataset = read_data(data, text_column, label_column, group_column)
    if unlabelled:
        more = read_data(unlabelled, text_column, labels=False)
        dataset = dataclasses.replace(dataset, unlabelled=more.unlabelled or more.train)
    if recipe == "best" and not given["pretrained"]:
        settings = settings.replace(pretrained=str(own_encoder(data, out, text_column, given["threads"], quiet)))
    from gatewise.tasks.classify.fit import train_classifier

    with watched(quiet) as (show, stopped):
        trained = train_classifier(
            dataset, out, settings=settings, storage=stored, resume=resume, overwrite=overwrite,
            report=_logged(show, tensorboard), stopped=stopped,
        )  # fmt: skip
    report_path = out / "report.html"
    measured = trained.test or trained.dev
    write_report(measured, report_path, out)
    if trained.stopped:
        say(f"Stopped. The best model so far is in {out}; the same command with --resume goes on.")
        raise typer.Exit(130)
    if trained.test is None:
        say(f"{data} has no labelled test part: these figures are of the dev split, so they flatter.")
    print_result(measured)
    print_lines([f"model   {out}", f"report  {report_path}"])


def _settings(recipe: str, out: Path, given: dict[str, Any], *, resume: bool, overwrite: bool) -> Settings:
    """Give the settings of a recipe, or of the run to go on with, with those given in their place."""
    from gatewise.base.files import refuse_existing

    if recipe not in RECIPES:
        raise ConfigError(f"There is no recipe {recipe!r}; choose one of {', '.join(RECIPES)}.")
    settings = Settings().replace(**RECIPES[recipe])
    if not resume:
        refuse_existing(out, overwrite=overwrite)
        return settings.replace(**given)
    from gatewise.training.session import unfinished_settings

    return unfinished_settings(out, settings).replace(**given)


def _logged(show: Callable[["Event"], None], folder: Path | None) -> Callable[["Event"], None]:
    """Give where a run's events go: shown, and logged for TensorBoard if there is a folder."""
    if not folder:
        return show
    from gatewise.training.log import tensorboard_writer

    log = tensorboard_writer(folder)

    def report(event: "Event") -> None:
        show(event)
        log(event)

    return report


def write_report(evaluation: "Evaluation", path: Path, model: Path) -> None:
    """Write an evaluation as a page, with the learning curves of the model's log if it has one."""
    from gatewise.base.files import write_atomically
    from gatewise.pages.report import report

    log = model / "metrics.jsonl"
    history = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []
    write_atomically(path, report(evaluation.as_dict(), history, model.name).encode())


def evaluate(
    model: options.ModelPath,
    data: options.Data,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    fast: options.Fast = False,
    as_json: options.AsJson = False,
    report: Annotated[Path | None, typer.Option(help="Also write a report page to this file.")] = None,
) -> None:
    """Measure MODEL on the test part of DATA, or on all of it if it has only one part."""
    options.answer_alone()
    from gatewise.runtime.folder import load
    from gatewise.tasks.classify import measure

    loaded = load(model)
    dataset = read_data(data, text_column, label_column)
    part = dataset.test or dataset.train
    if part is None:
        raise DataError(f"{data} has no labelled part to measure on; give a file with labels.")
    evaluation = measure.evaluate(loaded, part, fast=fast)
    print_result(evaluation, as_json=as_json)
    if report:
        write_report(evaluation, report, Path(model))
        say(f"report written to {report}")


def predict(
    given: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL] [TEXT]...", help="A model folder (default: sentiment-en), texts to classify."),
    ] = None,
    input: Annotated[
        Path | None, typer.Option(help="File of texts: JSON Lines, or one text a line; - is stdin.")
    ] = None,
    fast: options.Fast = False,
    as_json: options.AsJson = False,
) -> None:
    """Print label and calibrated probability of each text, in order: the TEXTs, an --input file, or standard input.

    Without MODEL the bundled sentiment-en answers: is an English review positive or negative?
    """
    model, text = options.model_and_texts(given or [])
    if text and input:
        raise GatewiseError("Give texts or --input, not both.")
    if not text and not input and sys.stdin.isatty():
        raise GatewiseError("Give texts, --input FILE, or texts on standard input.")
    options.answer_alone()
    from gatewise.data.reading import stream_texts
    from gatewise.runtime.folder import load

    loaded = load(model)
    blank = 0
    with _opened(input) as file:
        texts = iter(text) if text else stream_texts(file, name=str(input or "standard input"))
        for prediction in loaded.stream(texts, fast=fast):
            blank += prediction.empty
            line = f"{prediction.label}\t{prediction.probability:.4f}"
            if as_json:
                line = json.dumps({
                    "label": prediction.label, "probability": round(prediction.probability, 6),
                    "probabilities": {name: round(value, 6) for name, value in prediction.probabilities.items()},
                }, ensure_ascii=False)  # fmt: skip
            print_lines([line])
    if blank:
        say(f"{blank} of the texts {'is' if blank == 1 else 'are'} blank: the answer there rests on no word.")


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
