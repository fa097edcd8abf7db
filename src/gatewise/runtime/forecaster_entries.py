"""What a forecaster's config.json may say beside what every one does; knows no files."""

import math
from collections.abc import Mapping
from typing import Any, get_args

from gatewise.runtime.bases import BaseKind
from gatewise.runtime.facts import Check, whole
from gatewise.runtime.forecastnet import Cell, Scaling

MOST_ROWS, MOST_STEPS, MOST_COLUMNS, MOST_NETS, MOST_UNITS = 20_000, 10_000, 10_000, 100, 8192


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _positive(value: Any) -> bool:
    return _finite(value) and value > 0


def _flag(value: Any) -> bool:
    return type(value) is bool


def _names(value: Any) -> bool:
    alike = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return alike and len(value) <= MOST_COLUMNS and len({*value}) == len(value)


def _one_of(choices: tuple[Any, ...]) -> Check:
    return lambda value: isinstance(value, str) and value in choices


def _exactly(checks: Mapping[str, Check]) -> Check:
    """Make a check for a mapping that has these entries and no others."""
    return lambda value: (
        isinstance(value, dict) and value.keys() == checks.keys() and all(checks[name](value[name]) for name in checks)
    )


def _numbers(check: Check) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= MOST_COLUMNS and all(map(check, value))


def _frames(value: Any) -> bool:
    if not (isinstance(value, list) and len(value) == 3 and all(whole(1, MOST_ROWS)(one) for one in value)):
        return False
    count, width, apart = value
    return bool(width + apart * (count - 1) <= MOST_ROWS)


READING: dict[str, Check] = {
    "target": lambda value: isinstance(value, str), "horizon": whole(1, MOST_STEPS), "known": _names, "past": _names,
    "means": _numbers(_finite), "sizes": _numbers(_positive), "scale_rows": whole(1, MOST_ROWS), "yearly": _flag,
    "level": _finite, "spread": _positive,
}  # fmt: skip
BASE: dict[str, Check] = {
    "kind": _one_of(get_args(BaseKind)), "season": whole(1, 1_000_000), "rows": whole(0, MOST_ROWS), "calendar": _flag,
    "penalty": lambda value: _finite(value) and value >= 0, "known": whole(0, MOST_COLUMNS),
}  # fmt: skip
NET: dict[str, Check] = {
    "cell": _one_of(get_args(Cell)), "bidirectional": _flag, "filters": whole(0, MOST_UNITS), "frames": _frames,
    "scaling": _one_of(get_args(Scaling)), "inputs": whole(1, MOST_COLUMNS), "known": whole(0, MOST_COLUMNS),
    "hidden_size": whole(1, MOST_UNITS), "mixed": whole(1, MOST_UNITS),
}  # fmt: skip
FORECASTER_ENTRIES: dict[str, Check] = {
    "reading": _exactly(READING),
    "base": _exactly(BASE),
    "nets": lambda value: isinstance(value, list) and len(value) <= MOST_NETS and all(map(_exactly(NET), value)),
}
