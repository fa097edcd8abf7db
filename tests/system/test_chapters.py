"""The chapter on an LSTM-CRF says what its commands and snippets print, and no figure of its own."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
OUTPUTS = runpy.run_path(str(DOCS / "outputs.py"))
ENGLISH, CHINESE = ((DOCS / name).read_text(encoding="utf-8") for name in OUTPUTS["CHAPTERS"])
BLOCK = re.compile(r"```(console|python|text)\n(.*?)```\n", re.DOTALL)
NUMBER = re.compile(r"\d[\d,]*\.\d+")


def close(said: str, printed: str) -> bool:
    """Say whether two texts differ by no more than the last digit of their numbers, as machines do."""
    pairs = list(zip(NUMBER.findall(said), NUMBER.findall(printed), strict=True))
    near = all(abs(float(a) - float(b)) < 1.5 * 10.0 ** -len(a.partition(".")[2]) for a, b in pairs)
    return near and NUMBER.sub("#", said) == NUMBER.sub("#", printed)


def test_chapter_says_what_its_snippets_print() -> None:
    printed = OUTPUTS["filled"](ENGLISH)
    assert ENGLISH.count("```python\n") == ENGLISH.count("```text\n") == 12
    said_blocks, printed_blocks = BLOCK.findall(ENGLISH), BLOCK.findall(printed)
    for (kind, said), (_, now) in zip(said_blocks, printed_blocks, strict=True):
        assert said.strip(), kind
        assert close(said, now), now


def test_chapter_in_chinese_has_the_same_snippets() -> None:
    assert BLOCK.findall(CHINESE) == BLOCK.findall(ENGLISH)


@pytest.mark.parametrize("chapter", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_chapter_tells_no_figure_that_was_not_printed(chapter: str) -> None:
    printed = {number for kind, block in BLOCK.findall(chapter) if kind != "python" for number in NUMBER.findall(block)}
    told = NUMBER.findall(BLOCK.sub("", chapter))
    assert len(told) > 20
    assert [number for number in told if number not in printed] == []


@pytest.mark.parametrize(
    ("said", "printed", "same"),
    [("a 0.12", "a 0.13", True), ("a 0.12", "a 0.14", False), ("a 0.12", "b 0.12", False), ("-0.1", "0.1", False)],
)
def test_chapter_is_held_to_the_last_digit(said: str, printed: str, same: Any) -> None:
    assert close(said, printed) is same
