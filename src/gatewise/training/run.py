"""The moving parts of one training: network, its average, optimiser, best weights so far, progress, clock.

Takes single steps and looks at the dev split; what comes when is the loop's.
"""

import copy
import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.base.errors import TrainingError
from gatewise.base.settings import TrainingConfig
from gatewise.runtime.batches import Batch, Sequences, in_order_of_length
from gatewise.training.device import autocast
from gatewise.training.learner import Learner
from gatewise.training.log import Event
from gatewise.training.schedule import budget_share, decay_at
from gatewise.training.session import Session
from gatewise.training.tables import Tables
from gatewise.training.workers import Workers


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
    share: float = 0.0  # of the run that is over, of the budget that is spent
    began: float = 0.0  # the least share at a step: what was read or learnt before the first is spent too
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

    @property
    def done(self) -> float:
        """Share of the steps that are over, as far as can be told."""
        return (self.share - self.began) / (1 - self.began)


class Run:
    """One training, step by step."""

    def __init__(self, network: Learner, config: TrainingConfig, session: Session) -> None:
        self.network, self.averaged = network, copy.deepcopy(network).eval()
        self.config, self.session = config, session
        self.threads, self.workers = torch.get_num_threads(), Workers(network, 1)
        groups = network.parameter_groups()
        self.scales = [config.layer_decay**depth for depth in range(len(groups))]
        self.optimizer = torch.optim.AdamW(
            [{"params": group} for group in groups], lr=0.0, betas=(0.9, 0.98), weight_decay=config.weight_decay,
            fused=True,
        )  # fmt: skip
        self.tables = Tables(network, self.averaged)
        self.best: dict[str, Tensor] = {}
        self.progress = Progress()
        self.earlier = 0.0  # seconds of training before this part of the run
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
        return time.perf_counter() - self.started + self.earlier

    def share(self, epochs: int, dev_tokens: int) -> float:
        """Give the share of the run that is over, by the passes or by the budget, whichever is further."""
        progress = self.progress
        measuring = dev_tokens * progress.seconds / (2 * progress.tokens) if progress.tokens else None
        spent = budget_share(self.config, self.session.seconds() + self.earlier, measuring)
        return max((progress.epoch + progress.batch / progress.batches) / epochs, spent)

    def tell(self, kind: str, **values: Any) -> Event:
        """Log and report an event; give it."""
        progress = self.progress
        progress.seconds = self.seconds()
        epoch = progress.epoch + progress.batch / progress.batches
        event = Event(kind, progress.seconds, progress.step, epoch, values)
        self.session.tell(event)
        return event

    def update(self, batch: Batch, learning_rate: float) -> float:
        """Take one step; give the batch's mean loss. Raises TrainingError when it is no number."""
        progress = self.progress
        for group, scale in zip(self.optimizer.param_groups, self.scales, strict=True):
            group["lr"] = scale * learning_rate
        total, weight = self.workers.gradients(batch, progress.precision)
        value = total / weight
        self.refuse_no_number(value)
        rows = self.tables.take(list(self.network.parameters()))
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self.optimizer.step()
        progress.step += 1
        progress.batch += 1
        progress.tokens += int(batch.lengths.sum())
        progress.padding_cells += batch.cells - int(batch.lengths.sum())
        progress.recent_loss = value if progress.step == 1 else 0.95 * progress.recent_loss + 0.05 * value
        decay = decay_at(progress.step, self.config.averaging)
        self.tables.step(rows, learning_rate, decay)
        with torch.no_grad():
            torch._foreach_lerp_(*self.tables.others(), 1 - decay)
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
        self.tables.settle()

        def measured(batch: Batch) -> tuple[float, float, float]:
            with torch.no_grad(), autocast(progress.precision):
                return self.averaged.score(batch)

        batches = in_order_of_length(dev_set, batch_tokens=config.batch_tokens, batch_texts=256)
        points, loss_sum, count = map(sum, zip(*self.workers.map(measured, batches), strict=True))
        score, loss = points / count, loss_sum / count
        self.refuse_no_number(loss)
        progress.epochs_without_gain += 1
        if (score, -loss) > (progress.best_score, -progress.best_loss):
            progress.best_score, progress.best_loss, progress.epochs_without_gain = score, loss, 0
            self.best = {name: tensor.clone() for name, tensor in self.averaged.state_dict().items()}
        return score, loss
