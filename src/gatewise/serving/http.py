"""One guarded HTTP server of this machine: a page, and JSON answers to its questions; knows no model.

Only this machine reaches it, and only its own page may ask: the Host header must name the address it listens on (a
foreign name that resolves to 127.0.0.1 is refused), and so must Origin where there is one.
"""

import errno
import io
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gatewise.base.errors import ConfigError, GatewiseError, one_line
from gatewise.serving.guards import PATIENCE, headers_of, own_page

ADDRESS, PORT = "127.0.0.1", 8008
LONGEST_BODY = 1_000_000  # bytes
LINGER = 1  # seconds that an answer has to be read, where more was sent than was asked for
CONNECTIONS = 64  # at a time; a browser opens six
SHORT = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}  # what the system lacks now, and has again later
PAUSE = 0.1  # seconds between two looks whether it has


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
        self.places = threading.Semaphore(CONNECTIONS)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; where there is no descriptor left for it, wait a moment, for it stays in the queue."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in SHORT:
                time.sleep(PAUSE)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or close the connection where too many are open."""
        if not self.places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread could be started
            self.places.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a reader that has left; anything else is a fault of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Timed(io.RawIOBase):
    """What a connection sends, all of it within PATIENCE: a sender of a byte now and then is no better than silence."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.end = connection, time.monotonic() + PATIENCE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.connection.settimeout(max(self.end - time.monotonic(), 1e-3))
        return self.connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    """Answers the page's requests, one a connection."""

    server: SiteServer
    server_version, sys_version = "gatewise", ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(Timed(self.connection))

    def finish(self) -> None:
        """Close when the other side has read: what it still sends would else undo an answer that is on its way."""
        super().finish()
        end, left = time.monotonic() + LINGER, LONGEST_BODY
        with suppress(OSError):  # it has left already
            self.connection.shutdown(socket.SHUT_WR)
            while left > 0 and (seconds := end - time.monotonic()) > 0:
                self.connection.settimeout(seconds)
                if not (piece := self.connection.recv(1 << 16)):
                    break
                left -= len(piece)

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
        lengths = self.headers.get_all("Content-Length", [])
        if self.path != "/answer" or self.headers.get_content_type() != "application/json":
            self.refuse(404, "Questions go to /answer, as JSON.")
        elif "Transfer-Encoding" in self.headers or len(lengths) != 1 or not re.fullmatch("[0-9]+", lengths[0]):
            self.refuse(411, "A question comes whole, with its length in bytes.")
        elif len(lengths[0]) > len(str(LONGEST_BODY)) or int(lengths[0]) > LONGEST_BODY:
            self.refuse(413, f"A question has at most {LONGEST_BODY:,} bytes.")
        else:
            self.respond(self.rfile.read(int(lengths[0])))

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
        if host in names and own_page(host, origin):
            return True
        self.refuse(403, "This server answers only its own page on this machine.")
        return False

    def refuse(self, status: int, sentence: str) -> None:
        self.close_connection = True
        self.reply(status, json.dumps({"error": sentence}).encode(), "application/json")

    def reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = headers_of(f"{self.server.site.policy}; frame-ancestors 'none'")
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.connection.settimeout(PATIENCE)
        try:
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:  # the reader has left
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what somebody reads in a text is nobody else's business."""
