"""What happens in a run, as events, and where they go: metrics.jsonl, the logger, TensorBoard. Knows no network."""

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewise.base.extras import needs
from gatewise.base.files import cannot_write
from gatewise.base.places import is_file

METRICS = "metrics.jsonl"
LOGGER = logging.getLogger("gatewise")
LOGGER.addHandler(logging.NullHandler())  # a library prints nothing: whoever wants its lines adds a handler


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with its numbers.

    Of training: "start", "resumed", "step", "dev", "warning", "stopped" or "end"; around it "prepared" and "answering".
    A "dev" event holds the score, by which an epoch is chosen, and how it is shown: name, value, which way is better.
    """

    kind: str
    seconds: float  # of training so far, over all resumed parts
    step: int = 0
    epoch: float = 0.0
    values: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Give one flat line for metrics.jsonl."""
        head = {"kind": self.kind, "seconds": round(self.seconds, 2), "step": self.step, "epoch": round(self.epoch, 4)}
        return head | self.values


def tell_logger(event: Event) -> None:
    """Tell Python's logger `gatewise`, where nobody else is told: warnings as such, steps as DEBUG, the rest as INFO.

    The record's `event` is the Event.
    """
    levels = {"warning": logging.WARNING, "step": logging.DEBUG}
    told = event.values.get("message") or ", ".join(f"{name} {value}" for name, value in event.values.items())
    line = f"epoch {event.epoch:.2f}, step {event.step}: {told}" if event.step else told
    LOGGER.log(levels.get(event.kind, logging.INFO), "%s", f"{event.kind}: {line}", extra={"event": event})


def write(event: Event, folder: Path) -> None:
    """Add an event to a folder's log. Raises GatewiseError."""
    path = folder / METRICS
    try:
        with path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(event.as_dict()) + "\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def length(folder: Path) -> int:
    """Give the bytes of a folder's log."""
    log = folder / METRICS
    return log.stat().st_size if is_file(log) else 0


def shorten(folder: Path, size: int) -> None:
    """Drop what was logged after a checkpoint: it will be written again. A power cut may have lost some before."""
    if is_file(folder / METRICS):
        os.truncate(folder / METRICS, min(length(folder), size))


def tensorboard_writer(folder: Path) -> Callable[[Event], None]:
    """Give a function that writes each event's numbers for TensorBoard."""
    with needs("tensorboard"):
        from torch.utils.tensorboard import SummaryWriter
    try:
        writer = SummaryWriter(str(folder))
    except OSError as error:
        raise cannot_write(folder, error) from error

    def write(event: Event) -> None:
        for name, value in event.values.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                writer.add_scalar(f"{event.kind}/{name}", value, event.step)
        writer.flush()

    return write
