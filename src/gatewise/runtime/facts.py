"""What a folder tells of its making, held to what reads it: the card, the explanation page, who trains from it.

Knows only the facts that are read by name; what else is told is shown as it is, if JSON has it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gatewise.base.text import finite

Check = Callable[[Any], bool]
LARGEST = 1e6  # no number of a model comes near it, and none below it overflows on its way to an answer


def number(low: float, high: float = LARGEST) -> Check:
    """Make a check for a number from `low` to below `high`."""
    return lambda value: type(value) in (int, float) and low <= value < high


def whole(low: int, high: int) -> Check:
    """Make a check for a whole number from `low` to `high`."""
    return lambda value: type(value) is int and low <= value <= high


def _entries(**checks: Check) -> Check:
    """Make a check for a mapping that has these entries, and others if it likes."""
    return lambda value: (
        isinstance(value, dict) and all(name in value and check(value[name]) for name, check in checks.items())
    )


def _each(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _setting(value: Any) -> bool:
    names = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return names or value is None or type(value) in (bool, int, float, str)


SHARE = number(-1e-9, 1 + 1e-9)
ALONE = _each(lambda part: _entries(accuracy=SHARE)(part) and number(0)(part.get("log_loss", 0)))
MEASURED = _entries(
    n=whole(1, 10**15), accuracy=SHARE, accuracy_low=SHARE, accuracy_high=SHARE, macro_f1=SHARE, log_loss=number(0),
    ece=SHARE,
)  # fmt: skip
FACTS: dict[str, Check] = {
    "settings": _each(_setting),
    **dict.fromkeys(("dev", "test"), lambda part: MEASURED(part) and ALONE(part.get("alone", {}))),
    "unit_separation": lambda areas: isinstance(areas, list) and all(map(SHARE, areas)),
    "faithfulness": _each(_entries(**dict.fromkeys(("comprehensiveness", "sufficiency", "rank"), number(-LARGEST)))),
}


def fault(facts: Mapping[str, Any]) -> str:
    """Name the first fact that its readers cannot take, or that holds what is no number; nothing where all is well."""
    for name, value in facts.items():
        try:
            if finite(value) != value or (name in FACTS and not FACTS[name](value)):
                return name
        except RecursionError:
            return name
    return ""
