"""A ForecastModel to a folder of three plain files and back, as safely as gatewise.runtime.folder does it.

config.json holds what is read and in which units, in full precision; model.safetensors the weights.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.base.errors import ModelError, one_line
from gatewise.base.files import read_json, write_atomically
from gatewise.base.settings import NetworkConfig, Storage
from gatewise.base.text import json_text
from gatewise.runtime.bases import Base, Reading
from gatewise.runtime.cell import CellWeights, GRUWeights
from gatewise.runtime.folder import (
    CARD,
    CONFIG,
    CONFIG_LIMIT,
    WEIGHTS,
    WEIGHTS_LIMIT,
    Extra,
    described,
    tensors_in,
    undisturbed,
    write,
)
from gatewise.runtime.forecaster import QUANTILES, ForecastModel
from gatewise.runtime.forecastnet import ForecastNet, Frames
from gatewise.runtime.storage import packed, stored, unpacked
from gatewise.runtime.windows import Floats

OWN = ("state", "step", "place", "out", "quantiles")
Shapes = dict[str, tuple[int, ...]]


def save_forecaster(
    model: ForecastModel, path: Path | str, *, overwrite: bool = False, storage: Storage = "float32",
    extra: Extra = None,
) -> None:  # fmt: skip
    """Write a forecaster's folder, whole or not at all; weights may be rounded to save space.

    Raises GatewiseError when the place is taken and `overwrite` is false, or when the disk is full.
    """
    reading = dataclasses.asdict(model.reading)
    reading |= {name: reading[name].tolist() for name in ("means", "sizes")}
    base = {name: value for name, value in dataclasses.asdict(model.base).items() if name != "weights"}
    weights: dict[str, Floats] = {"spread": model.spread, "shifts": model.shifts}
    if model.base.weights is not None:
        weights["base"] = model.base.weights
    for number, net in enumerate(model.nets):
        weights |= {f"nets.{number}.{name}": array for name, array in weights_of(net).items()}
    own = {
        "reading": reading, "base": base | {"known": known_of(model.base)},
        "nets": [entry(net, model) for net in model.nets],
    }  # fmt: skip
    arrays = packed({name: array.astype(np.float32) for name, array in weights.items()}, storage)
    write(
        Path(path), "forecasting", None, NetworkConfig(), model.facts, own, arrays, storage,
        forecaster_card(model, Path(path).name), overwrite, extra,
    )  # fmt: skip


def known_of(base: Base) -> int:
    """Count what a ridge reads of a step to be forecast, without the intercept."""
    return 0 if base.weights is None else base.weights.shape[1] - base.rows - 1


def weights_of(net: ForecastNet) -> dict[str, Floats]:
    """Give a net's arrays by their names."""
    arrays = {name: getattr(net, name) for name in OWN}
    if net.filters is not None and net.filter_bias is not None:
        arrays |= {"filters": net.filters, "filter_bias": net.filter_bias}
    for place, cell in enumerate(net.cells):
        arrays |= {f"cells.{place}.{part}": getattr(cell, part) for part in type(cell).__slots__}
    return arrays


def entry(net: ForecastNet, model: ForecastModel) -> dict[str, Any]:
    """Describe a net for config.json."""
    lstm, hidden = isinstance(net.cells[0], CellWeights), net.cells[0].recurrent.shape[1]
    return {
        "cell": "lstm" if lstm else "gru", "bidirectional": len(net.cells) > 1,
        "filters": 0 if net.filters is None else len(net.filters),
        "frames": [net.frames.count, net.frames.width, net.frames.apart], "scaling": net.scaling,
        "inputs": 2 + len(model.reading.known) + len(model.reading.past), "known": net.step.shape[1] - 1,
        "hidden_size": hidden, "mixed": len(net.state),
    }  # fmt: skip


def shapes_of(content: dict[str, Any], horizon: int) -> Shapes:
    """Give the name and shape of every array of a net."""
    hidden, mixed, width = content["hidden_size"], content["mixed"], content["frames"][1] * content["inputs"]
    directions = 1 + content["bidirectional"]
    shapes: Shapes = {
        "state": (mixed, directions * hidden), "step": (mixed, content["known"] + 1), "place": (horizon, mixed),
        "out": (len(QUANTILES), mixed), "quantiles": (horizon, len(QUANTILES)),
    }  # fmt: skip
    if content["filters"]:
        shapes |= {"filters": (content["filters"], width), "filter_bias": (content["filters"],)}
        width = content["filters"]
    gates = 4 if content["cell"] == "lstm" else 3
    for place in range(directions):
        parts: Shapes = {
            "input": (gates * hidden, width),
            "recurrent": (gates * hidden, hidden),
            "bias": (gates * hidden,),
        }
        parts |= {"recurrent_bias": (hidden,)} if gates == 3 else {}
        shapes |= {f"cells.{place}.{name}": shape for name, shape in parts.items()}
    return shapes


@undisturbed
def load_forecaster(path: Path | str) -> ForecastModel:
    """Read a forecaster's folder; raise ModelError, with one sentence, for anything else."""
    folder, config, _ = described(path, "forecasting")
    told, base = config["reading"], config["base"]
    columns = len(told["known"]) + len(told["past"])
    odd = {len(told["means"]), len(told["sizes"])} != {columns}
    odd = odd or any(net["inputs"] != 2 + columns for net in config["nets"])
    odd = odd or (base["kind"] == "ridge" and not base["rows"])
    if odd or told["target"] in (*told["known"], *told["past"]):
        raise ModelError(f"{folder / CONFIG} describes columns that do not fit together; copy the folder again.")
    horizon = told["horizon"]
    shapes: Shapes = {name: (horizon, len(QUANTILES)) for name in ("spread", "shifts")}
    if base["kind"] == "ridge":
        shapes["base"] = (horizon, base["rows"] + base["known"] + 1)
    for number, net in enumerate(config["nets"]):
        shapes |= {f"nets.{number}.{name}": shape for name, shape in shapes_of(net, horizon).items()}
    expected = stored(shapes, config["storage"])
    if 4 * sum(math.prod(shape) for shape, _ in expected.values()) > WEIGHTS_LIMIT:
        raise ModelError(f"{folder / CONFIG} describes a model of more than {WEIGHTS_LIMIT >> 30} GiB; not opened.")
    found = unpacked(tensors_in(folder / WEIGHTS, expected), shapes, config["storage"])
    weights = {name: array.astype(np.float64) for name, array in found.items()}
    reading = Reading(
        told["target"], horizon, tuple(told["known"]), tuple(told["past"]), np.array(told["means"], dtype=np.float64),
        np.array(told["sizes"], dtype=np.float64), told["scale_rows"], told["yearly"], told["level"], told["spread"],
    )  # fmt: skip
    made = Base(base["kind"], base["season"], base["rows"], base["calendar"], weights.get("base"), base["penalty"])
    nets = tuple(net_of(net, weights, f"nets.{number}.") for number, net in enumerate(config["nets"]))
    return ForecastModel(reading, made, weights["spread"], nets, weights["shifts"], config["facts"])


def net_of(content: dict[str, Any], weights: dict[str, Floats], prefix: str) -> ForecastNet:
    """Build a net of stored arrays."""
    kind = CellWeights if content["cell"] == "lstm" else GRUWeights
    cells = tuple(
        kind(*(weights[f"{prefix}cells.{place}.{part}"] for part in kind.__slots__))
        for place in range(1 + content["bidirectional"])
    )
    filters, bias = weights.get(f"{prefix}filters"), weights.get(f"{prefix}filter_bias")
    own = (weights[prefix + name] for name in OWN)
    return ForecastNet(Frames(*content["frames"]), content["scaling"], filters, bias, cells, *own)


def update_forecaster_card(model: ForecastModel, path: Path) -> None:
    """Write a saved forecaster's facts and card again, leaving its weights alone."""
    config = read_json(path / CONFIG, CONFIG_LIMIT) | {"facts": model.facts}
    write_atomically(path / CONFIG, json_text(config, indent=2).encode())
    write_atomically(path / CARD, forecaster_card(model, path.name).encode())


def forecaster_card(model: ForecastModel, name: str) -> str:
    """Write a forecaster's card: what it forecasts, from what, its recipe, figures and limits."""
    facts, reading = model.facts, model.reading
    shown = [(key, value) for key, value in facts.items() if key not in ("settings", "losses", "quantiles")]
    origin = "\n".join(f"- {one_line(key)}: {_code(value)}" for key, value in shown)
    figures = "\n".join(f"- {one_line(key)}: {one_line(value)}" for key, value in facts.get("losses", {}).items())
    settings = ", ".join(_code(f"{key}={value}") for key, value in facts.get("settings", {}).items())
    reads = ", ".join(_code(column) for column in (*reading.known, *reading.past)) or "no other column"
    return f"""---
library_name: gatewise
pipeline_tag: time-series-forecasting
tags: [lstm, forecasting]
---

# {_code(name)}

A forecaster made with gatewise: {_code(reading.target)}, {reading.horizon:,} rows ahead, as the quantiles 0.1 to 0.9. \
It answers by {model.said}; it reads {_code(reading.target)} and {reads}.

## Data and recipe

{origin}

Settings: {settings}

## Weighted quantile loss on dev (it chose, so it flatters)

{figures}

## Limits

It has seen one stretch of time and hopes that the next is like it. Its intervals were widened or narrowed on rows after
those that it first learnt from; where a series changes its ways they hold less. Compare it with `gatewise forecast
backtest` before you trust it.
"""


def _code(value: Any) -> str:
    return "`" + one_line(str(value), 2000).replace("`", "'") + "`"
