"""`gatewise serve` refuses in one sentence, before it listens, what cannot be served."""

import sys

import pytest
from typer.testing import CliRunner

from gatewise.base.errors import GatewiseError
from gatewise.cli.main import app


def refused(*arguments: str) -> str:
    """Run a command in this process; give the sentence of its error."""
    done = CliRunner().invoke(app, ["serve", *arguments])
    assert isinstance(done.exception, GatewiseError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def test_serve_refuses_what_is_no_model_and_no_place(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "is no model folder" in refused(str(tmp_path / "missing"), "--port", "0")
    assert "config.json" in refused(str(tmp_path / "empty"), "--port", "0")
    assert "encoder" in refused("reviews-en", "--port", "0")
    assert "Two models are called" in refused("sentiment-en", "sentiment-en", "--port", "0")
    assert "no name for a model" in refused("a b=sentiment-en", "--port", "0")
    assert "cannot be used" in refused("sentiment-en", "--port", "70000")
    assert "cannot be used" in refused("sentiment-en", "--host", "nowhere.invalid")


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_serve_says_which_extra_it_needs(monkeypatch, package):
    monkeypatch.setattr("gatewise.base.extras.find_spec", lambda name: None if name == package else sys)
    assert refused("sentiment-en") == (
        f"This needs {package}, which is not installed; run: pip install 'gatewise[serve]'."
    )
