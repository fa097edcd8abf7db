"""Turn an Evaluation, or all that was seen of one text, into one HTML page that loads nothing; it knows no model."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import pairwise
from string import Template
from typing import Any

from gatewise.tasks.classify.measure import Evaluation

LANGUAGES = ("en", "zh")

# "<" and "&" could end the data block or start an entity; U+2028/9 end a line in older JavaScript.
_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def report(evaluation: Evaluation, history: Sequence[Mapping[str, Any]], title: str) -> str:
    """Give the whole page as text to be written as UTF-8; history is a run's metrics.jsonl, one mapping per event."""
    style, script = _asset("report.css"), _asset("charts.js") + _asset("report.js")
    data = {
        "title": title,
        "evaluation": evaluation.as_dict(),
        "curves": _curves(history),
        "words": _words("report"),
    }
    return _filled("report.html", style, script, data, policy(style, script))


def explanation(setting: Mapping[str, Any], story: Mapping[str, Any], title: str) -> str:
    """Give the page that explains one text, as text to be written as UTF-8, with a story's numbers."""
    style, script = explanation_assets()
    data = {**setting, "title": title, "live": False, "story": story, "words": _words("explain")}
    return _filled("explain.html", style, script, data, policy(style, script))


def live_explanation(setting: Mapping[str, Any], title: str, text: str, longest: int) -> tuple[str, str]:
    """Give the page that asks a Python for its numbers, first for `text`, and the policy to send with it."""
    style, script = explanation_assets(live=True)
    data = {**setting, "title": title, "live": True, "text": text, "longest": longest, "story": {}}
    allowed = policy(style, script) + "; connect-src 'self'"
    return _filled("explain.html", style, script, data | {"words": _words("explain")}, allowed), allowed


def explanation_assets(live: bool = False) -> tuple[str, str]:
    """Give the style and the script of the page that explains; only a live one has code that asks."""
    parts = ["data", *(["live"] if live else []), "text", "cell", "shares", "memory", "tour"]
    script = _asset("charts.js") + "".join(_asset(f"explain-{part}.js") for part in parts)
    return _asset("report.css") + _asset("explain.css"), script


def policy(style: str, script: str) -> str:
    """Give a Content-Security-Policy that allows this style and this script and nothing else."""
    allowed = f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
    return allowed + "base-uri 'none'; form-action 'none'"


def _words(part: str) -> dict[str, Any]:
    return {language: json.loads(_asset(f"{language}.json"))[part] for language in LANGUAGES}


def _filled(name: str, style: str, script: str, data: Mapping[str, Any], allowed: str) -> str:
    # One pass: a text that happens to contain a placeholder stays a text.
    page = Template(_asset(name))
    return page.substitute(policy=allowed, style=style, script=script, data=as_json(data))


def _asset(name: str) -> str:
    """Read a file of pages/; line ends become \\n, as they do in a browser before it hashes."""
    folder = {"js": "js", "css": "css", "json": "words"}.get(name.rpartition(".")[2], "")
    return resources.files("gatewise.pages").joinpath(folder, name).read_text(encoding="utf-8")


def _source(inline: str) -> str:
    """Name an inline script or style in a Content-Security-Policy by its hash."""
    digest = hashlib.sha256(inline.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _curves(history: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Keep what is drawn: step and dev events that say at which epoch they happened, of the last network that learnt.

    Where a run teaches several networks in turn, each begins again at epoch 0, and the last is the model's.
    """
    keys = {"step": ("epoch", "loss"), "dev": ("epoch", "loss", "score")}
    events = [event for event in history if event.get("kind") in keys and event.get("epoch") is not None]
    begins = [place for place, (one, next_) in enumerate(pairwise(events), 1) if next_["epoch"] < one["epoch"]]
    own = events[begins[-1] if begins else 0 :]
    return {
        kind: [{key: event.get(key) for key in wanted} for event in own if event["kind"] == kind]
        for kind, wanted in keys.items()
    }


def as_json(data: Any) -> str:
    """Write JSON that can stand inside a script element, whatever the texts contain."""
    text = json.dumps(_plain(data), ensure_ascii=False, allow_nan=False)
    for character, escape in _ESCAPES.items():  # str.translate takes a hundred times as long
        text = text.replace(character, escape)
    return text


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
