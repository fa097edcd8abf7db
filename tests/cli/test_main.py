"""The commands parse, call and print; what is computed is tested with the library, journeys in tests/system."""

import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gatewise.base.errors import DataError, GatewiseError
from gatewise.base.settings import NetworkConfig
from gatewise.cli import console
from gatewise.cli import main as cli
from gatewise.data.reading import from_lists
from gatewise.runtime.classifier import PretrainedEncoder
from gatewise.tasks.classify.estimator import LSTMClassifier
from gatewise.tasks.classify.measure import evaluate
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.pretrain.fit import pretrain_encoder
from gatewise.tasks.pretrain.settings import PRETRAINING, PretrainingSettings


def option_names(command: str) -> set[str]:
    (found,) = (entry for entry in cli.app.registered_commands if entry.name == command)
    return set(found.callback.__annotations__)


def settings_of(monkeypatch, tmp_path, *arguments: str, command: str = "train"):
    """Give the settings with which `gatewise train` or `pretrain` would have called the library."""
    called = {}

    def stop(dataset, out, **values):
        called.update(values, out=out)
        raise GatewiseError("enough")

    monkeypatch.setattr("gatewise.tasks.classify.estimator.train_classifier", stop)
    monkeypatch.setattr("gatewise.tasks.pretrain.fit.pretrain_encoder", stop)
    data = tmp_path / "data.csv"
    data.write_text("text,label\ngood,a\nbad,b\n")
    result = CliRunner().invoke(cli.app, [command, str(data), "--out", str(tmp_path / "m"), *arguments])
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


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--epochs", "3", "--hidden-size", "64", "--sampled-words", "99"],
         {"epochs": 3, "hidden_size": 64, "sampled_words": 99}),
        (["--bidirectional", "--no-word-vectors"], {"bidirectional": True, "word_vectors": False}),
        (["--tokenizer", "bpe", "--minutes", "2", "--seed", "0"], {"kind": "bpe", "minutes": 2.0, "seed": 0}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_cli_pretrain_options_become_settings(monkeypatch, tmp_path, arguments, expected):
    found = settings_of(monkeypatch, tmp_path, *arguments, command="pretrain")
    assert found == PretrainingSettings().replace(**expected)


def test_cli_pretrain_takes_the_shape_of_the_encoder_to_go_on_from(monkeypatch, tmp_path):
    shape = {"embedding_dim": 3, "hidden_size": 5, "num_layers": 2, "bidirectional": False}
    encoder = PretrainedEncoder(None, NetworkConfig(**shape, dropout=0.9), {}, {})
    monkeypatch.setattr("gatewise.runtime.folder.load_encoder", lambda path: encoder)
    found = settings_of(monkeypatch, tmp_path, "--from", "somewhere", "--epochs", "2", command="pretrain")
    assert found == PretrainingSettings().replace(**shape, epochs=2, pretrained="somewhere")


def test_cli_pretrain_resumed_knows_the_encoder_it_began_from(monkeypatch, tmp_path):
    stored = PretrainingSettings().replace(pretrained="somewhere", hidden_size=5, bidirectional=True)
    loaded = []
    monkeypatch.setattr("gatewise.runtime.folder.load_encoder", loaded.append)
    monkeypatch.setattr("gatewise.training.session.unfinished_settings", lambda out, defaults: stored)
    assert settings_of(monkeypatch, tmp_path, "--resume", command="pretrain") == stored
    assert loaded == ["somewhere"]


def test_cli_recipe_best_pretrains_first_and_once(monkeypatch, tmp_path, english):
    made = []

    def small(dataset, out, *, settings, resume, report):
        made.append((out.name, {name: settings.flat()[name] for name in PRETRAINING}, resume))
        shape = {"embedding_dim": 12, "hidden_size": 8, "min_count": 1, "dev_share": 0.1, "threads": 1}
        return pretrain_encoder(dataset, out, settings=settings.replace(epochs=1, **shape), report=report)

    texts = tmp_path / "texts.csv"
    rows = [f"{text} number {row},{label}" for row, (text, label) in enumerate(zip(*english, strict=True))]
    texts.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    monkeypatch.setattr("gatewise.tasks.pretrain.fit.pretrain_encoder", small)
    arguments = ["train", str(texts), "--recipe", "best", "--out", str(tmp_path / "m"), "--epochs", "1", "--quiet"]
    for overwrite in ([], ["--overwrite"]):
        found = CliRunner().invoke(cli.app, [*arguments, *overwrite])
        assert found.exit_code == 0, found.output
    assert made == [("m-encoder", PRETRAINING, False)]
    assert json.loads((tmp_path / "m" / "config.json").read_text())["network"]["hidden_size"] == 8


def test_cli_pretrain_help_shows_its_own_defaults():
    shown = CliRunner().invoke(cli.app, ["pretrain", "--help"], env={"COLUMNS": "400", "NO_COLOR": "1"}).output
    plain = " ".join(re.sub(r"[│╭╮╰╯─]", " ", shown).split())
    settings, offered = PretrainingSettings(), option_names("pretrain") & set(PretrainingSettings().flat())
    assert len(offered) > 15
    for field in (field for group in fields(settings) for field in fields(getattr(settings, group.name))):
        described = f"{' '.join(field.metadata['sentence'].split())} (default: {settings.flat()[field.name]})"
        assert (described in plain) == (field.name in offered), field.name


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

    monkeypatch.setattr("gatewise.runtime.folder.load", fail)
    found, out, err = main(monkeypatch, capsys, "predict", "m", "text")
    assert (found, out) == (code, "") and "Traceback" not in err
    assert said is None or err == said


def test_cli_main_lets_our_own_bugs_show(monkeypatch, capsys):
    monkeypatch.setattr("gatewise.runtime.folder.load", lambda path: 1 / 0)
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
