"""What a command prints: results as lines or JSON, and one sentence where the output takes no more."""

import json
import re
from dataclasses import dataclass

import pytest

from gatewise.base.errors import GatewiseError
from gatewise.cli import output
from gatewise.explanation.shares import explain


@dataclass(frozen=True)
class Measured:
    name: str

    def lines(self) -> list[str]:
        return [f"name   {self.name}", "\ta line more"]

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name}


def test_output_is_a_results_own_lines_without_what_moves_a_cursor(capsys):
    output.print_result(Measured("很好 \x1b[2J\u202e"))
    assert capsys.readouterr().out == "name   很好 \ufffd[2J\ufffd\n\ta line more\n"


def test_output_as_json_is_one_line_that_loses_nothing(capsys):
    output.print_result(Measured("很好 \x1b\u2028\n"), as_json=True)
    shown = capsys.readouterr().out
    assert "很好" in shown and json.loads(shown) == {"name": "很好 \x1b\u2028\n"} and shown.count("\n") == 1


def test_output_as_json_has_null_for_what_is_no_number(capsys):
    output.print_result(Measured(float("nan")), as_json=True)
    assert capsys.readouterr().out == '{"name": null}\n'


def test_output_is_coloured_on_a_terminal_alone(monkeypatch, capsys, tiny_model):
    explanation = explain(tiny_model, "a good film with a dull \x1b[2Jending")
    output.print_coloured(explanation)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    output.print_coloured(explanation)
    shown = capsys.readouterr().out
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == "a good film with a dull \ufffd[2Jending\n"
    strongest = abs(explanation.contributions).argmax()
    start, end = explanation.offsets[strongest]
    colour = "48;2;0;117;255" if explanation.contributions[strongest] > 0 else "48;2;255;111;0"
    assert re.search(rf"\x1b\[[0-9;]*{colour}[0-9;]*m{re.escape(explanation.text[start:end])}\x1b", shown)


def test_output_that_is_full_is_told_in_one_sentence(monkeypatch):
    def full(answer):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("builtins.print", full)
    monkeypatch.setattr(output.os, "dup2", lambda *descriptors: None)
    with pytest.raises(GatewiseError, match=r"could not be written \(No space left on device\); free space"):
        output.print_lines(["an answer"])
