"""The commands parse, call and print; what is computed is tested with the library, journeys in tests/system."""

import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gatewise import cli, console
from gatewise.classifier import LSTMClassifier
from gatewise.config import Settings
from gatewise.errors import DataError, GatewiseError
from gatewise.evaluation import evaluate
from gatewise.reading import from_lists


def option_names(command: str) -> set[str]:
    (found,) = (entry for entry in cli.app.registered_commands if entry.name == command)
    return set(found.callback.__annotations__)


def settings_of(monkeypatch, tmp_path, *arguments: str) -> Settings:
    """Give the settings with which `gatewise train` would have called the library."""
    called = {}

    def stop(dataset, out, **values):
        called.update(values, out=out)
        raise GatewiseError("enough")

    monkeypatch.setattr("gatewise.classifier.train_classifier", stop)
    data = tmp_path / "data.csv"
    data.write_text("text,label\ngood,a\nbad,b\n")
    result = CliRunner().invoke(cli.app, ["train", str(data), "--out", str(tmp_path / "m"), *arguments])
    assert str(result.exception) == "enough", result.output
    assert called["out"] == tmp_path / "m"
    return called["settings"]


def test_cli_train_offers_every_setting_of_the_config():
    assert set(Settings().flat()) <= option_names("train")
    assert set(LSTMClassifier().get_params()) - {"random_state"} <= option_names("train")


def test_cli_without_options_the_defaults_of_the_config_hold(monkeypatch, tmp_path):
    assert settings_of(monkeypatch, tmp_path) == Settings()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--epochs", "3", "--hidden-size", "64"], {"epochs": 3, "hidden_size": 64}),
        (["--no-bidirectional", "--lowercase"], {"bidirectional": False, "lowercase": True}),
        (["--pooling", "last"], {"pooling": ("last",)}),
        (["--pooling", "max,mean"], {"pooling": ("max", "mean")}),
        (["--pooling", "max, last"], {"pooling": ("max", "last")}),
        (["--tokenizer", "bpe"], {"kind": "bpe"}),
        (["--minutes", "2"], {"minutes": 2.0}),
        (["--no-companion"], {"companion": False}),
        (["--class-weights", "--seed", "0"], {"class_weights": True, "seed": 0}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_cli_options_become_settings(monkeypatch, tmp_path, arguments, expected):
    assert settings_of(monkeypatch, tmp_path, *arguments) == Settings().replace(**expected)


def test_cli_help_shows_each_settings_own_sentence_and_default(monkeypatch):
    shown = CliRunner().invoke(cli.app, ["train", "--help"], env={"COLUMNS": "400", "NO_COLOR": "1"}).output
    plain = " ".join(re.sub(r"[│╭╮╰╯─]", " ", shown).split())
    for group in fields(Settings()):
        for field in fields(getattr(Settings(), group.name)):
            assert " ".join(field.metadata["sentence"].split()) in plain, field.name
    assert "(default: max,mean)" in plain and "(default: 128)" in plain


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
def test_cli_main_turns_errors_into_a_sentence_and_a_code(monkeypatch, capsys, error, code, said):
    def fail(path):
        raise error

    monkeypatch.setattr("gatewise.folder.load", fail)
    found, out, err = main(monkeypatch, capsys, "predict", "m", "text")
    assert (found, out) == (code, "") and "Traceback" not in err
    assert said is None or err == said


def test_cli_main_lets_our_own_bugs_show(monkeypatch, capsys):
    monkeypatch.setattr("gatewise.folder.load", lambda path: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["gatewise", "predict", "m", "text"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["predict", "--help"]])
def test_cli_main_ends_well(monkeypatch, capsys, arguments):
    code, out, err = main(monkeypatch, capsys, *arguments)
    assert (code or 0, err) == (0, "") and out


def test_cli_report_takes_the_learning_curves_from_the_model_folder(tiny_model, english, tmp_path):
    found = evaluate(tiny_model, from_lists(*english))
    log = {"kind": "dev", "seconds": 1.0, "step": 3, "epoch": 1.0, "score": 0.123456, "loss": 0.654321}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(log) + "\n")
    console.write_report(found, tmp_path / "with.html", tmp_path)
    console.write_report(found, tmp_path / "without.html", Path("nowhere"))
    assert "0.654321" in (tmp_path / "with.html").read_text(encoding="utf-8")
    assert "0.654321" not in (tmp_path / "without.html").read_text(encoding="utf-8")
