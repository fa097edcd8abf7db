"""The loop learns, keeps its best averaged weights, minds its budget and warns where nothing is learnt."""

import math
import time

import numpy as np
import pytest
import torch
from torch import nn

from gatewise.base.errors import TrainingError
from gatewise.base.figure import Figure
from gatewise.base.settings import NetworkConfig, TrainingConfig
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import Sequences, collate, offsets_of
from gatewise.training import loop
from gatewise.training.checkpoint import CHECKPOINT, Checkpoint
from gatewise.training.loop import train
from gatewise.training.probing import choose_precision
from gatewise.training.run import Run
from gatewise.training.session import Session

LN2 = math.log(2)
QUICK = {
    "epochs": 3, "learning_rate": 0.02, "averaging": 0.9, "batch_texts": 8, "precision": "float32",
    "sharing": "texts", "checkpoint_seconds": 1000.0,
}  # fmt: skip


def settings(**values) -> TrainingConfig:
    return TrainingConfig(**(QUICK | values))


def toy(texts: int, *, seed: int = 0, learnable: bool = True) -> Sequences:
    """Make texts of 3 to 9 ids of which one tells the class, or whose class is a coin's."""
    random = np.random.default_rng(seed)
    lengths = random.integers(3, 10, texts)
    sequences = Sequences(random.integers(4, 20, lengths.sum()), offsets_of(lengths), random.integers(0, 2, texts))
    if learnable:
        sequences.steps[sequences.starts[:-1] + random.integers(0, lengths)] = 2 + sequences.targets
    return sequences


TRAIN, DEV = toy(48), toy(24, seed=1)
STEPS = 6  # an epoch


def small(seed: int = 0) -> TextLSTM:
    torch.manual_seed(seed)
    config = NetworkConfig(embedding_dim=6, hidden_size=4, word_dropout=0.1, embedding_dropout=0.2, dropout=0.2)
    return TextLSTM(config, 20, 2)


def run(network=None, config=None, *, train_set=TRAIN, dev_set=DEV, baseline=LN2, fingerprint="", **values):
    """Train to the end in a session of such values; give the network and the events."""
    network, events = network or small(), []
    session, checkpoint = Session(report=events.append, **values), Checkpoint(fingerprint=fingerprint)
    train(network, train_set, dev_set, config or settings(), session, baseline=baseline, checkpoint=checkpoint)
    return network, events


def weights(network: nn.Module) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in network.state_dict().values()]


@pytest.fixture
def every_step(monkeypatch):
    """Log every step, so that a log tells the whole run."""
    monkeypatch.setattr(loop, "LOG_STEPS", 1)


class Scripted(nn.Module):
    """A network of one weight whose dev scores and losses are given beforehand."""

    def __init__(self, scores=(0.5,), losses=(), slope=-1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.scores, self.losses, self.slope = list(scores), list(losses), slope
        self.asked, self.pause = 0, 0.0

    random = None

    def parameter_groups(self):
        return [[self.weight]]

    def loss(self, batch):
        time.sleep(self.pause)
        return (self.weight * self.slope + 1).sum() * len(batch.targets), len(batch.targets)

    def score(self, batch):
        self.asked += 1
        place = min(self.asked, len(self.scores)) - 1
        count = len(batch.targets)
        loss = self.losses[place] if self.losses else 1.0
        return self.scores[place] * count, loss * count, count

    def figure(self, score):
        return Figure("half marks", score / 2, "higher")


def test_training_learns_a_separable_set():
    network, events = run(config=settings(epochs=12))
    steps = [event.values["loss"] for event in events if event.kind == "step"]
    assert steps[0] > 0.5 and steps[-1] < 0.5 * steps[0]
    with torch.no_grad():
        points, _, count = network.score(collate(DEV, np.arange(len(DEV))))
    assert points / count > 0.9
    assert not network.training
    kinds = [event.kind for event in events]
    assert kinds[0] == "start" and kinds[-1] == "end" and kinds.count("dev") <= 12


def test_training_is_reproducible_and_depends_on_the_seed():
    assert weights(run()[0]) == weights(run()[0])
    assert weights(run(config=settings(seed=2))[0]) != weights(run()[0])  # another order of the same texts


@pytest.mark.parametrize("averaging", [0.0, 0.5, 0.99])
def test_training_measures_and_keeps_the_averaged_weights(averaging):
    running = Run(small().train(), settings(averaging=averaging), Session())
    slow = [parameter.detach().clone() for parameter in running.network.parameters()]
    for step in range(1, 8):
        running.update(collate(TRAIN, np.arange(8) + 4 * (step % 5)), 0.02)
        decay = min(averaging, step / (9 + step))
        for average, parameter in zip(slow, running.network.parameters(), strict=True):
            average.mul_(decay).add_(parameter.detach(), alpha=1 - decay)
    for average, parameter in zip(slow, running.averaged.parameters(), strict=True):
        torch.testing.assert_close(parameter.detach(), average, atol=1e-6, rtol=1e-5)
    assert (weights(running.averaged) == weights(running.network)) == (averaging == 0)
    score, loss = running.measure(DEV)
    with torch.no_grad():
        points, loss_sum, count = running.averaged.score(collate(DEV, np.arange(len(DEV))))
    assert (score, loss) == (points / count, pytest.approx(float(loss_sum) / count, rel=1e-5))
    assert [tensor.numpy().tobytes() for tensor in running.best.values()] == weights(running.averaged)
    running.update(collate(TRAIN, np.arange(8)), 0.02)  # what was kept does not move on
    assert [tensor.numpy().tobytes() for tensor in running.best.values()] != weights(running.averaged)


def test_training_tells_the_running_mean_of_the_loss():
    running, mean = Run(small().train(), settings(), Session()), None
    for step in range(6):
        loss = running.update(collate(TRAIN, np.arange(8) + 4 * step), 0.02)
        mean = loss if mean is None else mean + 0.05 * (loss - mean)
        assert running.progress.recent_loss == pytest.approx(mean)


@pytest.mark.parametrize(
    ("scores", "losses", "best"),
    [
        ([0.5, 0.9, 0.7], [], 2),
        ([0.5, 0.5, 0.5], [3.0, 2.0, 2.5], 2),
        ([0.5, 0.5, 0.5], [], 1),
        ([0.1, 0.2, 0.3], [], 3),
    ],
)
def test_training_ends_with_the_weights_that_scored_best(scores, losses, best):
    kept = []

    class Watched(Scripted):
        def score(self, batch):
            kept.append(self.weight.item())
            return super().score(batch)

    network, events = run(Watched(scores, losses), settings(averaging=0.5))
    assert len(set(kept)) == 3  # the weights moved between the looks
    assert network.weight.item() == kept[best - 1]
    assert events[-1].values["best"] == max(scores)


def test_training_keeps_a_model_whose_scores_are_negative():
    network, _ = run(Scripted([-7.0, -5.0, -6.0]), settings())  # as a log-likelihood is
    assert network.weight.item() != 0


@pytest.mark.parametrize("patience", [2, 3])
def test_training_stops_early_when_the_dev_score_stays(patience):
    _, events = run(Scripted([0.4, 0.6, 0.6, 0.5, 0.6, 0.6, 0.6, 0.9]), settings(epochs=8, patience=patience))
    assert [event.kind for event in events].count("dev") == 2 + patience
    assert events[-1].kind == "end" and events[-1].values["best"] == 0.6


def test_training_goes_on_while_the_dev_score_grows():
    _, events = run(Scripted([0.1 * number for number in range(1, 9)]), settings(epochs=8, patience=1))
    assert [event.kind for event in events].count("dev") == 8


def test_training_uses_the_schedule(every_step):
    _, events = run(config=settings(learning_rate=0.01, warmup=0.2))
    rates = [event.values["learning_rate"] for event in events if event.kind == "step"]
    peak = rates.index(max(rates))
    assert 3 <= peak <= 5 and len(rates) == 3 * STEPS
    assert rates[:peak] == sorted(rates[:peak]) and rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[0] < 0.001 and rates[-1] < 0.0012


@pytest.mark.parametrize(("slope", "expected"), [(1e6, 0.25), (-1e6, -0.25), (0.1, 0.1)])
def test_training_clips_large_gradients_only(slope, expected):
    running = Run(Scripted(slope=slope), settings(clip_norm=0.25), Session())
    running.update(collate(TRAIN, np.arange(4)), 0.01)
    assert running.network.weight.grad.item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("layer_decay", [1.0, 0.5, 0.1])
def test_training_moves_each_group_below_the_head_by_a_share_of_the_one_above(layer_decay):
    running = Run(small().eval(), settings(layer_decay=layer_decay, weight_decay=0.0, clip_norm=1e6), Session())
    before = [[parameter.detach().clone() for parameter in group] for group in running.network.parameter_groups()]
    running.update(collate(TRAIN, np.arange(48)), 0.01)
    for depth, (old, new) in enumerate(zip(before, running.network.parameter_groups(), strict=True)):
        largest = max(float((mine.detach() - theirs).abs().max()) for mine, theirs in zip(new, old, strict=True))
        assert largest == pytest.approx(0.01 * layer_decay**depth, rel=1e-3)  # AdamW's first step is the rate itself


def test_training_budget_ends_in_time_with_a_model():
    network = Scripted([0.1, 0.2, 0.3])
    network.pause = 0.005
    started = time.perf_counter()
    network, events = run(network, settings(epochs=10_000, minutes=0.02, patience=10_000))
    assert 0.3 < time.perf_counter() - started < 1.2 + 0.5
    assert events[-1].kind == "end" and network.weight.item() != 0
    assert [event.kind for event in events].count("dev") >= 1
    shares = [event.values["share"] for event in events if event.kind == "step"]
    assert shares == sorted(shares) and shares[-1] <= 1 and max(shares) > 0.5


def test_training_budget_counts_what_was_used_before_and_by_earlier_parts():
    running = Run(small(), settings(minutes=1.0), Session(started=time.perf_counter() - 20))
    running.earlier = 10.0
    assert running.share(3, 0) == pytest.approx(30 / (60 - 0.1 * 60 - 1), rel=1e-3)  # no step has told the speed yet
    running.progress.seconds, running.progress.tokens = 10.0, 1000
    assert running.share(3, 2000) == pytest.approx(30 / (60 - 10 - 1), rel=1e-3)  # measured twice as fast as trained
    running.progress.epoch, running.progress.batch, running.progress.batches = 2, 5, 10
    assert running.share(3, 0) == pytest.approx(2.5 / 3)  # where the passes are further


def test_training_without_time_for_a_step_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="before its first step"):
        run(config=settings(minutes=1.0), started=time.perf_counter() - 100, folder=tmp_path)
    with pytest.raises(TrainingError, match="before its first step"):
        run(stopped=lambda: True, folder=tmp_path)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_training_refuses_a_loss_that_is_no_number(tmp_path, value):
    class Broken(Scripted):
        def loss(self, batch):
            total, weight = super().loss(batch)
            self.asked += 1
            return (total * value, weight) if self.asked == 8 else (total, weight)

    with pytest.raises(TrainingError, match=rf"loss became {value} at step 7; use a learning rate below 0\.02"):
        run(Broken(), settings(), folder=tmp_path)
    assert (tmp_path / CHECKPOINT).exists()  # of the epoch before
    with pytest.raises(TrainingError, match="loss became nan at step 6"):
        run(Scripted(losses=[math.nan]), settings())


def test_training_warns_once_when_nothing_is_learnt():
    coins = toy(200, learnable=False)
    config = settings(epochs=5, batch_texts=4, learning_rate=1e-3, patience=100)
    _, events = run(config=config, train_set=coins, dev_set=toy(20, seed=2, learnable=False))
    (warning,) = [event for event in events if event.kind == "warning"]
    assert warning.step >= 200
    assert "guessing gives 0.693: nothing is learnt" in warning.values["message"]


def test_training_does_not_warn_when_something_is_learnt():
    _, events = run(config=settings(epochs=5, batch_texts=4, patience=100), train_set=toy(200))
    assert events[-2].step >= 240
    assert not [event for event in events if event.kind == "warning"]


def test_training_that_its_budget_ends_tells_the_epoch_it_reached():
    network = Scripted()
    network.pause = 0.02
    _, events = run(network, settings(epochs=1000, minutes=1.0 / 60))
    last = [event for event in events if event.kind in ("dev", "end")][-2:]
    assert [event.kind for event in last] == ["dev", "end"]
    assert last[0].epoch == last[1].epoch == pytest.approx(last[1].step / STEPS, abs=1e-9)


@pytest.mark.parametrize(("sharing", "inside"), [("texts", 1), ("operations", 2)])
def test_training_gives_the_cores_what_they_share(sharing, inside):
    torch.set_num_threads(2)
    seen = []
    _, events = run(config=settings(epochs=1, sharing=sharing), stopped=lambda: seen.append(torch.get_num_threads()))
    assert set(seen[:-1]) == {inside} and torch.get_num_threads() == 2
    assert events[0].values["sharing"] == events[-1].values["sharing"] == sharing


@pytest.mark.parametrize("threads", [1, 2])
def test_training_is_the_same_however_long_the_precision_probe_took(monkeypatch, threads):
    torch.set_num_threads(threads)
    found = []
    for seconds in (0.0, 0.2):

        def probe(*arguments, seconds=seconds):
            choose_precision(*arguments, seconds=seconds)
            return "float32"

        monkeypatch.setattr(loop, "choose_precision", probe)
        found.append(weights(run(config=settings(precision="auto", epochs=1))[0]))
    assert found[0] == found[1] == weights(run(config=settings(epochs=1))[0])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_precision_set_is_used(precision):
    assert choose_precision(small(), TRAIN, settings(precision=precision)) == precision
    network, events = run(config=settings(precision=precision, epochs=1))
    assert events[0].values["precision"] == precision
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}


def test_loop_tells_how_much_is_done_from_its_first_step_on():
    """Of 100 minutes 85 went by before, in reading or for another network; what the steps have done is told of them."""
    config = settings(minutes=100.0, epochs=3)
    _, events = run(config=config, started=time.perf_counter() - 85 * 60)
    steps = [event.values for event in events if event.kind == "step"]
    assert steps[0]["share"] > 0.85 and steps[0]["done"] == 0
    assert steps[0]["share"] > steps[-1]["share"], "until the speed is known much is kept back for the last look at dev"
    assert all(0 <= step["done"] < 0.05 for step in steps)
    _, events = run(config=settings(epochs=3))
    assert all(e.values["done"] == e.values["share"] for e in events if e.kind == "step")
