"""What is each gate of a trained model worth? Replace it, read the test text again, count the verdicts that go wrong.

The network is read step by step, so that gates and states can be replaced while it runs; a word n-gram companion is
left out. A gate held at a constant leaves what the network has seen in training; a gate held at each unit's own mean
is the fair comparison. Means, half-lives and the choice of units come from other texts than those that are measured.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.base.errors import DataError, one_line
from gatewise.base.ranks import areas
from gatewise.data.part import Dataset, Part
from gatewise.data.table import quoted
from gatewise.nets.classify import TextLSTM, module_of, pool
from gatewise.nets.encoder import reverse_within_length
from gatewise.runtime.batches import Batch, Sequences, in_order_of_length
from gatewise.runtime.classifier import Model

Change = Callable[[str, int, Tensor], Tensor]  # name of a gate or "states", step, its values [B, H] -> what takes place
Means = list[list[dict[str, Tensor]]]  # [layer][direction], name -> [H]
Targets = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
GATES = ("input_gate", "forget_gate", "output_gate")
BATCH_TOKENS, BATCH_TEXTS = 32_768, 256
TELLING_UNITS, GROUP_OF_UNITS, DRAWS = 3, 10, 10_000


@dataclass(frozen=True, slots=True)
class Ablation:
    """A replacement in all layers and directions, or of the states of some units of the top layer."""

    name: str
    gates: tuple[str, ...] = ()
    value: float | None = None  # None: each unit's mean
    units: tuple[int, ...] = ()  # numbered through the top layer's directions; their states are held at their means

    @property
    def kind(self) -> str:
        """Give what is replaced, and by what: constant, mean (of one gate), means (of all), unit or units."""
        if self.gates:
            return "constant" if self.value is not None else "mean" if len(self.gates) == 1 else "means"
        return "unit" if len(self.units) == 1 else "units"


@dataclass(frozen=True, slots=True)
class Cost:
    """What an ablation costs on the measured texts, in points of accuracy, with its paired bootstrap 95 % interval."""

    name: str
    kind: str
    accuracy: float
    lost: float
    low: float
    high: float
    changed: float  # share of verdicts that changed


@dataclass(frozen=True, slots=True)
class TellingUnit:
    """A unit of the top layer and how well its pooled value alone orders the texts of a class before the others."""

    unit: int
    auc: float


@dataclass(frozen=True, slots=True)
class GateReport:
    """What ablate() found."""

    data: str
    texts: int
    mean_data: str  # where means, half-lives and units come from
    mean_texts: int
    companion_left_out: bool
    accuracy: float
    costs: tuple[Cost, ...]
    units: tuple[TellingUnit, ...]
    half_lives: tuple[tuple[tuple[float, ...], ...], ...]  # [layer][direction][unit], in tokens


def read_layer(lstm: nn.LSTM, vectors: Tensor, change: Change) -> Tensor:
    """Give one layer's states, [T, B, H], for texts, [T, B, E], with every gate and state passed through `change`."""
    weight_ih, weight_hh, bias_ih, bias_hh = lstm.parameters()
    projected = functional.linear(vectors, weight_ih, bias_ih + bias_hh)
    state = cell_state = vectors.new_zeros(vectors.shape[1], lstm.hidden_size)
    states = []
    for t, row in enumerate(projected):
        i, f, g, o = torch.addmm(row, state, weight_hh.T).chunk(4, dim=1)
        input_gate = change("input_gate", t, i.sigmoid())
        forget_gate = change("forget_gate", t, f.sigmoid())
        output_gate = change("output_gate", t, o.sigmoid())
        cell_state = forget_gate * cell_state + input_gate * g.tanh()
        state = change("states", t, output_gate * cell_state.tanh())
        states.append(state)
    return torch.stack(states)


def read_batch(network: TextLSTM, batch: Batch, change_of: Callable[[int, int], Change]) -> tuple[Tensor, Tensor]:
    """Give logits, [B, C], and pooled states of a batch, read with changes by layer and direction."""
    lengths = torch.from_numpy(batch.lengths)
    vectors = network.embed(torch.from_numpy(batch.inputs))
    for layer, directions in enumerate(network.encoder.layers()):
        states = [read_layer(directions[0], vectors, change_of(layer, 0))]
        for lstm in directions[1:]:
            backward = read_layer(lstm, reverse_within_length(vectors, lengths), change_of(layer, 1))
            states.append(reverse_within_length(backward, lengths))
        vectors = torch.cat(states, dim=2)
    pooled = pool(vectors, lengths, network.config.hidden_size, network.config.pooling)
    return network.head(pooled), pooled


def unchanged(name: str, t: int, values: Tensor) -> Tensor:
    """Change nothing."""
    return values


def change_by(ablation: Ablation, network: TextLSTM, means: Means) -> Callable[[int, int], Change]:
    """Give an ablation as the changes that read_batch() takes."""
    hidden_size, top = network.config.hidden_size, network.config.num_layers - 1

    def change_of(layer: int, direction: int) -> Change:
        mean = means[layer][direction]
        own = [unit - direction * hidden_size for unit in ablation.units if unit // hidden_size == direction]

        def change(name: str, t: int, values: Tensor) -> Tensor:
            if name in ablation.gates:
                if ablation.value is None:
                    return mean[name].expand_as(values)
                return torch.full_like(values, ablation.value)
            if name == "states" and own and layer == top:
                values = values.clone()
                values[:, own] = mean[name][own]
            return values

        return change

    return change_of


def batches(texts: Sequences) -> Iterator[Batch]:
    """Give every text once, longest first."""
    return in_order_of_length(texts, batch_tokens=BATCH_TOKENS, batch_texts=BATCH_TEXTS)


@torch.inference_mode()
def right_and_verdicts(network: TextLSTM, texts: Sequences, ablation: Ablation, means: Means) -> tuple[Flags, Targets]:
    """Give for each text whether the ablated network is right, and its verdict."""
    verdicts = np.empty(len(texts), np.int64)
    change_of = change_by(ablation, network, means)
    for batch in batches(texts):
        verdicts[batch.rows] = read_batch(network, batch, change_of)[0].argmax(dim=1).numpy()
    return verdicts == texts.targets, verdicts


@torch.inference_mode()
def survey(network: TextLSTM, texts: Sequences) -> tuple[Means, npt.NDArray[np.float64]]:
    """Give each unit's mean gates, states and "log_forget" over the texts' tokens, and pooled states, [N, features]."""
    config = network.config
    names = (*GATES, "states", "log_forget")
    directions = range(network.encoder.directions)
    sums: Means = [[dict.fromkeys(names, torch.zeros(config.hidden_size)) for _ in directions]
                   for _ in range(config.num_layers)]  # fmt: skip
    pooled = np.empty((len(texts), network.head.in_features))
    for batch in batches(texts):
        real = (torch.arange(len(batch.inputs)).unsqueeze(1) < torch.from_numpy(batch.lengths)).float().unsqueeze(2)

        def change_of(layer: int, direction: int, real: Tensor = real) -> Change:
            own = sums[layer][direction]

            def add(name: str, t: int, values: Tensor) -> Tensor:
                own[name] = own[name] + (real[t] * values).sum(dim=0)
                if name == "forget_gate":
                    logs = values.clamp_min(1e-30).log()
                    own["log_forget"] = own["log_forget"] + (real[t] * logs).sum(dim=0)
                return values

            return add

        pooled[batch.rows] = read_batch(network, batch, change_of)[1].numpy()
    tokens = max(1, int(texts.lengths.sum()))
    means = [[{name: total / tokens for name, total in own.items()} for own in row] for row in sums]
    return means, pooled


def half_lives(means: Means) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """Give each unit's half-life in tokens, ln .5 / mean ln f: after so many, half of what the cell held is left."""
    return tuple(
        tuple(
            tuple(math.log(0.5) / min(value, -1e-6) for value in own["log_forget"].tolist()) for own in row
        )
        for row in means
    )  # fmt: skip


def telling_units(network: TextLSTM, pooled: npt.NDArray[np.float64], targets: Targets) -> list[TellingUnit]:
    """Order the top layer's units by how well one of their pooled values alone tells one class from the rest (AUC)."""
    units = network.config.hidden_size * network.encoder.directions
    aucs = areas(pooled, targets, max(2, int(targets.max()) + 1))
    best = np.abs(aucs - 0.5).max(axis=0).reshape(-1, units).max(axis=0) + 0.5  # over classes, then poolings
    return [TellingUnit(int(unit), float(best[unit])) for unit in np.argsort(-best, kind="stable")]


def ablations(units: Sequence[TellingUnit]) -> list[Ablation]:
    """Give what is tried: no forget, input and output gate, no memory, gates at their means, telling units held."""
    constants = [("forget_gate", 1.0), ("forget_gate", 0.0), ("input_gate", 1.0), ("output_gate", 1.0)]
    letters = dict(zip(GATES, "ifo", strict=True))
    tried = [Ablation(f"{letters[gate]} = {value:g}", (gate,), value) for gate, value in constants]
    tried += [Ablation(f"{letters[gate]} at its mean", (gate,)) for gate in GATES]
    tried.append(Ablation("i, f and o at their means", GATES))
    tried += [Ablation(f"unit {one.unit} at its mean", units=(one.unit,)) for one in units[:TELLING_UNITS]]
    group = tuple(one.unit for one in units[:GROUP_OF_UNITS])
    return [*tried, Ablation(f"the {len(group)} most telling units at their means", units=group)]


def cost(ablation: Ablation, before: tuple[Flags, Targets], after: tuple[Flags, Targets], seed: int = 0) -> Cost:
    """Compare two readings of the same texts; the interval resamples texts, in pairs."""
    n = len(before[0])
    difference = before[0].astype(int) - after[0].astype(int)  # 1: lost, -1: gained
    shares = [float((difference == kind).mean()) for kind in (1, -1, 0)]
    drawn = np.random.default_rng(seed).multinomial(n, shares, DRAWS)  # what drawing n texts with replacement gives
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [0.025, 0.975])
    return Cost(
        ablation.name, ablation.kind, float(after[0].mean()), 100 * float(difference.mean()),
        100 * float(low), 100 * float(high), float((before[1] != after[1]).mean()),
    )  # fmt: skip


def sample(part: Part, count: int, model: Model, seed: int) -> Sequences:
    """Draw at most `count` labelled texts, each with the same chance, from a part read as a stream, and encode them."""
    if not part.labelled:
        raise DataError(f"{part.name} has no labels to compare with; name their column with --label-column.")
    index = {str(label): place for place, label in enumerate(model.labels)}
    draw, kept, seen = random.Random(seed), list[tuple[str, str]](), 0
    for batch in part.batches():
        for text, label, _ in batch:
            if label not in index:
                known = one_line(", ".join(list(index)[:20]))
                raise DataError(f"{part.name} holds the label {quoted(label)}; the model knows {known}.")
            place = seen if seen < count else draw.randrange(seen + 1)
            if place < count:
                kept[place : place + 1] = [(text, label)]
            seen += 1
    if len(kept) < 2:
        raise DataError(f"{part.name} holds {len(kept)} texts; give at least 2, better some hundreds.")
    encoded = model.encode([text for text, _ in kept])
    return Sequences(encoded.steps, encoded.starts, np.array([index[label] for _, label in kept]))


def two_parts(dataset: Dataset) -> tuple[Part, Part]:
    """Give the part to measure on and the one for means and choices; the same if there is only one."""
    part = dataset.test or dataset.train
    if part is None:
        raise DataError(f"{dataset.name} has no labelled part to measure on; give a file with labels.")
    return part, (dataset.dev or dataset.train or part) if dataset.test else part


def two_samples(dataset: Dataset, model: Model, texts: int, mean_texts: int, seed: int) -> tuple[Sequences, Sequences]:
    """Draw the texts to measure on and those for means and choices; one part alone is cut in two."""
    part, other = two_parts(dataset)
    if other is not part:
        return sample(part, texts, model, seed), sample(other, mean_texts, model, seed + 1)
    both = sample(part, texts + mean_texts, model, seed)
    rows = np.random.default_rng(seed).permutation(len(both))
    middle = min(len(both) - 1, max(1, len(both) * texts // (texts + mean_texts)))
    return both.select(rows[:middle]), both.select(rows[middle:])


def ablate(
    model: Model, dataset: Dataset, *, texts: int = 2000, mean_texts: int = 500, seed: int = 1,
    progress: Callable[[str], None] = lambda name: None,
) -> GateReport:  # fmt: skip
    """Measure what each ablation of a model's network costs on the test part, or on most of a part that is alone."""
    network = module_of(model.network)
    measured, others = two_samples(dataset, model, texts, mean_texts, seed)
    progress("means")
    means, pooled = survey(network, others)
    if len(np.unique(others.targets)) < 2:
        raise DataError(f"The {len(others)} texts drawn for means are of one class; draw more, with --mean-texts.")
    units = telling_units(network, pooled, others.targets)
    before = right_and_verdicts(network, measured, Ablation("nothing"), means)
    costs = []
    for ablation in ablations(units):
        progress(ablation.name)
        costs.append(cost(ablation, before, right_and_verdicts(network, measured, ablation, means), seed))
    part, other = two_parts(dataset)
    return GateReport(
        data=part.name,
        texts=len(measured),
        mean_data=other.name,
        mean_texts=len(others),
        companion_left_out=model.companion is not None,
        accuracy=float(before[0].mean()),
        costs=tuple(costs),
        units=tuple(units[:GROUP_OF_UNITS]),
        half_lives=half_lives(means),
    )


def conclusion(found: GateReport) -> str:
    """Say in one sentence what costs most, what gates at their means cost, and what a unit is worth."""
    dearest = max(found.costs, key=lambda one: one.lost)
    fair, together, single = (
        max((one for one in found.costs if one.kind == kind), key=lambda one: one.lost)
        for kind in ("mean", "means", "unit")
    )
    flat = [value for row in found.half_lives for own in row for value in own]
    within = " (its interval holds 0)" if fair.low <= 0 <= fair.high else ""
    return (
        f"{dearest.name} costs most, {dearest.lost:.1f} points ({dearest.low:.1f} to {dearest.high:.1f}); of the gates "
        f"held at their means {fair.name[0]} costs most, {fair.lost:.1f}{within}, and all three together "
        f"{together.lost:.1f} ({together.low:.1f} to {together.high:.1f}); no single unit of the most telling "
        f"costs more than {single.lost:.1f}; half of the units keep half of their cell for {np.median(flat):.1f} "
        f"tokens or less."
    )
