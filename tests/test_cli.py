"""The commands parse, call and print; what is computed is tested with the library, journeys in tests/system."""

import json
import re
import signal
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gatewise import cli
from gatewise.classifier import LSTMClassifier
from gatewise.config import Settings
from gatewise.errors import DataError, GatewiseError
from gatewise.evaluation import evaluate
from gatewise.reading import from_lists
from gatewise.training import Event


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


EVENT = Event("step", 30.0, 10, 0.5, {"share": 0.25, "loss": 0.61234, "tokens_per_second": 12345, "padding": 0.02})


def test_cli_progress_without_a_terminal_is_a_line_every_ten_seconds(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(cli.time, "monotonic", lambda: now)
    with cli._progress(False) as show:
        for _ in range(50):  # one event a second
            now += 1
            show(replace(EVENT, seconds=now))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[0].strip().startswith("25 %") and "loss 0.6123" in lines[0] and "12,345 tokens/s" in lines[0]
    assert re.search(r"\d:\d\d left$", lines[0])


def test_cli_progress_when_quiet_tells_warnings_only(capsys):
    with cli._progress(True) as show:
        show(EVENT)
        show(Event("dev", 1.0, 1, 1.0, {"score": 0.5, "loss": 0.7}))
        show(Event("warning", 1.0, 1, 1.0, {"message": "The loss is still 0.693."}))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "The loss is still 0.693.\n")


def test_cli_progress_shows_dev_accuracy_with_the_next_steps(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(cli.time, "monotonic", lambda: now)
    with cli._progress(False) as show:
        show(Event("dev", 65.0, 10, 1.0, {"score": 0.875, "loss": 0.4}))
        now += 20
        show(EVENT)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "epoch 1.00: dev accuracy 0.8750, loss 0.4000, 1:05"
    assert "dev accuracy 0.8750" in lines[1]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            Event("prepared", 3.2, 0, 0.0, {
                "training_texts": 22500, "dev_texts": 2500, "dev_split": "by group", "left_out_equal_to_test": 123,
                "blank_training_texts": 0, "unlabelled_texts": 0,
            }),
            "22,500 training and 2,500 dev texts (split by group); 123 training texts equal to a test text left out; "
            "read in 3 s",
        ),
        (Event("resumed", 0, 7, 0, {"changed": []}), "resumed at step 7"),
        (Event("resumed", 0, 7, 0, {"changed": ["threads was 2 and is now 1"]}),
         "resumed at step 7; the bits may differ: threads was 2 and is now 1"),
        (Event("warning", 0, 7, 0, {"message": "Look."}), "Warning: Look."),
    ],
)  # fmt: skip
def test_cli_lines(event, line):
    assert cli._line(event) == line


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "?"), (0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3723, "62:03")]
)
def test_cli_duration(seconds, shown):
    assert cli._duration(seconds) == shown


def test_cli_ctrl_c_once_asks_and_twice_stops():
    before = signal.getsignal(signal.SIGINT)
    with cli._ctrl_c(lambda: True) as stopped:
        assert not stopped()
        signal.raise_signal(signal.SIGINT)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_cli_ctrl_c_before_the_first_step_stops_at_once():
    with cli._ctrl_c(lambda: False), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_cli_figures_are_those_of_the_evaluation(tiny_model, english, capsys):
    found = evaluate(tiny_model, from_lists(english[0] + [""], [*english[1], "pos"], name="mine.csv"))
    cli._print_figures(found)
    shown = capsys.readouterr().out
    assert f"accuracy          {found.accuracy:.4f}" in shown
    assert f"interval {found.accuracy_low:.4f} to {found.accuracy_high:.4f}" in shown
    assert f"calibration error {found.ece:.4f}   {found.ece_uncalibrated:.4f} before calibration" in shown
    assert "201, 1 of them blank" in shown and "(mine.csv)" in shown
    assert "alone" not in shown


def test_cli_figures_tell_what_each_part_reaches_alone(tiny_pair, english, capsys):
    found = evaluate(tiny_pair, from_lists(*english))
    cli._print_figures(found)
    network, companion = found.accuracy_alone.values()
    assert f"\naccuracy alone    network {network:.4f}, companion {companion:.4f}\n" in capsys.readouterr().out


def test_cli_report_takes_the_learning_curves_from_the_model_folder(tiny_model, english, tmp_path):
    found = evaluate(tiny_model, from_lists(*english))
    log = {"kind": "dev", "seconds": 1.0, "step": 3, "epoch": 1.0, "score": 0.123456, "loss": 0.654321}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(log) + "\n")
    cli._write_report(found, tmp_path / "with.html", tmp_path)
    cli._write_report(found, tmp_path / "without.html", Path("nowhere"))
    assert "0.654321" in (tmp_path / "with.html").read_text(encoding="utf-8")
    assert "0.654321" not in (tmp_path / "without.html").read_text(encoding="utf-8")
