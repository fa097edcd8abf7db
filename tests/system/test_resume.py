"""A run that is killed at any moment, stopped or out of time goes on, and ends with the bits of an unbroken one."""

import io
import json
import multiprocessing
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gatewise
from gatewise.cli.main import main
from gatewise.data.part import Dataset, from_lists
from gatewise.tasks.classify.fit import train_classifier
from gatewise.training.checkpoint import Checkpoint

KEPT = ("model.safetensors", "tokenizer.json")
STOPPED = (130, -signal.SIGINT)  # as an exit code, or, while Python itself still starts, by the signal: $? is 130
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


RECIPE = shlex.split("""
    --epochs 3 --embedding-dim 8 --hidden-size 8 --min-count 1 --batch-texts 8 --learning-rate 0.02 --precision float32
    --threads 1 --averaging 0.9 --checkpoint-seconds 0 --patience 10 --quiet
""")
LANGUAGE = shlex.split("""
    --epochs 2 --embedding-dim 8 --hidden-size 8 --min-count 1 --batch-tokens 256 --learning-rate 0.02 --dev-share 0.1
    --precision float32 --sharing texts --threads 2 --averaging 0.9 --checkpoint-seconds 0 --quiet
""")


@pytest.fixture
def recipe(write, rows, tmp_path):
    """Arguments of a run of some 60 steps that checkpoints after every one."""
    write("data/train.csv", rows[:160])
    write("data/test.csv", rows[160:])
    return lambda *options: ["train", str(tmp_path / "data"), "--out", str(tmp_path / "m"), *RECIPE, *options]


@pytest.fixture(scope="module")
def unbroken(english, tmp_path_factory):
    """Train without a break, in a process of its own; give the files that every other run must end with."""
    folder = tmp_path_factory.mktemp("unbroken")
    rows = [f"{text},{label}\n" for text, label in zip(*english, strict=True)]
    for part, lines in (("train", rows[:160]), ("test", rows[160:])):
        (folder / f"{part}.csv").write_text("text,label\n" + "".join(lines), encoding="utf-8")
    arguments = ["train", str(folder), "--out", str(folder / "m"), *RECIPE]
    subprocess.run([sys.executable, "-m", "gatewise", *arguments], check=True, capture_output=True)
    return files_of(folder / "m")


@pytest.fixture(scope="module")
def forked():
    """Start `gatewise ...` in a real process, forked from one that has loaded torch already: in a moment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pytest", "gatewise.tasks.classify.fit", "gatewise.pages.report", "gatewise.cli.main", "rich.progress"]
    )

    def start(arguments, last_words, die_at=("", 0)):
        process = context.Process(target=begin, args=(["gatewise", *arguments], str(last_words), *die_at))
        process.start()
        return process

    return start


def begin(arguments: list[str], last_words: str, name: str, count: int) -> None:
    """Run the command, its errors written to a file; die when, for the count-th time, half of a file is written."""
    sys.argv, sys.stdout, sys.stderr = arguments, io.StringIO(), Path(last_words).open("a")  # noqa: SIM115
    replace, seen = Path.replace, 0

    def die(self: Path, target: Path) -> Path:
        nonlocal seen
        seen += target.name == name
        if name and seen == count:
            os.truncate(self, self.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = die  # type: ignore[method-assign,assignment]
    main()


def files_of(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in KEPT}


def steps_of(out: Path) -> list[int]:
    log = (out / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in log]


@posix
def test_killed_at_random_moments_it_ends_with_the_same_bits(recipe, unbroken, forked, tmp_path):
    """Four kills come while it trains, soon enough that it cannot end before, then four at any moment."""
    draw, out, run = random.Random(7), tmp_path / "m", tmp_path / "m.training"
    log = run / "metrics.jsonl"
    endings: list[int | None] = []
    while_training = 0
    for attempt in range(8):
        resume = "--resume" if (run / "settings.json").exists() else "--overwrite"
        known = log.stat().st_size if log.exists() else 0
        process = forked(recipe(resume), tmp_path / "words")
        if training := attempt < 4:
            end = time.monotonic() + 20
            while process.is_alive() and time.monotonic() < end and not (log.exists() and log.stat().st_size > known):
                time.sleep(0.001)
        process.join(draw.uniform(0, 0.03 if training else 1))
        while_training += training and process.is_alive()
        process.kill()
        process.join()
        endings.append(process.exitcode)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL, (tmp_path / "words").read_text()
    else:
        process = forked(recipe("--resume"), tmp_path / "words")
        process.join()
        assert process.exitcode == 0
    assert endings.count(-signal.SIGKILL) >= 3 and while_training >= 2, endings
    assert files_of(out) == unbroken
    kinds = [json.loads(line)["kind"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert kinds.count("dev") == 3 and kinds[-1] == "end"
    assert steps_of(out) == sorted(steps_of(out)), "what was done twice is told once"
    assert not run.exists()


@posix
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("settings.json", 1), ("checkpoint.safetensors", 1), ("checkpoint.safetensors", 30), ("config.json", 1),
        ("model.safetensors", 1), ("README.md", 1),
    ],
)  # fmt: skip
def test_killed_while_a_file_is_being_written(command, recipe, unbroken, forked, tmp_path, name, count):
    """The process dies with half a file on disk, under the name it has until it is whole."""
    process = forked(recipe(), tmp_path / "words", die_at=(name, count))
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "m").exists()
    resume = [] if name == "settings.json" else ["--resume"]
    assert command(*recipe(*resume)).code == 0
    assert files_of(tmp_path / "m") == unbroken


@posix
def test_pretraining_killed_while_a_file_is_being_written_ends_with_the_same_bits(write, rows, forked, tmp_path):
    """With two workers, killed at the first checkpoint, at a later one, and while the result is saved."""
    data = write("texts.csv", [(f"{text} number{row}",) for row, (text, _) in enumerate(rows)], header=("text",))

    def pretrain(name, *options, **more):
        arguments = ["pretrain", str(data), "--out", str(tmp_path / name), *LANGUAGE, *options]
        process = forked(arguments, tmp_path / "words", **more)
        process.join()
        return process.exitcode

    assert pretrain("whole") == 0, (tmp_path / "words").read_text()
    resume: list[str] = []
    for place in (("checkpoint.safetensors", 1), ("checkpoint.safetensors", 4), ("model.safetensors", 1)):
        assert pretrain("e", *resume, die_at=place) == -signal.SIGKILL, (tmp_path / "words").read_text()
        assert not (tmp_path / "e").exists() and (tmp_path / "e.training").exists()
        resume = ["--resume"]
    assert pretrain("e", "--resume") == 0, (tmp_path / "words").read_text()
    assert files_of(tmp_path / "e") == files_of(tmp_path / "whole")
    assert steps_of(tmp_path / "e") == sorted(steps_of(tmp_path / "e"))
    assert not (tmp_path / "e.training").exists()


@pytest.fixture
def interrupted(recipe, tmp_path):
    """Start a training in a process of its own, send a signal at a moment, give its exit code and last words."""

    def run(moment, number=signal.SIGINT):
        process = subprocess.Popen(
            [sys.executable, "-m", "gatewise", *recipe()],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        try:
            end = time.monotonic() + 60
            while not moment() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.002)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        return process.returncode, out, err

    return run


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_keeps_the_best_model_says_so_and_resumes_to_the_same_bits(
    command, recipe, unbroken, interrupted, tmp_path, name
):
    log, number = tmp_path / "m.training" / "metrics.jsonl", getattr(signal, name)
    code, out, err = interrupted(lambda: log.exists() and '"dev"' in log.read_text(), number)
    assert (code, out) == (128 + number, "")
    assert "Stopping after this step" in err and re.search(r"best model so far is in .*m; .* --resume goes on\.", err)
    assert "Traceback" not in err
    model = gatewise.load(tmp_path / "m")
    assert model.predict(["a film"])[0] in ("neg", "pos") and (tmp_path / "m" / "report.html").is_file()
    assert "test" not in model.facts, "the test part is not looked at before the end"
    assert steps_of(tmp_path / "m")[-1] < 60
    assert command("predict", tmp_path / "m", "a film").code == 0
    assert "exists already" in command(*recipe()).refusal()
    assert command(*recipe("--resume")).code == 0
    assert files_of(tmp_path / "m") == unbroken
    assert "test" in gatewise.load(tmp_path / "m").facts
    assert not (tmp_path / "m.training").exists()


@posix
def test_ctrl_c_twice_stops_at_once_and_keeps_the_checkpoint(command, recipe, unbroken, forked, tmp_path):
    process = forked(recipe(), tmp_path / "words")
    while process.is_alive() and not (tmp_path / "m.training" / "checkpoint.safetensors").exists():
        time.sleep(0.001)
    for _ in range(2):
        os.kill(process.pid or 0, signal.SIGINT)
        time.sleep(0.005)
    process.join()
    said = (tmp_path / "words").read_text()
    assert process.exitcode == 130 and "Stop" in said and "Traceback" not in said
    assert command(*recipe("--resume")).code == 0
    assert files_of(tmp_path / "m") == unbroken


def opened(pipe: Path) -> int:
    """Wait until a reader waits at a named pipe; give the writing end, which keeps the reader waiting for more."""
    end = time.monotonic() + 60
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            assert time.monotonic() < end, "the command never opened its data"
            time.sleep(0.01)


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_while_training_reads_says_one_word_and_leaves_nothing(interrupted, write, rows, tmp_path, name):
    """The data takes some seconds to read, and the lock is what stands from the first of them on."""
    write("data/train.csv", [(f"{text} {number}", label) for number in range(2000) for text, label in rows])
    number = getattr(signal, name)
    code, out, err = interrupted((tmp_path / ".m.lock").exists, number)
    assert (code, out) == (128 + number, "")
    assert err.splitlines()[-1] == "Stopped." and "Traceback" not in err and len(err.splitlines()) <= 2
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@posix
def test_ctrl_c_while_predict_reads_says_one_word(model_folder, tmp_path):
    """The texts are a pipe to which nothing is written, so that the signal comes while the command reads."""
    pipe = tmp_path / "texts.txt"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "gatewise", "predict", str(model_folder), "--input", str(pipe)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    writer = opened(pipe)
    try:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(writer)
    assert process.returncode in STOPPED and out == "", err
    assert "Traceback" not in err and len(err.splitlines()) <= 1
    assert list(tmp_path.iterdir()) == [pipe]


def test_stopped_in_the_middle_again_and_again_it_ends_with_the_same_bits(english, tiny_settings, tmp_path):
    """Every single step is a place to stop; the choice of the best epoch must not see the extra measurements."""
    dataset = Dataset("d", from_lists(*english))
    settings = tiny_settings.replace(epochs=2, checkpoint_seconds=1000.0)
    train_classifier(dataset, tmp_path / "whole", settings=settings)
    resume, rounds = False, 0
    while True:
        asked = iter(range(1000))
        trained = train_classifier(
            dataset, tmp_path / "m", settings=settings, resume=resume, stopped=lambda asked=asked: next(asked) >= 7
        )
        resume, rounds = True, rounds + 1
        if not trained.stopped:
            break
        assert rounds < 20
        if not (tmp_path / "m.training").exists():
            break
    assert rounds > 3
    assert files_of(tmp_path / "m") == files_of(tmp_path / "whole")


def test_resume_on_other_threads_says_that_bits_may_differ(command, recipe, tmp_path, monkeypatch):
    """Settings are those of the first call, so it takes an unset --threads on another machine; simulated here."""
    saves = 0

    def fall(checkpoint, run, original=Checkpoint.save):
        nonlocal saves
        saves += 1
        original(checkpoint, run)
        if saves == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", fall)
        assert command(*recipe()).code == 130
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "ABACUS")
    resumed = command(*[word for word in recipe("--resume") if word != "--quiet"])
    assert resumed.code == 0
    assert re.search(r"resumed at step 5; the bits may differ: cpu was \w+ and is now ABACUS", resumed.err)


def test_minutes_are_a_hard_budget_that_ends_with_a_model(command, recipe, tmp_path):
    started = time.monotonic()
    answer = command(*recipe("--epochs", "10000", "--minutes", "0.05", "--patience", "10000"))
    seconds = time.monotonic() - started
    assert answer.code == 0 and seconds < 3 + 1.5, seconds
    facts = gatewise.load(tmp_path / "m").facts
    assert 1 < facts["trained_seconds"] <= 3.2 and facts["test"]["accuracy"] > 0.8
    rates = [
        entry["learning_rate"]
        for entry in map(json.loads, (tmp_path / "m" / "metrics.jsonl").read_text().splitlines())
        if entry["kind"] == "step"
    ]
    assert max(rates) == pytest.approx(0.02, rel=0.2) and rates[-1] < 0.1 * max(rates), "the schedule fits the budget"


def test_minutes_too_few_for_one_step_leave_nothing(command, recipe, tmp_path):
    assert "before its first step" in command(*recipe("--minutes", "0.00001")).refusal()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert command(*recipe()).code == 0, "and nothing stands in the way of another try"
