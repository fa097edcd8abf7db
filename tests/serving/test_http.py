"""The server answers its own page on its own address, in one sentence where it cannot, and nobody else."""

import errno
import http.client
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.serving import http as serving
from gatewise.serving.http import Site, serve

Reply = tuple[int, dict[str, str], Any]


@contextmanager
def running(answer: Callable[[Any], str]) -> Iterator[int]:
    """Serve a page on a free port; give the port."""
    server = serve(Site("<p>很好</p>".encode(), "default-src 'none'", answer), 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()  # waits for the answers' threads
    thread.join(10)


def echo(question: Any) -> str:
    if question == "no":
        raise DataError("There is no such question.")
    return json.dumps({"asked": question})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(echo) as number:
        yield number


@pytest.fixture
def send(port: int) -> Callable[..., Reply]:
    def sent(method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        content = response.read()
        given = dict(response.getheaders())
        connection.close()
        return response.status, given, json.loads(content) if "json" in given["Content-Type"] else content.decode()

    return sent


def ask(send: Callable[..., Reply], question: object, **headers: str) -> Reply:
    return send("POST", "/answer", json.dumps(question).encode(), Content_Type="application/json", **headers)


def test_http_gives_the_page_with_its_policy(send):
    status, headers, html = send("GET", "/")
    assert (status, html) == (200, "<p>很好</p>")
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Python" not in headers["Server"]
    assert send("GET", "/?x=1")[0] == 200
    assert send("GET", "/etc/passwd")[0] == 404


def test_http_answers_or_says_in_one_sentence_why_not(send):
    assert ask(send, {"text": "很好"})[::2] == (200, {"asked": {"text": "很好"}})
    assert ask(send, "no")[::2] == (400, {"error": "There is no such question."})


def test_http_refuses_other_hosts_origins_kinds_and_sizes(port, send):
    assert ask(send, 1, Host="evil.example")[0] == 403
    assert ask(send, 1, Host=f"evil.example:{port}")[0] == 403
    assert send("GET", "/", Host="evil.example")[0] == 403
    assert ask(send, 1, Origin="https://evil.example")[0] == 403
    assert ask(send, 1, Origin="null")[0] == 403
    assert ask(send, 1, Origin=f"http://127.0.0.1:{port}")[0] == 200
    assert ask(send, 1, Host=f"localhost:{port}")[0] == 200
    assert send("POST", "/answer", b"{}", Content_Type="text/plain")[0] == 404
    assert send("POST", "/other", b"{}", Content_Type="application/json")[0] == 404
    assert send("POST", "/answer", b"{", Content_Type="application/json")[0] == 400
    assert send("POST", "/answer", b"[" * 100_000, Content_Type="application/json")[0] == 400
    assert send("POST", "/answer", b"", Content_Type="application/json", Content_Length="2000000")[0] == 413
    assert send("POST", "/answer", b"", Content_Type="application/json", Content_Length="-1")[0] == 411


def test_http_says_in_one_sentence_that_a_port_cannot_be_had(port):
    site = Site(b"", "", echo)
    with pytest.raises(ConfigError, match=f"Port {port} cannot be used .*--port"):
        serve(site, port)
    with pytest.raises(ConfigError, match="Port 70000 cannot be used"):
        serve(site, 70000)


def test_http_computes_one_answer_at_a_time(send):
    inside, most, begun = [], [], threading.Event()

    def slow(question: Any) -> str:
        inside.append(question)
        most.append(len(inside))
        begun.set()
        threading.Event().wait(0.2)
        inside.remove(question)
        return "{}"

    with running(slow) as port:

        def asked(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", "/answer", str(number), {"Content-Type": "application/json"})
            assert connection.getresponse().status == 200
            connection.close()

        threads = [threading.Thread(target=asked, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert most == [1, 1, 1]


def test_http_goes_on_in_silence_when_a_reader_leaves_before_the_answer(capfd):
    begun, left = threading.Event(), threading.Event()

    def slow(question: Any) -> str:
        begun.set()
        assert left.wait(20)
        return json.dumps({"answer": "x" * 10_000_000})  # more than a connection holds

    with running(slow) as port:
        with socket.create_connection(("127.0.0.1", port)) as reader:
            head = f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            reader.sendall(f"{head}Content-Length: 2\r\n\r\n{{}}".encode())
            assert begun.wait(20)
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leave without a word
        left.set()
        again = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        again.request("GET", "/")
        assert again.getresponse().status == 200
        again.close()
    assert capfd.readouterr().err == ""


def exchanged(port: int, sent: bytes) -> bytes:
    """Send bytes as they are; give all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as reader:
        received = b""
        try:
            reader.sendall(sent)
            reader.shutdown(socket.SHUT_WR)
            while piece := reader.recv(1 << 16):
                received += piece
        except OSError as error:  # it closed before it had read all: reset, broken pipe, or no longer connected
            if not isinstance(error, ConnectionError) and error.errno != errno.ENOTCONN:
                raise
        return received


HEAD = "POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n"
ABSURD = [
    "Content-Length: +2\r\n", "Content-Length: 2_0\r\n", "Content-Length:\r\n", "Content-Length: \xb2\r\n",
    "Content-Length: 0x2\r\n", "Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: 2, 2\r\n",
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\n", "",
]  # fmt: skip


@pytest.mark.parametrize("length", ABSURD)
def test_http_refuses_a_question_whose_length_is_not_told_plainly(port, capfd, length):
    received = exchanged(port, f"{HEAD.format(port)}{length}\r\n{{}}".encode("latin-1"))
    assert received.startswith(b"HTTP/1.0 411 ") and b"with its length in bytes" in received
    assert capfd.readouterr().err == ""


def test_http_leaves_no_traceback_whatever_is_sent(port, send, capfd):
    head = HEAD.format(port)
    assert exchanged(port, f"{head}Content-Length: {'9' * 60_000}\r\n\r\n{{}}".encode()).startswith(b"HTTP/1.0 413 ")
    assert exchanged(port, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n").startswith(b"HTTP/1.0 431 ")
    assert exchanged(port, b"GET / HTTP/1.1\r\nA: " + b"b" * 100_000 + b"\r\n\r\n").startswith(b"HTTP/1.0 431 ")
    assert exchanged(port, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.0 414 ")
    assert b"answers only its own page" in exchanged(port, b"GET /\r\n\r\n")  # HTTP/0.9 names no host
    pipelined = exchanged(port, f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() * 3)
    assert pipelined.count(b"HTTP/1.0 200 ") == 1  # one request a connection
    for rubbish in (b"", b"\0" * 1000, b"\r\n\r\n", b"\xff\xfe GET", b"GET / HTTP/\xb2.0\r\n\r\n", b"X" * 70_000):
        exchanged(port, rubbish)
    for sent in (b"", b"GET /", f"{head}Content-Length: 9\r\n\r\n{{".encode()):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as reader:
            reader.sendall(sent)
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leave without a word
    assert ask(send, {"text": "很好"})[0] == 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("sent", ["", HEAD, HEAD + "Content-Length: 9\r\n\r\n"])
def test_http_waits_so_long_for_a_whole_request_and_no_longer(monkeypatch, capfd, sent):
    monkeypatch.setattr(serving, "PATIENCE", 0.5)
    with running(echo) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as reader:
        reader.sendall(sent.format(port).encode())
        reader.settimeout(0.05)
        closed = False
        for _ in range(200):  # a byte now and then
            try:
                reader.sendall(b"1")
                closed = reader.recv(100) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                closed = True
            if closed:
                break
        assert closed
    assert capfd.readouterr().err == ""


def test_http_closes_connections_beyond_its_number_and_takes_others_later(monkeypatch, capfd):
    monkeypatch.setattr(serving, "CONNECTIONS", 2)
    with running(echo) as port:
        open_ones = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(2)]
        assert exchanged(port, b"GET / HTTP/1.1\r\n\r\n") == b""
        for one in open_ones:
            one.close()
        while not exchanged(port, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.0 403 "):
            pass  # until the threads of the two have seen that they are gone
    assert capfd.readouterr().err == ""


def test_http_waits_for_a_descriptor_without_spinning(monkeypatch):
    left, paused, accept = [errno.EMFILE, errno.ENFILE], [], socketserver.TCPServer.get_request

    def short(server: Any) -> Any:
        if left:
            raise OSError(left.pop(), "Too many open files")
        return accept(server)

    monkeypatch.setattr(socketserver.TCPServer, "get_request", short)
    monkeypatch.setattr(serving.time, "sleep", paused.append)
    with running(echo) as port:
        assert exchanged(port, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.0 403 ")
    assert paused == [serving.PAUSE] * 2


def test_http_goes_on_where_no_thread_can_be_started(monkeypatch, capfd):
    with running(echo) as port:
        start = threading.Thread.start
        monkeypatch.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError("no thread")))
        assert exchanged(port, b"GET / HTTP/1.1\r\n\r\n") == b""
        monkeypatch.setattr(threading.Thread, "start", start)
        assert exchanged(port, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.0 403 ")
    assert capfd.readouterr().err == ""
