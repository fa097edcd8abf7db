"""The commands of forecasting. They parse, call the library and print."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.extras import require
from gatewise.base.settings import takes
from gatewise.base.text import json_text
from gatewise.cli import options
from gatewise.cli.output import print_lines, print_result, say
from gatewise.cli.progress import watched
from gatewise.data.series_layout import SeriesOptions
from gatewise.tasks.forecast.settings import ForecastSettings

if TYPE_CHECKING:
    from gatewise.runtime.forecaster import ForecastModel
    from gatewise.runtime.series import SeriesTable

Series = Annotated[
    str,
    typer.Argument(metavar="DATA", help="seattle, or a file of values over time (CSV, Parquet, JSON Lines, .tsf)."),
]
ForecasterPath = Annotated[
    str, typer.Argument(metavar="MODEL", help="A folder that `gatewise forecast train --out` made.")
]
OF_TEXT = (  # settings of text, which a forecaster does not read
    "embedding_dim", "num_layers", "bidirectional", "pooling", "word_dropout", "embedding_dropout", "forget_bias",
    "chrono_horizon", "pretrained", "word_vectors", "batch_tokens", "precision",
)  # fmt: skip
with_series = takes(SeriesOptions(), options.option_of)
with_settings = takes(ForecastSettings(), options.option_of, leave_out=OF_TEXT)
SHOWN = (0.1, 0.5, 0.9)  # quantiles that people are shown; files and JSON have all


def apart(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell what is said of a file from the settings of a command."""
    names = SeriesOptions().flat()
    said = {name: value for name, value in given.items() if name in names}
    return said, {name: value for name, value in given.items() if name not in names}


def read_data(data: str, said: dict[str, Any], *, quiet: bool = False) -> "SeriesTable":
    """Read series, saying what was decided."""
    from gatewise.data.series import read_series

    table = read_series(data, **said)
    if not quiet:
        for note in table.notes:
            say(note)
    return table


@with_settings
@with_series
def train(
    data: Series,
    out: Annotated[
        Path | None, typer.Option(help="Folder to make for the model. [default: runs/ and DATA's name]")
    ] = None,
    storage: options.StorageOption = "float32",
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    **given: Any,
) -> None:
    """Learn to forecast a column of DATA, and leave a model folder at --out.

    A base (the last value, the last season, a ridge) and recurrent networks above it are compared on the last part of
    the rows; networks are kept only where they are better. A run that was killed goes on with --resume.
    """
    from gatewise.base.files import refuse_existing

    said, given = apart(given)
    out = out or Path("runs") / Path(data).stem
    stored, settings = options.storage_of(storage), ForecastSettings()
    if resume:
        from gatewise.training.session import unfinished_settings

        settings = unfinished_settings(out, settings)
    else:
        refuse_existing(out, overwrite=overwrite)
    settings = settings.replace(**given)
    require("train", "torch", "sklearn")
    table = read_data(data, said)
    from gatewise.tasks.forecast.fit import train_forecaster

    with watched(quiet, out) as (show, stopped):
        trained = train_forecaster(
            table, out, known=said.get("known") or (), settings=settings, storage=stored, resume=resume,
            overwrite=overwrite, report=show, stopped=stopped,
        )  # fmt: skip
    if trained.stopped:
        say(f"Stopped. The best so far is in {out}; the same command with --resume goes on.")
        raise typer.Exit(stopped.code)
    model = trained.model
    print_lines([
        f"forecasts {model.target}, {model.horizon} rows ahead, by {model.said}",
        *(f"          {net}" for net in model.facts["nets"]),
        f"dev       weighted quantile loss {min(trained.dev['nets'], trained.dev['base']):.4f}, "
        f"of the base alone {trained.dev['base']:.4f} (dev chose, so it flatters)",
        f"model     {out}",
    ])  # fmt: skip


@with_series
def predict(
    model: ForecasterPath,
    data: Series,
    template: Annotated[
        Path | None,
        typer.Option(help="Write the rows to come to this CSV, for columns known ahead to be filled in; no forecast."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write all quantiles to this CSV instead.")] = None,
    as_json: options.AsJson = False,
    **said: Any,
) -> None:
    """Forecast what comes after the last measured value of each series in DATA, with intervals."""
    options.answer_alone()
    from gatewise.base.files import write_atomically
    from gatewise.runtime.forecaster_folder import load_forecaster

    loaded = load_forecaster(Path(model))
    said = {"target": loaded.target, "known": list(loaded.reading.known) or None} | {
        name: value for name, value in said.items() if value is not None
    }
    table = read_data(data, said, quiet=as_json)
    if template:
        write_atomically(template, "".join(template_lines(loaded, table)).encode())
        columns = ", ".join(loaded.reading.known) or "nothing"
        say(f"{template} holds the rows to come; fill in {columns} and add them to the data.")
        return
    rows = list(forecasts(loaded, table))
    if output:
        names = ["series", "moment", *(f"q{round(100 * level)}" for level in loaded.quantiles)]
        written = io.StringIO(newline="")
        writer = csv.writer(written)
        writer.writerow(names)
        writer.writerows([row["series"], row["moment"], *row["quantiles"].values()] for row in rows)
        write_atomically(output, written.getvalue().encode())
        say(f"{len(rows):,} forecasts written to {output}")
    elif as_json:
        print_lines(map(json_text, rows))
    else:
        several = len(table) > 1
        print_lines([f"{'series':16}" * several + f"{'moment':22}{'10 %':>12}{'50 %':>12}{'90 %':>12}"])
        print_lines(
            f"{row['series']:16}" * several + f"{row['moment']:22}"
            + "".join(f"{row['quantiles'][f'{level:g}']:12.6g}" for level in SHOWN)
            for row in rows
        )  # fmt: skip


def forecasts(model: "ForecastModel", table: "SeriesTable") -> Iterator[dict[str, Any]]:
    """Give a row for each step after each series' last measured value."""
    from gatewise.runtime.forecaster import last_origins
    from gatewise.runtime.windows import moments_ahead, said

    origins = last_origins(table, model.target)
    moments = moments_ahead(table, origins, model.horizon)
    for origin, ahead, answers in zip(origins, moments, model.answer(table, origins), strict=True):
        for moment, quantiles in zip(ahead, answers, strict=True):
            levels = {f"{level:g}": float(value) for level, value in zip(model.quantiles, quantiles, strict=True)}
            yield {"series": table.names[origin[0]], "moment": said(int(moment), table), "quantiles": levels}


def template_lines(model: "ForecastModel", table: "SeriesTable") -> Iterator[str]:
    """Give the rows to come as a CSV whose known columns are empty."""
    from gatewise.runtime.forecaster import last_origins
    from gatewise.runtime.windows import moments_ahead, said

    origins = last_origins(table, model.target)
    several = len(table) > 1
    yield ",".join([*(["series"] if several else []), "moment", *model.reading.known]) + "\n"
    for origin, ahead in zip(origins, moments_ahead(table, origins, model.horizon), strict=True):
        for moment in ahead:
            named = [table.names[origin[0]]] if several else []
            yield ",".join([*named, said(int(moment), table), *("" for _ in model.reading.known)]) + "\n"


@with_settings
@with_series
def backtest(
    data: Series,
    model: Annotated[
        Path | None,
        typer.Option(help="A folder to test; it must have learnt from earlier rows. [default: train one on those]"),
    ] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    **given: Any,
) -> None:
    """Compare the network with naive forecasts, ridge, boosting and ETS on the same origins, and say who is better.

    Origins roll through the last fifth of the rows; whatever learns, learns from the rows before them.
    """
    require("train", "torch", "sklearn")
    said, given = apart(given)
    settings = ForecastSettings().replace(**given)
    loaded = None
    if model:
        from gatewise.runtime.forecaster_folder import load_forecaster

        loaded = load_forecaster(model)
        settings = settings.replace(horizon=loaded.horizon)
        said = said | {"target": loaded.target, "known": list(loaded.reading.known) or None}
    table = read_data(data, said, quiet=as_json or quiet)
    known, target = tuple(said.get("known") or ()), table.columns[0]
    from gatewise.tasks.forecast.backtest import backtest as compare
    from gatewise.tasks.forecast.estimator import trained_on

    found = compare(
        table, target, settings.forecast.horizon, loaded, known=known,
        train=None if loaded else lambda before: trained_on(before, target, known, settings),
        progress=(lambda who: None) if quiet or as_json else lambda who: say(f"testing {who}"),
    )  # fmt: skip
    print_result(found, as_json=as_json)
