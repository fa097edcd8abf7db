"""How a file of labelled words is laid out, as far as the user says it: declared once, for commands and Python."""

from dataclasses import dataclass, field
from typing import Any, Literal

from gatewise.base.settings import check, flattened, replaced, setting
from gatewise.data.layout import refuse_encoding

Form = Literal["auto", "conll", "conllu", "json", "brat"]
Nested = Literal["outer", "inner", "refuse"]
Counting = Literal["auto", "code-points", "utf-16", "lines-as-one", "utf-16-lines-as-one"]
AnyScheme = Literal["auto", "plain", "IOB1", "IOB2", "BIOES", "BMES", "BILOU", "IO"]
Words = Literal["words", "treebank", "characters"]


@dataclass(frozen=True, slots=True)
class TaggedLayout:
    """What is said of a file; what is not, the file decides."""

    form: Form = setting(
        "auto", "What the files are: columns (conll), CoNLL-U, JSON of any annotation tool, brat; auto looks inside."
    )
    token_column: int = setting(0, "Column of the tokens, counted from 1; 0 takes the first that can be.", 0, 1000)
    tag_column: int = setting(
        0, "Column of the tags, counted from 1, or from the end with a minus; 0 takes the last, or the first.",
        -1000, 1000,
    )  # fmt: skip
    layer: str = setting(
        "", "What of CoNLL-U is the tag: upos, xpos, words (their borders, a tag a character) or a key of MISC."
    )
    tag_key: str = setting("", "Key of the spans or tags in JSON, where it is not plain.")
    text_key: str = setting("", "Key of the text in JSON, where it is not plain.")
    names: tuple[str, ...] = setting((), "Names of labels that JSON has as numbers, from 0 on.")
    scheme: AnyScheme = setting("auto", "How tags write spans, or plain labels; auto finds it out.")
    nested: Nested = setting("outer", "Of spans one over another, keep the outer or the inner, or refuse the file.")
    offsets: Counting = setting(
        "auto",
        "What offsets count: code points, UTF-16 units, line ends \\r\\n as one; auto holds them to the stated words.",
    )
    inclusive: bool = setting(
        False, "Offsets name a span's last character, not the one after it.", option="--inclusive"
    )
    words: Words = setting(
        "words", "How a text without tokens is taken apart: words, words as treebanks have them, or characters."
    )
    encoding: str = setting("", "Encoding of text files that are not UTF-8: cp1252, gb18030, utf-16, ...")

    def __post_init__(self) -> None:
        check(self)
        refuse_encoding(self.encoding)


@dataclass(frozen=True, slots=True)
class TaggedOptions:
    """The one group, as settings are declared in groups."""

    layout: TaggedLayout = field(default_factory=TaggedLayout)

    def flat(self) -> dict[str, Any]:
        """Give all fields without their group."""
        return flattened(self)

    def replace(self, **values: Any) -> "TaggedOptions":
        """Give a copy with some fields set; None leaves one as it is."""
        return replaced(self, **values)
