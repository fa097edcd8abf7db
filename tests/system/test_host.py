"""A program that uses gatewise is left as it was: its settings, its random state, its threads, its children."""

import subprocess
import sys

import pytest

STATE = """
import decimal, gc, locale, logging, os, random, signal, sys, threading, warnings
import numpy as np, threadpoolctl, torch
import gatewise

texts = [f"good film {n}" if n % 2 else f"bad film {n}" for n in range(40)]
labels = ["pos" if n % 2 else "neg" for n in range(40)]
small = dict(min_count=1, embedding_dim=8, hidden_size=4, epochs=2, batch_texts=8, dev_share=0.2)

def state():
    torchs = {name: getattr(torch, name)() for name in (
        "get_num_threads", "get_num_interop_threads", "are_deterministic_algorithms_enabled", "get_default_dtype",
        "is_grad_enabled", "is_anomaly_enabled", "get_float32_matmul_precision",
    )}
    return torchs | {
        "torch": torch.get_rng_state().tolist(), "numpy": str(np.random.get_state()), "random": random.getstate(),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        # torch itself names a folder, and brings a filter, when it makes its first optimiser
        "environment": {name: value for name, value in os.environ.items() if not name.startswith("TORCHINDUCTOR")},
        "warnings": [one for one in warnings.filters if "sympy" not in str(one)],
        "locale": locale.setlocale(locale.LC_ALL), "numbers": np.geterr(), "shown": np.get_printoptions(),
        "decimal": str(decimal.getcontext()), "collects": gc.isenabled(), "recursion": sys.getrecursionlimit(),
        "folder": os.getcwd(), "log": (logging.root.handlers[:], logging.root.level),
        "hooks": (sys.excepthook, threading.excepthook), "threads": threading.active_count(), "path": list(sys.path),
        "libraries": [one["num_threads"] for one in threadpoolctl.threadpool_info()],
    }

import gatewise.tasks.classify.fit
import gatewise.base.ram
called = []
class Libc:
    def mallopt(self, *setting): called.append(setting)
    def malloc_trim(self, kept): pass
gatewise.base.ram.glibc = Libc
"""


def run(program: str, *arguments: object) -> str:
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", STATE + program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_host_process_is_left_as_it_was(tmp_path):
    program = """
before = state()
def unchanged(what):
    after = state()
    assert not (names := [name for name in before if after[name] != before[name]]), (what, names)

classifier = gatewise.LSTMClassifier(**small).fit(texts, labels)
unchanged("fit")
classifier.predict_proba(texts)
unchanged("predict")
classifier.save(sys.argv[1])
model = gatewise.load(sys.argv[1])
unchanged("save and load")
gatewise.explain(model, "good film")
gatewise.phrase(model, "good bad film", 0, 2)
gatewise.trace(model, "good film")
unchanged("explain")
gatewise.evaluate(model, gatewise.data.part.from_lists(texts, labels, name="x"))
unchanged("evaluate")
assert not called
"""
    assert run(program, tmp_path / "model") == ""


@pytest.mark.parametrize(
    "before", ["", "model.predict(texts * 60)", "gatewise.LSTMClassifier(**small).fit(texts, labels)"]
)
@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork")
def test_host_forked_child_answers(before):
    program = f"""
model = gatewise.load("sentiment-en")
{before}
said = model.logits(texts).tobytes()
child = os.fork()
if not child:
    signal.alarm(100)
    same = model.logits(texts).tobytes() == said
    gatewise.explain(model, "a good film")
    os._exit(0 if same else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    run(program)


def test_host_forked_child_answers_while_another_thread_has_the_libraries():
    program = """
from gatewise.base import cores
model = gatewise.load("sentiment-en")
said = model.logits(texts[:2]).tobytes()
cores._LIMIT._lock.acquire()  # as a thread does that is just setting them
child = os.fork()
if not child:
    signal.alarm(60)
    os._exit(0 if model.logits(texts[:2]).tobytes() == said else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    run(program)
