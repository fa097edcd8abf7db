"""The one loop: batches to trained weights, told as events; owns optimiser, schedule, averaging, budget, checkpoints.

Knows a network only by `loss(batch) -> (sum, weight)` and `score(batch) -> (points, loss sum, count)`, higher points
being better. A run that is killed goes on from its last checkpoint and ends with the same bits, on the same machine
and number of threads: the order of batches is a function of (seed, epoch), and the checkpoint holds everything else.
"""

import copy
import dataclasses
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.base.errors import TrainingError
from gatewise.base.files import cannot_write, read_checkpoint, tensor_bytes, write_atomically
from gatewise.base.ram import Hoard, give_back_memory, keep_memory
from gatewise.base.settings import TrainingConfig
from gatewise.runtime.batches import Batch, Rows, Sequences, collate, in_order_of_length, plan
from gatewise.training.device import autocast
from gatewise.training.probing import choose_precision, choose_sharing
from gatewise.training.workers import Workers

CHECKPOINT, METRICS = "checkpoint.safetensors", "metrics.jsonl"
LOG_STEPS = 10  # steps between two "step" events
FLAT = 0.98  # a loss above this share of guessing's, a quarter into the run, has not learnt


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with its numbers.

    Of training: "start", "resumed", "step", "dev", "warning", "stopped" or "end"; around it "prepared" and "answering".
    """

    kind: str
    seconds: float  # of training so far, over all resumed parts
    step: int
    epoch: float
    values: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Give one flat line for metrics.jsonl."""
        head = {"kind": self.kind, "seconds": round(self.seconds, 2), "step": self.step, "epoch": round(self.epoch, 4)}
        return head | self.values


@dataclass(slots=True)
class Progress:
    """Where a run stands; with the tensors it is all a checkpoint needs."""

    step: int = 0
    epoch: int = 0
    batch: int = 0  # batches of this epoch already seen, of
    batches: int = 1
    seconds: float = 0.0
    tokens: int = 0
    padding_cells: int = 0
    share: float = 0.0  # of the run that is over
    recent_loss: float = math.nan
    best_score: float = -math.inf
    best_loss: float = math.inf
    epochs_without_gain: int = 0
    warned: bool = False
    precision: str = "float32"
    sharing: str = "texts"
    log_bytes: int = 0  # length of metrics.jsonl

    @property
    def padding(self) -> float:
        """Share of all cells so far that held no token."""
        return self.padding_cells / max(1, self.padding_cells + self.tokens)


class Run:
    """The moving parts of one training: network, its average, optimiser, best weights so far, progress, clock."""

    def __init__(
        self,
        network: nn.Module,
        config: TrainingConfig,
        folder: Path | None,
        fingerprint: str,
        checkpoint: str = CHECKPOINT,
    ) -> None:
        self.network = network
        self.averaged = copy.deepcopy(network).eval()
        self.threads, self.workers = torch.get_num_threads(), Workers(network, 1)
        self.config = config
        self.folder, self.checkpoint = folder, checkpoint
        groups = network.parameter_groups()  # type: ignore[operator]
        self.scales = [config.layer_decay**depth for depth in range(len(groups))]
        self.optimizer = torch.optim.AdamW(
            [{"params": group} for group in groups], lr=0.0, betas=(0.9, 0.98), weight_decay=config.weight_decay,
            fused=True,
        )  # fmt: skip
        self.best: dict[str, Tensor] = {}
        self.progress = Progress()
        self.identity = {
            "fingerprint": fingerprint, "config": dataclasses.asdict(config), "torch": torch.__version__,
            "threads": self.threads, "cpu": torch.backends.cpu.get_cpu_capability(),
        }  # fmt: skip
        self.started = self.saved = self.logged = time.perf_counter()
        self.logged_tokens = 0

    def employ(self) -> None:
        """Give each core a worker, or all cores to the one, as the progress says."""
        alone = self.progress.sharing == "operations"
        self.workers = Workers(self.network, 1 if alone else self.threads)
        torch.set_num_threads(self.threads if alone else 1)

    def close(self) -> None:
        """End the workers, and leave torch its threads."""
        self.workers.close()
        torch.set_num_threads(self.threads)

    def seconds(self) -> float:
        """Seconds of training so far, over all resumed parts."""
        return time.perf_counter() - self.started

    def event(self, kind: str, **values: Any) -> Event:
        """Make an event and add it to the run's log."""
        progress = self.progress
        progress.seconds = self.seconds()
        epoch = progress.epoch + progress.batch / progress.batches
        event = Event(kind, progress.seconds, progress.step, epoch, values)
        if self.folder:
            path = self.folder / METRICS
            try:
                with path.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(event.as_dict()) + "\n")
            except OSError as error:
                raise cannot_write(path, error) from error
        return event

    def update(self, batch: Batch, learning_rate: float) -> float:
        """Take one step; give the batch's mean loss. Raises TrainingError when it is no number."""
        progress = self.progress
        for group, scale in zip(self.optimizer.param_groups, self.scales, strict=True):
            group["lr"] = scale * learning_rate
        total, weight = self.workers.gradients(batch, progress.precision)
        value = total / weight
        self.refuse_no_number(value)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self.optimizer.step()
        progress.step += 1
        progress.batch += 1
        progress.tokens += int(batch.lengths.sum())
        progress.padding_cells += batch.cells - int(batch.lengths.sum())
        progress.recent_loss = value if progress.step == 1 else 0.95 * progress.recent_loss + 0.05 * value
        decay = min(self.config.averaging, progress.step / (9 + progress.step))  # early weights are soon forgotten
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.network.parameters()), 1 - decay)
        return value

    def refuse_no_number(self, loss: float) -> None:
        """Raise TrainingError when training has run away."""
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} at step {self.progress.step}; use a learning rate below "
                f"{self.config.learning_rate:g}."
            )

    def measure(self, dev_set: Sequences) -> tuple[float, float]:
        """Give the averaged weights' score and loss on the dev split; keep them if they are the best so far."""
        config, progress = self.config, self.progress

        def measured(batch: Batch) -> tuple[float, float, float]:
            with torch.no_grad(), autocast(progress.precision):
                return self.averaged.score(batch)  # type: ignore[operator,no-any-return]

        batches = in_order_of_length(dev_set, batch_tokens=config.batch_tokens, batch_texts=256)
        points, loss_sum, count = map(sum, zip(*self.workers.map(measured, batches), strict=True))
        score, loss = points / count, loss_sum / count
        self.refuse_no_number(loss)
        progress.epochs_without_gain += 1
        if (score, -loss) > (progress.best_score, -progress.best_loss):
            progress.best_score, progress.best_loss, progress.epochs_without_gain = score, loss, 0
            self.best = {name: tensor.clone() for name, tensor in self.averaged.state_dict().items()}
        return score, loss

    def save(self) -> None:
        """Write everything the run needs to go on, replacing the previous checkpoint in one step."""
        if not self.folder:
            return
        log = self.folder / METRICS
        self.progress.log_bytes = log.stat().st_size if log.exists() else 0
        self.progress.seconds = self.seconds()
        tensors = {"random": torch.get_rng_state()}
        tensors |= {f"random.{place:04}": state for place, state in enumerate(self.workers.random_states())}
        for part, network in (("network", self.network), ("averaged", self.averaged)):
            tensors |= {f"{part}.{name}": tensor for name, tensor in network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in moments.items()}
        metadata = {"identity": self.identity, "progress": dataclasses.asdict(self.progress)}
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        write_atomically(self.folder / self.checkpoint, tensor_bytes(arrays, metadata))
        self.saved = time.perf_counter()

    def restore(self) -> list[str]:
        """Take up the last checkpoint; give what may keep the bits from being those of an unbroken run.

        Raises TrainingError when there is none or it belongs to other data or settings.
        """
        if not self.folder or not (self.folder / self.checkpoint).exists():
            raise TrainingError(f"There is no checkpoint in {self.folder} to go on from; leave out --resume.")
        arrays, metadata = read_checkpoint(self.folder / self.checkpoint)
        identity = metadata["identity"]
        for name, what in (("fingerprint", "data"), ("config", "settings")):
            if identity[name] != self.identity[name]:
                raise TrainingError(f"The checkpoint in {self.folder} was made with other {what}; leave out --resume.")
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        self.network.load_state_dict(_under("network.", tensors))
        self.averaged.load_state_dict(_under("averaged.", tensors))
        self.best = _under("best.", tensors)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimizer.", tensors).items():
            index, key = name.split(".", 1)
            moments.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({"state": moments, "param_groups": self.optimizer.state_dict()["param_groups"]})
        self.progress = Progress(**metadata["progress"])
        self.started -= self.progress.seconds
        self.logged_tokens = self.progress.tokens
        log = self.folder / METRICS
        if log.exists():  # the lines after the checkpoint will be written again; a power cut may have lost some before
            os.truncate(log, min(log.stat().st_size, self.progress.log_bytes))
        self.employ()
        self.workers.restore([tensors[name] for name in sorted(tensors) if name.startswith("random.")])
        torch.set_rng_state(tensors["random"])  # last: nothing random may come between this and the next step
        changed = [name for name in ("torch", "threads", "cpu") if identity[name] != self.identity[name]]
        return [f"{name} was {identity[name]} and is now {self.identity[name]}" for name in changed]


def train(
    network: nn.Module,
    train_set: Sequences,
    dev_set: Sequences,
    config: TrainingConfig,
    *,
    baseline: float,
    folder: Path | None = None,
    resume: bool = False,
    fingerprint: str = "",
    checkpoint: str = CHECKPOINT,
    used_seconds: float = 0.0,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Train a network, yielding events; afterwards it holds the averaged weights that scored best on the dev split.

    `baseline` is the loss of guessing by class frequency; `used_seconds` of config.minutes are gone already; `stopped`
    is asked before every step. With a folder, checkpoints and metrics.jsonl are kept there. Raises TrainingError.
    """
    keep_memory()
    run = Run(network, config, folder, fingerprint, checkpoint)
    try:
        if resume:
            yield run.event("resumed", changed=run.restore())
        else:
            run.progress.precision = choose_precision(network, train_set, config)
            run.progress.sharing = choose_sharing(network, train_set, config, run.progress.precision)
            run.employ()
        yield from _epochs(run, train_set, dev_set, baseline, used_seconds, stopped)
    finally:
        run.close()
        give_back_memory()
    network.eval().load_state_dict(run.best)
    last = {name: getattr(run.progress, name) for name in ("padding", "tokens", "precision", "sharing")}
    yield run.event("stopped" if stopped() else "end", best=run.progress.best_score, **last)


def _epochs(
    run: Run,
    train_set: Sequences,
    dev_set: Sequences,
    baseline: float,
    used_seconds: float,
    stopped: Callable[[], bool],
) -> Iterator[Event]:
    network, config, progress, share = run.network, run.config, run.progress, 0.0
    steps = len(order(train_set, config, 0))
    epochs = epochs_for(config, steps)
    patience, hoard = max(config.patience, math.ceil(epochs / 4)), Hoard()
    yield run.event(
        "start", epochs=epochs, texts=len(train_set), precision=progress.precision, sharing=progress.sharing
    )
    while progress.epoch < epochs and progress.epochs_without_gain < patience:
        batches = order(train_set, config, progress.epoch)
        progress.batches = len(batches)
        network.train()
        for rows in batches[progress.batch :]:
            share = (progress.epoch + progress.batch / len(batches)) / epochs
            share = max(share, budget_share(config, used_seconds + run.seconds(), progress, len(dev_set.steps)))
            if share >= 1 or stopped():
                break
            progress.share = share
            run.update(collate(train_set, rows), learning_rate_at(share, config))
            yield from _news(run, share, baseline)
            hoard.limit()
            if time.perf_counter() - run.saved >= config.checkpoint_seconds:
                run.save()
                give_back_memory()
        if not progress.step:
            why = "was stopped" if stopped() else "ran out of --minutes"
            raise TrainingError(f"Training {why} before its first step, so there is no model; give it more time.")
        ending = stopped() or share >= 1  # asked once: Ctrl-C while measuring ends the run after the next check
        if ending:
            run.save()  # before measuring: the resumed run must choose among the same measurements
        score, loss = run.measure(dev_set)
        yield run.event("dev", score=score, loss=loss, best=progress.best_score, padding=progress.padding)
        if ending:
            break
        progress.epoch, progress.batch = progress.epoch + 1, 0
        run.save()


def _news(run: Run, share: float, baseline: float) -> Iterator[Event]:
    """Tell every few steps, or once a second, how it goes; and once that nothing is learnt."""
    progress, config = run.progress, run.config
    elapsed = time.perf_counter() - run.logged
    if progress.step % LOG_STEPS == 0 or progress.step == 1 or elapsed > 1:
        speed = (progress.tokens - run.logged_tokens) / max(elapsed, 1e-9)
        run.logged, run.logged_tokens = time.perf_counter(), progress.tokens
        yield run.event(
            "step", share=round(share, 5), loss=round(progress.recent_loss, 5), tokens_per_second=round(speed),
            learning_rate=learning_rate_at(share, config), padding=round(progress.padding, 5),
        )  # fmt: skip
    if not progress.warned and share > 0.25 and progress.step >= 200 and progress.recent_loss > FLAT * baseline:
        progress.warned = True
        message = (
            f"The loss is still {progress.recent_loss:.3f} after {progress.step} steps, and guessing gives "
            f"{baseline:.3f}: nothing is learnt; see that labels belong to their texts, or try another learning rate."
        )
        yield run.event("warning", message=message)


def order(train_set: Sequences, config: TrainingConfig, epoch: int) -> list[Rows]:
    """Give an epoch's batches as rows."""
    return plan(
        train_set.lengths,
        batch_tokens=config.batch_tokens,
        batch_texts=config.batch_texts,
        seed=config.seed,
        epoch=epoch,
    )


def epochs_for(config: TrainingConfig, steps: int) -> int:
    """Give the number of passes: as set, or 6 to 100, so that a small data set too gets about 500 steps."""
    return config.epochs or min(100, max(6, math.ceil(500 / steps)))


def learning_rate_at(share: float, config: TrainingConfig) -> float:
    """Give the rate at a share of the run: a linear rise, then a linear fall to nothing (slanted triangle)."""
    rise = (share + 1e-3) / config.warmup if config.warmup else 1.0
    return config.learning_rate * min(rise, (1 - share) / (1 - config.warmup), 1.0)


def budget_share(config: TrainingConfig, seconds: float, progress: Progress, dev_tokens: int) -> float:
    """Give the share of the minutes that is spent, keeping back what the last look at the dev split will take."""
    if not config.minutes:
        return 0.0
    budget = 60 * config.minutes
    measuring = dev_tokens * progress.seconds / (2 * progress.tokens) if progress.tokens else 0.1 * budget
    return seconds / (budget - min(measuring + 1, 0.5 * budget))


def tensorboard_writer(folder: Path) -> Callable[[Event], None]:
    """Give a function that writes each event's numbers for TensorBoard (the `tensorboard` extra)."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError("TensorBoard is not installed; run: pip install 'gatewise[tensorboard]'.") from error
    writer = SummaryWriter(str(folder))

    def write(event: Event) -> None:
        for name, value in event.values.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                writer.add_scalar(f"{event.kind}/{name}", value, event.step)
        writer.flush()

    return write


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
