"""A model to the same model with a gate held at a value or a unit silenced, by changing weights only.

A gate whose input and recurrent rows are zero is its bias at every step, so everything that reads a model (the trace,
the shares, the verdict) reads a clamped one as well.
"""

import copy
import dataclasses
import math
from typing import cast

import torch

from gatewise.base.errors import ConfigError
from gatewise.runtime.classifier import Model

GATES = ("input_gate", "forget_gate", "candidate", "output_gate")
SATURATED = 30.0  # sigmoid(30) is 1 in float32


def clamped(model: Model, gate: str, value: float, *, unit: int | None = None) -> Model:
    """Give a copy whose gate is `value`, 0 to 1, at every step of every layer; of one unit, in the top layer only.

    Units count through the directions: of H units, unit H + 3 is the backward direction's fourth. The candidate at 0
    silences a unit: nothing is ever written into it. Raises ConfigError for a gate, value or unit that is not there.
    """
    network = model.network
    hidden, directions = network.config.hidden_size, network.encoder.directions
    if gate not in GATES:
        raise ConfigError(f"There is no gate {gate!r}; choose one of {', '.join(GATES)}.")
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ConfigError(f"A gate cannot be held at {value!r}; choose a value from 0 to 1.")
    if unit is not None and not 0 <= unit < hidden * directions:
        raise ConfigError(f"There is no unit {unit}; choose one from 0 to {hidden * directions - 1}.")
    changed = copy.copy(network)  # the embedding and the head stay shared: only the LSTMs are copied
    changed._modules = network._modules | {"encoder": copy.deepcopy(network.encoder)}
    layers = changed.encoder.layers()
    chosen = [layers[-1][unit // hidden]] if unit is not None else [lstm for layer in layers for lstm in layer]
    first = GATES.index(gate) * hidden
    rows = slice(first, first + hidden) if unit is None else slice(first + unit % hidden, first + unit % hidden + 1)
    with torch.no_grad():
        for lstm in chosen:
            for parameter in lstm.parameters():
                parameter[rows] = 0
            cast(torch.Tensor, lstm.bias_ih_l0)[rows] = _bias(gate, value)
    return dataclasses.replace(model, network=changed)


def _bias(gate: str, value: float) -> float:
    """Give the pre-activation at which a gate has this value."""
    if gate == "candidate":
        return math.atanh(value) if value < 1 else SATURATED
    return math.log(value / (1 - value)) if 0 < value < 1 else math.copysign(SATURATED, value - 0.5)
