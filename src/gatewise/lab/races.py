"""How long can a recurrent network keep what it read? Races between networks of equal size on two made-up tasks.

Latch: the first step shows a sign, every later one noise; say the sign at the end (after Bengio et al. 1994). Adding:
two of many random numbers are marked, one in each half; give their sum (Hochreiter & Schmidhuber 1997; the halves as in
Arjovsky et al. 2016). Every batch is new and is measured before it is learnt from. A limit counts steps, never seconds.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.base.errors import ConfigError
from gatewise.base.settings import NetworkConfig
from gatewise.nets.encoder import initialise

HIDDEN_SIZE = 32  # of the LSTMs; the others get as many units as make the same number of parameters
INPUTS, BATCH_TEXTS, CLIP_NORM = 2, 32, 1.0
CONSTANT_GUESS = 1 / 6  # mean squared error of always answering 1 in the adding task


def latch(length: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Make sequences, [T, B, 2], of a sign at step 0 and noise beside it afterwards, and targets, [B]: 1 for plus."""
    targets = torch.randint(2, (batch,), generator=generator).float()
    vectors = torch.zeros(length, batch, INPUTS)
    vectors[0, :, 0] = 2 * targets - 1
    vectors[1:, :, 1] = torch.randn(length - 1, batch, generator=generator)
    return vectors, targets


def adding(length: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Make sequences, [T, B, 2], of numbers in 0 to 1 and marks on two of them, and the marked numbers' sums, [B]."""
    values = torch.rand(length, batch, generator=generator)
    marks = torch.zeros(length, batch)
    for low, high in ((0, length // 2), (length // 2, length)):
        marks[torch.randint(low, high, (batch,), generator=generator), torch.arange(batch)] = 1
    return torch.stack([values, marks], dim=2), (values * marks).sum(dim=0)


def share_wrong(outputs: Tensor, targets: Tensor) -> Tensor:
    """Give the share of signs that are wrong."""
    return ((outputs > 0) != (targets > 0.5)).float().mean()


@dataclass(frozen=True, slots=True)
class Task:
    """What to learn, and when it counts as solved: the mean error of the last `window` batches is at most `enough`."""

    make: Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]
    error: Callable[[Tensor, Tensor], Tensor]
    window: int
    enough: float
    limit: int  # training steps after which a run counts as failed
    lengths: tuple[int, ...]


TASKS = {
    "latch": Task(latch, functional.binary_cross_entropy_with_logits, share_wrong, 5, 0.0, 600, (20, 50, 100, 200)),
    "adding": Task(adding, functional.mse_loss, functional.mse_loss, 20, CONSTANT_GUESS / 10, 2000, (50, 100)),
}
TITLES = {
    "rnn": "tanh RNN",
    "rnn-orthogonal": "orthogonal tanh RNN",
    "irnn": "identity ReLU RNN",
    "gru": "GRU",
    "lstm-bias-0": "LSTM forget bias 0",
    "lstm-bias-1": "LSTM forget bias 1",
    "lstm-chrono": "LSTM chrono",
    "lstm-orthogonal": "orthogonal LSTM forget bias 1",
}


class Memory(nn.Module):
    """A recurrent layer with one linear output on its last state."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(layer.hidden_size, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Give one number, [B], for each sequence, [T, B, 2]."""
        return cast(Tensor, self.head(self.layer(vectors)[0][-1]).squeeze(1))


def parameter_count(gates: int, hidden_size: int) -> int:
    """Count a Memory's parameters: `gates` blocks of weights and torch's two biases each, and the output."""
    return gates * hidden_size * (INPUTS + hidden_size + 2) + hidden_size + 1


def matched_size(gates: int, hidden_size: int = HIDDEN_SIZE) -> int:
    """Give the units with which a layer of so many gates comes nearest to the LSTM's number of parameters."""
    wanted = parameter_count(4, hidden_size)
    return min(range(1, 4 * hidden_size), key=lambda size: abs(parameter_count(gates, size) - wanted))


def build(name: str, length: int, hidden_size: int = HIDDEN_SIZE) -> Memory:
    """Make a network of TITLES with its first weights; `length` is the horizon of chrono initialisation.

    Weights are torch's own uniform ones apart from what the name says (identity: Le et al. 2015), so the first three
    LSTMs differ in their biases alone. The fourth starts as gatewise's networks do: orthogonal, forget bias 1.
    """
    if name.startswith("lstm"):
        lstm = nn.LSTM(INPUTS, hidden_size)
        uniform = [weights.detach().clone() for weights in list(lstm.parameters())[:2]]
        horizon = length if name == "lstm-chrono" else 0
        initialise(lstm, NetworkConfig(forget_bias=float(name != "lstm-bias-0"), chrono_horizon=horizon))
        if name != "lstm-orthogonal":
            with torch.no_grad():
                for weights, start in zip(lstm.parameters(), uniform, strict=False):
                    weights.copy_(start)
        return Memory(lstm)
    if name == "gru":
        return Memory(nn.GRU(INPUTS, matched_size(3, hidden_size)))
    layer = nn.RNN(INPUTS, matched_size(1, hidden_size), nonlinearity="relu" if name == "irnn" else "tanh")
    if name != "rnn":
        weight_ih, weight_hh, bias_ih, bias_hh = layer.parameters()
        nn.init.zeros_(bias_ih)
        nn.init.zeros_(bias_hh)
        if name == "irnn":
            nn.init.eye_(weight_hh)
            nn.init.normal_(weight_ih, std=0.001)
        else:
            nn.init.orthogonal_(weight_hh)
    return Memory(layer)


@dataclass(frozen=True, slots=True)
class Run:
    """One network's try at one task; the first six fields determine the rest, apart from the seconds."""

    task: str
    length: int
    network: str
    learning_rate: float
    seed: int
    limit: int
    parameters: int
    solved: bool
    steps: int
    error: float | None  # mean over the last batches; None: it diverged
    seconds: float

    @property
    def key(self) -> tuple[Any, ...]:
        """What was run."""
        return self.task, self.length, self.network, self.learning_rate, self.seed, self.limit


def try_task(task: str, length: int, name: str, *, learning_rate: float, seed: int, limit: int) -> tuple[Memory, Run]:
    """Train one network with Adam until it has solved the task or the steps are over; give it and its record."""
    started, rules = time.perf_counter(), TASKS[task]
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(name, length)
    optimiser = torch.optim.Adam(network.parameters(), learning_rate)
    errors: list[float] = []
    solved = False
    for _ in range(limit):
        vectors, targets = rules.make(length, BATCH_TEXTS, generator)
        outputs = network(vectors)
        loss = rules.loss(outputs, targets)
        if not math.isfinite(loss.item()):
            errors = []
            break
        errors.append(rules.error(outputs, targets).item())
        solved = len(errors) >= rules.window and statistics.fmean(errors[-rules.window :]) <= rules.enough
        if solved:
            break
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
        optimiser.step()
    error = statistics.fmean(errors[-rules.window :]) if errors else None
    size = sum(parameter.numel() for parameter in network.parameters())
    seconds = round(time.perf_counter() - started, 2)
    steps = len(errors) if errors else limit
    return network, Run(task, length, name, learning_rate, seed, limit, size, solved, steps, error, seconds)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which races to run: every network at every (task, length), learning rate and seed, at most `limit` steps each."""

    courses: tuple[tuple[str, int], ...] = (("latch", 20), ("latch", 50))
    networks: tuple[str, ...] = tuple(TITLES)
    learning_rates: tuple[float, ...] = (0.01, 0.003, 0.001)
    seeds: tuple[int, ...] = (1, 2, 3)
    limit: int | None = None  # None: the task's own

    def __post_init__(self) -> None:
        for task, length in self.courses:
            refuse_unknown("task", task, TASKS)
            if not 4 <= length <= 5000:
                raise ConfigError(f"A sequence of {length} steps is no test of memory; give a length of 4 to 5000.")
        for name in self.networks:
            refuse_unknown("network", name, TITLES)
        if not all(0 < rate < 1 for rate in self.learning_rates):
            raise ConfigError(f"The learning rates are {self.learning_rates}; give numbers above 0 and below 1.")
        if not (self.courses and self.networks and self.learning_rates and self.seeds):
            raise ConfigError("Nothing is left to run; give at least one task, length, network, rate and seed.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"The limit is {self.limit} steps; give 1 or more.")


def refuse_unknown(kind: str, name: str, known: dict[str, Any]) -> None:
    """Raise ConfigError, listing what there is, for a name that is not among it."""
    if name not in known:
        raise ConfigError(f"There is no {kind} {name!r}; choose among {', '.join(known)}.")


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: at these sizes a second one costs more than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def race(plan: Plan, done: Sequence[Run] = ()) -> Iterator[Run]:
    """Run a plan, giving each Run as it ends; what is among the `done` is taken from there."""
    known = {run.key: run for run in done}
    with one_thread():
        for task, length in plan.courses:
            limit = plan.limit or TASKS[task].limit
            for name in plan.networks:
                for rate in plan.learning_rates:
                    for seed in plan.seeds:
                        before = known.get((task, length, name, rate, seed, limit))
                        yield before or try_task(task, length, name, learning_rate=rate, seed=seed, limit=limit)[1]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a network did in one course at its best learning rate, and over all of them."""

    task: str
    length: int
    network: str
    learning_rate: float  # the one with most seeds solved, then with the fewest steps
    solved: int
    seeds: int
    steps: float | None  # median over the solved seeds
    solved_in_all: int
    runs_in_all: int


def standings(runs: Sequence[Run]) -> list[Standing]:
    """Sum up runs, one Standing for each course and network, in the order of the runs."""
    courses = list(dict.fromkeys((run.task, run.length, run.network) for run in runs))
    found = []
    for course in courses:
        own = [run for run in runs if (run.task, run.length, run.network) == course]
        choices = []
        for rate in dict.fromkeys(run.learning_rate for run in own):
            tries = [run for run in own if run.learning_rate == rate]
            steps = [run.steps for run in tries if run.solved]
            choices.append((len(steps), -statistics.median(steps) if steps else -math.inf, rate, len(tries)))
        solved, steps_needed, rate, seeds = max(choices)
        total = sum(run.solved for run in own)
        median = -steps_needed if solved else None
        found.append(Standing(*course, rate, solved, seeds, median, total, len(own)))
    return found


def conclusion(found: Sequence[Standing]) -> str:
    """Say in one sentence who solved each task, and who did not, at the greatest length that tells them apart."""
    clauses = []
    for task in dict.fromkeys(one.task for one in found):
        own = [one for one in found if one.task == task]
        lengths = list(dict.fromkeys(one.length for one in own))
        solvers = {length: {one.network for one in own if one.length == length and one.solved} for length in lengths}
        everyone = {one.network for one in own}
        telling = [length for length in lengths if 0 < len(solvers[length]) < len(everyone)]
        if telling:
            clauses.append(_comparison([one for one in own if one.length == max(telling)]))
        else:
            listed = ", ".join(map(str, lengths))
            who = "every network" if any(solvers.values()) else "no network"
            clauses.append(f"{task} at {listed} steps is solved by {who}")
    sentence = "; ".join(clauses)
    return sentence[0].upper() + sentence[1:] + "."


def _comparison(table: Sequence[Standing]) -> str:
    all_seeds = [f"{TITLES[one.network]} ({one.steps:g})" for one in table if one.solved == one.seeds]
    some = [f"{TITLES[one.network]} ({one.solved} of {one.seeds})" for one in table if 0 < one.solved < one.seeds]
    none = [TITLES[one.network] for one in table if not one.solved]
    groups = (
        ("with every seed (median training steps) by", all_seeds),
        ("with some seeds by", some),
        ("with none, at any rate tried, by", none),
    )
    said = ", ".join(f"{how} {_listed(names)}" for how, names in groups if names)
    return f"{table[0].task} at {table[0].length} steps is solved {said}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
