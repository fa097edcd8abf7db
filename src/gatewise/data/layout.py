"""How a file's rows are laid out, as far as the user says it: declared once, for commands and `read` alike."""

from dataclasses import dataclass, field
from typing import Any, Literal

from gatewise.base.errors import ConfigError, one_line
from gatewise.base.settings import check, flattened, replaced, setting

Quoting = Literal["auto", "minimal", "backslash", "none"]
TextPer = Literal["auto", "line", "file"]
SEPARATORS = {"tab": "\t", r"\t": "\t"}  # as a shell lets one write it


def refuse_encoding(name: str) -> None:
    """Raise ConfigError where Python knows no such encoding of text; "" is UTF-8."""
    try:
        "".encode(name or "utf-8")
    except (LookupError, ValueError) as error:  # ValueError: a zero byte in the name
        raise ConfigError(
            f"encoding is {one_line(name, 60)!r}, which is none of text; try cp1252 or gb18030."
        ) from error


@dataclass(frozen=True, slots=True)
class Layout:
    """What is said of a file; what is not, the file decides."""

    text_column: str = setting("", "Column of the texts, where it is not plain; review.text is a value inside another.")
    label_column: str = setting("", "Column of the labels, where it is not plain.")
    group_column: str = setting("", "Column whose equal values stay on one side of the dev split.")
    columns: tuple[str, ...] = setting((), "Names of all columns in their order, of a table that has no header.")
    header: bool | None = setting(None, "Whether a table's first row names its columns.", option="--header/--no-header")
    separator: str = setting("", "What stands between a table's values: a character, or tab.")
    quoting: Quoting = setting(
        "auto",
        "Quotation marks enclose values, those inside doubled (minimal) or after a backslash (backslash), or are text "
        "(none); auto: text in a tab-separated file.",
    )
    encoding: str = setting("", "Encoding of text files that are not UTF-8: cp1252, gb18030, utf-16, ...")
    text_per: TextPer = setting("auto", "Whether .txt files hold a text a line or one text; auto: by their size.")
    skip_unlabelled: bool = setting(
        False, "Leave out rows without a label, and count them.", option="--skip-unlabelled"
    )

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "separator", SEPARATORS.get(self.separator, self.separator))
        if len(self.separator) > 1 or self.separator in ("\n", "\r", '"'):
            raise ConfigError(f"separator is {one_line(self.separator, 60)!r}; give one character, or tab.")
        refuse_encoding(self.encoding)


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """The one group, as settings are declared in groups."""

    layout: Layout = field(default_factory=Layout)

    def flat(self) -> dict[str, Any]:
        """Give all fields without their group."""
        return flattened(self)

    def replace(self, **values: Any) -> "LayoutOptions":
        """Give a copy with some fields set; None leaves one as it is."""
        return replaced(self, **values)
