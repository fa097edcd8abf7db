"""The server lets go of who is slow, answers what it accepted before it ends, and ends with the code it should."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.serving.conftest import running

from gatewise.base.errors import ConfigError
from gatewise.serving import app, server

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n"
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def closed_after(port: int, first: bytes, drip: bytes = b"") -> tuple[float, bytes]:
    """Send something, then a byte now and then; give the seconds until the server closes, and what came."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        started, came = time.monotonic(), b""
        client.settimeout(0.05)
        with suppress(ConnectionError):
            client.sendall(first)
            while time.monotonic() - started < 15:
                try:
                    piece = client.recv(1 << 16)
                except TimeoutError:
                    client.sendall(drip)
                    continue
                if not piece:
                    break
                came += piece
        return time.monotonic() - started, came


@pytest.mark.parametrize("drip", [b"", b"x"])
@pytest.mark.parametrize("first", [b"", b"P", b"POST /predict HTTP/1.1\r\nX-A: "])
def test_server_lets_go_of_who_sends_no_head(at, monkeypatch, first, drip):
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    seconds, came = closed_after(at.port, first, drip)
    assert 0.2 < seconds < 5 and (came == b"" or b"400" in came)


@pytest.mark.parametrize("drip", [b"", b" "])
def test_server_lets_go_of_who_sends_no_body(at, monkeypatch, drip):
    monkeypatch.setattr(app, "PATIENCE", 0.3)
    seconds, came = closed_after(at.port, HEAD + b"\r\n", drip)
    assert 0.2 < seconds < 5 and came.startswith(b"HTTP/1.1 408")


def test_server_lets_go_of_who_goes_on_sending_what_was_refused(at, monkeypatch):
    monkeypatch.setattr(server, "LINGER", 0.3)
    seconds, came = closed_after(at.port, HEAD.replace(b"20", b"99999999") + b"\r\n", b"x")
    assert seconds < 5 and came.startswith(b"HTTP/1.1 413")


def test_server_lets_go_of_who_takes_no_answers(at, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    ask = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", at.port), timeout=20) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(ConnectionError):
            client.sendall(ask * 200)
        for _ in range(100):
            time.sleep(0.05)
            with suppress(BlockingIOError):
                try:
                    client.send(b"G", socket.MSG_DONTWAIT)
                except ConnectionError:
                    break
        else:
            pytest.fail("the connection is still open")
    assert at.send("GET", "/healthz")[0] == 200


def test_server_lets_go_of_who_comes_when_too_many_are_there(places, monkeypatch):
    monkeypatch.setattr(server, "_connections", lambda: 4)
    with running(places) as here:
        clients = [socket.create_connection(("127.0.0.1", here.port), timeout=20) for _ in range(4)]
        time.sleep(0.1)
        with pytest.raises((ConnectionError, http.client.BadStatusLine)):
            here.send("GET", "/healthz")
        for client in clients:
            client.close()
        time.sleep(0.1)
        assert here.send("GET", "/healthz")[0] == 200


def test_server_answers_requests_one_after_another_on_one_connection(at):
    connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=20)
    for _ in range(3):
        connection.request("POST", "/predict", json.dumps({"inputs": "good"}))
        response = connection.getresponse()
        assert response.status == 200 and len(json.loads(response.read())) == 2
    connection.close()


def test_server_says_in_one_sentence_that_a_place_cannot_be_had(at):
    for host, port in (("127.0.0.1", at.port), ("127.0.0.1", 70000), ("nowhere.invalid", 0), ("\udcff", 0)):
        with pytest.raises(ConfigError, match=r"cannot be used .*--host, --port"):
            server.bound_to(host, port)


@contextmanager
def served(folder: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run `gatewise serve` on a free port; give its process and port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gatewise", "serve", f"m={folder}", "--port", "0", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        assert process.stderr
        line = process.stderr.readline()
        assert "serves m" in line, line
        yield process, int(line.split(":")[2].split("/")[0])
    finally:
        process.kill()
        process.communicate()


def asked(port: int, text: str) -> int | str:
    """Ask once on a connection of its own; give the status, or what happened instead."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.connect()
    except OSError:
        return "not reached"
    try:
        connection.request("POST", "/predict", json.dumps({"inputs": text}))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return "lost"
    finally:
        connection.close()


def crowd(port: int, stop: threading.Event, outcomes: Counter[int | str]) -> list[threading.Thread]:
    """Let several ask again and again until told to stop or until nobody listens."""

    def ask() -> None:
        while not stop.is_set():
            outcome = asked(port, "good film " * 400)
            outcomes[outcome] += 1
            if outcome == "not reached":
                return

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    return threads


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_server_answers_what_it_accepted_and_ends(places, number, code):
    outcomes: Counter[int | str] = Counter()
    with served(places["pair"]) as (process, port):
        threads = crowd(port, threading.Event(), outcomes)
        time.sleep(0.5)
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
        for thread in threads:
            thread.join(30)
    assert process.returncode == code
    statuses = Counter(json.loads(line)["status"] for line in out.splitlines())
    assert statuses[200] == outcomes[200] > 10  # every answer that was made has arrived
    assert set(statuses) <= {200, 503}


@posix
def test_server_takes_up_a_new_folder_without_a_failed_request(places, tiny_model, tiny_pair, tmp_path):
    tiny_pair.save(tmp_path / "m")
    outcomes: Counter[int | str] = Counter()
    stop = threading.Event()
    with served(str(tmp_path / "m"), "--quiet") as (process, port):
        threads = crowd(port, stop, outcomes)
        for model in (tiny_model, tiny_pair, tiny_model):
            model.save(tmp_path / "m", overwrite=True)
            process.send_signal(signal.SIGHUP)
            assert process.stderr and process.stderr.readline() == "Reloaded m.\n"
        stop.set()
        for thread in threads:
            thread.join(30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert set(outcomes) == {200}


@posix
def test_server_goes_on_when_nobody_reads_its_log(places):
    with served(places["pair"]) as (process, port):
        assert process.stdout and process.stderr
        process.stdout.close()
        assert [asked(port, "good") for _ in range(3)] == [200] * 3
        assert "requests are logged no longer" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@posix
@pytest.mark.parametrize("signals", [1, 2])
def test_server_does_not_wait_long_for_a_body_that_does_not_come_nor_at_all_at_a_second_signal(places, signals):
    with served(places["pair"]) as (process, port), socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(HEAD + b"\r\n")
        time.sleep(0.3)
        started = time.monotonic()
        for _ in range(signals):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
        assert process.wait(15) == 0
        assert (time.monotonic() - started > 1) == (signals == 1)
        if signals == 1:
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 408")
