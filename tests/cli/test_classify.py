"""Training, measuring and asking a classifier: options become settings, results are printed, pages written."""

import json
import signal
import sys
from pathlib import Path

import pytest
from tests.cli.test_options import described, help_of
from typer.testing import CliRunner

from gatewise.base.errors import ConfigError, DataError, GatewiseError, MissingExtra
from gatewise.base.settings import declared
from gatewise.cli import classify
from gatewise.cli import main as cli
from gatewise.data.part import from_lists
from gatewise.tasks.classify.measure import evaluate
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.pretrain.fit import pretrain_encoder
from gatewise.tasks.pretrain.settings import PRETRAINING


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\ngood,a\nbad,b\n")
    return path


@pytest.fixture
def settings_of(monkeypatch, tmp_path, data):
    """Give the settings with which `gatewise train` would have called the library."""
    called = {}

    def stop(dataset, out, **values):
        called.update(values, out=out)
        raise GatewiseError("enough")

    def run(*arguments: str) -> Settings:
        result = CliRunner().invoke(cli.app, ["train", str(data), "--out", str(tmp_path / "m"), *arguments])
        assert str(result.exception) == "enough", result.output
        assert called["out"] == tmp_path / "m"
        return called["settings"]

    monkeypatch.setattr("gatewise.tasks.classify.fit.train_classifier", stop)
    return run


def refused(*arguments: object) -> GatewiseError:
    """Give the error with which a command ends."""
    error = CliRunner().invoke(cli.app, [*map(str, arguments)]).exception
    assert isinstance(error, GatewiseError), error
    return error


def test_train_with_recipe_labels_has_the_settings_own_defaults(settings_of):
    assert settings_of("--recipe", "labels") == Settings()


def test_train_without_options_starts_english_from_the_encoder(settings_of, capsys):
    settings = settings_of("--epochs", "3")
    assert (settings.training.pretrained, settings.training.epochs) == ("reviews-en", 3)
    assert settings_of("--hidden-size", "64") == Settings().replace(hidden_size=64)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--epochs", "3", "--hidden-size", "64"], {"epochs": 3, "hidden_size": 64}),
        (["--no-bidirectional", "--lowercase"], {"bidirectional": False, "lowercase": True}),
        (["--pooling", "last"], {"pooling": ("last",)}),
        (["--pooling", "max,mean"], {"pooling": ("max", "mean")}),
        (["--pooling", "max, last"], {"pooling": ("max", "last")}),
        (["--pooling", "max", "--pooling", "last"], {"pooling": ("max", "last")}),
        (["--pooling", "max,mean", "--pooling", "last"], {"pooling": ("max", "mean", "last")}),
        (["--teachers", "runs/a, b", "--teachers", "c"], {"teachers": ("runs/a", "b", "c")}),
        (["--tokenizer", "bpe"], {"kind": "bpe"}),
        (["--minutes", "2"], {"minutes": 2.0}),
        (["--no-companion"], {"companion": False}),
        (["--class-weights", "--seed", "0"], {"class_weights": True, "seed": 0}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_train_options_become_settings(settings_of, arguments, expected):
    assert settings_of(*arguments, "--recipe", "labels") == Settings().replace(**expected)


def test_train_help_describes_every_setting_with_its_default():
    shown = help_of("train")
    assert all(described(field, default) in shown for field, default in declared(Settings()))
    assert "(default: max,mean)" in shown and "(default: 128; 1 to 8,192)" in shown and "--tokenizer word|bpe" in shown


@pytest.mark.parametrize("stopped_first", [False, True])
def test_train_with_recipe_best_pretrains_first_and_once(monkeypatch, tmp_path, english, stopped_first):
    """An encoder whose pretraining a signal ended is no encoder yet: the same command goes on with it."""
    made = []

    def small(dataset, out, *, settings, resume, report, **more):
        made.append((out.name, {name: settings.flat()[name] for name in PRETRAINING}, resume))
        shape = {"embedding_dim": 12, "hidden_size": 8, "min_count": 1, "dev_share": 0.1, "threads": 1}

        def told(event):
            report(event)
            if stopped_first and event.kind == "step" and len(made) == 1:
                signal.raise_signal(signal.SIGTERM)

        settings = settings.replace(epochs=1, batch_tokens=64, **shape)
        return pretrain_encoder(dataset, out, settings=settings, resume=resume, report=told, **more)

    texts = tmp_path / "texts.csv"
    rows = [f"{text} number {row},{label}" for row, (text, label) in enumerate(zip(*english, strict=True))]
    texts.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    monkeypatch.setattr("gatewise.tasks.pretrain.fit.pretrain_encoder", small)
    arguments = ["train", str(texts), "--recipe", "best", "--out", str(tmp_path / "m"), "--epochs", "1", "--quiet"]
    if stopped_first:
        ended = CliRunner().invoke(cli.app, arguments)
        assert ended.exit_code == 143 and "the same command goes on." in ended.output, ended.output
        assert not (tmp_path / "m").exists() and not (tmp_path / "m.training").exists()
    for overwrite in ([], ["--overwrite"]):
        found = CliRunner().invoke(cli.app, [*arguments, *overwrite])
        assert found.exit_code == 0, found.output
    assert made == [("m-encoder", PRETRAINING, False), ("m-encoder", PRETRAINING, True)][: 1 + stopped_first]
    assert json.loads((tmp_path / "m" / "config.json").read_text())["network"]["hidden_size"] == 8


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--recipe", "worst"], ConfigError, "no recipe 'worst'; choose one of auto, labels, fast, standard, best"),
        (["--hidden-size", "0"], ConfigError, "hidden_size is 0"),
        (["--pooling", "max", "--pooling", "top"], ConfigError, "pooling is "),
        (["--storage", "int4"], ConfigError, "storage is 'int4'; choose one of float32, float16, int8"),
        (["--tensorboard", "OUT/log"], ConfigError, "lies in the model folder"),
        (["--recipe", "best", "--label-column", "nope"], DataError, "nope"),
        (["--unlabelled", "nowhere.csv"], DataError, "nowhere.csv"),
    ],
)
def test_train_says_what_is_wrong_before_anything_is_trained(monkeypatch, tmp_path, data, arguments, error, message):
    def begun(*arguments, **options):
        pytest.fail("training was begun")

    monkeypatch.setattr("gatewise.tasks.pretrain.fit.pretrain_encoder", begun)
    monkeypatch.setattr("gatewise.tasks.classify.fit.train_classifier", begun)
    out = tmp_path / "m"
    said = refused("train", data, "--out", out, *(part.replace("OUT", str(out)) for part in arguments))
    assert isinstance(said, error) and message in str(said)
    assert list(tmp_path.iterdir()) == [data]


def test_train_on_a_base_install_names_the_extra_before_the_data_is_read(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("gatewise.data.reading.read", lambda *a, **k: pytest.fail("the data was read"))
    for command in ("train", "pretrain"):
        said = refused(command, "imdb")
        assert isinstance(said, MissingExtra) and "pip install 'gatewise[train]'" in str(said)


def test_report_takes_the_learning_curves_from_the_model_folder(tiny_model, english, tmp_path):
    found = evaluate(tiny_model, from_lists(*english))
    log = {"kind": "dev", "seconds": 1.0, "step": 3, "epoch": 1.0, "score": 0.123456, "loss": 0.654321}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(log) + "\n")
    classify.write_report(found, tmp_path / "with.html", tmp_path)
    classify.write_report(found, tmp_path / "without.html", Path("nowhere"))
    assert "0.654321" in (tmp_path / "with.html").read_text(encoding="utf-8")
    assert "0.654321" not in (tmp_path / "without.html").read_text(encoding="utf-8")
