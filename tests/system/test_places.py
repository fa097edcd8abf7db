"""Names no file system takes, places where nothing can be written, streams that are closed: a sentence, or it works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.system.conftest import environment

SENTENCE = (
    "这部电影的演员和音乐都非常精彩我看了以后很感动也很喜欢" * 4
)  # of one word, and longer than a file name may be
LONG = ["x" * 300, "很" * 86, SENTENCE, "a/" * 3000 + "b", "x" * 5000]
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX shells and pipes")


@pytest.fixture
def data(write, rows):
    return write("data.csv", rows)


@pytest.mark.parametrize("name", LONG, ids=lambda name: f"{name[:2]}{len(name)}")
@pytest.mark.parametrize(
    "arguments",
    [
        "train NAME --out m", "train DATA --out NAME", "train DATA --out NAME --overwrite",
        "train DATA --out NAME --resume", "train DATA --out m --unlabelled NAME",
        "train DATA --out m --pretrained NAME",
        "train DATA --out m --teachers NAME --student-epochs 1 --unlabelled DATA",
        "train DATA --out m --tensorboard NAME/x",
        "train NAME", "pretrain NAME", "pretrain DATA --out NAME", "pretrain DATA --out e --from NAME",
        "evaluate NAME DATA", "evaluate MODEL NAME", "evaluate MODEL DATA --report NAME",
        "predict NAME/ good", "predict MODEL --input NAME", "predict MODEL --input DATA --output NAME.csv",
        "explain NAME/ good", "explain MODEL good --html NAME", "faithfulness NAME DATA --keep",
        "faithfulness MODEL NAME", "lab gates NAME DATA", "lab gates MODEL NAME", "lab memory --out NAME",
    ],
)  # fmt: skip
def test_a_name_longer_than_a_file_name_may_be_is_one_sentence(
    command, data, model_folder, small, tmp_path, monkeypatch, name, arguments
):
    monkeypatch.chdir(tmp_path)
    places = {"DATA": str(data), "MODEL": str(model_folder)}
    words = [places.get(word, word).replace("NAME", name) for word in arguments.split()]
    before = sorted(tmp_path.rglob("*"))
    answer = command(*words, *(small if words[0] == "train" else []))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("gatewise: ") and answer.err.count("\n") == 1 and "Traceback" not in answer.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", LONG, ids=lambda name: f"{name[:2]}{len(name)}")
@pytest.mark.parametrize("asked", [["predict"], ["predict", "MODEL"], ["explain"], ["explain", "MODEL"]])
def test_a_text_longer_than_a_file_name_may_be_is_answered(command, model_folder, monkeypatch, tmp_path, name, asked):
    monkeypatch.chdir(tmp_path)
    text = name.replace("/", "") if len(asked) == 1 else name
    monkeypatch.setattr("gatewise.cli.options.texts_are_piped", lambda: False)
    answer = command(*(str(model_folder) if word == "MODEL" else word for word in asked), text)
    assert answer.code == 0 and answer.out, answer.err


@pytest.mark.parametrize("place", ["missing/file", "file/below", "folder", pytest.param("pipe", marks=posix)])
@pytest.mark.parametrize(
    "arguments",
    [["evaluate", "MODEL", "DATA", "--report"], ["explain", "MODEL", "good", "--html"],
     ["predict", "MODEL", "--input", "DATA", "--output"]],
)  # fmt: skip
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    command, data, model_folder, monkeypatch, tmp_path, place, arguments
):
    def begun(*values: object, **names: object) -> None:
        pytest.fail("the work was begun")

    monkeypatch.setattr("gatewise.runtime.folder.load", begun)
    ending = ".csv" if arguments[0] == "predict" else ".html"
    (tmp_path / "file").touch()
    (tmp_path / f"folder{ending}").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / f"pipe{ending}")
    before = sorted(tmp_path.rglob("*"))
    words = [{"DATA": str(data), "MODEL": str(model_folder)}.get(word, word) for word in arguments]
    said = command(*words, tmp_path / f"{place}{ending}").refusal()
    assert "could not be written" in said or "is no plain file, so nothing is written there" in said
    assert sorted(tmp_path.rglob("*")) == before


def run(words: list[object], redirection: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command under a shell that closes or breaks streams; standard error goes to a file unless it is closed."""
    line = 'exec "$0" -m gatewise "$@" ' + redirection
    return subprocess.run(
        ["bash", "-c", line, sys.executable, *map(str, words)],
        cwd=folder, env=environment(**more), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@posix
@pytest.mark.parametrize(
    ("redirection", "code", "reason"),
    [(">&-", 2, "Bad file descriptor"), ("> /dev/full", 2, "No space left"), ("2>&-", 0, ""), ("2> /dev/full", 0, ""),
     ("<&-", 0, ""), (">&- 2>&- <&-", 2, "")],
)  # fmt: skip
def test_streams_that_are_closed_or_full_cost_no_more_than_what_goes_there(
    model_folder, tmp_path, redirection, code, reason
):
    done = run(["predict", model_folder, "a superb film"], redirection, tmp_path)
    assert done.returncode == code and reason in done.stderr and done.stderr.count("\n") <= 1
    assert done.stdout.startswith("pos\t") if code == 0 else done.stdout == ""


@posix
@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full", "2> >(true)", ">&- 2>&- <&-"])
def test_a_run_ends_well_though_nobody_hears_of_it(data, small, tmp_path, redirection):
    """Its files take no closed stream's place: what is printed there would stand in the model."""
    done = run(["train", data, "--out", "m", *small[:-1]], redirection, tmp_path)
    assert done.returncode in ((2,) if redirection.startswith(">") else (0,)), done.stderr
    assert (tmp_path / "m" / "report.html").is_file() and not (tmp_path / "m.training").exists()
    asked = run(["predict", "m", "a superb film"], "", tmp_path)
    assert asked.returncode == 0 and asked.stderr == ""


@posix
@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_to_a_full_disk_is_a_sentence(tmp_path, words):
    done = run(words, "> /dev/full", tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1
    assert done.stderr.startswith("gatewise: The output could not be written (No space left on device);")
