"""What may be said of a file of series, declared once as settings are. Knows no file, and imports nothing heavy."""

from dataclasses import dataclass, field
from typing import Any, Literal

from gatewise.base.settings import check, flattened, replaced, setting
from gatewise.data.layout import SEPARATORS, refuse_encoding

Decimal = Literal["auto", ".", ","]


@dataclass(frozen=True, slots=True)
class SeriesLayout:
    """What is said of series; what is not, the file decides."""

    target: str = setting("", "Column to forecast, where several hold numbers.")
    time: tuple[str, ...] = setting((), "Column of time, or several: date,time or year,month,day,hour.")
    id_column: str = setting("", "Column that tells series apart, where a file holds several.")
    known: tuple[str, ...] = setting((), "Columns known ahead of time: holidays, prices, plans.")
    past: tuple[str, ...] = setting((), "Columns known up to the moment of the forecast; so are those not declared.")
    static: tuple[str, ...] = setting((), "Columns that hold one value for a whole series.")
    day_first: bool | None = setting(
        None, "Whether 03/04/2024 is in April, where no row proves it.", option="--day-first/--month-first"
    )
    zone: str = setting("", "Time zone of the place, as Europe/Berlin: hours and days of week are those of its clocks.")
    decimal: Decimal = setting("auto", "What parts whole numbers from fractions.")
    separator: str = setting("", "What stands between a table's values: a character, or tab.")
    encoding: str = setting("", "Encoding of text files that are not UTF-8: cp1252, gb18030, utf-16, ...")

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "separator", SEPARATORS.get(self.separator, self.separator))
        refuse_encoding(self.encoding)


@dataclass(frozen=True, slots=True)
class SeriesOptions:
    """The one group, as settings are declared in groups."""

    layout: SeriesLayout = field(default_factory=SeriesLayout)

    def flat(self) -> dict[str, Any]:
        """Give all fields without their group."""
        return flattened(self)

    def replace(self, **values: Any) -> "SeriesOptions":
        """Give a copy with some fields set; None leaves one as it is."""
        return replaced(self, **values)
