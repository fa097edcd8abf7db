"""The command itself: errors become a sentence and an exit code, and help loads nothing heavy."""

import sys

import pytest

from gatewise.base.errors import DataError
from gatewise.cli import main as cli


def main(monkeypatch, capsys, *arguments: str) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["gatewise", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("This is wrong; do that."), 2, "gatewise: This is wrong; do that.\n"),
        (KeyboardInterrupt(), 130, None),
    ],
)
def test_main_turns_errors_into_a_sentence_and_a_code(monkeypatch, capsys, error, code, said):
    def fail(path):
        raise error

    monkeypatch.setattr("gatewise.runtime.folder.load", fail)
    found, out, err = main(monkeypatch, capsys, "predict", "m", "text")
    assert (found, out) == (code, "") and "Traceback" not in err
    assert said is None or err == said


def test_main_lets_our_own_bugs_show(monkeypatch, capsys):
    monkeypatch.setattr("gatewise.runtime.folder.load", lambda path: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["gatewise", "predict", "m", "text"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["predict", "--help"]])
def test_main_ends_well(monkeypatch, capsys, arguments):
    code, out, err = main(monkeypatch, capsys, *arguments)
    assert (code or 0, err) == (0, "") and out


def test_main_names_its_commands():
    names = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert names == {"train", "pretrain", "evaluate", "predict", "explain", "faithfulness", "serve", "export"}
