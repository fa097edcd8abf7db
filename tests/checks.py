"""What every Learner and every engine must pass, whatever its task. A test gives a check a way to make one, and texts.

`make(seed)` builds a Learner, its first weights and its noise drawn from the seed; the texts are Sequences that it can
learn from, of several lengths. An engine is a function of a TextLSTM and Sequences to logits, [N, C].
"""

import copy
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gatewise.base.files import read_checkpoint, tensor_bytes
from gatewise.base.settings import TrainingConfig
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import Batch, Sequences, collate
from gatewise.training.learner import Learner
from gatewise.training.log import METRICS, Event
from gatewise.training.loop import train
from gatewise.training.session import Session

Make = Callable[[int], Learner]
Engine = Callable[[TextLSTM, Sequences], npt.NDArray[np.floating]]
QUICK = TrainingConfig(
    epochs=2, learning_rate=0.02, averaging=0.9, batch_texts=4, precision="float32", sharing="texts",
    checkpoint_seconds=1000.0,
)  # fmt: skip


# ---------------------------------------------------------------- a learner


def check_company(make: Make, texts: Sequences, folder: Path) -> None:
    """Padding, however much and whatever stands in it, and the other texts leave scores and gradients alone."""
    learner = make(1).eval()
    rows = np.arange(len(texts))
    together = scored(learner, collate(texts, rows))
    alone = [scored(learner, collate(texts, rows[[row]])) for row in rows]
    np.testing.assert_allclose(np.sum(alone, axis=0), together, rtol=1e-5)
    for left_out in range(min(4, len(texts))):  # a text's own part, and not only the sum of all
        others = scored(learner, collate(texts, np.delete(rows, left_out)[::-1]))
        np.testing.assert_allclose(together - others, alone[left_out], atol=1e-5 * together[2], rtol=1e-5)
    for batch in (
        longer(collate(texts, rows), 11),
        littered(collate(texts, rows)),
        littered(longer(collate(texts, rows), 3)),
    ):
        np.testing.assert_allclose(scored(learner, batch), together, rtol=1e-5)
    clean, dirty = (gradients(learner, batch) for batch in (collate(texts, rows), littered(collate(texts, rows))))
    for mine, theirs in zip(clean, dirty, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def check_gradients(make: Make, texts: Sequences, folder: Path) -> None:
    """The gradient is the slope of the loss, measured in 64 bits along a random way for each parameter."""
    learner, batch = make(1).eval().double(), collate(texts, np.arange(len(texts)))
    slopes = gradients(learner, batch)
    size = 1e-6
    moving = 0
    learning = {id(parameter) for group in learner.parameter_groups() for parameter in group}
    for parameter, slope in zip(learner.parameters(), slopes, strict=True):
        if id(parameter) not in learning:
            continue
        way = torch.randn(parameter.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(len(slopes)))
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(sign * size * way)
                losses.append(float(lost(learner, batch)))
                parameter.sub_(sign * size * way)
        measured, said = (losses[0] - losses[1]) / (2 * size), float((slope * way).sum())
        assert math.isclose(measured, said, rel_tol=1e-4, abs_tol=1e-6 * abs(losses[0])), (measured, said)
        moving += abs(said) > 1e-9
    assert moving > len(learning) / 2  # else nothing was measured


def check_saved(make: Make, texts: Sequences, folder: Path) -> None:
    """Weights that were written and read again, into a network that had others, give the same scores, bit for bit."""
    learner, other, batch = make(1).eval(), make(2).eval(), collate(texts, np.arange(len(texts)))
    assert (scored(other, batch) != scored(learner, batch)).any()
    weights = {name: tensor.numpy() for name, tensor in learner.state_dict().items()}
    (folder / "weights").write_bytes(tensor_bytes(weights, {}))
    arrays, _ = read_checkpoint(folder / "weights")
    other.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    assert (scored(other, batch) == scored(learner, batch)).all()


def check_resumed(make: Make, texts: Sequences, folder: Path) -> None:
    """A run that is stopped, after any step, and goes on in another network ends with the bits of an unbroken one."""
    expected = make(1)
    last = run_in(folder / "whole", expected, texts)
    for step in range(1, last.step + 1):
        parts = folder / f"parts{step}"
        stopped = run_in(parts, make(1), texts, most=step)
        assert stopped.kind == "stopped" and stopped.step == step
        resumed = make(2)
        assert run_in(parts, resumed, texts, resume=True).kind == "end"
        assert bits(resumed) == bits(expected)
        assert told(parts) == told(folder / "whole")


def check_figure(make: Make, texts: Sequences, folder: Path) -> None:
    """What is shown of a better score is better, by the learner's own word."""
    learner = make(1)
    worse, better = (learner.figure(score) for score in (-0.5, -0.25))
    assert worse.name == better.name and worse.name and worse.better == better.better
    assert (better.value > worse.value) == (worse.better == "higher") and better.value != worse.value


LEARNER_CHECKS = (check_company, check_gradients, check_saved, check_resumed, check_figure)


def scored(learner: Learner, batch: Batch) -> npt.NDArray[np.float64]:
    """Give points, loss and count."""
    with torch.no_grad():
        return np.array(learner.score(batch), dtype=np.float64)


def lost(learner: Learner, batch: Batch) -> Tensor:
    """Give the summed loss, all that is drawn for it from one seed."""
    learner.random = torch.Generator().manual_seed(3)
    return learner.loss(batch)[0]


def gradients(learner: Learner, batch: Batch) -> list[Tensor]:
    """Give the summed loss's gradient, zero where there is none."""
    learner.zero_grad()
    torch.autograd.backward(lost(learner, batch))
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in learner.parameters()]


def longer(batch: Batch, more: int) -> Batch:
    """Add padding to a batch."""

    def padded(columns: npt.NDArray, filler: float) -> npt.NDArray:
        return np.concatenate([columns, np.full((more, *columns.shape[1:]), filler, columns.dtype)])

    targets = padded(batch.targets, -1) if batch.per == "step" else batch.targets
    return dataclasses.replace(batch, inputs=padded(batch.inputs, 0), targets=targets)


def littered(batch: Batch) -> Batch:
    """Let the padding hold what real steps hold."""
    inputs = batch.inputs.copy()
    padding = np.arange(len(inputs))[:, np.newaxis] >= batch.lengths
    inputs[padding] = np.resize(inputs[~padding], inputs[padding].shape)
    return dataclasses.replace(batch, inputs=inputs)


def run_in(folder: Path, learner: Learner, texts: Sequences, *, most: int | None = None, resume: bool = False) -> Event:
    """Train in a folder, stopped after so many steps if that is said; give the last event."""
    folder.mkdir(exist_ok=True)
    steps = [0]
    session = Session(
        folder, resume, lambda event: steps.append(event.step), lambda: most is not None and max(steps) >= most
    )
    with every_step():
        return train(learner, texts, texts.select(np.arange(0, len(texts), 3)), QUICK, session, baseline=math.inf)


class every_step:
    """Tell of every step while it lasts, so that a log tells the whole run."""

    def __enter__(self) -> None:
        from gatewise.training import loop

        self.loop, self.before = loop, loop.LOG_STEPS
        loop.LOG_STEPS = 1

    def __exit__(self, *error: object) -> None:
        self.loop.LOG_STEPS = self.before


def bits(learner: Learner) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in learner.state_dict().values()]


def told(folder: Path) -> list[tuple[str, int, float]]:
    """Give a run's log without what a clock decides."""
    lines = [json.loads(line) for line in (folder / METRICS).read_text(encoding="utf-8").splitlines()]
    return [(line["kind"], line["step"], line["loss"]) for line in lines if line["kind"] in ("step", "dev")]


# ---------------------------------------------------------------- an engine


def check_engine(engine: Engine, network: TextLSTM, texts: Sequences) -> None:
    """It answers each text as torch does by itself, in its place, alone or in any company."""
    network = copy.deepcopy(network).eval()
    answers = engine(network, texts)
    assert answers.shape == (len(texts), network.head.out_features)
    for row in range(len(texts)):
        alone = texts.select(np.array([row]))
        with torch.no_grad():
            expected = network.logits(collate(alone, np.array([0])))[0].numpy()
        np.testing.assert_allclose(answers[row], expected, atol=1e-5)
        np.testing.assert_allclose(engine(network, alone)[0], expected, atol=1e-5)
    turned = np.arange(len(texts))[::-1][: len(texts) // 2]
    np.testing.assert_allclose(engine(network, texts.select(turned)), answers[turned], atol=1e-5)
