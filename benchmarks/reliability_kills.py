"""Is anything lost when the process dies? Runs and saves killed at random moments and at each file event; full disks.

    python benchmarks/reliability_kills.py --kills 1000 --place /dev/shm

Tiny runs, each in a process forked from this one: a fresh run, one with a student, a pretraining, a save over a model.
A process dies by SIGKILL before its n-th file event (a file opened, renamed, removed, synced, a folder made or
removed, a lock taken), for n = 1, 2, ..., or at a random moment; what follows is killed again half of the time, and
then goes on to the end. Then the folder must hold the bytes of an unbroken run, a reader must have found the old model
or the new one at every moment, and nothing may be left beside it. On a full disk every single write fails in turn,
half written: one sentence, and the same run goes on when there is room. A loss is a run that ends with other bytes or
cannot go on, or a model that cannot be loaded; a traceback is anything but a GatewiseError.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
import torch._dynamo  # which an optimiser loads late: once here, and not in every process

from gatewise.base.errors import GatewiseError
from gatewise.data.part import Dataset, from_lists
from gatewise.runtime import folder
from gatewise.tasks.classify.fit import train_classifier
from gatewise.tasks.classify.settings import Settings
from gatewise.tasks.pretrain.fit import pretrain_encoder
from gatewise.tasks.pretrain.settings import PretrainingSettings
from gatewise.training.session import SETTINGS, unfinished
from tutorial import RESULTS, record

EVENTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "fcntl.flock"}
TINY = {
    "epochs": 2, "embedding_dim": 6, "hidden_size": 4, "min_count": 1, "batch_tokens": 256, "learning_rate": 0.02,
    "averaging": 0.9, "precision": "float32", "sharing": "texts", "threads": 1, "checkpoint_seconds": 0.0,
}  # fmt: skip
OTHER = Path(__file__).parent.parent / "tests" / "fixtures" / "before" / "two-layers-float32"
DONE, SENTENCE, TRACEBACK = 0, 2, 3
Work = Callable[[Path], None]


def corpus(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Make texts of which one word tells the label."""
    draw, words = random.Random(seed), ["the", "film", "a", "story", "its", "cast", "and", "music", "was"]
    labels = ["neg", "pos"] * (count // 2)
    told = {"neg": "bad dull", "pos": "good great"}
    return [" ".join([*draw.choices(words, k=7), draw.choice(told[label].split())]) for label in labels], labels


TEXTS, LABELS = corpus(60, 1)
DATA = Dataset("kills", from_lists(TEXTS, LABELS), test=from_lists(*corpus(20, 3)))
LARGER = Dataset("kills", DATA.train, test=DATA.test, unlabelled=from_lists(corpus(40, 2)[0]))


def train(data: Dataset, **more: int) -> Work:
    """Give a training that goes on where one is unfinished, as the command's user would."""
    settings = Settings().replace(**TINY, **more)

    def work(out: Path) -> None:
        resume = (unfinished(out) / SETTINGS).is_file()
        train_classifier(data, out, settings=None if resume else settings, resume=resume, overwrite=not resume)

    return work


def pretrain(out: Path) -> None:
    """Pretrain, going on where a run is unfinished."""
    settings = PretrainingSettings().replace(**TINY, dev_share=0.2)
    resume = (unfinished(out) / SETTINGS).is_file()
    pretrain_encoder(
        Dataset("kills", from_lists(TEXTS)), out, settings=None if resume else settings, resume=resume,
        overwrite=not resume,
    )  # fmt: skip


def save(out: Path) -> None:
    """Save another model over the one that stands."""
    folder.save(folder.load(OTHER), out, overwrite=True)


WORKS: dict[str, Work] = {
    "fresh": train(DATA), "student": train(LARGER, student_epochs=1), "pretraining": pretrain, "save": save,
}  # fmt: skip


def start(work: Work, out: Path, *, dies_at: int = 0, writes: int = -1) -> int:
    """Fork a process that works, dies before its so many-th file event, or has room for so many writes; give its id."""
    if child := os.fork():
        return child
    code = TRACEBACK
    try:
        if dies_at:
            die_at(dies_at)
        if writes >= 0:
            fill_at(writes)
        work(out)
        code = DONE
    except GatewiseError:
        code = SENTENCE
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def die_at(moment: int) -> None:
    """End this process without warning before a file event."""
    left, sync = moment, os.fsync

    def count(event: str, arguments: object = None) -> None:
        nonlocal left
        if event in EVENTS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def synced(descriptor: int) -> None:
        count("open")
        sync(descriptor)

    os.fsync = synced
    sys.addaudithook(count)


def fill_at(writes: int) -> None:
    """Let the disk of this process be full after so many writes, in the middle of the next."""
    opened, left = Path.open, writes

    class File:
        def __init__(self, file) -> None:
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *exception) -> None:
            self.file.close()

        def __getattr__(self, name: str):
            return getattr(self.file, name)

        def write(self, content) -> int:
            nonlocal left
            left -= 1
            if left >= 0:
                return self.file.write(content)
            self.file.write(content[: len(content) // 2])
            self.file.flush()
            raise OSError(28, "No space left on device")

    def open_watched(path: Path, mode: str = "r", *more, **options):
        file = opened(path, mode, *more, **options)
        return File(file) if mode[0] in "wa" and path.suffix != ".lock" else file

    Path.open = open_watched


def ended(child: int) -> int:
    """Wait for a process; give its exit code, below nought for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Trial:
    """One kind of work again and again, and what became of it."""

    def __init__(self, name: str, place: Path) -> None:
        self.name, self.work, self.place = name, WORKS[name], place
        self.counts: Counter[str] = Counter()
        self.draw = random.Random(name)
        self.old = place / "old"
        self.load = folder.load_encoder if name == "pretraining" else folder.load
        assert ended(start(WORKS["fresh"], self.old)) == DONE
        self.before = self.content(self.old)
        started = time.perf_counter()
        assert ended(start(self.work, self.fresh())) == DONE
        self.seconds = time.perf_counter() - started
        self.expected = self.content(self.out)

    def fresh(self) -> Path:
        """Begin anew: nothing stands, or, for a save, the old model does."""
        self.here = self.place / "here"
        shutil.rmtree(self.here, ignore_errors=True)
        self.here.mkdir()
        self.out = self.here / "m"
        if self.name == "save":
            shutil.copytree(self.old, self.out)
        return self.out

    def content(self, path: Path) -> dict[str, bytes]:
        """Give the files that an unbroken run and one that was killed must have alike."""
        return {name: (path / name).read_bytes() for name in ("model.safetensors", "tokenizer.json")}

    def lost(self, why: str, code: int = 0) -> None:
        """Count a loss and say which."""
        self.counts["tracebacks" if code == TRACEBACK else "losses"] += 1
        print(f"{self.name}: {why} ({code})", flush=True)

    def read(self) -> None:
        """Load what stands now, as a reader would at this moment."""
        if self.name != "save" and not self.out.exists():
            return
        try:
            self.load(self.out)
            if self.content(self.out) not in (self.before, self.expected):
                self.lost("a model that is neither the old nor the new")
        except Exception as error:
            self.lost(f"cannot be loaded: {error}")
        self.counts["loads"] += 1

    def kill(self, moment: int) -> bool:
        """Kill the work once, at a file event or, with 0, at a random moment; say whether it died."""
        child = start(self.work, self.out, dies_at=moment)
        if not moment:
            time.sleep(self.draw.uniform(0, 1.1 * self.seconds))
            os.kill(child, signal.SIGKILL)
        code = ended(child)
        if code > 0:
            self.lost("a sentence or traceback where nothing was wrong", code)
        self.counts["kills"] += code == -signal.SIGKILL
        self.read()
        return code == -signal.SIGKILL

    def go_on(self) -> None:
        """Let the work come to its end, and compare."""
        if (code := ended(start(self.work, self.out))) != DONE:
            self.lost("could not go on", code)
            return
        self.read()
        if self.content(self.out) != self.expected:
            self.lost("ended with other bytes")
        if left := sorted(path.name for path in self.here.iterdir() if path != self.out):
            self.lost(f"left {', '.join(left)}")
        self.counts["ends"] += 1

    def killed(self, kills: int) -> None:
        """Kill at each file event while they last and the kills do, then at random moments."""
        event = 1
        while self.counts["kills"] < kills:
            self.fresh()
            at_event = event > 0 and self.counts["kills"] < 0.7 * kills
            died = self.kill(event if at_event else 0)
            event = event + 1 if died and at_event else 0
            while died and self.draw.random() < 0.5:
                died = self.kill(self.draw.choice([0, self.draw.randrange(1, 200)]))
            self.go_on()

    def filled(self) -> None:
        """Let every write in turn find the disk full."""
        writes, code = 0, SENTENCE
        while code != DONE:
            self.fresh()
            code = ended(start(self.work, self.out, writes=writes))
            if code not in (DONE, SENTENCE):
                self.lost("a full disk", code)
                break
            self.read()
            self.go_on()
            self.counts["full_disks"] += code == SENTENCE
            writes += 1


def main() -> None:
    """Kill, go on, compare; print a table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000, help="of all kinds together")
    parser.add_argument("--works", nargs="+", default=list(WORKS), choices=list(WORKS))
    parser.add_argument("--place", help="folder to work in, as /dev/shm, where syncing takes no time")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = {}
    names = ("kills", "full_disks", "loads", "ends", "losses", "tracebacks")
    print(f"{'work':12} " + " ".join(f"{name:>10}" for name in names) + f" {'seconds':>8}", flush=True)
    for name in arguments.works:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=arguments.place) as place:
            trial = Trial(name, Path(place))
            trial.killed(arguments.kills // len(arguments.works))
            trial.filled()
        seconds = round(time.perf_counter() - started, 1)
        rows[name] = {column: trial.counts[column] for column in names} | {"seconds": seconds}
        print(f"{name:12} " + " ".join(f"{trial.counts[one]:10,}" for one in names) + f" {seconds:8.1f}", flush=True)
    path = RESULTS / "reliability_kills.json"
    head = record("reliability_kills", 1, ["torch", "numpy", "safetensors", "gatewise"])
    path.write_text(json.dumps(head | {"rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
