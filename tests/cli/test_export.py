"""`gatewise export` writes a file that stands alone and its test beside it, or says in one sentence why not."""

import json
import sys

import pytest
from typer.testing import CliRunner

from gatewise.base.errors import GatewiseError
from gatewise.cli.main import app


@pytest.fixture
def folder(tiny_pair, tmp_path):
    tiny_pair.save(tmp_path / "model")
    return str(tmp_path / "model")


def ran(*arguments: object):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def refused(*arguments: object) -> str:
    done = ran(*arguments)
    assert isinstance(done.exception, GatewiseError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def test_export_writes_a_graph_and_its_golden_file(folder, tmp_path):
    for _ in range(2):  # a second time it replaces them
        done = ran(folder, "--onnx", tmp_path / "m.onnx")
        assert done.exit_code == 0 and done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("The graph gives the network's logits for ids; it lacks the tokenizer")
    assert "companion, 0.7 times" in first and "m.onnx written" in second
    golden = json.loads((tmp_path / "m.onnx.golden.json").read_text())
    assert len(golden["ids"]) == len(golden["lengths"]) == len(golden["logits"]) == len(golden["texts"])
    assert (tmp_path / "m.onnx").stat().st_size > 1000


def test_export_in_int8_warns(folder, tmp_path):
    done = ran(folder, "--onnx", tmp_path / "m.onnx", "--onnx-int8")
    assert done.exit_code == 0
    assert "a text's answer depends on its company" in done.stderr and "pre-processing" not in done.stderr


def test_export_refuses_before_the_work(folder, tmp_path):
    assert "Say what to write" in refused(folder)
    assert "Say what to write" in refused(folder, "--onnx-int8")
    (tmp_path / "notes.txt").write_text("mine")
    assert "does not end in .onnx" in refused(folder, "--onnx", tmp_path / "notes.txt")
    assert "is part of a model" in refused(folder, "--onnx", f"{folder}/model.safetensors")
    assert "could not be written" in refused(folder, "--onnx", tmp_path / "missing" / "m.onnx")
    assert "is no model folder" in refused(tmp_path / "missing", "--onnx", tmp_path / "m.onnx")
    assert "is a tagger" in refused("entities-en", "--onnx", tmp_path / "m.onnx")
    assert not list(tmp_path.glob("*.onnx*"))


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_export_says_which_extra_it_needs(folder, tmp_path, monkeypatch, package):
    monkeypatch.setattr("gatewise.base.extras.find_spec", lambda name: None if name == package else sys)
    assert refused(folder, "--onnx", tmp_path / "m.onnx") == (
        f"This needs {package}, which is not installed; run: pip install 'gatewise[onnx]'."
    )
