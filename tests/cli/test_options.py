"""What commands take: settings as options, and the difference between a model and a text."""

import dataclasses
import os
from typing import get_args

import pytest
from typer.testing import CliRunner

from gatewise.base.errors import ConfigError, ModelError
from gatewise.base.settings import declared, shown, values_of
from gatewise.cli import main as cli
from gatewise.cli.options import answer_alone, model_and_texts, option_of, storage_of
from gatewise.tasks.classify.settings import Settings


def help_of(command: str) -> str:
    """Give a command's help on one line."""
    return " ".join(CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "400"}).output.split())


def described(field: dataclasses.Field, default: object) -> str:
    """Give what help says of a setting."""
    range_ = f"; {values_of(field)}" if field.metadata["low"] is not None else ""
    flag = f"--{'' if default else 'no-'}{field.name.replace('_', '-')}"
    return f"{field.metadata['sentence']} (default: {flag if field.type is bool else shown(default)}{range_})"


@pytest.mark.parametrize(
    ("given", "model", "texts"),
    [
        ([], "", []),
        (["a text"], "", ["a text"]),
        (["good"], "", ["good"]),
        (["good film", "bad film"], "", ["good film", "bad film"]),
        (["sentiment-en"], "sentiment-en", []),
        (["reviews-en", "a"], "reviews-en", ["a"]),
        (["m", "good"], "m", ["good"]),
        (["runs/m"], "runs/m", []),
        (["here"], "here", []),
        (["my model", "good"], "my model", ["good"]),
        (["这家酒店很干净。", "很差"], "", ["这家酒店很干净。", "很差"]),
        (["订单模型", "很差"], "订单模型", ["很差"]),
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
    assert model_and_texts([word]) == ("", [word])


def test_only_a_lone_word_is_taken_for_a_mistyped_model():
    for given in (["a text"], [""], ["good film", "bad"]):
        assert model_and_texts(given, elsewhere=True) == ("", given)
    assert model_and_texts(["runs/m"], elsewhere=True) == ("runs/m", [])
    assert model_and_texts(["m", "good"], elsewhere=True) == ("m", ["good"])


@pytest.mark.parametrize("text", ["\u5f88\u597d" * 200, "a\0b"])
def test_a_text_no_file_can_be_called_is_a_text(text):
    assert model_and_texts([text]) == ("", [text])


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


def test_a_setting_that_is_on_or_off_is_a_flag_whose_help_names_what_holds():
    fields = {field.name: (field, value) for field, value in declared(Settings())}
    for name, flag in (("lowercase", "--lowercase"), ("class_weights", "--no-class-weights")):
        kind, option = get_args(option_of(*fields[name]))
        assert bool in get_args(kind) and option.metavar is None and option.help.endswith(f" (default: {flag})")
