"""A run's Session, and its folder beside the place where the result will stand: settings, log, checkpoints.

Knows nothing of what is trained.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewise.base.errors import ConfigError, TrainingError
from gatewise.base.files import (
    Arrays,
    cannot_write,
    make_folder,
    read_checkpoint,
    read_json,
    refuse_existing,
    remove_folder,
    tensor_bytes,
    write_atomically,
)
from gatewise.base.locks import locked
from gatewise.base.places import exists, is_file, is_folder
from gatewise.base.settings import AnySettings
from gatewise.training.log import METRICS, Event, tell_logger, write

SETTINGS = "settings.json"
Report = Callable[[Event], None]
Stopped = Callable[[], bool]


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Session:
    """What travels through a run."""

    folder: Path | None = None  # keeps what is needed to go on; nothing is kept without one
    resume: bool = False  # the folder holds an earlier part of this run
    report: Report = tell_logger
    stopped: Stopped = _never  # asked before every step
    started: float = field(default_factory=time.perf_counter)  # the budget counts from here

    def seconds(self) -> float:
        """Seconds since the run, or this part of it, started."""
        return time.perf_counter() - self.started

    def counting(self, seconds: float) -> "Session":
        """Give the session as if it had started so much earlier."""
        return dataclasses.replace(self, started=self.started - seconds)

    def holds(self, name: str) -> bool:
        """Say whether an earlier part of this run kept something under a name."""
        return self.resume and self.folder is not None and is_file(self.folder / name)

    def take(self, name: str) -> tuple[Arrays, dict[str, Any]] | None:
        """Give the arrays and values that an earlier part of this run kept under a name, if it did."""
        return read_checkpoint(self.folder / name) if self.folder and self.holds(name) else None

    def keep(self, name: str, arrays: Arrays, values: Mapping[str, Any]) -> None:
        """Keep arrays and values for a resumed run, in place of earlier ones, in one step."""
        if self.folder:
            write_atomically(self.folder / name, tensor_bytes(arrays, values))

    def tell(self, event: Event) -> None:
        """Report an event, and log it where there is a folder."""
        if self.folder:
            write(event, self.folder)
        self.report(event)

    def log(self) -> dict[str, bytes]:
        """Give the log as a file for the folder of the result."""
        return {METRICS: (self.folder / METRICS).read_bytes()} if self.folder else {}

    def finish(self) -> None:
        """Remove the folder: the result stands."""
        if self.folder:
            remove_folder(self.folder)


def unfinished(out: Path) -> Path:
    """Give the folder in which a run for `out` keeps its settings, log and checkpoints until it is over."""
    if out.name in ("", ".."):
        raise ConfigError(f"{out} is no name for a model folder; give --out a new name.")
    return out.with_name(out.name + ".training")


@contextmanager
def reserved(out: Path) -> Iterator[None]:
    """Keep every other run away from `out`, in this process or another, while this one lasts.

    The lock stands beside `out`, so that it outlives the folders there, and is gone with its process; where the file
    system knows no locks there is none. Raises TrainingError where a run is going on.
    """
    parent = unfinished(out).parent
    made = [folder for folder in (parent, *parent.parents) if not exists(folder)]
    try:
        with ExitStack() as stack:
            try:
                make_folder(parent)
                stack.enter_context(locked(out.with_name(f".{out.name}.lock")))
            except BlockingIOError as error:
                raise TrainingError(
                    f"Another run is going on for {out}; wait for its end or give another out."
                ) from error
            except OSError as error:
                raise cannot_write(out, error) from error
            yield
    finally:
        for folder in made:
            with suppress(OSError):  # it holds something by now
                folder.rmdir()


def unfinished_settings(out: Path, defaults: AnySettings) -> AnySettings:
    """Give the settings of an unfinished run, of the kind of `defaults`. Raises TrainingError when there is none."""
    path = unfinished(out) / SETTINGS
    if not is_file(path):
        raise TrainingError(f"There is no unfinished run for {out}; leave out --resume to start one.")
    stored = read_json(path, 1 << 20)
    try:
        groups = {name: type(getattr(defaults, name))(**values) for name, values in stored.items()}
        return type(defaults)(**groups)
    except (AttributeError, TypeError) as error:
        raise TrainingError(
            f"{path} was written by another command or version of gatewise ({error}); leave out --resume and add "
            "--overwrite."
        ) from error


def settle(
    out: Path, settings: AnySettings | None, defaults: AnySettings, *, resume: bool, overwrite: bool
) -> AnySettings:
    """Give the settings to run with; raise GatewiseError when `out` is taken or a resumed run had others."""
    if resume:
        stored = unfinished_settings(out, defaults)
        settings = settings or stored
        for name, value in stored.flat().items():
            if settings.flat()[name] != value:
                raise TrainingError(f"The run to resume has {name}={value}; leave that option out, or --resume.")
        return settings
    refuse_existing(out, overwrite=overwrite)
    folder = unfinished(out)
    if resumable(folder) and not overwrite:
        raise TrainingError(f"{folder} holds an unfinished run; add --resume to go on, or --overwrite.")
    return settings or defaults


def resumable(folder: Path) -> bool:
    """Say whether a run's folder holds anything to go on from; a run killed before that has nothing to lose."""
    return is_folder(folder) and any(folder.glob("*.safetensors"))


@contextmanager
def opened(
    session: Session, out: Path, settings: AnySettings, notes: Mapping[str, Any], *, resume: bool
) -> Iterator[Session]:
    """Open the folder of a run for `out`, new or to be resumed, and tell what was prepared; give its Session.

    An error before there is anything to go on from leaves no folder.
    """
    folder = unfinished(out)
    goes_on = resume and resumable(folder)
    try:
        if not goes_on:
            remove_folder(folder)
            make_folder(folder)
            write_atomically(folder / SETTINGS, json.dumps(dataclasses.asdict(settings), indent=2).encode())
        session.report(Event("prepared", session.seconds(), values=dict(notes)))
        yield dataclasses.replace(session, folder=folder, resume=goes_on)
    except BaseException:
        if not resumable(folder):
            remove_folder(folder)
        raise
