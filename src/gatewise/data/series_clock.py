"""Stamps to a line of time that a grid can be laid on: the UTC line, or a wall clock whose days are steps.

Knows zones, doubled hours and skipped ones; no file and no values.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatewise.base.errors import ConfigError
from gatewise.data.series_grid import step_of, whole_days
from gatewise.data.series_time import Stamps
from gatewise.runtime.series import Moments, Step, on_utc, wall_clock

# One place for each rule of clock changes that many keep today; the first that agrees with all offsets is named.
PLACES = (
    "Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago", "America/Denver",
    "America/Los_Angeles", "America/Halifax", "America/St_Johns", "Australia/Sydney", "Australia/Adelaide",
    "Pacific/Auckland", "America/Santiago", "Asia/Jerusalem", "Africa/Cairo", "America/Anchorage", "Europe/Moscow",
    "America/Sao_Paulo", "Europe/Istanbul", "Asia/Tehran",
)  # fmt: skip


NO_ZONE = "Zone: none is told; stamps stand as they are: hours that a clock repeats or skips are duplicates and gaps."


@dataclass(frozen=True, slots=True)
class Line:
    """Where rows stand on a line of time."""

    moments: Moments  # [R]
    kept: npt.NDArray[np.bool_]  # [R] whether a clock ever showed the row's stamp
    step: Step
    zone: str  # by which the moments' calendar is read
    notes: tuple[str, ...]


def line_of(stamps: Stamps, series: npt.NDArray[np.int64], zone: str) -> Line:
    """Lay the stamps of rows of some series, [R] each, on a line; `zone` is the one told, or empty.

    Whole days, weekdays and months are steps of the wall clock, all others of the UTC line. Raises DataError where no
    series has two moments, and ConfigError for a zone that is not known.
    """
    moments, every = stamps.moments, np.ones(len(stamps.moments), dtype=bool)
    if stamps.kind == "number":
        return Line(moments, every, step_of(series, moments, numbered=True)[0], "", ())
    if stamps.kind == "utc":
        return _aware(stamps, series, zone)
    step, _ = step_of(series, moments, numbered=False)
    if whole_days(step) or not zone:
        told = () if whole_days(step) else (NO_ZONE,)
        return Line(moments, every, step, "", told)
    placed, kept, doubled = _placed(moments, series, zone)
    notes = [f"Zone: stamps are read by the clocks of {zone}."]
    if doubled:
        notes.append(f"Zone: {doubled:,} rows stand in hours that these clocks repeat; the second is the later.")
    if not kept.all():
        notes.append(
            f"Zone: {int((~kept).sum()):,} rows stand in hours that these clocks skip, and are left "
            "out; stamps may be of another zone, of standard time, or of the end of what they measure."
        )
    return Line(placed, kept, step_of(series[kept], placed[kept], numbered=False)[0], zone, tuple(notes))


def _aware(stamps: Stamps, series: npt.NDArray[np.int64], zone: str) -> Line:
    """Keep moments on the UTC line, unless whole days by the wall clock are more regular."""
    moments, offsets = stamps.moments, np.unique(stamps.offsets[stamps.given])
    every, named = np.ones(len(moments), dtype=bool), zone or stamps.zone
    if named:
        notes: tuple[str, ...] = (f"Zone: the calendar is read by the clocks of {named}.",)
    elif len(offsets) > 1:
        named = next((place for place in PLACES if _agrees(stamps, place)), "")
        notes = (
            f"Zone: offsets change as in {named}, by whose clocks the calendar is read; name another by --zone."
            if named
            else "Zone: offsets change as in no zone known here; the calendar is read by UTC, unless --zone names one.",
        )
    elif offsets[0]:
        hours, minutes = divmod(abs(int(offsets[0])) // 60, 60)
        named = f"{'-' if offsets[0] < 0 else '+'}{hours:02}:{minutes:02}"
        notes = (f"Zone: all stamps are {named} from UTC, and the calendar is read so.",)
    else:
        notes = ("Zone: stamps are UTC, and the calendar is read so, unless --zone names a place.",)
    step, share = step_of(series, moments, numbered=False)
    if named:
        local = wall_clock(moments, named)
        by_clock, share_by_clock = step_of(series, local, numbered=False)
        if whole_days(by_clock) and (share_by_clock > share or by_clock.unit == "month" != step.unit):
            return Line(local, every, by_clock, "", (*notes, "Zone: whole days are counted by the wall clock."))
    return Line(moments, every, step, named, notes)


def _agrees(stamps: Stamps, place: str) -> bool:
    """Tell whether a place's clocks have the offsets of all stamps; one whose clocks this machine lacks has none."""
    moments = stamps.moments[stamps.given]
    try:
        return bool((wall_clock(moments, place) - moments == stamps.offsets[stamps.given]).all())
    except ConfigError:
        return False


def _placed(local: Moments, series: npt.NDArray[np.int64], zone: str) -> tuple[Moments, npt.NDArray[np.bool_], int]:
    """Put stamps of a wall clock on the UTC line: of two equal ones in a doubled hour the second is the later.

    Also says which rows a clock ever showed, and how many stand in doubled hours twice.
    """
    earlier, later = on_utc(local, zone)
    kept = wall_clock(earlier, zone) == local
    placed = earlier.copy()
    twice = np.flatnonzero(earlier != later)
    apart = np.diff(local)
    if (apart < 0).sum() > (apart > 0).sum():  # time runs backward through the file
        twice = twice[::-1]
    seen: set[tuple[int, int]] = set()
    doubled = 0
    for row in twice.tolist():
        key = int(series[row]), int(local[row])
        if key in seen:
            placed[row] = later[row]
            doubled += 1
        seen.add(key)
    return placed, kept, doubled
