"""Arrays inside a story to base64 that a script unpacks, by the name each stands under; knows no page and no model.

Gates travel as one byte, cell states as two with a scale per unit, what is left of each write as one with a scale per
step, and everything else as float32.
"""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

# Kind: how it is stored, the largest stored number, and whether each row has a scale of its own.
KINDS = {
    "u1": ("u1", 255, False), "i1": ("i1", 127, False), "i2": ("<i2", 32767, True), "rows": ("u1", 255, True),
    "f4": ("<f4", 0, False),
}  # fmt: skip


def packed_story(value: Any, name: str = "", group: str = "") -> Any:
    """Replace every array in nested mappings and lists by packed numbers; all else stays as it is."""
    if isinstance(value, np.ndarray):
        return packed(value, _kind(name, group))
    if isinstance(value, Mapping):
        return {key: packed_story(item, str(key), name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [packed_story(item, name, group) for item in value]
    return value


def _kind(name: str, group: str) -> str:
    if group == "gates":
        return "i1" if name == "candidate" else "u1"  # tanh has a sign, a gate has none
    return {"cell_states": "i2", "alive": "rows"}.get(name, "f4")


def packed(array: npt.ArrayLike, kind: str) -> dict[str, Any]:
    """Write numbers, [rows, columns], as base64: u1 for shares, i1 for tanh; i2 and rows (one byte) scaled per row."""
    stored, most, scaled = KINDS[kind]
    numbers = np.asarray(array, np.float64)
    scale = None
    if most:
        top = np.abs(numbers).max(axis=1, initial=1e-12) if scaled else np.ones(len(numbers))
        scale = np.float32(top / most).tolist()
        numbers = np.rint(numbers / top[:, None] * most)
    data = base64.b64encode(np.ascontiguousarray(numbers, stored).tobytes()).decode("ascii")
    return {"kind": stored[-2:], "shape": list(numbers.shape), "scale": scale, "data": data}
