"""Turn an Evaluation into one HTML file that loads nothing; it knows neither the model nor how a metric is computed."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

from gatewise.evaluation import Evaluation

LANGUAGES = ("en", "zh")

# "<" and "&" could end the data block or start an entity; U+2028/9 end a line in older JavaScript.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def report(evaluation: Evaluation, history: Sequence[Mapping[str, Any]], title: str) -> str:
    """Give the whole page as text to be written as UTF-8; history is a run's metrics.jsonl, one mapping per event."""
    style, script = _asset("report.css"), _asset("charts.js") + _asset("report.js")
    data = {
        "title": title,
        "evaluation": evaluation.as_dict(),
        "curves": _curves(history),
        "words": {language: json.loads(_asset(f"{language}.json"))["report"] for language in LANGUAGES},
    }
    policy = f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
    policy += "base-uri 'none'; form-action 'none'"
    # One pass: a text that happens to contain a placeholder stays a text.
    page = Template(_asset("report.html"))
    return page.substitute(policy=policy, style=style, script=script, data=_embedded(data))


def _asset(name: str) -> str:
    """Read a file of assets/; line ends become \\n, as they do in a browser before it hashes."""
    return resources.files("gatewise").joinpath("assets", name).read_text(encoding="utf-8")


def _source(inline: str) -> str:
    """Name an inline script or style in a Content-Security-Policy by its hash."""
    digest = hashlib.sha256(inline.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _curves(history: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Keep what is drawn: step and dev events that say at which epoch they happened."""
    keys = {"step": ("epoch", "loss"), "dev": ("epoch", "loss", "score")}
    return {
        kind: [
            {key: event.get(key) for key in wanted}
            for event in history
            if event.get("kind") == kind and event.get("epoch") is not None
        ]
        for kind, wanted in keys.items()
    }


def _embedded(data: Any) -> str:
    """Write JSON that can stand inside a script element, whatever the texts contain."""
    return json.dumps(_plain(data), ensure_ascii=False, allow_nan=False).translate(_ESCAPES)


def _plain(value: Any) -> Any:
    """Replace what JSON or UTF-8 cannot hold: lone surrogates by U+FFFD, NaN and infinities by null."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
