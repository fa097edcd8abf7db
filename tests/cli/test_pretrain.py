"""Pretraining: options become settings, and an encoder to go on from brings its shape."""

import pytest
from tests.cli.test_options import described, help_of
from typer.testing import CliRunner

from gatewise.base.errors import ConfigError, GatewiseError
from gatewise.base.settings import NetworkConfig, declared
from gatewise.cli import main as cli
from gatewise.cli.pretrain import NOT_TAKEN
from gatewise.runtime.encoder import PretrainedEncoder
from gatewise.tasks.pretrain.settings import PretrainingSettings


@pytest.fixture
def settings_of(monkeypatch, tmp_path):
    """Give the settings with which `gatewise pretrain` would have called the library."""
    called = {}
    data = tmp_path / "data.csv"
    data.write_text("text,label\ngood,a\nbad,b\n")

    def stop(dataset, out, **values):
        called.update(values, out=out)
        raise GatewiseError("enough")

    def run(*arguments: str) -> PretrainingSettings:
        result = CliRunner().invoke(cli.app, ["pretrain", str(data), "--out", str(tmp_path / "m"), *arguments])
        assert str(result.exception) == "enough", result.output
        assert called["out"] == tmp_path / "m"
        return called["settings"]

    monkeypatch.setattr("gatewise.tasks.pretrain.fit.pretrain_encoder", stop)
    return run


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--epochs", "3", "--hidden-size", "64", "--sampled-words", "99"],
         {"epochs": 3, "hidden_size": 64, "sampled_words": 99}),
        (["--ahead-words", "5", "--no-lowercase"], {"ahead_words": 5, "lowercase": False}),
        (["--bidirectional", "--no-word-vectors"], {"bidirectional": True, "word_vectors": False}),
        (["--tokenizer", "bpe", "--minutes", "2", "--seed", "0"], {"kind": "bpe", "minutes": 2.0, "seed": 0}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_pretrain_options_become_settings(settings_of, arguments, expected):
    found = settings_of(*arguments)
    assert found == PretrainingSettings().replace(**expected)


def test_pretrain_takes_the_shape_of_the_encoder_to_go_on_from(monkeypatch, settings_of):
    shape = {"embedding_dim": 3, "hidden_size": 5, "num_layers": 2, "bidirectional": False}
    encoder = PretrainedEncoder(None, NetworkConfig(**shape, dropout=0.9), {}, {})
    monkeypatch.setattr("gatewise.runtime.folder.load_encoder", lambda path: encoder)
    found = settings_of("--from", "somewhere", "--epochs", "2")
    assert found == PretrainingSettings().replace(**shape, epochs=2, pretrained="somewhere")


def test_pretrain_resumed_knows_the_encoder_it_began_from(monkeypatch, settings_of):
    stored = PretrainingSettings().replace(pretrained="somewhere", hidden_size=5, bidirectional=True)
    loaded = []
    monkeypatch.setattr("gatewise.runtime.folder.load_encoder", loaded.append)
    monkeypatch.setattr("gatewise.training.session.unfinished_settings", lambda out, defaults: stored)
    assert settings_of("--resume") == stored
    assert loaded == ["somewhere"]


def test_pretrain_help_describes_every_setting_it_takes_with_its_own_default():
    shown = help_of("pretrain")
    for field, default in declared(PretrainingSettings()):
        assert (described(field, default) in shown) == (field.name not in NOT_TAKEN), field.name
    assert "(default: 512; 1 to 8,192)" in shown  # hidden_size, of which train has 128


def test_pretrain_says_what_is_wrong_before_the_data_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr("gatewise.data.reading.read", lambda *a, **k: pytest.fail("the data was read"))
    for option, message in (("--epochs", "epochs is -1"), ("--storage", "storage is '-1'")):
        result = CliRunner().invoke(cli.app, ["pretrain", "imdb", "--out", str(tmp_path / "m"), option, "-1"])
        assert isinstance(result.exception, ConfigError) and message in str(result.exception)
