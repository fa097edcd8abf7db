"""The example that answers with an ONNX file and without gatewise gives what gatewise gives, and checks first."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gatewise.cli.main import app
from gatewise.runtime.classifier import Model

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx" / "answer.py"
TEXTS = ["a superb film", "", "dull 😀 and boring", "good " * 100]


@pytest.fixture(scope="module")
def file(tiny_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    tiny_model.save(folder / "m")
    done = CliRunner().invoke(app, ["export", str(folder / "m"), "--onnx", str(folder / "m.onnx")])
    assert done.exit_code == 0, done.output
    return folder / "m.onnx"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLE, *map(str, arguments)], capture_output=True, text=True, timeout=60, encoding="utf-8"
    )


def test_onnx_example_answers_as_gatewise_does(file, tiny_model):
    assert "gatewise" not in re.findall(r"^(?:import|from) (\w+)", EXAMPLE.read_text(), re.MULTILINE)
    done = run(file, *TEXTS)
    assert (done.returncode, done.stderr) == (0, "")
    expected = [f"{one.label}\t{one.probability:.4f}" for one in tiny_model.stream(TEXTS)]
    assert done.stdout.splitlines() == expected


def test_onnx_example_holds_the_file_to_its_golden_file(file):
    golden = Path(f"{file}.golden.json")
    done = run(file, "--golden", golden)
    assert done.returncode == 0 and done.stdout.startswith("8 texts as in the golden file, logits within ")
    other = golden.with_name("other.json")
    faults = (('"logits": [[', '"logits": [[9', "a logit differs"), ('"ids": [[1', '"ids": [[2', "tokens"))
    for old, new, fault in faults:
        content = golden.read_text(encoding="utf-8")
        assert old in content
        other.write_text(content.replace(old, new, 1), encoding="utf-8")
        assert fault in run(file, "--golden", other).stderr


def test_onnx_example_checks_before_it_asks():
    spec = importlib.util.spec_from_file_location("answer", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    for ids, lengths in (([[1, -1]], [2]), ([[1, 7]], [2]), ([[1, 2]], [0]), ([[1, 2]], [3]), ([[1, 2]], [1, 1])):
        with pytest.raises(ValueError, match=r"^(ids|lengths) "):
            example.logits_of(None, np.array(ids), np.array(lengths), 7)
