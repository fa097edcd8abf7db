"""One guarded HTTP server of this machine: a page, and JSON answers to its questions; knows no model.

Only this machine reaches it, and only its own page may ask: the Host header must name the address it listens on (a
foreign name that resolves to 127.0.0.1 is refused), and so must Origin where there is one.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gatewise.base.errors import ConfigError, GatewiseError, one_line

ADDRESS, PORT = "127.0.0.1", 8008
LONGEST_BODY = 1_000_000  # bytes
PATIENCE = 30  # seconds a connection may be silent


@dataclass(frozen=True, slots=True)
class Site:
    """What is served: a page with the policy it is sent under, and what answers its questions, as JSON.

    `answer` raises GatewiseError, with one sentence, for a question that cannot be answered.
    """

    html: bytes
    policy: str
    answer: Callable[[Any], str]


def serve(site: Site, port: int = PORT) -> "SiteServer":
    """Make a server, whose serve_forever() works until Ctrl-C. Port 0 takes a free one.

    Raises ConfigError, with one sentence, when the port cannot be had.
    """
    try:
        return SiteServer(site, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "there is no such port"
        raise ConfigError(f"Port {port} cannot be used ({one_line(reason)}); choose another with --port.") from error


class SiteServer(ThreadingHTTPServer):
    """A site at its address."""

    def __init__(self, site: Site, port: int) -> None:
        super().__init__((ADDRESS, port), Handler)
        self.site = site
        self.computing = threading.Lock()  # one answer at a time: the machine's cores are the model's


class Handler(BaseHTTPRequestHandler):
    """Answers the page's requests."""

    server: SiteServer
    timeout = PATIENCE
    server_version, sys_version = "gatewise", ""

    def do_GET(self) -> None:
        if not self.trusted():
            return
        if self.path.partition("?")[0] == "/":
            self.reply(200, self.server.site.html, "text/html; charset=utf-8")
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
                answer = self.server.site.answer(question)
        except GatewiseError as error:
            return self.refuse(400, str(error))
        return self.reply(200, answer.encode(), "application/json")

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
            "Content-Security-Policy": f"{self.server.site.policy}; frame-ancestors 'none'",
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
