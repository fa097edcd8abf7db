"""The server answers its own page on its own address, in one sentence where it cannot, and nobody else."""

import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.explanation import shares as attribution
from gatewise.explanation import story as insight
from gatewise.serving import explain as serve

OTHER = next(name for name in attribution.METHODS if name != attribution.DEFAULT)
TEXT = "the film was dull and the cast superb"
Reply = tuple[int, dict[str, str], Any]


@pytest.fixture(scope="module")
def port(tiny_model) -> Iterator[int]:
    running = serve.server(tiny_model, "tiny", port=0, text=TEXT)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running.server_port
    running.shutdown()
    running.server_close()
    thread.join(10)


@pytest.fixture
def send(port: int) -> Callable[..., Reply]:
    def sent(method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        content = response.read()
        found = dict(response.getheaders())
        connection.close()
        return response.status, found, json.loads(content) if "json" in found["Content-Type"] else content.decode()

    return sent


def ask(send: Callable[..., Reply], question: object, **headers: str) -> Reply:
    return send("POST", "/answer", json.dumps(question).encode(), Content_Type="application/json", **headers)


def test_serve_gives_the_page_with_a_strict_policy(send):
    status, headers, html = send("GET", "/")
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.endswith("connect-src 'self'; frame-ancestors 'none'")
    assert "unsafe" not in policy
    assert TEXT in html
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]
    assert send("GET", "/?x=1")[0] == 200
    assert send("GET", "/etc/passwd")[0] == 404


def test_serve_answers_as_the_library_does(tiny_model, send):
    status, _, found = ask(send, {"ask": "look", "text": TEXT})
    assert status == 200
    expected = insight.look(tiny_model, TEXT)
    assert found == json.loads(json.dumps(expected))
    target = found["target"]
    questions = [
        ({"ask": "brief", "text": "a superb film", "target": 1}, insight.brief(tiny_model, "a superb film", 1)),
        ({"ask": "horizon", "text": TEXT, "target": target}, insight.horizon(tiny_model, TEXT, target)),
        ({"ask": "gradients"}, insight.gradients()),
        (
            {"ask": "method", "text": TEXT, "target": target, "method": OTHER},
            insight.explained(tiny_model, TEXT, target, OTHER),
        ),
        (
            {"ask": "phrase", "text": TEXT, "target": target, "start": 2, "stop": 4},
            insight.phrase(tiny_model, TEXT, target, 2, 4),
        ),
        (
            {"ask": "clamp", "text": TEXT, "target": target, "gate": "forget_gate", "value": 1, "unit": None},
            insight.clamp(tiny_model, TEXT, target, "forget_gate", 1, None),
        ),
    ]
    for question, answer in questions:
        assert ask(send, question)[::2] == (200, json.loads(json.dumps(answer)))


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ([], "no such question"),
        ({"ask": "weights"}, "no such question"),
        ({"ask": ["look"]}, "no such question"),
        ({"ask": "look"}, "needs 'text', str"),
        ({"ask": "look", "text": 3}, "needs 'text', str"),
        ({"ask": "look", "text": " \n"}, "text is empty"),
        ({"ask": "look", "text": "x" * 100_001}, "at most 100,000"),
        ({"ask": "brief", "text": TEXT, "target": 7}, "no class 7"),
        ({"ask": "brief", "text": TEXT, "target": True}, "needs 'target', int"),
        ({"ask": "method", "text": TEXT, "target": 0, "method": "magic"}, "no method 'magic'"),
        ({"ask": "clamp", "text": TEXT, "target": 0, "gate": "x", "value": 1, "unit": None}, "no gate 'x'"),
        ({"ask": "phrase", "text": TEXT, "target": 0, "start": 5, "stop": 2}, "5"),
        ({"ask": "phrase", "text": TEXT, "target": 0, "start": 0, "stop": 99}, "99"),
    ],
)
def test_serve_refuses_questions_in_one_sentence(send, question, part):
    status, _, found = ask(send, question)
    assert status == 400
    assert part in found["error"]
    assert found["error"].count("\n") == 0


def test_serve_refuses_other_hosts_origins_kinds_and_sizes(port, send):
    assert ask(send, {"ask": "gradients"}, Host="evil.example")[0] == 403
    assert ask(send, {"ask": "gradients"}, Host=f"evil.example:{port}")[0] == 403
    assert send("GET", "/", Host="evil.example")[0] == 403
    assert ask(send, {"ask": "gradients"}, Origin="https://evil.example")[0] == 403
    assert ask(send, {"ask": "gradients"}, Origin="null")[0] == 403
    assert ask(send, {"ask": "gradients"}, Origin=f"http://127.0.0.1:{port}")[0] == 200
    assert ask(send, {"ask": "gradients"}, Host=f"localhost:{port}")[0] == 200
    assert send("POST", "/answer", b"{}", Content_Type="text/plain")[0] == 404
    assert send("POST", "/answer", b"{", Content_Type="application/json")[0] == 400
    assert send("POST", "/answer", b"[" * 100_000, Content_Type="application/json")[0] == 400
    assert send("POST", "/answer", b"", Content_Type="application/json", Content_Length="2000000")[0] == 413
    assert send("POST", "/answer", b"", Content_Type="application/json", Content_Length="-1")[0] == 413


def test_serve_says_in_one_sentence_that_a_port_cannot_be_had(tiny_model, port):
    with pytest.raises(ConfigError, match=f"Port {port} cannot be used .*--port"):
        serve.server(tiny_model, "tiny", port=port)
    with pytest.raises(ConfigError, match="Port 70000 cannot be used"):
        serve.server(tiny_model, "tiny", port=70000)


def test_serve_answer_needs_no_network(tiny_model):
    assert serve.answer(tiny_model, {"ask": "look", "text": TEXT})["text"] == TEXT
    with pytest.raises(DataError):
        serve.answer(tiny_model, None)


def test_serve_goes_on_in_silence_when_a_reader_leaves_before_the_answer(tiny_model, monkeypatch, capfd):
    asked, left = threading.Event(), threading.Event()

    def slow(model: Any, question: Any) -> Any:
        asked.set()
        assert left.wait(20)
        return {"answer": "x" * 10_000_000}  # more than a connection holds

    monkeypatch.setattr(serve, "answer", slow)
    running = serve.server(tiny_model, "tiny", port=0)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    port, body = running.server_port, b"{}"
    with socket.create_connection(("127.0.0.1", port)) as reader:
        head = f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        reader.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert asked.wait(20)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leave without a word
    left.set()
    again = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    again.request("GET", "/")
    assert again.getresponse().status == 200
    again.close()
    running.shutdown()
    running.server_close()  # waits for the answer's thread
    thread.join(10)
    assert capfd.readouterr().err == ""
