"""The commands that learn and measure a tagger. They parse, call the library and print."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import DataError
from gatewise.base.extras import require
from gatewise.base.places import is_file
from gatewise.base.settings import takes
from gatewise.cli import options
from gatewise.cli.output import print_lines, print_result, say
from gatewise.cli.progress import watched
from gatewise.data.tagged_layout import TaggedOptions
from gatewise.tasks.tag.settings import TagSettings

if TYPE_CHECKING:
    from gatewise.data.tagged import TaggedDataset, TaggedPart
    from gatewise.tasks.tag.evaluation import Evaluation

Words = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="wikigold, a file (CoNLL columns, CoNLL-U, JSON of doccano, Label Studio, spaCy, ...) or a folder.",
    ),
]
TaggerPath = Annotated[str, typer.Argument(metavar="MODEL", help="A folder that `gatewise tag train --out` made.")]
with_words = takes(TaggedOptions(), options.option_of)  # what may be said of a file of labelled words


@takes(TagSettings(), options.option_of)
@with_words
def train(
    data: Words,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make for the model. [default: runs/ and DATA's name]")
    ] = None,
    storage: options.StorageOption = "float32",
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    **given: Any,
) -> None:
    """Learn to label words from DATA, leave a model folder at --out, and measure it on the test part if there is one.

    A run that was killed goes on with --resume. Ctrl-C keeps the best model so far.
    """
    from gatewise.base.files import refuse_existing

    said, given = apart(given)
    out = out or Path("runs") / Path(data).stem
    stored, settings = options.storage_of(storage), TagSettings()
    if resume:
        from gatewise.training.session import unfinished_settings

        settings = unfinished_settings(out, settings)
    else:
        refuse_existing(out, overwrite=overwrite)
    settings = settings.replace(**given)  # what is wrong is said before a read
    require("train", "torch", "sklearn")
    dataset = read_words(data, said)
    from gatewise.tasks.tag.fit import train_tagger

    with watched(quiet, out) as (show, stopped):
        trained = train_tagger(
            dataset, out, settings=settings, storage=stored, resume=resume, overwrite=overwrite, report=show,
            stopped=stopped,
        )  # fmt: skip
    if trained.stopped:
        say(f"Stopped. The best model so far is in {out}; the same command with --resume goes on.")
        raise typer.Exit(stopped.code)
    evaluation = trained.test
    if evaluation is None:
        say(f"{data} has no labelled test part: these figures are of the dev split, so they flatter.")
        if dataset.dev is not None and dataset.dev.labelled:
            from gatewise.tasks.tag.measure import evaluate as measure

            evaluation = measure(trained.model, dataset.dev, training=dataset.train)
    if evaluation is None:
        print_lines(f"{name:18}{value}" for name, value in trained.dev.as_dict().items())
    else:
        write_report(evaluation, out / "report.html", out)
        print_result(evaluation)
    print_lines([f"model   {out}", *([f"report  {out / 'report.html'}"] if evaluation else [])])


def apart(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell what is said of a file from the settings of a command."""
    names = TaggedOptions().flat()
    said = {name: value for name, value in given.items() if name in names}
    return said, {name: value for name, value in given.items() if name not in names}


def read_words(data: str, said: dict[str, Any], *, labels: bool = True) -> "TaggedDataset":
    """Open a data set of labelled words, saying what was found out of its files."""
    from gatewise.data.named import OF_WORDS
    from gatewise.data.tagged_reading import read_tagged

    dataset = read_tagged(data, labels=labels, **said)
    for note in dataset.notes:
        say(note)
    if data in OF_WORDS:  # told by its name, wherever the package lies
        parts = {name: part for name in ("train", "test") if (part := getattr(dataset, name)) is not None}
        named = {name: dataclasses.replace(part, name=f"{data} {name}") for name, part in parts.items()}
        return dataclasses.replace(dataset, **named)
    return dataset


@with_words
def evaluate(
    model: TaggerPath,
    data: Words,
    training: Annotated[
        str | None,
        typer.Option(help="What MODEL learnt from, for what stands in both. [default: DATA's training part]"),
    ] = None,
    as_json: options.AsJson = False,
    report: Annotated[Path | None, typer.Option(help="Also write a report page to this file.")] = None,
    **said: Any,
) -> None:
    """Measure MODEL on the test part of DATA, or on all of it if it has only one part."""
    options.answer_alone()
    from gatewise.base.files import refuse_place
    from gatewise.runtime.tagger_folder import load_tagger
    from gatewise.tasks.tag.measure import evaluate as measure

    if report:
        refuse_place(report, ".html", ".htm")
    loaded = load_tagger(Path(model))
    dataset = read_words(data, said)
    part = dataset.test or dataset.train or dataset.dev
    if part is None or not part.labelled:
        raise DataError(f"{data} has no labelled part to measure on; give a file with labels.")
    evaluation = measure(loaded, part, training=_learnt_from(training, said, dataset, part))
    print_result(evaluation, as_json=as_json)
    if report:
        write_report(evaluation, report, Path(model))
        say(f"report written to {report}")


def write_report(evaluation: "Evaluation", path: Path, model: Path) -> None:
    """Write an evaluation as a page, with the dev figures of the model's log if it has one."""
    from gatewise.base.files import write_atomically
    from gatewise.pages.tagging import report

    log = model / "metrics.jsonl"
    history = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if is_file(log) else []
    write_atomically(path, report(evaluation.as_dict(), history, model.name).encode())


def _learnt_from(
    training: str | None, said: dict[str, Any], dataset: "TaggedDataset", part: "TaggedPart"
) -> "TaggedPart | None":
    """Give the training part that is named, or the one beside what is measured, if there is one."""
    if training is not None:
        return read_words(training, said).train
    return dataset.train if dataset.train is not part else None
