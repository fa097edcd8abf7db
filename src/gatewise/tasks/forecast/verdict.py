"""A comparison of forecasters on the same origins to words: who is better, by how much, or that it is noise.

Knows no model: only names, the ratios of their losses, and on how much they stand.
"""

import math
from collections.abc import Callable, Sequence

from gatewise.tasks.forecast.figures import Ratio

NAMES = {
    "seasonal_naive": "seasonal naive", "last_value": "the last value", "ets": "ETS", "ridge": "ridge",
    "boosting": "boosting",
}  # fmt: skip
NET, NAIVE = "net", "seasonal_naive"
LEVEL = 0.005  # below which two are called level
SMALL, FEW = 0.05, 100  # a difference below the first on fewer origins than the second is noise, whatever its interval


def verdict(
    names: Sequence[str], ratio_of: Callable[[str, str], Ratio], origins: int, series: int, net: str = "the LSTM"
) -> str:
    """Say who is best on `origins` origins of `series` series: `net`, where one is among the names, or which peer.

    `ratio_of` gives the ratio of the first one's loss to the second's.
    """
    peers = [name for name in names if name != NET and not math.isnan(ratio_of(name, NAIVE).value)]
    if not peers or (NET in names and math.isnan(ratio_of(NET, NAIVE).value)):
        return "No verdict: none of the values that were forecast has been measured."
    best = min(peers, key=lambda name: ratio_of(name, NAIVE).value)
    if NET in names:
        said = compared(net, NAMES.get(best, best), ratio_of(NET, best), origins)
        if best != NAIVE and (naive := ratio_of(NET, NAIVE)).value > 1 and not noise(naive, origins):
            said += f"; {net} is worse than seasonal naive too"
    elif best == NAIVE:
        said = "no peer is better than seasonal naive"
    else:
        said = compared(NAMES.get(best, best), NAMES[NAIVE], ratio_of(best, NAIVE), origins)
        said = f"{said}, the best of {len(peers)} peers" if len(peers) > 2 else said
    return f"{said[0].upper()}{said[1:]}. {resting(origins, series)}"


def compared(one: str, other: str, ratio: Ratio, origins: int) -> str:
    """Say of two which is better; `ratio` is the first one's loss as a share of the second's."""
    share = 1 - min(ratio.value, 1 / ratio.value)
    doubt = ", within noise" if noise(ratio, origins) else ""
    if share < LEVEL:
        return f"{one} and {other} are level"
    if ratio.value < 1:
        return f"{one} is {percent(share)} better than {other}{doubt}"
    return f"{other} is better than {one} by {percent(share)}{doubt}"


def noise(ratio: Ratio, origins: int) -> bool:
    """Tell whether a ratio may be chance: its interval holds 1 or is not known, or it is small and stands on little."""
    apart = ratio.high < 1 or ratio.low > 1
    return not apart or (origins < FEW and abs(1 - min(ratio.value, 1 / ratio.value)) < SMALL)


def resting(origins: int, series: int) -> str:
    """Say what a comparison rests on, and what it cannot tell."""
    on = f"{origins:,} origin{'s' if origins != 1 else ''} of {f'{series:,}' if series != 1 else 'one'} series"
    if origins == 1:
        return "One origin of one series tells nothing of the next."
    if origins < FEW:
        return f"On {on}, differences under {percent(SMALL)} are noise."
    return f"Measured on {on}."


def percent(share: float) -> str:
    """Show a share as whole percents, and by one digit more under one."""
    return f"{100 * share:.0f} %" if round(100 * share) else f"{100 * share:.1f} %"
