"""The commands of a classifier: train one, measure it, ask it. They parse, call the library and print."""

import dataclasses
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import ConfigError, DataError, GatewiseError
from gatewise.base.extras import require
from gatewise.base.places import exists, is_file
from gatewise.base.settings import split, takes
from gatewise.base.text import json_text
from gatewise.cli import options, rows
from gatewise.cli.output import print_lines, print_result, printable, say
from gatewise.cli.pretrain import own_encoder
from gatewise.cli.progress import read_data, watched
from gatewise.data.layout import LayoutOptions
from gatewise.runtime.bundled import model_for
from gatewise.tasks.classify.settings import AUTO, RECIPES, Settings

if TYPE_CHECKING:
    from gatewise.data.part import Dataset, Row
    from gatewise.runtime.classifier import Prediction
    from gatewise.tasks.classify.measure import Evaluation
    from gatewise.training.log import Event


Recipe = Annotated[
    str,
    typer.Option(
        help=f"Settings to start from: {', '.join(RECIPES)}, or auto, which looks at the data and says what it takes. "
        "Options change single ones."
    ),
]


@takes(Settings(), options.option_of)
@options.with_data
def train(
    data: options.Data,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make for the model. [default: runs/ and DATA's name]")
    ] = None,
    recipe: Recipe = AUTO,
    unlabelled: Annotated[
        str | None, typer.Option(help="More text of the kind, its labels not looked at: a name, file or folder.")
    ] = None,
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
    said, given = options.apart(given)
    stored = options.storage_of(storage)
    settings = _settings(recipe, out, given, resume=resume, overwrite=overwrite)  # what is wrong is said before a read
    if tensorboard and out.absolute() in (tensorboard.absolute(), *tensorboard.absolute().parents):
        raise ConfigError(f"--tensorboard {tensorboard} lies in the model folder {out}; choose a folder outside it.")
    require("train", "torch", "sklearn")
    if tensorboard:
        require("tensorboard", "tensorboard")
    dataset = read_data(data, said)
    if unlabelled:
        more = read_data(unlabelled, options.of_texts(said), labels=False)
        dataset = dataclasses.replace(dataset, unlabelled=more.unlabelled or more.train)
    if recipe == AUTO and not resume:
        settings = _chosen(dataset, given, quiet)
    if recipe == "best" and not given["pretrained"]:
        encoder = own_encoder(data, out, options.of_texts(said), given["threads"], quiet)
        settings = settings.replace(pretrained=str(encoder))
    from gatewise.tasks.classify.fit import train_classifier

    with watched(quiet, out) as (show, stopped):
        trained = train_classifier(
            dataset, out, settings=settings, storage=stored, resume=resume, overwrite=overwrite,
            report=_logged(show, tensorboard), stopped=stopped,
        )  # fmt: skip
    report_path = out / "report.html"
    measured = trained.test or trained.dev
    write_report(measured, report_path, out)
    if trained.stopped:
        say(f"Stopped. The best model so far is in {out}; the same command with --resume goes on.")
        raise typer.Exit(stopped.code)
    if trained.test is None:
        of = "training texts, each answered by a head that had not seen it" if settings.classification.freeze else ""
        say(f"{data} has no labelled test part: these figures are of {of or 'the dev split, so they flatter'}.")
    print_result(measured)
    print_lines([f"model   {out}", f"report  {report_path}"])


def _settings(recipe: str, out: Path, given: dict[str, Any], *, resume: bool, overwrite: bool) -> Settings:
    """Give the settings of a recipe, or of the run to go on with, with those given in their place."""
    from gatewise.base.files import refuse_existing

    if recipe not in (AUTO, *RECIPES):
        raise ConfigError(f"There is no recipe {recipe!r}; choose one of {', '.join([AUTO, *RECIPES])}.")
    settings = Settings().replace(**RECIPES.get(recipe, {}))
    if not resume:
        refuse_existing(out, overwrite=overwrite)
        return settings.replace(**given)
    from gatewise.training.session import unfinished_settings

    return unfinished_settings(out, settings).replace(**given)


def _chosen(dataset: "Dataset", given: dict[str, Any], quiet: bool) -> Settings:
    """Give settings that suit a data set, with those given in their place, and say what was chosen."""
    from gatewise.tasks.classify.auto import choose

    choice = choose(dataset, {name: value for name, value in given.items() if value is not None})
    if not quiet:
        for sentence in choice.sentences:
            say(sentence)
    return Settings().replace(**choice.changes).replace(**given)


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
    history = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if is_file(log) else []
    write_atomically(path, report(evaluation.as_dict(), history, model.name).encode())


@options.with_data
def evaluate(
    model: options.ModelPath,
    data: options.Data,
    fast: options.Fast = False,
    as_json: options.AsJson = False,
    report: Annotated[Path | None, typer.Option(help="Also write a report page to this file.")] = None,
    **said: Any,
) -> None:
    """Measure MODEL on the test part of DATA, or on all of it if it has only one part."""
    options.answer_alone()
    from gatewise.base.files import refuse_place
    from gatewise.runtime.folder import load
    from gatewise.tasks.classify import measure

    if report:
        refuse_place(report, ".html", ".htm")
    loaded = load(model)
    dataset = read_data(data, said)
    part = dataset.test or dataset.train
    if part is None:
        raise DataError(f"{data} has no labelled part to measure on; give a file with labels.")
    evaluation = measure.evaluate(loaded, part, fast=fast)
    print_result(evaluation, as_json=as_json)
    if report:
        write_report(evaluation, report, Path(model))
        say(f"report written to {report}")


@options.with_texts
def predict(
    given: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL] [TEXT]...", help="A model folder (default: a bundled one), texts to classify."),
    ] = None,
    input: Annotated[
        Path | None,
        typer.Option(
            help="File of texts: CSV, TSV, JSON, Parquet ... by its name, else a text a line or JSON Lines; - is stdin."
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar=options.SEVERAL, help="Columns of the --input table to carry along to the output."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write instead: TSV, CSV, JSONL or Parquet by its name.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Give the likeliest so many labels of each text.")] = None,
    fast: options.Fast = False,
    as_json: options.AsJson = False,
    **said: Any,
) -> None:
    """Print label and calibrated probability of each text, in order: the TEXTs, an --input file, or standard input.

    Without MODEL sentiment-en or, where the first text is Chinese, sentiment-zh answers: is a review positive?
    """
    model, text = options.model_and_texts(given or [], elsewhere=input is not None or options.texts_are_piped())
    kept = list(dict.fromkeys(split(keep or ())))
    if text and input:
        raise GatewiseError("Give texts or --input, not both.")
    if not text and not input and sys.stdin.isatty():
        raise GatewiseError("Give texts, --input FILE, or texts on standard input.")
    if output and as_json:
        raise GatewiseError("Give --json or --output, not both; a name that ends in .jsonl makes --output JSON Lines.")
    if output:
        rows.refuse_format(output)
        if input and exists(output) and exists(input) and output.samefile(input):
            raise GatewiseError(f"--output {output} is the file that --input reads; choose another name.")
    options.answer_alone()
    from gatewise.base.files import refuse_place
    from gatewise.runtime.folder import load

    if output:
        refuse_place(output)
    blank = count = 0
    with (
        _texts(text, input, said, kept) as texts,
        rows.written(output, top_k) if output else nullcontext(_printed(as_json, top_k)) as put,
    ):
        waiting: deque[rows.Kept] = deque()  # what was read beside the texts that a model has and not yet answered
        name, texts = (model, texts) if model else _bundled(texts)
        for prediction in load(name).stream(_apart(texts, waiting), fast=fast):
            put(prediction, waiting.popleft())
            blank += prediction.empty
            count += 1
    if output:
        say(f"{count} {'answer' if count == 1 else 'answers'} written to {output}")
    if blank:
        say(f"{blank} of the texts {'is' if blank == 1 else 'are'} blank: the answer there rests on no word.")


def _printed(as_json: bool, top: int | None) -> rows.Sink:
    """Give what prints an answer; on a terminal, without what could move the cursor, in a pipe as it was read."""
    shown = printable if sys.stdout.isatty() else str

    def put(prediction: "Prediction", kept: rows.Kept) -> None:
        if as_json:
            print_lines([json_text(rows.as_object(prediction, kept, top))])
        else:
            print_lines([shown(rows.as_line(prediction, kept, top))])

    return put


def _bundled(texts: "Iterable[Row]") -> tuple[str, "Iterable[Row]"]:
    """Name the bundled model that reads the first text that is not blank; give all texts again."""
    rows, seen = iter(texts), list["Row"]()
    while not (seen and seen[-1][0].strip()) and (row := next(rows, None)):
        seen.append(row)
    return model_for(seen[-1][0] if seen else ""), chain(seen, rows)


def _apart(texts: Iterable["Row"], waiting: deque[rows.Kept]) -> Iterator[str]:
    for text, kept in texts:
        waiting.append(kept)
        yield text


@contextmanager
def _texts(given: list[str], path: Path | None, said: dict[str, Any], keep: list[str]) -> Iterator[Iterable["Row"]]:
    """Give texts, each with what is kept beside it: those given, a table's, or those of lines."""
    from gatewise.data.reading import is_table, stream_texts

    layout = LayoutOptions().replace(**said).layout
    missing = path and str(path) != "-" and not exists(path)
    if path and (is_table(path, layout) or (missing and (keep or layout.text_column))):
        dataset = read_data(str(path), said, labels=False)
        parts = [part for part in (dataset.train, dataset.dev, dataset.test, dataset.unlabelled) if part]
        if len(parts) != 1:
            raise DataError(f"{path} holds {len(parts)} parts; give a file with one table.")
        yield parts[0].rows(keep)
        return
    if layout.text_column or keep:
        name = "--keep" if keep else "--text-column"
        raise DataError(f"{name} needs a table; give --input a file whose name ends in .csv, .tsv, .jsonl or .parquet.")
    if given:
        yield ((text, {}) for text in given)
        return
    with options.opened(path) as file:
        name = str(path or "standard input")
        yield ((text, {}) for text in stream_texts(file, name=name, encoding=layout.encoding))
