"""Cells packed for a path of the compiled library, and texts to their states by them; knows ids only as places of rows.

What a word brings to the gates of the first layer is computed once for each different one.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ModelError
from gatewise.runtime.batches import Rows
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.kernel.library import PATHS, Shape, library
from gatewise.runtime.storage import in_bytes

Floats = npt.NDArray[np.float32]
FLOAT32, INT8 = 0, 1  # GW_FLOAT32 and the rest of kernel.h
LSTM, GRU = 4, 3
BACKWARD, FAST = 1, 2
MOST = 32_768  # units of a cell, and numbers of its input
FAULTS = ("", "shape", "path", "missing buffer", "short buffer", "weights of another cell", "lengths", "place of a row")


@dataclass(frozen=True, slots=True, eq=False)
class PackedCell:
    """One layer's weights in one direction as one path reads them."""

    shape: Shape
    weights: npt.NDArray[np.uint8]

    @property
    def rounded(self) -> bool:
        """Whether its weights are int8, so that fast mode has something to round."""
        return bool(self.shape.stored == INT8)


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """What one direction says of B texts, [B, H] each."""

    highest: Floats
    mean: Floats
    last: Floats


def pack(weights: CellWeights, path: str, *, recurrent_bias: Floats | None = None) -> PackedCell:
    """Pack a cell: an LSTM's gates i, f, g, o, or a GRU's r, z, n, with what it adds to U h of n, [H].

    Weights that stand for int8 with a scale a row are packed so, others as float32. Raises ModelError for weights that
    do not fit each other or are no numbers.
    """
    rows, hidden = weights.recurrent.shape
    inputs, gates = weights.input.shape[-1], rows // max(hidden, 1)
    fits = weights.input.shape == (rows, inputs) and weights.bias.shape == (rows,) and rows == gates * hidden
    if recurrent_bias is not None:
        fits = fits and gates == GRU and recurrent_bias.shape == (hidden,)
    if not fits or gates not in (LSTM, GRU) or not (1 <= hidden <= MOST and 1 <= inputs <= MOST):
        raise ModelError(
            f"Weights of {weights.input.shape}, {weights.recurrent.shape} and {weights.bias.shape} make no cell of up "
            f"to {MOST} units; load the model again."
        )
    matrices = [np.ascontiguousarray(matrix, np.float32) for matrix in (weights.input, weights.recurrent)]
    biases = [None if own is None else np.ascontiguousarray(own, np.float32) for own in (weights.bias, recurrent_bias)]
    if not all(np.isfinite(array).all() for array in (*matrices, *biases) if array is not None):
        raise ModelError("Weights of a cell are no finite numbers; train or load the model again.")
    stored = [in_bytes(matrix) for matrix in matrices]
    whole = all(own is not None for own in stored)
    shape = Shape(PATHS[path], INT8 if whole else FLOAT32, gates, hidden, inputs)
    packed = np.empty(_library().gw_packed_bytes(shape), np.uint8)
    arrays: list[npt.NDArray[Any] | None] = []
    for matrix, own in zip(matrices, stored, strict=True):
        arrays += list(own) if own is not None and whole else [matrix, None]
    _call("gw_pack", shape, *(_address(array) for array in (*arrays, *biases)), _address(packed), packed.nbytes)
    return PackedCell(shape, packed)


def project(cell: PackedCell, rows: npt.NDArray[Any], scale: Floats | None = None) -> Floats:
    """Give W x + b of rows, [N, E], in the path's own order: floats, or int8 with a scale each, [N]."""
    kind = np.float32 if scale is None or not cell.rounded else np.int8
    if scale is not None and not cell.rounded:
        rows, scale = rows * scale[:, np.newaxis], None
    rows = np.ascontiguousarray(rows, kind)
    scale = None if scale is None else np.ascontiguousarray(scale, np.float32)
    if rows.ndim != 2 or rows.shape[1] != cell.shape.inputs or (scale is not None and scale.shape != rows.shape[:1]):
        raise ModelError(f"Rows of {rows.shape} do not fit a cell that reads {cell.shape.inputs} numbers.")
    sums = _aligned(_library().gw_sums_count(cell.shape, len(rows)))
    scratch = np.empty(_library().gw_scratch_bytes(cell.shape, 0), np.uint8)
    _call(
        "gw_project", cell.shape, _address(cell.weights), cell.weights.nbytes, _address(rows), _address(scale),
        len(rows), _address(sums), sums.size, _address(scratch), scratch.nbytes,
    )  # fmt: skip
    return sums


def read(
    cell: PackedCell, sums: Floats, words: int, places: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32],
    *, backward: bool = False, fast: bool = False, states: Floats | None = None,
) -> Read:  # fmt: skip
    """Read texts of falling lengths, [B], laid end to end: token n brings row places[n] of `words` projected ones.

    Fills `states`, [N, H] or columns of a wider array, in the texts' own order, if given. `fast` rounds states to
    8 bits where weights have 8.
    """
    hidden, texts = cell.shape.hidden, len(lengths)
    if not len(places):
        states = None
    elif states is not None and (
        states.dtype != np.float32 or states.shape != (len(places), hidden) or states.strides[1] != 4
    ):
        raise ModelError(f"States of {states.shape} are not those of {len(places)} steps and {hidden} units.")
    pooled = [np.empty((texts, hidden), np.float32) for _ in range(3)]
    scratch = np.empty(_library().gw_scratch_bytes(cell.shape, texts), np.uint8)
    places, lengths = np.ascontiguousarray(places, np.int32), np.ascontiguousarray(lengths, np.int32)
    _call(
        "gw_read", cell.shape, _address(cell.weights), cell.weights.nbytes, _address(sums), sums.size, words,
        _address(places), len(places), _address(lengths), texts, BACKWARD * backward | FAST * fast,
        *map(_address, pooled), hidden, _address(states), hidden if states is None else states.strides[0] // 4,
        _address(scratch), scratch.nbytes,
    )  # fmt: skip
    return Read(*pooled)


def encode(
    layers: Sequence[Sequence[PackedCell]], rows: npt.NDArray[Any], scale: Floats | None, places: Rows, lengths: Rows,
    *, fast: bool = False, wanted: bool = False,
) -> tuple[list[Read], Floats]:  # fmt: skip
    """Read texts of falling lengths, laid end to end, by stacked layers of packed cells, [layer][direction].

    `rows`, [V, E], are the first layer's different inputs, int8 with `scale`, [V], or floats, and places, [N], says
    which of them each token is. Gives what each direction of the last layer says and, if `wanted`, its states,
    [N, directions * H], in the texts' own order.
    """
    own, counts = places.astype(np.int32), lengths.astype(np.int32)
    states = np.empty((0, 0), np.float32)
    for depth, directions in enumerate(layers):
        below, kept = (rows, scale) if not depth else (states, None), wanted or depth + 1 < len(layers)
        hidden, reads = directions[0].shape.hidden, list[Read]()
        states = np.empty((len(places), len(directions) * hidden if kept else 0), np.float32)
        for back, cell in enumerate(directions):
            part = states[:, back * hidden : (back + 1) * hidden] if kept else None
            sums = project(cell, *below)
            reads.append(read(cell, sums, len(below[0]), own, counts, backward=back > 0, fast=fast, states=part))
        own = np.arange(len(places), dtype=np.int32)
    return reads, states


def _library() -> ctypes.CDLL:
    found = library()
    if found is None:
        raise ModelError(
            "This gatewise was built without its compiled engine; install a C compiler, then gatewise again."
        )
    return found


def _call(name: str, *arguments: Any) -> None:
    """Call what gives GW_OK or a fault; a fault is ours, as all was checked before."""
    fault = getattr(_library(), name)(*arguments)
    if fault:
        raise ModelError(f"The compiled engine refused a call of {name} ({FAULTS[fault]}); please report this.")


def _address(array: npt.NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


def _aligned(count: int) -> Floats:
    """Make room for floats that begins at a cache line."""
    room = np.empty(count + 16, np.float32)
    first = -room.ctypes.data % 64 // 4
    return room[first : first + count]
