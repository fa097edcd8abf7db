"""How fast, and in how much memory? Training against the repaired tutorial network at equal size, against the machine's
matrix multiply at hidden size 512, prediction in batch, and the command line's start.

    GATEWISE_DATA=../shared/data python benchmarks/speed.py

Every ratio compares two measurements of one run, taken in turn; the table shows the median of the pairs.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gatewise.base.ram import keep_memory
from gatewise.base.settings import NetworkConfig, Precision, TokenizerConfig, TrainingConfig
from gatewise.data.reading import read
from gatewise.data.vocabulary import train_tokenizer
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import Sequences, collate, gather, plan
from gatewise.runtime.classifier import Model
from gatewise.runtime.tokenizer import TextTokenizer
from gatewise.training.probing import choose_precision, choose_sharing
from gatewise.training.run import Run
from gatewise.training.session import Session

Seconds = float


class TutorialNetwork(nn.Module):
    """The tutorial's network, repaired: embedding, one LSTM, the state at the last real token, one logit."""

    def __init__(self, vocab_size: int, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, size)
        self.lstm = nn.LSTM(size, size)
        self.head = nn.Linear(size, 1)

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Give one logit a text of ids padded to 500, [500, B]."""
        states, _ = self.lstm(self.embedding(inputs))
        return self.head(states[lengths - 1, torch.arange(inputs.shape[1])]).squeeze(1)


def texts_of(limit: int) -> tuple[list[str], list[int]]:
    """Take the first texts of a shuffled IMDB training part, with targets."""
    texts: list[str] = []
    labels: list[int] = []
    for batch in read("imdb").train.batches():
        texts += [example.text for example in batch]
        labels += [int(example.label == "positive") for example in batch]
    order = np.random.default_rng(0).permutation(len(texts))[:limit]
    return [texts[row] for row in order], [labels[row] for row in order]


def encode(tokenizer: TextTokenizer, texts: list[str], targets: list[int]) -> Sequences:
    """Encode texts for training."""
    return gather([tokenizer.encode_batch(texts)], targets, tokenizer.vocab_size)


def tutorial_epoch(tokenizer: TextTokenizer, texts: list[str], targets: list[int], size: int) -> Callable[[], Seconds]:
    """Prepare the tutorial's training: random order, batches of 32, everything padded to 500."""
    ids = tokenizer.encode_batch(texts)
    network = TutorialNetwork(tokenizer.vocab_size, size)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)

    def run() -> Seconds:
        started = time.perf_counter()
        for start in range(0, len(ids), 32):
            rows = [text[:500] for text in ids[start : start + 32]]
            inputs = np.zeros((500, len(rows)), dtype=np.int64)
            for column, row in enumerate(rows):
                inputs[: len(row), column] = row
            logits = network(torch.from_numpy(inputs), torch.tensor([len(row) for row in rows]))
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits, torch.tensor(targets[start : start + 32], dtype=torch.float32)
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.perf_counter() - started

    return run


def our_epoch(
    sequences: Sequences, vocab_size: int, network: NetworkConfig, precision: Precision = "auto"
) -> tuple[Callable[[], Seconds], str, str]:
    """Prepare our training steps, with everything a step does in a real run."""
    config = TrainingConfig(precision=precision)
    model = TextLSTM(network, vocab_size, 2)
    run = Run(model, config, Session())
    run.progress.precision = choose_precision(model, sequences, config)
    run.progress.sharing = choose_sharing(model, sequences, config, run.progress.precision)
    epoch = 0

    def steps() -> Seconds:
        nonlocal epoch
        epoch += 1
        model.train()
        run.employ()
        started = time.perf_counter()
        for rows in plan(
            sequences.lengths, batch_tokens=config.batch_tokens, batch_texts=config.batch_texts, seed=1, epoch=epoch
        ):
            run.update(collate(sequences, rows), 1e-4)
        seconds = time.perf_counter() - started
        run.close()
        return seconds

    return steps, run.progress.precision, run.progress.sharing


def multiply_rate(precision: str) -> float:
    """Measure the machine's rate for square matrices of 2,048, in FLOP/s."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = torch.randn(2048, 2048, dtype=dtype), torch.randn(2048, 2048, dtype=dtype)
    left @ right
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 1:
        left @ right
        count += 1
    return count * 2 * 2048**3 / (time.perf_counter() - started)


def against_tutorial(repeats: int) -> dict[str, object]:
    """Compare training in reviews a second, one LSTM of 128 units in one direction each, E = 128."""
    texts, targets = texts_of(1000)
    tokenizer = train_tokenizer([texts], TokenizerConfig(vocab_size=10_000, max_tokens=500))
    theirs = tutorial_epoch(tokenizer, texts, targets, 128)
    ours, precision, sharing = our_epoch(
        encode(tokenizer, texts, targets), tokenizer.vocab_size, NetworkConfig(hidden_size=128, bidirectional=False)
    )
    pairs = [(theirs(), ours()) for _ in range(repeats)]
    return {
        "tutorial_reviews_per_second": len(texts) / statistics.median(pair[0] for pair in pairs),
        "gatewise_reviews_per_second": len(texts) / statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(pair[0] / pair[1] for pair in pairs),
        "precision": precision,
        "sharing": sharing,
    }


def share_of_multiply(embedding_dim: int, wanted: Precision, repeats: int) -> dict[str, object]:
    """Compare a whole training step at H = 512, one direction, with the matrix-multiply rate in the same precision."""
    texts, targets = texts_of(600)
    tokenizer = train_tokenizer([texts], TokenizerConfig(vocab_size=20_000, min_count=1))
    sequences = encode(tokenizer, texts, targets)
    shape = NetworkConfig(embedding_dim=embedding_dim, hidden_size=512, bidirectional=False)
    steps, precision, sharing = our_epoch(sequences, tokenizer.vocab_size, shape, wanted)
    work = 3 * 8 * 512 * (512 + embedding_dim) * len(sequences.steps)  # FLOP of the LSTM; padding is no work
    pairs = [(multiply_rate(precision), work / steps()) for _ in range(repeats)]
    return {
        "multiply_gflops": statistics.median(pair[0] for pair in pairs) / 1e9,
        "step_gflops": statistics.median(pair[1] for pair in pairs) / 1e9,
        "share": statistics.median(pair[1] / pair[0] for pair in pairs),
        "tokens_per_second": statistics.median(pair[1] for pair in pairs) * len(sequences.steps) / work,
        "precision": precision,
        "sharing": sharing,
    }


def prediction(repeats: int) -> dict[str, object]:
    """Measure reviews a second from text to probability, with a network of the default shape."""
    texts, _ = texts_of(2000)
    tokenizer = train_tokenizer([texts], TokenizerConfig())
    model = Model(tokenizer, TextLSTM(NetworkConfig(), tokenizer.vocab_size, 2).eval(), ("negative", "positive"))
    model.probabilities(texts[:200])
    speeds = []
    for _ in range(repeats):
        started = time.perf_counter()
        model.probabilities(texts)
        speeds.append(len(texts) / (time.perf_counter() - started))
    return {"reviews_per_second": statistics.median(speeds)}


def start(repeats: int) -> dict[str, object]:
    """Measure the wall seconds of `gatewise --help`."""
    seconds = []
    for _ in range(2 * repeats + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "gatewise", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    return {"help_seconds": statistics.median(seconds)}


QUESTIONS = {
    "tutorial": against_tutorial,
    "multiply, E = 256": partial(share_of_multiply, 256, "auto"),
    "multiply, E = 512": partial(share_of_multiply, 512, "auto"),
    "multiply, E = 512, float32": partial(share_of_multiply, 512, "float32"),
    "prediction": prediction,
    "start": start,
}


def main() -> None:
    """Answer the questions asked for, print a table and write it with the machine and the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "speed.json")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    keep_memory()  # as the command line does
    answers = {}
    for name in arguments.only:
        answers[name] = QUESTIONS[name](arguments.repeats)
        for key, value in answers[name].items():
            print(f"{name:27} {key:32} {value if isinstance(value, str) else f'{value:,.3f}'}", flush=True)
    lines = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    machine = {"cpu": lines[0].split(":")[1].strip(), "cores": len(lines), "threads": torch.get_num_threads()}
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    content = {"command": "python benchmarks/speed.py", "machine": machine, "versions": versions, "answers": answers}
    arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
