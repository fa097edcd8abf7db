"""A run to one file and back: weights, their average, the best so far, moments, generators, progress.

What a file belongs to stands in it, and only the same data and settings take it up. On the same machine and number of
threads a run that went on from its checkpoint ends with the bits of an unbroken one.
"""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gatewise.base.errors import TrainingError
from gatewise.training import log
from gatewise.training.run import Progress, Run

CHECKPOINT = "checkpoint.safetensors"
FORMAT = 2  # of the file
CHOSEN = ("precision", "sharing", "log_bytes")  # of Progress, before the first step


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where in a session's folder a run is kept, and of which data it is."""

    name: str = CHECKPOINT
    fingerprint: str = ""

    def identity(self, run: Run) -> dict[str, Any]:
        """Say what a run is: of another one nothing is taken up."""
        return {
            "format": FORMAT, "fingerprint": self.fingerprint, "config": dataclasses.asdict(run.config),
            "torch": torch.__version__, "threads": run.threads, "cpu": torch.backends.cpu.get_cpu_capability(),
        }  # fmt: skip

    def save(self, run: Run) -> None:
        """Write everything the run needs to go on, replacing the previous checkpoint in one step."""
        if not run.session.folder:
            return
        run.progress.log_bytes = log.length(run.session.folder)
        run.progress.seconds = run.seconds()
        tensors = {"random": torch.get_rng_state()}
        tensors |= {f"random.{place:04}": state for place, state in enumerate(run.workers.random_states())}
        for part, network in (("network", run.network), ("averaged", run.averaged)):
            tensors |= {f"{part}.{name}": tensor for name, tensor in network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in run.best.items()}
        for index, moments in run.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in moments.items()}
        tensors |= {f"tables.{name}": tensor for name, tensor in run.tables.state().items()}
        values = {"identity": self.identity(run), "progress": dataclasses.asdict(run.progress)}
        run.session.keep(self.name, {name: tensor.numpy() for name, tensor in tensors.items()}, values)
        run.saved = time.perf_counter()

    def restore(self, run: Run) -> list[str] | None:
        """Take up the last checkpoint; give what may keep the bits from being those of an unbroken run, None if new.

        Raises TrainingError when it belongs to other data, settings or a gatewise of another format.
        """
        folder, taken = run.session.folder, run.session.take(self.name)
        if not folder or not taken:
            return None
        arrays, values = taken
        changed = self._changed(run, values["identity"])
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        run.network.load_state_dict(_under("network.", tensors))
        run.averaged.load_state_dict(_under("averaged.", tensors))
        run.best = _under("best.", tensors)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimizer.", tensors).items():
            index, key = name.split(".", 1)
            moments.setdefault(int(index), {})[key] = tensor
        run.optimizer.load_state_dict({"state": moments, "param_groups": run.optimizer.state_dict()["param_groups"]})
        run.tables.restore(_under("tables.", tensors))
        run.progress = Progress(**values["progress"])
        run.earlier, run.logged_tokens = run.progress.seconds, run.progress.tokens
        log.shorten(folder, run.progress.log_bytes)
        run.employ()
        run.workers.restore([tensors[name] for name in sorted(tensors) if name.startswith("random.")])
        torch.set_rng_state(tensors["random"])  # last: nothing random may come between this and the next step
        return changed

    def keep_choice(self, run: Run) -> None:
        """Keep how a run computes, found by trying, until its first checkpoint: another try might end otherwise."""
        if not run.session.folder:
            return
        run.progress.log_bytes = log.length(run.session.folder)
        chosen = {name: getattr(run.progress, name) for name in CHOSEN}
        run.session.keep(self._choice, {}, {"identity": self.identity(run)} | chosen)

    def restore_choice(self, run: Run) -> list[str] | None:
        """Take up how a run that was killed before its first checkpoint computed; give and raise as restore() does."""
        folder, taken = run.session.folder, run.session.take(self._choice)
        if not folder or not taken:
            return None
        _, values = taken
        changed = self._changed(run, values["identity"])
        for name in CHOSEN:
            setattr(run.progress, name, values[name])
        log.shorten(folder, run.progress.log_bytes)
        return changed

    @property
    def _choice(self) -> str:
        return f"{Path(self.name).stem}.chosen"

    def _changed(self, run: Run, there: dict[str, Any]) -> list[str]:
        here = self.identity(run)
        for name, what in (("format", "version of gatewise"), ("fingerprint", "data"), ("config", "settings")):
            if there.get(name) != here[name]:
                raise TrainingError(
                    f"The checkpoint in {run.session.folder} was made with other {what}; leave out --resume."
                )
        changed = [name for name in ("torch", "threads", "cpu") if there[name] != here[name]]
        return [f"{name} was {there[name]} and is now {here[name]}" for name in changed]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
