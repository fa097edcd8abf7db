"""The explanation page live: what it may ask of a model, and the answers; knows nothing of HTTP."""

from collections.abc import Callable, Mapping
from typing import Any

from gatewise.base.errors import DataError
from gatewise.explanation import story, whatif
from gatewise.explanation.tracing import read
from gatewise.pages import explain as page
from gatewise.runtime.classifier import Model
from gatewise.serving.guards import LONGEST_TEXT
from gatewise.serving.http import PORT, Site, SiteServer, serve

# What may be asked of a text, and the fields each question must have besides.
QUESTIONS: dict[str, tuple[Callable[..., dict[str, Any]], tuple[str, ...]]] = {
    "look": (story.look, ()),
    "method": (story.by_method, ("target", "method")),
    "phrase": (whatif.phrase, ("target", "start", "stop")),
    "brief": (whatif.brief, ("target",)),
    "clamp": (whatif.clamp, ("target", "gate", "value", "unit")),
    "horizon": (whatif.horizon, ("target",)),
}
KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,), "method": (str,), "gate": (str,), "target": (int,), "start": (int,), "stop": (int,),
    "value": (int, float), "unit": (int, type(None)),
}  # fmt: skip


def answer(model: Model, question: object) -> dict[str, Any]:
    """Answer one question of the page. Raises GatewiseError, with one sentence, for one that cannot be answered."""
    asked = question.get("ask") if isinstance(question, Mapping) else None
    if asked == "gradients":
        return story.gradients()
    if not isinstance(question, Mapping) or not isinstance(asked, str) or asked not in QUESTIONS:
        raise DataError(f"There is no such question; ask one of {', '.join([*QUESTIONS, 'gradients'])}.")
    function, names = QUESTIONS[asked]
    for name in ("text", *names):
        if name not in question or type(question[name]) not in KINDS[name]:
            raise DataError(f"The question {asked!r} needs {name!r}, {' or '.join(k.__name__ for k in KINDS[name])}.")
    if len(question["text"]) > LONGEST_TEXT:
        raise DataError(f"The text has {len(question['text']):,} characters; give at most {LONGEST_TEXT:,}.")
    if "target" in names and not 0 <= question["target"] < len(model.labels):
        raise DataError(f"There is no class {question['target']}; the model's are 0 to {len(model.labels) - 1}.")
    return function(read(model, question["text"]), **{name: question[name] for name in names})


def server(model: Model, title: str, *, port: int = PORT, text: str = "") -> SiteServer:
    """Make a server of the page, first for `text`; its serve_forever() works until Ctrl-C. Port 0 takes a free one.

    Raises ConfigError, with one sentence, when the port cannot be had.
    """
    html, policy = page.live_explanation(story.setting(model), title, text, LONGEST_TEXT)
    return serve(Site(html.encode(), policy, lambda question: page.answer(answer(model, question))), port)
