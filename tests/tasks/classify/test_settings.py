"""What a classifier adds to the settings, its recipes, and the stub that lets editors complete its keywords.

`python tests/tasks/classify/test_settings.py` writes the stub anew.
"""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from gatewise.base.settings import declared
from gatewise.tasks.classify.estimator import LSTMClassifier
from gatewise.tasks.classify.settings import RECIPES, Settings

ROOT = Path(__file__).parents[3]
STUB = ROOT / "src" / "gatewise" / "tasks" / "classify" / "keywords.pyi"
HEAD = '''"""LSTMClassifier's keywords, for editors and mypy; written by tests/tasks/classify/test_settings.py."""

from collections.abc import Sequence
from typing import Literal, TypedDict

class Keywords(TypedDict, total=False):
'''


def stub() -> str:
    """Give the stub that belongs to the settings as they are."""
    lines = []
    for field, _ in declared(Settings()):
        if field.name != "seed":
            lines += [f"    {field.name}: {written(field.type)} | None", f'    """{field.metadata["sentence"]}"""']
    return HEAD + "\n".join(lines) + "\n"


def written(kind: Any) -> str:
    """Write a setting's type as a keyword takes it."""
    if get_origin(kind) is tuple:
        return f"str | Sequence[{written(get_args(kind)[0])}]"
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "").replace("'", '"')


def test_the_stub_is_that_of_the_settings():
    assert STUB.read_text(encoding="utf-8") == stub(), f"run: python {Path(__file__).relative_to(ROOT)}"


def test_a_type_checker_reads_the_keywords_of_the_estimator(tmp_path):
    snippet = tmp_path / "snippet.py"
    snippet.write_text(
        "from gatewise import LSTMClassifier\n"
        "LSTMClassifier(dropout=0.1, pooling='max,last', kind='bpe', random_state=3, checkpoint_seconds=2.0)\n"
        "LSTMClassifier(pooling=('max', 'last'), epochs=None, class_weights=True)\n"
        "LSTMClassifier(dropuot=1)\n"
        "LSTMClassifier(kind='char')\n"
        "LSTMClassifier(seed=1)\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "mypy", str(snippet)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    # By its name alone: of a file it checked before, mypy's cache tells the errors under the path of that time.
    errors = [line for line in run.stdout.splitlines() if f"{snippet.name}:" in line and ": error:" in line]
    assert [int(line.split(":")[1]) for line in errors] == [4, 5, 6], run.stdout
    assert "dropuot" in errors[0] and "did you mean" in errors[0]


def test_the_signature_of_the_estimator_is_that_of_the_stub():
    names = re.findall(r"^    (\w+):", STUB.read_text(encoding="utf-8"), re.MULTILINE)
    assert [*inspect.signature(LSTMClassifier).parameters] == ["recipe", "random_state", *names]


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_are_settings(recipe):
    assert Settings().replace(**RECIPES[recipe]).flat() == Settings().flat() | RECIPES[recipe]


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
