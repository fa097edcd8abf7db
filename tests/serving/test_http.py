"""The server answers its own page on its own address, in one sentence where it cannot, and nobody else."""

import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gatewise.base.errors import ConfigError, DataError
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
    assert send("POST", "/answer", b"", Content_Type="application/json", Content_Length="-1")[0] == 413


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
