"""The lab's commands, in this process: tables, conclusions, files, and one sentence for what cannot be done."""

import json
import sys

import pytest

from gatewise.cli import main as cli
from gatewise.runtime import folder

pytest.importorskip("matplotlib", reason="plots need the extra `lab`")
FAST = ("--lengths", "8", "--networks", "lstm-chrono,irnn", "--learning-rates", "0.01", "--seeds", "1", "--steps", "60")


@pytest.fixture
def gatewise(monkeypatch, capsys):
    """Run `gatewise lab ...` through main(); give exit code, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gatewise", "lab", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def model(tiny_model, tmp_path):
    folder.save(tiny_model, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def data(english, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in zip(*english, strict=True)))
    return path


def test_lab_cli_memory_prints_a_table_and_a_conclusion_and_writes_files(gatewise, tmp_path):
    out = tmp_path / "lab"
    code, shown, said = gatewise("memory", *FAST, "--out", out)
    assert code == 0
    lines = shown.splitlines()
    assert lines[0].split() == ["solved", "seeds,", "median", "steps", "latch", "8"]
    assert lines[1].startswith("LSTM chrono") and lines[2].startswith("identity ReLU RNN")
    content = json.loads((out / "memory.json").read_text())
    assert content["conclusion"] in lines and len(content["found"]) == 2
    assert {path.name for path in out.iterdir()} == {"memory.json", "memory.svg", "memory.png"}
    assert len(said.splitlines()) == 2 and "rate 0.01, seed 1" in said


def test_lab_cli_takes_several_values_joined_or_one_by_one(gatewise, tmp_path):
    apart = ("--lengths", "8", "--networks", "lstm-chrono", "--networks", "irnn", "--learning-rates", "0.01")
    assert gatewise("memory", *FAST, "--out", tmp_path / "joined", "-q")[0] == 0
    assert gatewise("memory", *apart, *FAST[-4:], "--out", tmp_path / "apart", "-q")[0] == 0
    several = ("--tasks", "latch", "--tasks", "adding", "--lengths", "8", "--lengths", "9,10", "--networks", "irnn")
    rates = ("--learning-rates", "0.01", "--learning-rates", "0.02", "--seeds", 1, "--steps", 1)
    assert gatewise("memory", *several, *rates, "--out", tmp_path / "more", "-q")[0] == 0
    raced = {}
    for name in ("joined", "apart", "more"):
        runs = json.loads((tmp_path / name / "memory.json").read_text())["found"]
        raced[name] = {(run["network"], run["task"], run["length"], run["learning_rate"]) for run in runs}
    assert raced["joined"] == raced["apart"] == {(name, "latch", 8, 0.01) for name in ("lstm-chrono", "irnn")}
    assert raced["more"] == {
        ("irnn", task, length, rate) for task in ("latch", "adding") for length in (8, 9, 10) for rate in (0.01, 0.02)
    }


def test_lab_cli_memory_goes_on_with_what_the_folder_holds(gatewise, tmp_path):
    assert gatewise("memory", *FAST, "--out", tmp_path)[0] == 0
    first = json.loads((tmp_path / "memory.json").read_text())["found"]
    assert gatewise("memory", *FAST[:-6], "--seeds", 2, "--steps", 60, "--out", tmp_path, "-q")[0] == 0
    second = json.loads((tmp_path / "memory.json").read_text())["found"]
    assert [run for run in second if run in first] == first and len(second) > len(first)


def test_lab_cli_gradients(gatewise, tmp_path):
    code, shown, _ = gatewise(
        "gradients", "--length", 6, "--networks", "rnn,gru", "--seeds", 1, "--steps", 2, "--out", tmp_path
    )
    assert code == 0 and "first / last of 6 steps" in shown and "tanh RNN" in shown
    content = json.loads((tmp_path / "gradients.json").read_text())
    assert content["conclusion"] in shown and len(content["found"]) == 4 and content["length"] == 6
    assert (tmp_path / "gradients.svg").stat().st_size > 1000


def test_lab_cli_gates(gatewise, model, data, tmp_path, tiny_model):
    out = tmp_path / "lab"
    code, shown, said = gatewise("gates", model, data, "--texts", 60, "--mean-texts", 30, "--out", out)
    assert code == 0
    assert "60 texts of" in shown and "f at its mean" in shown and "Most telling units" in shown
    assert ("n-gram companion was left out" in shown) == (tiny_model.companion is not None)
    content = json.loads((out / "gates.json").read_text())
    assert content["conclusion"] in shown and content["found"]["texts"] == 60
    names = {f"{name}.{ending}" for name in ("gates", "horizons") for ending in ("svg", "png")}
    assert {path.name for path in out.iterdir()} == {"gates.json", *names}
    assert "reading with f = 1" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("memory", "--tasks", "copy"), "no task 'copy'; choose among latch, adding"),
        (("memory", "--lengths", "2"), "give a length of 4 to 5000"),
        (("memory", "--lengths", "ten"), "--lengths is 'ten'; give numbers joined by commas"),
        (("memory", "--networks", "gru,lstm"), "no network 'lstm'"),
        (("memory", "--learning-rates", "2"), "above 0 and below 1"),
        (("gradients", "--length", "1"), "give a length of 4 to 5000"),
        (("gates", "nowhere", "reviews"), "nowhere"),
    ],
)
def test_lab_cli_bad_input_is_one_sentence_and_leaves_nothing(gatewise, tmp_path, arguments, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, shown, said = gatewise(*arguments, "--out", tmp_path / "out")
    assert (code, shown) == (2, "") and message in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_lab_cli_an_output_that_cannot_be_written(gatewise, tmp_path):
    (tmp_path / "file").write_text("mine")
    code, shown, said = gatewise("memory", *FAST, "--out", tmp_path / "file")
    assert (code, shown) == (2, "") and "file could not be written" in said
    assert (tmp_path / "file").read_text() == "mine"


def test_lab_cli_a_foreign_memory_json_is_not_overwritten(gatewise, tmp_path):
    (tmp_path / "memory.json").write_text("{}")
    code, _, said = gatewise("memory", *FAST, "--out", tmp_path)
    assert code == 2 and "holds no races to go on with" in said
    assert (tmp_path / "memory.json").read_text() == "{}"


@pytest.mark.parametrize("package", ["matplotlib", "torch"])
def test_lab_cli_without_what_it_needs(gatewise, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    code, shown, said = gatewise("memory", *FAST, "--out", tmp_path / "out")
    assert (code, shown) == (2, "") and "pip install 'gatewise[lab]'" in said and not (tmp_path / "out").exists()
