"""Weights to fewer bytes and back: as they are, in 16 bits, or in 8 bits with a scale a row. Knows no files."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gatewise.base.files import Arrays, Stored
from gatewise.base.settings import Storage

Shapes = Mapping[str, tuple[int, ...]]
LARGEST = 127  # of an int8, on both sides
TOLERANCE = 1e-4  # of an int8 that was multiplied by its scale and is divided again, both in 32 bits


def stored(shapes: Shapes, storage: Storage) -> dict[str, Stored]:
    """Give the shape and type of every array that packed() makes of weights of these shapes."""
    found: dict[str, Stored] = {}
    for name, shape in shapes.items():
        if storage == "int8" and len(shape) == 2:
            found |= {name: (shape, "int8"), f"{name}.scale": (shape[:1], "float32")}
        else:
            found[name] = (shape, "float32" if storage == "int8" else storage)
    return found


def packed(weights: Mapping[str, npt.NDArray[np.float32]], storage: Storage) -> Arrays:
    """Round weights: matrices to 8 bits with a scale a row, or everything to 16 bits."""
    if storage != "int8":
        return {name: array.astype(storage) for name, array in weights.items()}
    arrays: Arrays = {}
    for name, array in weights.items():
        if array.ndim != 2:
            arrays[name] = array
            continue
        scale = np.maximum(np.abs(array).max(axis=1), 1e-30) / LARGEST
        arrays |= {name: np.rint(array / scale[:, None]).astype(np.int8), f"{name}.scale": scale.astype(np.float32)}
    return arrays


def unpacked(arrays: Arrays, shapes: Shapes, storage: Storage) -> dict[str, npt.NDArray[np.float32]]:
    """Give the weights of packed arrays in 32 bits."""
    weights = {name: arrays[name].astype(np.float32) for name in shapes}
    for name, shape in shapes.items():
        if storage == "int8" and len(shape) == 2:
            weights[name] *= arrays[f"{name}.scale"][:, None]
    return weights


def in_bytes(matrix: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]] | None:
    """Give the int8 and the scale of each row that a matrix in 32 bits was unpacked from; None if it was not."""
    few = slice(None, 4)  # most that were not are known by these
    for rows in (few, slice(None)):
        own = matrix[rows]
        largest = np.maximum(own.max(axis=1, initial=0), -own.min(axis=1, initial=0))
        scale = np.maximum(largest, 1e-30) / np.float32(LARGEST)
        exact = own / scale[:, None]
        whole = np.rint(exact)
        exact -= whole
        if max(exact.max(initial=0), -exact.min(initial=0)) > TOLERANCE:
            return None
    return whole.astype(np.int8), scale
