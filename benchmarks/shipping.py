"""What does an answer of `sentiment-en` cost, and how far is it from torch's? The compiled engine against its peers.

    GATEWISE_DATA=../shared/data python benchmarks/shipping.py --peer-python ../peers/bin/python

Peers: torch in 32 bits on padded batches, as gatewise answered up to 3fb3649, and, where --peer-python names an
interpreter with onnx and onnxruntime, onnxruntime in 32 and 8 bits. One thread each. Everything is measured in turn in
one run, in CPU seconds; a bulk is cut into parts, and each part is answered by all before the next. Reviews are drawn
from the whole IMDB test part; no label is read. Speed is the network's: no tokenizer, no companion.
"""

import argparse
import datetime
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from gatewise.data.reading import read
from gatewise.nets.classify import module_of
from gatewise.runtime.batches import Sequences, collate, cut
from gatewise.runtime.engine import logits_of
from gatewise.runtime.folder import load
from gatewise.runtime.kernel.library import NUMPY, VARIABLE, engine
from gatewise.runtime.network import Network

Logits = np.ndarray
Answer = Callable[[Sequences], tuple[float, Logits]]  # texts that make one batch of a peer's, to CPU seconds and logits
TORCH, ONNX, ONNX8 = "torch float32", "onnxruntime float32", "onnxruntime int8"
EXACT, FAST = "exact", "fast"
FLOORS = {("mixed", EXACT): 3.0, ("mixed", FAST): 5.0, ("bulk", EXACT): 2.0, ("bulk", FAST): 3.5}
PARTS = 8  # of the bulk


def reviews(count: int) -> list[str]:
    """Draw reviews from the test part, which is sorted by label."""
    texts = [example.text for batch in read("imdb").test.batches() for example in batch]
    return [texts[row] for row in np.random.default_rng(0).permutation(len(texts))[:count]]


def ours(network: Network, fast: bool) -> Answer:
    """Answer by the compiled engine, from ids to logits, as a Model does."""

    def answer(texts: Sequences) -> tuple[float, Logits]:
        started = time.process_time()
        logits = logits_of(network, texts, fast=fast)
        return time.process_time() - started, logits

    return answer


def by_torch(network: Network) -> Answer:
    """Answer by the torch module on one padded batch."""
    module = module_of(network)
    torch.set_num_threads(1)

    def answer(texts: Sequences) -> tuple[float, Logits]:
        batch = collate(texts, np.arange(len(texts)))
        started = time.process_time()
        with torch.inference_mode():
            logits = module(torch.from_numpy(batch.inputs), torch.from_numpy(batch.lengths)).numpy()
        return time.process_time() - started, logits

    return answer


@contextmanager
def by_onnxruntime(network: Network, python: str) -> Iterator[tuple[str, dict[str, Answer]]]:
    """Give its version and two answers, by a process of another interpreter."""
    with tempfile.TemporaryDirectory() as name:
        folder, cells = Path(name), network.layers[0]
        np.savez(
            folder / "arrays.npz", table=network.embedding.rows(np.arange(len(network.embedding))), head=network.head,
            head_bias=network.head_bias,
            **{part: np.stack([getattr(cell, part) for cell in cells]) for part in ("input", "recurrent", "bias")},
        )  # fmt: skip
        command = [python, str(Path(__file__).with_name("shipping_peer.py")), name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            assert peer.stdin and peer.stdout

            def answered(model: str, texts: Sequences) -> tuple[float, Logits]:
                assert peer.stdin and peer.stdout
                batch, asked = collate(texts, np.arange(len(texts))), {"model": model}
                asked |= {"batch": str(folder / "batch.npz"), "answers": str(folder / "answers.npy")}
                np.savez(asked["batch"], ids=batch.inputs, lengths=batch.lengths.astype(np.int32))
                print(json.dumps(asked), file=peer.stdin, flush=True)
                return json.loads(peer.stdout.readline()), np.load(asked["answers"])

            version = json.loads(peer.stdout.readline())
            yield (
                version,
                {ONNX: lambda texts: answered("float32", texts), ONNX8: lambda texts: answered("int8", texts)},
            )
            peer.stdin.close()


def batches_of(texts: Sequences) -> list[np.ndarray]:
    """Cut texts as a padded engine does, by near-equal lengths."""
    return cut(np.argsort(-texts.lengths, kind="stable"), texts.lengths, 32_768, 128)


def mixed(texts: Sequences, answers: dict[str, Answer], repeats: int) -> dict[str, float]:
    """Answer 32 texts handed over in one call; give the CPU seconds, the least of some."""
    seconds = {name: [] for name in answers}
    for _ in range(repeats):
        for name, answer in answers.items():
            seconds[name].append(answer(texts)[0])
    return {name: min(own) for name, own in seconds.items()}


def bulk(texts: Sequences, answers: dict[str, Answer]) -> tuple[dict[str, float], dict[str, Logits]]:
    """Answer many texts, peers in batches of near-equal lengths; give the CPU seconds and the logits."""
    seconds, logits = dict.fromkeys(answers, 0.0), {name: np.empty((len(texts), 2)) for name in answers}
    for part in range(PARTS):
        rows = np.arange(part, len(texts), PARTS)
        own = texts.select(rows)
        for name, answer in answers.items():
            for batch in [np.arange(len(own))] if name in (EXACT, FAST) else batches_of(own):
                spent, logits[name][rows[batch]] = answer(own.select(batch))
                seconds[name] += spent
        print(f"  {part + 1} of {PARTS} parts", file=sys.stderr)
    return seconds, logits


def single(texts: Sequences, answers: dict[str, Answer], repeats: int) -> dict[str, dict[str, float]]:
    """Answer one text of 230 tokens again and again; give median and 99th percentile in CPU milliseconds."""
    row = int(np.abs(texts.lengths - 230).argmin())
    text, spent = texts.select(np.array([row])), {name: [] for name in answers}
    for _ in range(repeats):
        for name, answer in answers.items():
            spent[name].append(1000 * answer(text)[0])
    return {
        name: {"tokens": int(text.lengths[0]), "p50": statistics.median(own), "p99": float(np.percentile(own, 99))}
        for name, own in spent.items()
    }


def told(
    rows: dict[str, dict[str, float]], ones: dict[str, dict[str, float]], apart: dict[str, dict[str, float]]
) -> None:
    """Print the tables."""
    for row, seconds in rows.items():
        for name, spent in seconds.items():
            floor = FLOORS.get((row, name))
            bound = f", at least {floor} wanted" if floor else ""
            print(f"{row:6} {name:20} {spent:8.3f} CPU s, {seconds[TORCH] / spent:6.2f} x torch{bound}")
    for name, own in ones.items():
        print(f"one text of {own['tokens']} tokens: {name:20} p50 {own['p50']:6.1f} ms, p99 {own['p99']:6.1f} ms (CPU)")
    for name, own in apart.items():
        changed = f"{own['changed']} of {own['texts']} answers changed"
        print(f"logits of {name:20} within {own['largest']:.1e} of torch's, {changed}")


def main() -> None:
    """Measure all and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="an interpreter with onnx and onnxruntime")
    parser.add_argument("--reviews", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--singles", type=int, default=200, help="readings of the one text")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "shipping.json")
    given = parser.parse_args()
    if engine() == NUMPY:
        raise SystemExit(f"There is no compiled engine here, or {VARIABLE} leaves it out.")
    model = load("sentiment-en")
    network, texts = model.network, model.encode(reviews(given.reviews))
    answers = {TORCH: by_torch(network), EXACT: ours(network, False), FAST: ours(network, True)}
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    for answer in answers.values():  # packed, and warm
        answer(texts.select(np.arange(2)))

    def measured(answers: dict[str, Answer]) -> dict[str, object]:
        few = texts.select(np.arange(32))
        rows = {"mixed": mixed(few, answers, given.repeats)}
        ones = single(texts, answers, given.singles)
        rows["bulk"], logits = bulk(texts, answers)
        apart = {
            name: {
                "largest": float(np.abs(own - logits[TORCH]).max()), "texts": len(own),
                "changed": int((own.argmax(axis=1) != logits[TORCH].argmax(axis=1)).sum()),
            }
            for name, own in logits.items() if name != TORCH
        }  # fmt: skip
        told(rows, ones, apart)
        return {"cpu_seconds": rows, "one_text_cpu_ms": ones, "logits_against_torch": apart}

    if given.peer_python:
        with by_onnxruntime(network, given.peer_python) as (version, peers):
            versions["onnxruntime"] = version
            content = measured(answers | peers)
    else:
        content = measured(answers)
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    said = ["python", "benchmarks/shipping.py", *("PYTHON" if "/" in word else word for word in sys.argv[1:])]
    written = {
        "benchmark": "shipping", "date": datetime.date.today().isoformat(),
        "command": shlex.join(said),
        "machine": {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system(), "load": os.getloadavg()[0]},
        "versions": versions, "engine": engine(), "reviews": len(texts), "tokens": int(texts.lengths.sum()),
    }  # fmt: skip
    given.json.write_text(json.dumps(written | content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
