"""The house stands as DESIGN.md draws it: who may import whom, what answers without torch, what never unpickles."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import gatewise

SOURCE = Path(__file__).parent.parent / "src" / "gatewise"
MAY_IMPORT = {  # rooms, beside themselves; two towers, answering and learning, on one ground
    "base": "", "runtime": "base", "explanation": "base runtime", "pages": "base",
    "serving": "base runtime explanation pages",
    "data": "base runtime", "nets": "base runtime", "training": "base runtime",
    "tasks.classify": "base data runtime nets training", "tasks.pretrain": "base data runtime nets training",
    "tasks.tag": "base data runtime nets training", "tasks.forecast": "base data runtime nets training",
    "lab": "base data runtime explanation nets training",
    "cli": "base data runtime explanation pages serving nets training tasks.classify tasks.pretrain tasks.tag "
    "tasks.forecast lab",
}  # fmt: skip
HEAVY = {"torch", "sklearn", "scipy", "pyarrow"}
ANSWERING = ("base", "runtime", "explanation", "pages", "serving")
BY_NAME = {"runtime.engine": {"gatewise.nets.products"}}  # late, where torch is installed
PUBLIC = [
    "Explanation",
    "Forecaster",
    "GatewiseError",
    "LSTMClassifier",
    "LSTMTagger",
    "NetworkConfig",
    "Phrase",
    "Settings",
    "TagSettings",
    "TaggingConfig",
    "TokenizerConfig",
    "TrainingConfig",
    "__version__",
    "evaluate",
    "evaluate_tagger",
    "explain",
    "load",
    "load_forecaster",
    "load_tagger",
    "phrase",
    "read",
    "read_series",
    "read_tagged",
    "trace",
    "train_classifier",
    "train_forecaster",
    "train_tagger",
]
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__") for path in SOURCE.rglob("*.py")
)
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.save", "np.load", "numpy.load"}


def tree_of(module: str) -> ast.Module:
    path = SOURCE.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> set[str]:
    """Give every module imported anywhere, in functions and under TYPE_CHECKING too; names of packages joined."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def own(module: str) -> set[str]:
    """Give the gatewise modules that are imported."""
    names = {name.removeprefix("gatewise.") for name in imports(tree_of(module)) if name.startswith("gatewise.")}
    return names & {*MODULES, *(name.rpartition(".")[0] for name in names)} & {*MODULES} - {module}


def room_of(module: str) -> str:
    return next((room for room in MAY_IMPORT if f"{module}.".startswith(f"{room}.")), "")


def test_architecture_every_module_stands_in_a_room():
    outside = [module for module in MODULES if not room_of(module)]
    assert outside == ["__init__", "__main__", "tasks"]


@pytest.mark.parametrize("module", MODULES)
def test_architecture_a_room_imports_only_what_it_may(module):
    room = room_of(module)
    if room:
        assert {room_of(name) for name in own(module)} - {""} <= {room, *MAY_IMPORT[room].split()}


def test_architecture_there_are_no_circles():
    graph = {module: own(module) for module in MODULES if not module.startswith("__")}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) >= len(graph)  # raises CycleError


def test_architecture_a_module_named_in_a_string_is_known_here():
    for module in MODULES:
        strings = {
            node.value for node in ast.walk(tree_of(module))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and node.value.removeprefix("gatewise.") in MODULES and node.value.startswith("gatewise.")
        }  # fmt: skip
        others = {name for name in strings if room_of(name.removeprefix("gatewise.")) != room_of(module)}
        assert others == BY_NAME.get(module, set())


def test_architecture_modules_and_functions_stay_readable():
    for module in MODULES:
        tree = tree_of(module)
        length = max((node.end_lineno or 0 for node in ast.walk(tree) if hasattr(node, "end_lineno")), default=0)
        assert length <= 400, f"{module} has {length} lines"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= 60, f"{module}.{node.name} has {lines} lines"


@pytest.mark.parametrize("room", [*ANSWERING, "data.reading", "cli.classify", "tasks.classify.measure"])
def test_architecture_answering_loads_nothing_of_learning(room):
    inside = [name for name in MODULES if f"{name}.".startswith(f"{room}.")]
    assert inside
    code = f"import sys\nfor name in {inside}: __import__('gatewise.' + name)\nprint(*{HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("module", MODULES)
def test_architecture_nothing_unpickles_or_evaluates(module):
    tree = tree_of(module)
    assert not {name.split(".")[0] for name in imports(tree)} & FORBIDDEN_MODULES
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & FORBIDDEN_CALLS
    assert "allow_pickle" not in ast.dump(tree)


@pytest.mark.parametrize("command", [[], ["train"], ["explain"], ["lab", "gates"]])
def test_architecture_help_loads_nothing_heavy(command):
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gatewise", *command, "--help"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0
    assert "gatewise" in run.stdout
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert "gatewise" in loaded  # the listing is read rightly
    assert not loaded & {*HEAVY, "numpy", "tokenizers", "pandas"}


def test_architecture_public_names_stay_and_arrive_late():
    code = "import sys, gatewise; assert not {'torch', 'sklearn', 'pyarrow', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert sorted(gatewise.__all__) == PUBLIC
    assert dir(gatewise) == sorted(gatewise.__all__)
    assert all(getattr(gatewise, name) is not None for name in gatewise.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        gatewise.nonsense  # noqa: B018


def test_architecture_public_names_on_a_base_install():
    """All that can be had can be imported at once, and what cannot says what it needs."""
    code = """
import sys
sys.modules |= dict.fromkeys(("torch", "sklearn", "scipy", "pyarrow"))
from gatewise import *
import gatewise, inspect
assert "explain" in globals() and "LSTMClassifier" not in globals()
assert set(gatewise.__all__) == set(dir(gatewise)) == {name for name, _ in inspect.getmembers(gatewise)}
for name in ("LSTMClassifier", "LSTMTagger", "train_classifier", "train_tagger"):
    try:
        exec(f"from gatewise import {name}")
    except ImportError as error:
        assert "pip install 'gatewise[train]'" in str(error), error
    else:
        raise AssertionError(name)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_architecture_old_places_are_gone():
    for name in ("config", "classifier", "folder", "cell", "network"):
        with pytest.raises(ModuleNotFoundError, match=f"No module named 'gatewise.{name}'"):
            __import__(f"gatewise.{name}")
