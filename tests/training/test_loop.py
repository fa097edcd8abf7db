"""The loop learns, keeps its best averaged weights, minds its budget, and goes on after any stop with the same bits."""

import errno
import json
import math
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gatewise.base.errors import GatewiseError, ModelError, TrainingError
from gatewise.base.settings import NetworkConfig, TrainingConfig
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import Sequences, collate, offsets_of
from gatewise.training import loop as training
from gatewise.training.loop import CHECKPOINT, METRICS, Progress, Run, budget_share, learning_rate_at, train
from gatewise.training.probing import choose_precision

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


def run(network=None, config=None, *, train_set=TRAIN, dev_set=DEV, **more):
    """Train to the end; give the network and the events."""
    network = network or small()
    events = list(train(network, train_set, dev_set, config or settings(), **({"baseline": LN2} | more)))
    return network, events


def weights(network: nn.Module) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in network.state_dict().values()]


def told(folder: Path) -> list[tuple]:
    """Give the run's log without what a clock decides."""
    lines = [json.loads(line) for line in (folder / METRICS).read_text(encoding="utf-8").splitlines()]
    return [(line["kind"], line["step"], line["loss"]) for line in lines if line["kind"] in ("step", "dev")]


@pytest.fixture
def every_step(monkeypatch):
    """Log every step, so that a log tells the whole run."""
    monkeypatch.setattr(training, "LOG_STEPS", 1)


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
    running = Run(small().train(), settings(averaging=averaging), None, "")
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


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 0.9])
def test_training_schedule_rises_falls_and_ends_at_nothing(warmup):
    config = settings(warmup=warmup, learning_rate=0.5)
    shares = np.linspace(0, 1, 201)
    rates = np.array([learning_rate_at(share, config) for share in shares])
    assert (np.diff(rates[shares < warmup]) >= 0).all() and (np.diff(rates[shares > warmup]) <= 0).all()
    assert 0 < rates[0] <= (0.5 if warmup == 0 else 0.02)
    assert rates.max() == pytest.approx(0.5, rel=0.02) and rates[-1] == pytest.approx(0, abs=1e-12)
    middle = (1 + warmup) / 2
    assert learning_rate_at(middle, config) == pytest.approx(0.25, rel=1e-6)


def test_training_uses_the_schedule(every_step):
    _, events = run(config=settings(learning_rate=0.01, warmup=0.2))
    rates = [event.values["learning_rate"] for event in events if event.kind == "step"]
    peak = rates.index(max(rates))
    assert 3 <= peak <= 5 and len(rates) == 3 * STEPS
    assert rates[:peak] == sorted(rates[:peak]) and rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[0] < 0.001 and rates[-1] < 0.0012


@pytest.mark.parametrize(("slope", "expected"), [(1e6, 0.25), (-1e6, -0.25), (0.1, 0.1)])
def test_training_clips_large_gradients_only(slope, expected):
    running = Run(Scripted(slope=slope), settings(clip_norm=0.25), None, "")
    running.update(collate(TRAIN, np.arange(4)), 0.01)
    assert running.network.weight.grad.item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("layer_decay", [1.0, 0.5, 0.1])
def test_training_moves_each_group_below_the_head_by_a_share_of_the_one_above(layer_decay):
    running = Run(small().eval(), settings(layer_decay=layer_decay, weight_decay=0.0, clip_norm=1e6), None, "")
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


def test_training_budget_counts_what_was_used_before_and_keeps_time_to_measure():
    config, progress = settings(minutes=1.0), Progress(seconds=10.0, tokens=1000)
    assert budget_share(settings(), 1e9, progress, 5) == 0
    assert budget_share(config, 30, progress, 0) == pytest.approx(30 / 59)
    assert budget_share(config, 30, progress, 2000) == pytest.approx(30 / (60 - 10 - 1))  # measured twice as fast
    assert budget_share(config, 30, progress, 10**9) == pytest.approx(30 / 30)  # at most half of it


def test_training_without_time_for_a_step_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="before its first step"):
        run(config=settings(minutes=1.0), used_seconds=100.0, folder=tmp_path)
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


def stop_at(step: int, config=None, **more):
    """Train until Ctrl-C after so many steps; give the network and the events."""
    network, done = small(), 0

    def stopped():
        return done >= step

    events = []
    for event in train(network, TRAIN, DEV, config or settings(), baseline=LN2, stopped=stopped, **more):
        done = max(done, event.step)
        events.append(event)
    return network, events


@pytest.mark.parametrize(
    "step", [1, 4, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS, 2 * STEPS + 3, 3 * STEPS - 1, 3 * STEPS]
)
def test_training_stopped_anywhere_goes_on_with_the_same_bits(tmp_path, every_step, step):
    expected, _ = run(folder=tmp_path / made(tmp_path, "whole"))
    kept, events = stop_at(step, folder=tmp_path / made(tmp_path, "parts"))
    assert events[-1].kind == "stopped" and events[-1].step == step
    assert torch.isfinite(kept.head.weight).all() and not kept.training  # usable at once
    network, events = run(small(seed=99), folder=tmp_path / "parts", resume=True)
    assert events[0].kind == "resumed" and events[0].values["changed"] == [] and events[0].step == step
    assert weights(network) == weights(expected)
    assert told(tmp_path / "parts") == told(tmp_path / "whole")


def made(folder: Path, name: str) -> str:
    (folder / name).mkdir(exist_ok=True)
    return name


def test_training_stopped_while_it_measures_goes_on_with_the_same_bits(tmp_path, every_step):
    expected, _ = run(folder=tmp_path / made(tmp_path, "whole"))
    made(tmp_path, "parts")
    seen = []
    more = {"baseline": LN2, "folder": tmp_path / "parts", "stopped": lambda: "dev" in seen}
    for event in train(small(), TRAIN, DEV, settings(), **more):
        seen.append(event.kind)
    assert event.kind == "stopped" and event.step == STEPS
    network, _ = run(small(seed=99), folder=tmp_path / "parts", resume=True)
    assert weights(network) == weights(expected)
    assert told(tmp_path / "parts") == told(tmp_path / "whole")


def test_training_stopped_again_and_again_goes_on_with_the_same_bits(tmp_path, every_step):
    expected, _ = run(folder=tmp_path / made(tmp_path, "whole"))
    folder = tmp_path / made(tmp_path, "parts")
    stop_at(2, folder=folder)
    for step in (3, 6, 7, 11, 14):
        stop_at(step, folder=folder, resume=True)
    network, _ = run(small(seed=99), folder=folder, resume=True)
    assert weights(network) == weights(expected)
    assert told(folder) == told(tmp_path / "whole")


def test_training_killed_anywhere_goes_on_with_the_same_bits(tmp_path, every_step):
    """A kill leaves the folder as it is at that moment: copy it at every event and before every step, and go on."""
    config = settings(checkpoint_seconds=0.0)  # a checkpoint after every step
    whole, copies = tmp_path / made(tmp_path, "whole"), []

    def copy_folder():
        copies.append(tmp_path / f"copy{len(copies)}")
        shutil.copytree(whole, copies[-1])
        with (copies[-1] / METRICS).open("a") as log:
            log.write('{"kind": "st')  # a line cut short
        return False

    network = small()
    for _ in train(network, TRAIN, DEV, config, baseline=LN2, folder=whole, stopped=copy_folder):
        copy_folder()
    with_checkpoint = [folder for folder in copies if (folder / CHECKPOINT).exists()]
    assert len(with_checkpoint) > 2 * 3 * STEPS
    for folder in with_checkpoint[::4]:
        again, _ = run(small(seed=99), config, folder=folder, resume=True)
        assert weights(again) == weights(network)
        assert told(folder) == told(whole)
    with pytest.raises(TrainingError, match="no checkpoint"):
        run(config=config, folder=copies[0], resume=True)


@pytest.mark.parametrize(  # with twelve, the generators' order by name must be that by number
    ("threads", "sharing"), [(2, "texts"), (12, "texts"), (2, "operations")]
)
def test_training_on_several_cores_killed_anywhere_goes_on_with_the_same_bits(tmp_path, every_step, threads, sharing):
    torch.set_num_threads(threads)
    config = settings(checkpoint_seconds=0.0, epochs=1, batch_texts=12, sharing=sharing)
    whole, copies = tmp_path / made(tmp_path, "whole"), []

    def copy_folder():
        copies.append(shutil.copytree(whole, tmp_path / f"copy{len(copies)}"))
        return False

    network, _ = run(config=config, folder=whole, stopped=copy_folder)
    for folder in copies[1:4:2]:
        torch.manual_seed(5)  # the state torch is in does not matter
        again, _ = run(small(seed=99), config, folder=folder, resume=True)
        assert weights(again) == weights(network)
        assert told(folder) == told(whole)
    assert torch.get_num_threads() == threads


def test_training_resumes_a_finished_run_as_it_was(tmp_path):
    network, _ = run(folder=tmp_path)
    again, events = run(small(seed=99), folder=tmp_path, resume=True)
    assert weights(again) == weights(network)
    assert [event.kind for event in events] == ["resumed", "start", "end"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"fingerprint": "other"}, "made with other data"), ({"config": settings(seed=2)}, "made with other settings")],
)
def test_training_refuses_a_checkpoint_of_another_run(tmp_path, change, message):
    stop_at(3, folder=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TrainingError, match=f"{message}; leave out --resume"):
        run(folder=tmp_path, resume=True, **change)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_training_that_its_budget_ends_tells_the_epoch_it_reached():
    network = Scripted()
    network.pause = 0.02
    _, events = run(network, settings(epochs=1000, minutes=1.0 / 60))
    last = [event for event in events if event.kind in ("dev", "end")][-2:]
    assert [event.kind for event in last] == ["dev", "end"]
    assert last[0].epoch == last[1].epoch == pytest.approx(last[1].step / STEPS, abs=1e-9)


def test_training_says_when_the_bits_may_differ(tmp_path):
    stop_at(3 * STEPS - 1, folder=tmp_path)
    torch.set_num_threads(2)
    _, events = run(folder=tmp_path, resume=True)
    assert events[0].values["changed"] == ["threads was 1 and is now 2"]


@pytest.mark.parametrize("damage", [b"", b"x" * 1000, None])
def test_training_refuses_a_damaged_checkpoint(tmp_path, damage):
    stop_at(3, folder=tmp_path)
    content = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(content[: len(content) // 2] if damage is None else damage)
    with pytest.raises(ModelError, match="truncated or damaged"):
        run(folder=tmp_path, resume=True)


def test_training_log_shortened_by_a_power_cut_is_not_filled_with_zeros(tmp_path):
    stop_at(STEPS, folder=tmp_path)
    (tmp_path / METRICS).write_text("")
    run(folder=tmp_path, resume=True)
    assert "\0" not in (tmp_path / METRICS).read_text()


class FullDisk:
    """A disk with room for so many writes; of the next one it takes half."""

    def __init__(self, room: int) -> None:
        self.room = room

    def opener(self, opened):
        def open_watched(path, mode="r", *more, **options):
            file = opened(path, mode, *more, **options)
            return WatchedFile(file, self) if mode in ("wb", "a") else file

        return open_watched


class WatchedFile:
    """An open file on a FullDisk."""

    def __init__(self, file, disk: FullDisk) -> None:
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, content):
        self.disk.room -= 1
        if self.disk.room >= 0:
            return self.file.write(content)
        self.file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


def test_training_on_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch, every_step):
    """Let every single write of a run fail in turn, of checkpoints and of the log; what is left is gone on with."""
    config = settings(checkpoint_seconds=0.0, batch_texts=16, epochs=2)
    expected, _ = run(config=config, folder=tmp_path / made(tmp_path, "whole"))
    resumed = 0
    for room in range(100):
        folder = tmp_path / made(tmp_path, f"room{room}")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "open", FullDisk(room).opener(Path.open))
            try:
                run(config=config, folder=folder)
                break  # room for all
            except GatewiseError as error:
                assert "No space left on device" in str(error) and "free space" in str(error)
        assert {path.name for path in folder.iterdir()} <= {CHECKPOINT, METRICS}
        if (folder / CHECKPOINT).exists():
            resumed += 1
            network, _ = run(small(seed=99), config, folder=folder, resume=True)
            assert weights(network) == weights(expected)
            assert told(folder) == told(tmp_path / "whole")
    assert resumed > 12 and room < 99


def test_training_log_is_json_lines_with_the_figures_of_a_run(tmp_path):
    run(folder=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text(encoding="utf-8").splitlines()]
    assert [lines[0]["kind"], lines[-1]["kind"]] == ["start", "end"]
    for line in lines:
        assert {"kind", "seconds", "step", "epoch"} <= line.keys()
        if line["kind"] == "step":
            assert {"loss", "tokens_per_second", "learning_rate", "padding", "share"} <= line.keys()
        if line["kind"] == "dev":
            assert {"score", "loss", "best", "padding"} <= line.keys()
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)
    assert [line["epoch"] for line in lines if line["kind"] == "dev"] == [1, 2, 3]
    real = int(TRAIN.lengths.sum()) * 3
    cells = sum(
        len(rows) * TRAIN.lengths[rows].max() for epoch in range(3) for rows in training.order(TRAIN, settings(), epoch)
    )
    assert lines[-1]["padding"] == pytest.approx(1 - real / cells)


def test_training_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TrainingError, match="no checkpoint"):
        run(resume=True)


@pytest.mark.parametrize(("sharing", "inside"), [("texts", 1), ("operations", 2)])
def test_training_gives_the_cores_what_they_share(sharing, inside):
    torch.set_num_threads(2)
    seen = []
    _, events = run(config=settings(epochs=1, sharing=sharing), stopped=lambda: seen.append(torch.get_num_threads()))
    assert set(seen[:-1]) == {inside} and torch.get_num_threads() == 2
    assert events[0].values["sharing"] == events[-1].values["sharing"] == sharing


def test_training_goes_on_with_what_the_first_part_chose(tmp_path, monkeypatch):
    torch.set_num_threads(2)
    for name, chosen in (("choose_precision", "bfloat16"), ("choose_sharing", "operations")):
        monkeypatch.setattr(training, name, lambda *arguments, chosen=chosen: chosen)
    config = settings(precision="auto", sharing="auto")
    stop_at(3, folder=tmp_path, config=config)
    monkeypatch.undo()
    _, events = run(folder=tmp_path, resume=True, config=config)
    assert {name: events[-1].values[name] for name in ("precision", "sharing")} == {
        "precision": "bfloat16", "sharing": "operations",
    }  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
def test_training_is_the_same_however_long_the_precision_probe_took(monkeypatch, threads):
    torch.set_num_threads(threads)
    found = []
    for seconds in (0.0, 0.2):

        def probe(*arguments, seconds=seconds):
            choose_precision(*arguments, seconds=seconds)
            return "float32"

        monkeypatch.setattr(training, "choose_precision", probe)
        found.append(weights(run(config=settings(precision="auto", epochs=1))[0]))
    assert found[0] == found[1] == weights(run(config=settings(epochs=1))[0])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_precision_set_is_used(precision):
    assert choose_precision(small(), TRAIN, settings(precision=precision)) == precision
    network, events = run(config=settings(precision=precision, epochs=1))
    assert events[0].values["precision"] == precision
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}


def test_training_tensorboard_missing_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match=r"pip install 'gatewise\[tensorboard\]'"):
        training.tensorboard_writer(tmp_path)
