"""The compiled library, if there is one, and which of its paths answers; knows no weights.

GATEWISE_ENGINE names one: avx512-vnni, avx2, neon, c, or numpy for none. Otherwise the best that this CPU has is taken.
"""

import ctypes
import os
import sys
from ctypes import c_int32, c_size_t, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from gatewise.base.errors import ConfigError

VARIABLE = "GATEWISE_ENGINE"
CONTRACT = 1  # GW_CONTRACT of kernel.h
PATHS = {"avx512-vnni": 2, "avx2": 1, "neon": 3, "c": 0}  # by their numbers there, the fastest first
NUMPY = "numpy"
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
PLACE = Path(__file__).with_name("kernel" + SUFFIX)


class Shape(ctypes.Structure):
    """gw_cell of kernel.h."""

    _fields_ = (
        ("path", c_int32), ("stored", c_int32), ("gates", c_int32), ("hidden", c_int32), ("inputs", c_int32),
    )  # fmt: skip


@cache
def library() -> ctypes.CDLL | None:
    """Load the library that was built with this package; None where there is none, or one of another version."""
    try:
        found = ctypes.CDLL(str(PLACE))
        if found.gw_contract() != CONTRACT:
            return None
    except (OSError, AttributeError):  # none, of another machine, or without what is asked
        return None
    shape, size, whole, buffer = ctypes.POINTER(Shape), c_size_t, c_int32, c_void_p
    sized: tuple[Any, ...] = (buffer, size)  # a buffer and how much of it there is
    found.gw_has.argtypes = [whole]
    for name, arguments in {
        "gw_packed_bytes": [shape], "gw_sums_count": [shape, whole], "gw_scratch_bytes": [shape, whole],
    }.items():  # fmt: skip
        getattr(found, name).argtypes, getattr(found, name).restype = arguments, size
    found.gw_pack.argtypes = [shape, *[buffer] * 6, *sized]
    found.gw_project.argtypes = [shape, *sized, buffer, buffer, whole, *sized, *sized]
    found.gw_read.argtypes = [
        shape, *sized, *sized, whole, buffer, whole, buffer, whole, whole, *[buffer] * 3, whole, buffer, whole, *sized,
    ]  # fmt: skip
    return found


def paths() -> tuple[str, ...]:
    """Name the paths that this build and this CPU have, the fastest first."""
    found = library()
    return tuple(name for name, number in PATHS.items() if found.gw_has(number)) if found else ()


def engine() -> str:
    """Name what answers here: a path, or numpy. Raises ConfigError where GATEWISE_ENGINE asks for what is not there."""
    asked, own = os.environ.get(VARIABLE, ""), paths()
    if not asked:
        return own[0] if own else NUMPY
    if asked != NUMPY and asked not in own:
        raise ConfigError(f"{VARIABLE} is {asked!r}, which is not here; choose one of {', '.join([*own, NUMPY])}.")
    return asked
