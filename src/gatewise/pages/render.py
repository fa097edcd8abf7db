"""Data, words, styles and scripts to one HTML page that loads nothing; knows neither a report nor an explanation."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

import numpy as np

from gatewise.pages.packing import packed_story

LANGUAGES = ("en", "zh")
SHARED = ("numbers", "words", "draw", "masthead")  # scripts of every page, each after those it uses

# "<" and "&" could end the data block or start an entity; U+2028/9 end a line in older JavaScript.
_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def page(part: str, assets: tuple[str, str], data: Mapping[str, Any], *, connect: str = "") -> tuple[str, str]:
    """Give the page as text to be written as UTF-8, with one part's words, and its policy; `connect` adds a source."""
    allowed = policy(*assets) + (f"; connect-src {connect}" if connect else "")
    words = {language: json.loads(_asset(f"words/{language}.json"))[part] for language in LANGUAGES}
    # One pass: a text that happens to contain a placeholder stays a text.
    filled = Template(_asset("page.html")).substitute(
        policy=allowed, style=assets[0], script=assets[1], data=as_json({**data, "words": words})
    )
    return filled, allowed


def style_and_script(styles: Sequence[str], scripts: Sequence[str]) -> tuple[str, str]:
    """Join files of css/ and js/; the scripts stand in one block, so that their names are nobody else's."""
    style = "".join(_asset(f"css/{name}.css") for name in styles)
    return style, '"use strict";\n{\n' + "".join(_asset(f"js/{name}.js") for name in scripts) + "}\n"


def policy(style: str, script: str) -> str:
    """Give a Content-Security-Policy that allows this style and this script and nothing else."""
    allowed = f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
    return allowed + "base-uri 'none'; form-action 'none'"


def as_json(data: Any) -> str:
    """Write JSON that can stand inside a script element, whatever the texts contain; arrays are packed."""
    text = json.dumps(_plain(packed_story(data)), ensure_ascii=False, allow_nan=False)
    for character, escape in _ESCAPES.items():  # str.translate takes a hundred times as long
        text = text.replace(character, escape)
    return text


def _asset(name: str) -> str:
    """Read a file of pages/; line ends become \\n, as they do in a browser before it hashes."""
    return resources.files("gatewise.pages").joinpath(name).read_text(encoding="utf-8")


def _source(inline: str) -> str:
    """Name an inline script or style in a Content-Security-Policy by its hash."""
    digest = hashlib.sha256(inline.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _plain(value: Any) -> Any:
    """Replace what JSON or UTF-8 cannot hold: lone surrogates by U+FFFD, NaN and infinities by null."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
