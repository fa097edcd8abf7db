"""The explanation page live on 127.0.0.1: one page, one way to ask, answers from gatewise.insight; nothing else.

Only this machine reaches it, and only its own page may ask: the Host header must name the address it listens on (a
foreign name that resolves to 127.0.0.1 is refused), and so must Origin where there is one.
"""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gatewise.base.errors import ConfigError, DataError, GatewiseError, one_line
from gatewise.explanation import story as insight
from gatewise.pages import explain as page
from gatewise.runtime.classifier import Model

ADDRESS, PORT = "127.0.0.1", 8008
LONGEST_TEXT, LONGEST_BODY = 100_000, 1_000_000  # characters; bytes
PATIENCE = 30  # seconds a connection may be silent

# What may be asked, and the fields each question must have besides.
QUESTIONS: dict[str, tuple[Callable[..., dict[str, Any]], tuple[str, ...]]] = {
    "look": (insight.look, ("text",)),
    "method": (insight.explained, ("text", "target", "method")),
    "phrase": (insight.phrase, ("text", "target", "start", "stop")),
    "brief": (insight.brief, ("text", "target")),
    "clamp": (insight.clamp, ("text", "target", "gate", "value", "unit")),
    "horizon": (insight.horizon, ("text", "target")),
}
KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,), "method": (str,), "gate": (str,), "target": (int,), "start": (int,), "stop": (int,),
    "value": (int, float), "unit": (int, type(None)),
}  # fmt: skip


def answer(model: Model, question: object) -> dict[str, Any]:
    """Answer one question of the page. Raises GatewiseError, with one sentence, for one that cannot be answered."""
    asked = question.get("ask") if isinstance(question, Mapping) else None
    if asked == "gradients":
        return insight.gradients()
    if not isinstance(question, Mapping) or not isinstance(asked, str) or asked not in QUESTIONS:
        raise DataError(f"There is no such question; ask one of {', '.join([*QUESTIONS, 'gradients'])}.")
    function, names = QUESTIONS[asked]
    for name in names:
        if name not in question or type(question[name]) not in KINDS[name]:
            raise DataError(f"The question {asked!r} needs {name!r}, {' or '.join(k.__name__ for k in KINDS[name])}.")
    if len(question["text"]) > LONGEST_TEXT:
        raise DataError(f"The text has {len(question['text']):,} characters; give at most {LONGEST_TEXT:,}.")
    if "target" in names and not 0 <= question["target"] < len(model.labels):
        raise DataError(f"There is no class {question['target']}; the model's are 0 to {len(model.labels) - 1}.")
    return function(model, **{name: question[name] for name in names})


def server(model: Model, title: str, *, port: int = PORT, text: str = "") -> "PageServer":
    """Make a server of the page, first for `text`; its serve_forever() works until Ctrl-C. Port 0 takes a free one.

    Raises ConfigError, with one sentence, when the port cannot be had.
    """
    html, policy = page.live_explanation(insight.setting(model), title, text, LONGEST_TEXT)
    try:
        return PageServer(port, model, html.encode(), policy)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "there is no such port"
        raise ConfigError(f"Port {port} cannot be used ({one_line(reason)}); choose another with --port.") from error


class PageServer(ThreadingHTTPServer):
    """A page, the policy it is sent with, and the model it asks."""

    def __init__(self, port: int, model: Model, html: bytes, policy: str) -> None:
        super().__init__((ADDRESS, port), Handler)
        self.model, self.html, self.policy = model, html, policy
        self.computing = threading.Lock()  # one answer at a time: the machine's cores are the model's


class Handler(BaseHTTPRequestHandler):
    """Answers the page's requests."""

    server: PageServer
    timeout = PATIENCE
    server_version, sys_version = "gatewise", ""

    def do_GET(self) -> None:
        if not self.trusted():
            return
        if self.path.partition("?")[0] == "/":
            self.reply(200, self.server.html, "text/html; charset=utf-8")
        else:
            self.refuse(404, "There is no such page; open /.")

    def do_POST(self) -> None:
        if not self.trusted():
            return
        length = self.headers.get("Content-Length", "")
        if self.path != "/answer" or self.headers.get_content_type() != "application/json":
            self.refuse(404, "Questions go to /answer, as JSON.")
        elif not length.isdecimal() or int(length) > LONGEST_BODY:
            self.refuse(413, f"A question has at most {LONGEST_BODY:,} bytes.")
        else:
            self.respond(self.rfile.read(int(length)))

    def respond(self, body: bytes) -> None:
        try:
            question = json.loads(body)
        except (ValueError, RecursionError):
            return self.refuse(400, "The question is not JSON.")
        try:
            with self.server.computing:
                found = answer(self.server.model, question)
        except GatewiseError as error:
            return self.refuse(400, str(error))
        return self.reply(200, page.answer(found).encode(), "application/json")

    def trusted(self) -> bool:
        """Answer only to our own name, and only questions of our own page."""
        names = [f"{host}:{self.server.server_port}" for host in (ADDRESS, "localhost")]
        host, origin = self.headers.get("Host"), self.headers.get("Origin")
        if host in names and origin in (None, f"http://{host}"):
            return True
        self.refuse(403, "This server answers only its own page on this machine.")
        return False

    def refuse(self, status: int, sentence: str) -> None:
        self.close_connection = True
        self.reply(status, json.dumps({"error": sentence}).encode(), "application/json")

    def reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store",
            "Content-Security-Policy": f"{self.server.policy}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:  # the reader has left
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what somebody reads in a text is nobody else's business."""
