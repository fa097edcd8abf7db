"""What commands take: settings as options, and the difference between a model and a text."""

import dataclasses
import os

import pytest
from typer.testing import CliRunner

from gatewise.base.errors import ConfigError, ModelError
from gatewise.base.settings import shown, values_of
from gatewise.cli import main as cli
from gatewise.cli.options import answer_alone, model_and_texts, storage_of


def help_of(command: str) -> str:
    """Give a command's help on one line."""
    return " ".join(CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "400"}).output.split())


def described(field: dataclasses.Field, default: object) -> str:
    """Give what help says of a setting."""
    range_ = f"; {values_of(field)}" if field.metadata["low"] is not None else ""
    return f"{field.metadata['sentence']} (default: {shown(default)}{range_})"


@pytest.mark.parametrize(
    ("given", "model", "texts"),
    [
        ([], "sentiment-en", []),
        (["a text"], "sentiment-en", ["a text"]),
        (["good"], "sentiment-en", ["good"]),
        (["good film", "bad film"], "sentiment-en", ["good film", "bad film"]),
        (["sentiment-en"], "sentiment-en", []),
        (["reviews-en", "a"], "reviews-en", ["a"]),
        (["m", "good"], "m", ["good"]),
        (["runs/m"], "runs/m", []),
        (["here"], "here", []),
        (["my model", "good"], "my model", ["good"]),
    ],
)
def test_a_model_is_told_from_texts(monkeypatch, tmp_path, given, model, texts):
    for name in ("here", "my model"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert model_and_texts(given) == (model, texts)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("orders", "runs/orders"),
        ("ordes", "runs/orders"),
        ("Here", "here"),
        ("sentiment_en", "sentiment-en"),
        ("zzz", ""),
    ],
)
def test_a_mistyped_model_is_no_text_where_texts_come_from_elsewhere(monkeypatch, tmp_path, word, near):
    for name in ("here", "runs/orders"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").touch()
    (tmp_path / "orderz").mkdir()  # no model
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError) as error:
        model_and_texts([word], elsewhere=True)
    meant = f" (did you mean {near}?)" if near else ""
    assert str(error.value).startswith(f"There is no model '{word}'{meant}; give a model, or")
    assert model_and_texts([word]) == ("sentiment-en", [word])


def test_only_a_lone_word_is_taken_for_a_mistyped_model():
    for given in (["a text"], [""], ["good film", "bad"]):
        assert model_and_texts(given, elsewhere=True) == ("sentiment-en", given)
    assert model_and_texts(["runs/m"], elsewhere=True) == ("runs/m", [])
    assert model_and_texts(["m", "good"], elsewhere=True) == ("m", ["good"])


@pytest.mark.parametrize("text", ["\u5f88\u597d" * 200, "a\0b"])
def test_a_text_no_file_can_be_called_is_a_text(text):
    assert model_and_texts([text]) == ("sentiment-en", [text])


def test_storage_is_one_of_three():
    assert storage_of("int8") == "int8"
    with pytest.raises(ConfigError, match="storage is 'int4'; choose one of float32, float16, int8"):
        storage_of("int4")


def test_one_text_starts_no_threads_unless_they_were_asked_for(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    answer_alone()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    answer_alone()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"
