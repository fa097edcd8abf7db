"""Why does the classic tutorial's LSTM not learn? One fault at a time, measured.

The tutorial classifies IMDB reviews with PyTorch and torchtext. Each row below is one network with exactly one of its
faults; the rest is repaired. All rows see the same texts in the same batches, so only the fault differs. The reviews
are a subset of the IMDB *training* part; the dev texts come from other films than the training texts. The test part
is never opened.

    GATEWISE_DATA=... python benchmarks/tutorial.py --threads 2
"""

import argparse
import collections
import datetime
import importlib.metadata
import json
import os
import platform
import random
import re
import shlex
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from torch import Tensor, nn
from torch.nn import functional

RESULTS = Path(__file__).parent / "results"
VOCABULARY, LENGTH, BATCH, EMBEDDING, HIDDEN = 10_000, 500, 32, 128, 128
PAD, UNKNOWN = 0, 1

NUMBERS = "no embedding: word ids as numbers"
SCALED = "no embedding: ids divided by 10,000"
SOFTMAX = "log-softmax over one output"
TIME_FIRST = "batch-first data, time-first LSTM"
PAD_RIGHT = "last state, padded right to 500"
PAD_LEFT = "last state, padded left to 500"
REPAIRED = "repaired"
VARIANTS = [REPAIRED, NUMBERS, SCALED, SOFTMAX, TIME_FIRST, PAD_RIGHT, PAD_LEFT]

Texts = list[list[int]]  # each text as word ids, cut to LENGTH


# -- text: words, vocabulary, ids (also used by peers.py) --


def words(text: str) -> list[str]:
    """Return the lower-cased words of a review, with `!` and `?` kept as words."""
    return re.findall(r"[\w']+|[!?]", text.lower().replace("<br />", " "))


def build_vocabulary(texts: list[list[str]], size: int) -> dict[str, int]:
    """Number the most frequent words from 2 up; 0 is padding, 1 an unknown word."""
    counts = collections.Counter(word for text in texts for word in text)
    kept = sorted(counts, key=lambda word: (-counts[word], word))[: size - 2]
    return {word: number for number, word in enumerate(kept, start=2)}


def encode(text: list[str], vocabulary: dict[str, int], length: int) -> list[int]:
    """Return the ids of the first `length` words, never an empty list."""
    return [vocabulary.get(word, UNKNOWN) for word in text[:length]] or [UNKNOWN]


def pad(texts: Texts, length: int | None = None, left: bool = False) -> tuple[Tensor, Tensor]:
    """Return ids [B, T] padded to `length` (default: the longest text), and lengths [B]."""
    lengths = torch.tensor([len(text) for text in texts])
    ids = torch.full((len(texts), length or int(lengths.max())), PAD)
    for row, text in zip(ids, texts, strict=True):
        place = row[-len(text) :] if left else row[: len(text)]
        place.copy_(torch.tensor(text))
    return ids, lengths


# -- the network, whole or with one fault --


class Network(nn.Module):
    """The tutorial's network: embedding, one LSTM, one linear output; `fault` breaks exactly one thing."""

    def __init__(self, vocabulary: int = VOCABULARY, fault: str = REPAIRED) -> None:
        super().__init__()
        self.fault = fault
        self.embedding = nn.Embedding(vocabulary, EMBEDDING)
        features = 1 if fault in (NUMBERS, SCALED) else EMBEDDING
        self.lstm = nn.LSTM(features, HIDDEN, batch_first=fault != TIME_FIRST)
        self.head = nn.Linear(HIDDEN, 1)

    def embed(self, ids: Tensor) -> Tensor:
        """Turn ids [B, T] into what the LSTM reads [B, T, E]."""
        if self.fault in (NUMBERS, SCALED):
            return ids.unsqueeze(2).float() / (VOCABULARY if self.fault == SCALED else 1)
        vectors: Tensor = self.embedding(ids)
        return vectors

    def classify(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Turn vectors [B, T, E] into logits [B]."""
        states, _ = self.lstm(vectors)
        read = torch.full_like(lengths, LENGTH) if self.fault in (PAD_RIGHT, PAD_LEFT) else lengths
        last = states[torch.arange(len(read)), read - 1]
        output = self.head(last)  # [B, 1]
        if self.fault == SOFTMAX:
            output = functional.log_softmax(output, dim=1)
        logits: Tensor = output.squeeze(1)
        return logits

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.classify(self.embed(ids), lengths)

    def pad(self, texts: Texts) -> tuple[Tensor, Tensor]:
        """Pad as this network was taught: to 500 where the fault is about that, else to the longest text."""
        return pad(texts, LENGTH if self.fault in (PAD_RIGHT, PAD_LEFT) else None, left=self.fault == PAD_LEFT)


# -- data: movie-grouped parts of the training set --


@dataclass(frozen=True, slots=True)
class Part:
    """Encoded texts and their targets (0 negative, 1 positive)."""

    texts: Texts
    targets: list[int]

    def take(self, rows: list[int]) -> tuple[Texts, Tensor]:
        return [self.texts[row] for row in rows], torch.tensor([self.targets[row] for row in rows]).float()


def imdb_folder() -> Path:
    """Return `$GATEWISE_DATA/imdb`, or leave with one sentence that says what to do."""
    folder = Path(os.environ.get("GATEWISE_DATA", "")) / "imdb"
    if not (folder / "train.parquet").is_file():
        sys.exit("IMDB not found; set GATEWISE_DATA to the folder that holds imdb/train.parquet")
    return folder


def load_parts(train_size: int, dev_size: int, seed: int) -> tuple[Part, Part]:
    """Draw dev texts from some films, training texts from the others; the vocabulary is the training texts'."""
    rows = pq.read_table(imdb_folder() / "train.parquet", columns=["text", "label", "movie"]).to_pylist()
    chance = random.Random(seed)
    films = sorted({row["movie"] for row in rows})
    chance.shuffle(films)
    rank = {film: number for number, film in enumerate(films)}
    chance.shuffle(rows)
    rows.sort(key=lambda row: rank[row["movie"]])
    cut = 2 * dev_size  # move the cut to the end of the film it falls into
    while rows[cut]["movie"] == rows[cut - 1]["movie"]:
        cut += 1
    classes = [[row for row in rows[:cut] if row["label"] == label] for label in (0, 1)]
    dev_rows = [row for same in classes for row in same[: dev_size // 2]]  # balanced: guessing scores 50 %
    train_rows = chance.sample(rows[cut:], train_size)
    chance.shuffle(dev_rows)
    vocabulary = build_vocabulary([words(row["text"]) for row in train_rows], VOCABULARY)
    train, dev = (
        Part([encode(words(row["text"]), vocabulary, LENGTH) for row in part], [row["label"] for row in part])
        for part in (train_rows, dev_rows)
    )
    return train, dev


def batches(texts: Texts, seed: int, pool: int = 20) -> list[list[int]]:
    """Return rows of near-equal length batch by batch: random pools of `pool` batches, sorted, then shuffled."""
    chance = random.Random(seed)
    rows = list(range(len(texts)))
    chance.shuffle(rows)
    cut: list[list[int]] = []
    for start in range(0, len(rows), pool * BATCH):
        near = sorted(rows[start : start + pool * BATCH], key=lambda row: len(texts[row]))
        cut += [near[first : first + BATCH] for first in range(0, len(near), BATCH)]
    chance.shuffle(cut)
    return cut


# -- train and score one variant --


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    variant: str
    training_loss: float  # mean over the last epoch
    dev_accuracy: float
    seconds: float
    see: str


def train(network: Network, part: Part, epochs: int, seed: int, rate: float) -> float:
    """Train with Adam and binary cross-entropy; return the mean loss of the last epoch."""
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    losses: list[float] = []
    for epoch in range(epochs):
        losses = []
        for rows in batches(part.texts, seed + epoch):
            texts, targets = part.take(rows)
            loss = functional.binary_cross_entropy_with_logits(network(*network.pad(texts)), targets)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            losses.append(loss.item())
        print(f"    epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f}", file=sys.stderr)
    return sum(losses) / len(losses)


@torch.inference_mode()
def accuracy(network: Network, part: Part, seed: int) -> float:
    """Return the share of texts on the right side; a logit of exactly 0 counts as negative."""
    right = 0
    for rows in batches(part.texts, seed):
        texts, targets = part.take(rows)
        right += int(((network(*network.pad(texts)) > 0) == targets.bool()).sum())
    return right / len(part.texts)


# -- evidence: one function per fault, on untrained or trained networks --


def saturated_gates(network: Network, texts: Texts, steps: int = 50) -> float:
    """Return the share of sigmoid gate values outside 0.01 .. 0.99 over the first `steps` words."""
    ids, _ = pad(texts, LENGTH)
    vectors = network.embed(ids[:, :steps])
    hidden = cell = torch.zeros(len(texts), HIDDEN)
    shut, total = 0, 0
    w_in, w_state = network.lstm.weight_ih_l0, network.lstm.weight_hh_l0
    bias = network.lstm.bias_ih_l0 + network.lstm.bias_hh_l0
    for step in range(steps):
        gates = vectors[:, step] @ w_in.T + hidden @ w_state.T + bias
        i, f, g, o = gates.chunk(4, dim=1)
        i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
        cell = f * cell + i * g.tanh()
        hidden = o * cell.tanh()
        real = ids[:, step] != PAD
        values = torch.cat([i, f, o], dim=1)[real]
        shut += int(((values < 0.01) | (values > 0.99)).sum())
        total += values.numel()
    return shut / total


def evidence_numbers(faulty: Network, repaired: Network, texts: Texts) -> dict[str, float]:
    """How far do ids as numbers push the gates into saturation? (untrained networks)"""
    with torch.no_grad():
        return {
            "saturated_gates": saturated_gates(faulty, texts),
            "saturated_gates_with_embedding": saturated_gates(repaired, texts),
        }


def evidence_softmax(network: Network, texts: Texts, targets: Tensor) -> dict[str, float]:
    """What do the output, both binary losses and the gradient look like? (trained network)"""
    output = network(*network.pad(texts))
    loss = functional.binary_cross_entropy_with_logits(output, targets)
    network.zero_grad()
    loss.backward()
    norms = [float(weight.grad.norm()) for weight in network.parameters() if weight.grad is not None]
    return {
        "largest_output": output.abs().max().item(),
        "bce_with_logits": loss.item(),
        "bce_read_as_probability": functional.binary_cross_entropy(output.abs(), targets).item(),
        "share_positive_in_batch": float(targets.mean()),
        "largest_gradient_norm": max(norms),
    }


@torch.inference_mode()
def evidence_company(network: Network, part: Part, seed: int) -> dict[str, float]:
    """How far does a text's logit move when only the order of the texts in its batch changes?"""
    moves: list[Tensor] = []
    flips = 0
    chance = random.Random(seed)
    for rows in batches(part.texts, seed):
        texts, _ = part.take(rows)
        before = network(*network.pad(texts))
        order = list(range(len(texts)))
        chance.shuffle(order)
        after = network(*network.pad([texts[place] for place in order]))
        before = before[order]
        moves.append((before - after).abs())
        flips += int(((before > 0) != (after > 0)).sum())
    moved = torch.cat(moves)
    return {
        "mean_change": float(moved.mean()),
        "largest_change": float(moved.max()),
        "share_with_other_answer": flips / len(moved),
    }


def evidence_padding_steps(part: Part, seed: int) -> dict[str, dict[str, float]]:
    """How many padding steps lie between a text's last word and the last state, for three ways to batch?"""
    lengths = torch.tensor([len(text) for text in part.texts])
    every = torch.arange(len(lengths))
    shuffled = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(seed)).split(BATCH)
    near = [torch.tensor(rows) for rows in batches(part.texts, seed, pool=100)]
    widths = {
        "every text padded to 500": [(every, LENGTH)],
        "random batches, padded to the longest": [(rows, int(lengths[rows].max())) for rows in shuffled],
        "batches of near-equal length": [(rows, int(lengths[rows].max())) for rows in near],
    }
    table = {}
    for way, groups in widths.items():
        gap = torch.cat([width - lengths[rows] for rows, width in groups]).float()
        table[way] = {
            "median_steps": float(gap.median()),
            "share_over_100_steps": float((gap > 100).float().mean()),
            "share_of_cells_padding": float(gap.sum() / sum(width * len(rows) for rows, width in groups)),
        }
    return table


def evidence_gradient(network: Network, part: Part, gap: int = 100) -> dict[str, float]:
    """Compare the gradient that reaches the last real word's vector with the last padding vector's."""
    rows = [row for row, text in enumerate(part.texts) if len(text) < LENGTH - gap][: 4 * BATCH]
    texts, targets = part.take(rows)
    ids, lengths = network.pad(texts)
    vectors = network.embed(ids).detach().requires_grad_()
    loss = functional.binary_cross_entropy_with_logits(network.classify(vectors, lengths), targets, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, vectors)
    norms = gradient.norm(dim=2)  # [B, T]
    each = torch.arange(len(texts))
    left = network.fault == PAD_LEFT
    word = norms[each, LENGTH - 1 if left else lengths - 1]
    return {
        "texts": float(len(texts)),
        "at_last_word": float(word.median()),
        "at_last_position": float(norms[:, -1].median()),
        "share_below_a_millionth": float((word < 1e-6 * norms[:, -1]).float().mean()),
    }


# -- the run --


def run_variant(fault: str, train_part: Part, dev: Part, options: argparse.Namespace) -> tuple[Row, Any]:
    """Train one variant from the same seed and gather what is to be seen in it."""
    torch.manual_seed(options.seed)
    network = Network(fault=fault)
    first = [text for text, _ in zip(train_part.texts, range(BATCH), strict=False)]
    untrained = evidence_numbers(network, Network(), first) if fault in (NUMBERS, SCALED) else {}
    gradient = evidence_gradient(network, dev) if fault in (PAD_RIGHT, PAD_LEFT, REPAIRED) else {}
    torch.manual_seed(options.seed)
    started = time.perf_counter()
    loss = train(network, train_part, options.epochs, options.seed, options.rate)
    seconds = time.perf_counter() - started
    reached = accuracy(network, dev, options.seed)
    evidence: Any = untrained
    if fault in (NUMBERS, SCALED):
        see = f"{untrained['saturated_gates']:.0%} of gate values below 0.01 or above 0.99"
    elif fault == SOFTMAX:
        evidence = evidence_softmax(network, *train_part.take(list(range(BATCH))))
        see = f"loss stuck at ln 2; largest gradient norm {evidence['largest_gradient_norm']:g}"
    elif fault in (TIME_FIRST, REPAIRED):
        evidence = {"company": evidence_company(network, dev, options.seed), "gradient_untrained": gradient}
        company = evidence["company"]
        see = f"reordering the batch moves a logit by {company['mean_change']:.2g}"
        see += f", changes {company['share_with_other_answer']:.1%} of the answers"
    else:
        evidence = {"gradient_untrained": gradient, "gradient_trained": evidence_gradient(network, dev)}
        see = f"gradient at the last word {gradient['at_last_word']:.1e},"
        see += f" at the last position {gradient['at_last_position']:.1e} (untrained)"
    return Row(fault, loss, reached, seconds, see), evidence


def print_table(rows: list[Row]) -> None:
    """Print the rows as one Markdown table."""
    print("| variant | training loss | dev accuracy | seconds | what to see |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.variant} | {row.training_loss:.4f} | {row.dev_accuracy:.1%} | {row.seconds:.0f} | {row.see} |")


def machine(threads: int) -> dict[str, Any]:
    """Describe the machine a figure was measured on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(), flags=re.MULTILINE)
        cpu = names[0] if names else cpu
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": threads, "system": platform.system()}


def record(benchmark: str, threads: int, packages: list[str]) -> dict[str, Any]:
    """Return what every results file begins with: date, command, machine, versions."""
    arguments = shlex.join(sys.argv[1:])
    return {
        "benchmark": benchmark,
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "command": f"python benchmarks/{benchmark}.py {arguments}".strip(),
        "machine": machine(threads),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in packages},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads for torch")
    parser.add_argument("--train-size", type=int, default=4000, help="training reviews")
    parser.add_argument("--dev-size", type=int, default=1000, help="dev reviews, half of them positive")
    parser.add_argument("--epochs", type=int, default=3, help="passes over the training reviews")
    parser.add_argument("--rate", type=float, default=3e-3, help="Adam's learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[], choices=VARIANTS, help="some variants; writes no file")
    parser.add_argument("--json", type=Path, default=RESULTS / "tutorial.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train_part, dev = load_parts(options.train_size, options.dev_size, options.seed)
    report = record("tutorial", options.threads, ["torch", "pyarrow"])
    report["settings"] = {name: getattr(options, name) for name in ("train_size", "epochs", "rate", "seed")}
    report["settings"] |= {"dev_size": len(dev.texts), "vocabulary": VOCABULARY, "length": LENGTH, "batch": BATCH}
    report["settings"] |= {"embedding": EMBEDDING, "hidden": HIDDEN}
    report["padding"] = evidence_padding_steps(train_part, options.seed)
    rows: list[Row] = []
    report["evidence"] = {}
    for fault in options.only or VARIANTS:
        print(fault, file=sys.stderr)
        row, report["evidence"][fault] = run_variant(fault, train_part, dev, options)
        rows.append(row)
    report["rows"] = [asdict(row) for row in rows]
    print_table(rows)
    print("\n| how texts are batched | median padding steps | over 100 steps | cells that are padding |")
    print("|---|---|---|---|")
    for way, line in report["padding"].items():
        print(
            f"| {way} | {line['median_steps']:.0f} | {line['share_over_100_steps']:.1%}"
            f" | {line['share_of_cells_padding']:.1%} |"
        )
    if not options.only:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
