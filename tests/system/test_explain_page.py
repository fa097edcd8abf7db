"""`gatewise explain --html` and `--serve` from the command line, and what they refuse."""

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from socket import socket

import pytest
from tests.system.conftest import environment

TEXT = "a dull film with a superb cast"


def test_explain_writes_one_page(command, model_folder, tmp_path):
    target = tmp_path / "page.html"
    done = command("explain", model_folder, TEXT, "--html", target)
    assert (done.code, done.out) == (0, "")
    assert str(target) in done.err
    html = target.read_text(encoding="utf-8")
    assert TEXT in html
    assert html.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([TEXT, "--method", "magic"], "no method 'magic'"),
        (["--html", "x.html"], "Give a text"),
        (["  ", "--html", "x.html"], "text is empty"),
        ([TEXT, "and another", "--html", "x.html"], "Give one text"),
        ([TEXT, "--serve", "--port", "99999"], "Port 99999"),
    ],
)
def test_explain_refuses_in_one_sentence(command, model_folder, tmp_path, monkeypatch, arguments, part):
    monkeypatch.chdir(tmp_path)
    assert part in command("explain", model_folder, *arguments).refusal()
    assert list(tmp_path.iterdir()) == []


def test_explain_leaves_a_file_that_cannot_be_written_alone(command, model_folder, tmp_path):
    assert "missing" in command("explain", model_folder, TEXT, "--html", tmp_path / "missing" / "page.html").refusal()
    assert list(tmp_path.iterdir()) == []


def test_explain_says_that_a_port_is_in_use(command, model_folder):
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} cannot be used" in command("explain", model_folder, "--serve", "--port", port).refusal()


def test_explain_serves_until_ctrl_c(model_folder: Path):
    arguments = [sys.executable, "-m", "gatewise", "explain", str(model_folder), TEXT, "--serve", "--port", "0"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment()) as running:
        try:
            address = running.stderr.readline().split()[0]
            with urllib.request.urlopen(address, timeout=60) as response:
                assert TEXT in response.read().decode()
            running.send_signal(signal.SIGINT)
            began = time.monotonic()
            assert running.wait(60) == 130
            assert time.monotonic() - began < 30
        finally:
            running.kill()
