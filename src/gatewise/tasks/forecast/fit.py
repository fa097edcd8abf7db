"""From a table to a trained, calibrated ForecastModel: the one place that strings the steps together.

Several short networks learn above the base that is best on dev; the best of them there are averaged, if they beat the
base. Then base and networks learn once more from all rows, for as many passes, and what the first ones missed on rows
after dev calibrates the quantiles.
"""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.base.errors import TrainingError
from gatewise.base.settings import Storage
from gatewise.nets.forecast import ForecastRNN, Shape, arrays_of
from gatewise.runtime import forecaster_folder
from gatewise.runtime.bases import Base
from gatewise.runtime.batches import Sequences
from gatewise.runtime.forecaster import QUANTILES, ForecastModel
from gatewise.runtime.forecastnet import Cell, Frames, Scaling
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats, Origins, Rows, ahead
from gatewise.tasks.forecast.calibrate import loss_of, shifts_of
from gatewise.tasks.forecast.origins import rolled
from gatewise.tasks.forecast.prepare import (
    LONGEST,
    Prepared,
    encoded,
    prepare,
    ridge_products,
    scaled_truths,
    solved,
    spread_of,
)
from gatewise.tasks.forecast.settings import ForecastSettings
from gatewise.training.checkpoint import Checkpoint
from gatewise.training.device import seeded
from gatewise.training.log import Event, tell_logger
from gatewise.training.loop import train
from gatewise.training.session import Report, Session, Stopped, opened, reserved, settle

MANY = 96  # rows of a window from which segments are steps
POINTS = 48  # rows of a window whose every row is a step
FEWEST = 32  # windows to learn from
CONVOLVED, APART, FILTERS = 6, 3, 32  # rows of a filter, between two of its places, and how many there are
MARGIN = 0.995  # of the base's loss on dev, that networks must stay below
PASS_SHARE = 0.4  # of the minutes, for all networks before dev, and again on all rows; the rest is for the bases
LEAST_SECONDS = 5.0  # of a budget, that a network is given: of fewer minutes, fewer networks


@dataclass(frozen=True, slots=True)
class TrainedForecaster:
    """What train_forecaster() gives: the model, what it and its base missed on dev, and whether it was stopped."""

    model: ForecastModel
    dev: dict[str, float]  # weighted quantile losses
    stopped: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """One network of several."""

    cell: Cell
    bidirectional: bool
    filters: int
    frames: Frames
    scaling: Scaling

    @property
    def said(self) -> str:
        """Name it, for people."""
        kind = "CNN-LSTM" if self.filters else f"Bi{self.cell.upper()}" if self.bidirectional else self.cell.upper()
        steps = f"{self.frames.count} steps of {self.frames.width} row{'s' if self.frames.width > 1 else ''}"
        return f"{kind} of {steps}, scaled {'by window' if self.scaling == 'window' else 'alike'}"


def train_forecaster(
    table: SeriesTable,
    out: Path | str,
    *,
    target: str = "",
    known: Sequence[str] = (),
    settings: ForecastSettings | None = None,
    storage: Storage = "float32",
    resume: bool = False,
    overwrite: bool = False,
    report: Report = tell_logger,
    stopped: Stopped = lambda: False,
) -> TrainedForecaster:
    """Train on a table and leave a model folder at `out`; `target` may be left out where there is one column.

    While it runs, the folder `out`.training keeps what a resumed run needs. When `stopped` says so, what has been
    trained is saved and the run can still be resumed. Raises GatewiseError before anything is written or lost.
    """
    session, out = Session(report=report, stopped=stopped), Path(out)
    with reserved(out):
        settings = settle(out, settings, ForecastSettings(), resume=resume, overwrite=overwrite)
        prepared = prepare(table, target or table.columns[0], tuple(known), settings)
        with opened(session, out, settings, prepared.told(), resume=resume) as session:
            model, dev = fit(prepared, settings, session)
        forecaster_folder.save_forecaster(
            model, out, overwrite=overwrite or resume, storage=storage, extra=session.log()
        )
        model = forecaster_folder.load_forecaster(out)
        if not stopped():
            session.finish()
        return TrainedForecaster(model, dev, stopped=stopped())


def fit(
    prepared: Prepared, settings: ForecastSettings, session: Session | None = None
) -> tuple[ForecastModel, dict[str, float]]:
    """Train, choose on dev, learn again from all rows, calibrate; give the model and the losses on dev."""
    session = session or Session()
    split, table = prepared.split, prepared.table
    past = drawn(rolled(table, split.dev_from, prepared.reading.horizon, 2 * prepared.reading.horizon), settings, 0)
    spread = spread_of(missed(prepared, prepared.base, past))  # known before dev, as networks know theirs
    plain = ForecastModel(prepared.reading, prepared.base, spread, (), np.zeros_like(spread))
    losses = {"base": loss_of(plain, table, split.dev)}
    most = min(settings.forecast.nets, affordable(settings))
    plans = plans_for(prepared, settings)[:most]
    trained: list[tuple[float, Plan, Any, int]] = []
    with seeded(settings.training):
        for number, plan in enumerate(plans):
            if trained and (session.stopped() or spent(settings, session) > 0.5):
                break
            net = learnt(prepared, settings, session, plan, number, len(plans), split.dev_from)
            loss = loss_of(dataclasses.replace(plain, nets=(net,)), table, split.dev)
            losses[f"net {number + 1}"] = loss
            trained.append((loss, plan, net, number))
        trained.sort(key=lambda one: one[0])
        kept = trained[: settings.forecast.kept]
        chosen = dataclasses.replace(plain, nets=tuple(net for _, _, net, _ in kept))
        losses["nets"] = loss_of(chosen, table, split.dev) if kept else float("inf")
        if not losses["nets"] < MARGIN * losses["base"]:
            chosen = dataclasses.replace(plain, spread=spread_of(missed(prepared, prepared.base, split.dev)))
            kept = []
        shifts = shifts_of(chosen, table, split.calibration)
        over = session.stopped() or spent(settings, session) > 1 - PASS_SHARE
        model = chosen if over else again(prepared, settings, session, chosen, kept, min(most, settings.forecast.kept))
    facts = dict(prepared.notes) | {
        "settings": settings.flat(), "losses": {name: round(loss, 5) for name, loss in losses.items()},
        "nets": [plan.said for _, plan, _, _ in kept], "trained_seconds": round(session.seconds(), 1),
        "quantiles": list(QUANTILES),
    }  # fmt: skip
    return dataclasses.replace(model, shifts=shifts, facts=facts), losses


def spent(settings: ForecastSettings, session: Session) -> float:
    """Give the share of the minutes that is over, 0 where none are set."""
    return session.seconds() / (60 * settings.training.minutes) if settings.training.minutes else 0.0


def affordable(settings: ForecastSettings) -> int:
    """Give how many networks the minutes allow, one at least."""
    minutes = settings.training.minutes
    return max(1, int(60 * minutes * PASS_SHARE / LEAST_SECONDS)) if minutes else settings.forecast.nets


def plans_for(prepared: Prepared, settings: ForecastSettings) -> list[Plan]:
    """Give the networks to be trained: cells, steps and scalings in turn, as far as the settings leave them open."""
    config = settings.forecast
    short = [season for season in prepared.seasons if season <= LONGEST]
    longest = int((prepared.split.dev_from - prepared.table.starts[:-1]).max())
    window = config.window or min(2 * short[-1] if short else 4 * config.horizon, LONGEST)
    window = max(1, min(window, longest // 2))
    season = short[0] if short and short[0] <= 48 else min(config.horizon, 24)
    segment = min(config.segment or season, window)
    segments = Frames(max(1, window // segment), segment, segment)
    points = Frames(min(POINTS, window), 1, 1)
    several = (
        [segments, segments, points]
        if window >= MANY and not config.segment
        else [segments if config.segment else points]
    )
    kinds: dict[str, list[tuple[Cell, bool, int]]] = {
        "auto": [("lstm", False, 0), ("gru", False, 0)], "lstm": [("lstm", False, 0)], "gru": [("gru", False, 0)],
        "bilstm": [("lstm", True, 0)], "cnn-lstm": [("lstm", False, FILTERS)],
    }  # fmt: skip
    scalings: list[Scaling] = ["window", "global"] if config.scaling == "auto" else [config.scaling]
    if len(prepared.table) > 1:
        scalings = ["window"]  # series of unlike size have only their own units
    every = []
    for frames in several:
        for scaling in scalings:
            for cell, both, filters in kinds[config.net]:
                own = frames
                if filters:
                    width = min(CONVOLVED, window)
                    own = Frames(max(1, (min(window, 4 * MANY) - width) // APART + 1), width, APART)
                every.append(Plan(cell, both, filters, own, scaling))
    every = list(dict.fromkeys(every))
    order = spread_out(len(every))
    return [every[order[number % len(every)]] for number in range(config.nets)]


def spread_out(count: int) -> list[int]:
    """Order so many plans such that the first few differ in all: a stride that is coprime to their number."""
    stride = next((one for one in (5, 3, 7, 1) if count % one or one == 1), 1)
    return [number * stride % count for number in range(count)]


def learnt(
    prepared: Prepared, settings: ForecastSettings, session: Session, plan: Plan, number: int, turns: int, until: Rows,
    base: Base | None = None,
) -> Any:  # fmt: skip
    """Train one network on windows before `until`, or take what a resumed run has learnt; give its arrays."""
    again_too = base is not None
    base = base or prepared.base
    name = f"{'again' if again_too else 'net'}-{number}"
    reading, table, split = prepared.reading, prepared.table, prepared.split
    frames = plan.frames
    origins = drawn(rolled(table, until, reading.horizon, min(frames.rows, 2 * reading.horizon)), settings, number)
    truths = ahead(table.column(reading.target), table, origins, reading.horizon)
    origins = origins[~np.isnan(truths).all(axis=1)]
    if len(origins) < FEWEST:
        raise TrainingError(
            f"Only {len(origins)} windows of {frames.rows} rows lie before dev, too few to train a network; give more "
            "rows, a shorter --horizon, or --nets 0 for the base alone."
        )
    train_set = encoded(table, reading, base, origins, frames, plan.scaling)
    held_out = split.calibration if again_too else split.dev
    dev_set = encoded(table, reading, base, held_out, frames, plan.scaling)
    torch.manual_seed(settings.training.seed + number)
    network = ForecastRNN(shape_of(plan, prepared, settings, train_set), spread_of(
        train_set.targets[:, : reading.horizon].astype(float)
        - train_set.targets[:, reading.horizon : 2 * reading.horizon]
    ))  # fmt: skip
    kept = f"{name}.done.safetensors"
    if taken := session.take(kept):
        network.load_state_dict({key: torch.from_numpy(array) for key, array in taken[0].items()}, strict=False)
        return arrays_of(network)
    config = settings.training
    minutes = config.minutes * PASS_SHARE / turns
    config = dataclasses.replace(config, minutes=minutes, seed=config.seed + number)
    if again_too:
        config = dataclasses.replace(config, patience=config.epochs + 1)
    checkpoint = Checkpoint(f"{name}.safetensors", prepared.fingerprint())
    own = dataclasses.replace(session, started=time.perf_counter())  # its minutes, and so its learning rate, begin now
    train(network, train_set, dev_set, config, own, baseline=float("inf"), checkpoint=checkpoint)
    if not session.stopped():
        session.keep(kept, {key: tensor.numpy() for key, tensor in network.state_dict().items()}, {})
    return arrays_of(network)


def drawn(origins: Origins, settings: ForecastSettings, number: int) -> Origins:
    """Draw the windows that a network learns from, in their order."""
    most = settings.forecast.windows
    if len(origins) <= most:
        return origins
    rows = np.random.default_rng([settings.training.seed, number]).permutation(len(origins))[:most]
    return origins[np.sort(rows)]


def shape_of(plan: Plan, prepared: Prepared, settings: ForecastSettings, train_set: Sequences) -> Shape:
    """Say what a network is made of."""
    horizon = prepared.reading.horizon
    known = train_set.targets.shape[1] // horizon - 2
    inputs = train_set.steps.shape[1] // plan.frames.width
    return Shape(
        plan.cell, plan.bidirectional, plan.filters, plan.frames, plan.scaling, inputs, known,
        settings.network.hidden_size, settings.forecast.mixed, settings.network.dropout,
    )  # fmt: skip


def again(
    prepared: Prepared, settings: ForecastSettings, session: Session, chosen: ForecastModel, kept: list[Any], turns: int
) -> ForecastModel:
    """Let base and kept networks learn from all rows."""
    base, ends = prepared.base, prepared.table.starts[1:]
    if base.kind == "ridge":
        products = ridge_products(prepared.table, prepared.reading, ends, base.rows, calendar=base.calendar)
        assert products is not None
        base = dataclasses.replace(base, weights=solved(products, base.penalty))
    nets = [learnt(prepared, settings, session, plan, number, turns, ends, base) for _, plan, _, number in kept]
    session.report(Event("chosen", session.seconds(), values={"said": chosen.said}))
    return dataclasses.replace(chosen, base=base, nets=tuple(nets))


def missed(prepared: Prepared, base: Base, origins: Origins) -> Floats:
    """Give what a base missed after origins, in windows' units, [O, h]."""
    reading, table = prepared.reading, prepared.table
    scale = reading.scale(table, origins)
    return np.asarray(scaled_truths(table, reading, origins, scale) - base.points(reading, table, origins, scale))
