"""Wall clocks and the UTC line: doubled hours keep their order, skipped ones hold nothing, days stay days."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gatewise.data.series_clock import NO_ZONE, Line, line_of
from gatewise.data.series_time import Stamps, stamps_of
from gatewise.runtime.series import Step, calendar_of

BERLIN = ZoneInfo("Europe/Berlin")


def stamps(values: list[str]) -> Stamps:
    return stamps_of(["t"], [values], range(len(values)), "a", None)


def line(values: list[str], zone: str = "", series: list[int] | None = None) -> Line:
    return line_of(stamps(values), np.array(series or [0] * len(values)), zone)


def hours(first: datetime, count: int, step: timedelta = timedelta(hours=1)) -> list[datetime]:
    return [(first.astimezone(UTC) + place * step).astimezone(BERLIN) for place in range(count)]


AUTUMN = hours(datetime(2020, 10, 24, 22, tzinfo=BERLIN), 8)  # 02:00 twice
SPRING = hours(datetime(2020, 3, 28, 22, tzinfo=BERLIN), 8)  # no 02:00


@pytest.mark.parametrize("rows", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_clock_local_stamps_become_the_hours_that_passed(rows: list[datetime]) -> None:
    told = line([one.strftime("%Y-%m-%d %H:%M") for one in rows], "Europe/Berlin")
    assert told.moments.tolist() == [int(one.timestamp()) for one in rows]
    assert (told.step, told.zone, told.kept.all()) == (Step(3600, "second"), "Europe/Berlin", True)


def test_clock_doubled_half_hours_of_two_series_and_backward() -> None:
    rows = hours(datetime(2020, 10, 25, 0, tzinfo=BERLIN), 12, timedelta(minutes=30))
    written, expected = [f"{one:%Y-%m-%d %H:%M}" for one in rows], [int(one.timestamp()) for one in rows]
    told = line(written * 2, "Europe/Berlin", [0] * 12 + [1] * 12)
    assert told.moments.tolist() == expected * 2
    assert any("4 rows stand in hours that these clocks repeat; the second is the later" in one for one in told.notes)
    assert line(written[::-1], "Europe/Berlin").moments.tolist() == expected[::-1]


def test_clock_a_row_in_a_skipped_hour_is_left_out() -> None:
    told = line([f"2020-03-29 {hour:02}:00" for hour in range(6)], "Europe/Berlin")
    assert told.kept.tolist() == [True, True, False, True, True, True]
    assert any(
        one.startswith("Zone: 1 rows stand in hours that these clocks skip, and are left out") for one in told.notes
    )


def test_clock_without_a_zone_stamps_stand_as_they_are() -> None:
    told = line(["2020-10-25 02:00", "2020-10-25 03:00"])
    assert told.moments.tolist() == stamps(["2020-10-25 02:00", "2020-10-25 03:00"]).moments.tolist()
    assert (told.zone, told.notes) == ("", (NO_ZONE,))


def test_clock_offsets_that_change_name_a_zone_of_their_clocks() -> None:
    told = line([one.isoformat() for one in AUTUMN])
    assert told.zone == "Europe/Berlin" and told.moments.tolist() == [int(one.timestamp()) for one in AUTUMN]
    assert calendar_of(told.moments, told.zone).hour.tolist() == [one.hour for one in AUTUMN]
    odd = line(["2020-01-01T00:00+01:00", "2020-01-01T00:00+00:00", "2020-01-01T03:00+02:00"])
    assert odd.zone == "" and "as in no zone known here" in odd.notes[0]


def test_clock_a_machine_without_zones_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewise.data.series_clock.PLACES", ("Mars/Olympus",))
    assert line([one.isoformat() for one in AUTUMN]).zone == ""


def test_clock_one_offset_is_its_own_zone_and_utc_none() -> None:
    told = line(["2020-01-01T00:00+05:30", "2020-01-01T01:00+05:30"])
    assert told.zone == "+05:30" and calendar_of(told.moments, told.zone).hour.tolist() == [0, 1]
    assert line(["2020-01-01T00:00-03:00", "2020-01-01T01:00-03:00"]).zone == "-03:00"
    assert line(["2020-01-01T00:00Z", "2020-01-01T01:00Z"]).zone == ""
    melbourne = line(["2020-01-01T13:00Z", "2020-01-01T14:00Z"], "Australia/Melbourne")
    assert calendar_of(melbourne.moments, melbourne.zone).hour.tolist() == [0, 1]


def test_clock_whole_days_are_those_of_the_wall_clock() -> None:
    """Local midnights are 23, 24 and 25 hours apart, and one step."""
    days = [datetime(2020, 3, 27, tzinfo=BERLIN) + timedelta(days=day) for day in range(5)]
    told = line([one.isoformat() for one in days])
    assert (told.step, told.zone) == (Step(86_400, "second"), "")
    assert np.diff(told.moments).tolist() == [86_400] * 4 and told.moments[0] % 86_400 == 0
    months = [datetime(2020, month, 1, tzinfo=BERLIN).isoformat() for month in range(1, 13)]
    assert (line(months).step, line(months).zone) == (Step(1, "month"), "")
    utc = line([f"2020-03-{day}T00:00Z" for day in range(26, 32)], "Europe/Berlin")
    assert (utc.step, utc.zone) == (Step(86_400, "second"), "Europe/Berlin")


def test_clock_naive_days_need_no_zone() -> None:
    told = line(["2020-03-28", "2020-03-29", "2020-03-30"], "Europe/Berlin")
    assert (told.zone, np.diff(told.moments).tolist()) == ("", [86_400] * 2)
