"""The house plan (DESIGN.md) holds: one direction, a test file each, torch low down, no pickle, a light --help."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gatewise

SOURCE = Path(__file__).parent.parent / "src" / "gatewise"
GROUND = ["errors", "config", "files", "memory"]
TEXT = ["datasets", "decoding", "reading", "tokenizer"]
ARRAYS = ["batching", "vectors", "ngrams", "storage", "cell", "network"]
TENSORS = [*ARRAYS, "workers", "probing", "training", "pretraining"]
MODEL = ["preparation", "model", "cards", "folder", "evaluation", "runs", "encoders", "fitting", "classifier"]
LAB = ["lab.races", "lab.gradients", "lab.results", "lab.gates", "lab.plots"]
UNDERSTANDING = ["tracing", "contextual", "attribution", "faithfulness", *LAB]
WAYS_OUT = ["clamping", "insight", "page", "serve", "console", "lab_cli", "explain_cli", "cli"]
ORDER = GROUND + TEXT + TENSORS + MODEL + UNDERSTANDING + WAYS_OUT
WITHOUT_TORCH = ORDER[: ORDER.index("network")]
MODULES = sorted(  # those of the one folder by their two names
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in SOURCE.rglob("*.py")
    if not path.stem.startswith("__")
)
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.save", "np.load", "numpy.load"}


def tree_of(module: str) -> ast.Module:
    return ast.parse((SOURCE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> set[str]:
    """Give every module imported anywhere, in functions and under TYPE_CHECKING too; names of packages joined."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def own(tree: ast.Module) -> set[str]:
    """Give the gatewise modules that are imported."""
    parts = [name.split(".") for name in imports(tree) if name.startswith("gatewise.")]
    names = {".".join(own[1:depth]) for own in parts for depth in (2, 3)}
    return names & {*ORDER, *MODULES}


def test_architecture_every_module_has_its_place():
    assert set(MODULES) <= set(ORDER)


@pytest.mark.parametrize("module", MODULES)
def test_architecture_imports_go_one_way(module):
    above = set(ORDER[: ORDER.index(module)])
    assert own(tree_of(module)) <= above


@pytest.mark.parametrize("module", MODULES)
def test_architecture_every_module_has_its_tests(module):
    assert (Path(__file__).parent / f"test_{module.replace('.', '_')}.py").is_file()


@pytest.mark.parametrize("module", [name for name in MODULES if name in WITHOUT_TORCH])
def test_architecture_no_torch_above_network(module):
    assert not any(name.split(".")[0] == "torch" for name in imports(tree_of(module)))


@pytest.mark.parametrize("module", [*MODULES, "__init__", "__main__"])
def test_architecture_nothing_unpickles_or_evaluates(module):
    tree = tree_of(module)
    assert not {name.split(".")[0] for name in imports(tree)} & FORBIDDEN_MODULES
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & FORBIDDEN_CALLS
    assert "allow_pickle" not in ast.dump(tree)


def test_architecture_help_loads_nothing_heavy():
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gatewise", "--help"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0
    assert "train" in run.stdout
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert "gatewise" in loaded  # the listing is read rightly
    assert not loaded & {"torch", "sklearn", "pyarrow", "scipy", "tokenizers", "pandas"}


def test_architecture_public_names_arrive_late():
    code = "import sys, gatewise; assert not {'torch', 'sklearn', 'pyarrow', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert dir(gatewise) == sorted(gatewise.__all__)
    assert all(getattr(gatewise, name) is not None for name in gatewise.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        gatewise.nonsense  # noqa: B018
