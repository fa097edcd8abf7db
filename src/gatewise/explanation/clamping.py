"""A gate held at a value, or a unit silenced, as sums of a network that are the same at every step; knows no text.

A gate whose input and recurrent weights are zero is its bias at every step: so weights can be changed, or the sums be
set while a text is read, and everything that is read off a model is read off a clamped one as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.base.errors import ConfigError
from gatewise.runtime.cell import GATES, CellWeights
from gatewise.runtime.network import Network

SATURATED = 30.0  # sigmoid(30) is 1 in float32


@dataclass(frozen=True, slots=True)
class Hold:
    """Some of the 4H sums of one direction of a layer, start to stop, that are the same at every step."""

    layer: int
    side: int
    gate: str
    start: int
    stop: int
    value: float


Holds = tuple[Hold, ...]


def holds(network: Network, gate: str, value: float, unit: int | None = None) -> Holds:
    """Hold a gate at `value`, 0 to 1, at every step of every layer; of one unit, in the top layer only.

    Units count through the directions: of H units, unit H + 3 is the backward direction's fourth. The candidate at 0
    silences a unit: nothing is ever written into it. Raises ConfigError for a gate, value or unit that is not there.
    """
    hidden, sides = network.config.hidden_size, network.directions
    if gate not in GATES:
        raise ConfigError(f"There is no gate {gate!r}; choose one of {', '.join(GATES)}.")
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ConfigError(f"A gate cannot be held at {value!r}; choose a value from 0 to 1.")
    if unit is not None and not 0 <= unit < hidden * sides:
        raise ConfigError(f"There is no unit {unit}; choose one from 0 to {hidden * sides - 1}.")
    first, held, top = GATES.index(gate) * hidden, _sum(gate, value), len(network.layers) - 1
    if unit is not None:
        side, place = divmod(unit, hidden)
        return (Hold(top, side, gate, first + place, first + place + 1, held),)
    places = [(layer, side) for layer in range(top + 1) for side in range(sides)]
    return tuple(Hold(layer, side, gate, first, first + hidden, held) for layer, side in places)


def clamped(layers: list[list[CellWeights]], held: Sequence[Hold]) -> list[list[CellWeights]]:
    """Put holds into weights, [layer][direction], by which any engine keeps them; directions without one stay."""
    layers = [[*directions] for directions in layers]
    for hold in held:
        own, rows = layers[hold.layer][hold.side], slice(hold.start, hold.stop)
        weights = CellWeights(own.input.copy(), own.recurrent.copy(), own.bias.copy())
        weights.input[rows], weights.recurrent[rows], weights.bias[rows] = 0, 0, hold.value
        layers[hold.layer][hold.side] = weights
    return layers


def _sum(gate: str, value: float) -> float:
    """Give the sum at which a gate has this value."""
    if gate == "candidate":
        return math.atanh(value) if value < 1 else SATURATED
    return math.log(value / (1 - value)) if 0 < value < 1 else math.copysign(SATURATED, value - 0.5)
