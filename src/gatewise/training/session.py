"""The folder of an unfinished run: settings, log and checkpoints beside the place where its result will stand.

Knows nothing of what is trained.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewise.base.errors import ConfigError, TrainingError
from gatewise.base.files import make_folder, read_json, refuse_existing, remove_folder, write_atomically
from gatewise.base.settings import AnySettings
from gatewise.training.loop import Event

SETTINGS = "settings.json"
TEACHER = "teacher.safetensors"  # the first network of several, once it has learnt
Report = Callable[[Event], None]


def unfinished(out: Path) -> Path:
    """Give the folder in which a run for `out` keeps its settings, log and checkpoints until it is over."""
    if out.name in ("", ".."):
        raise ConfigError(f"{out} is no name for a model folder; give --out a new name.")
    return out.with_name(out.name + ".training")


def unfinished_settings(out: Path, defaults: AnySettings) -> AnySettings:
    """Give the settings of an unfinished run, of the kind of `defaults`. Raises TrainingError when there is none."""
    path = unfinished(out) / SETTINGS
    if not path.is_file():
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
    return any(folder.glob("*.safetensors"))


@contextmanager
def opened(out: Path, settings: AnySettings, *, resume: bool) -> Iterator[tuple[Path, bool]]:
    """Open the run's folder; give it and whether there is a checkpoint to go on from. An error leaves no empty run."""
    folder = unfinished(out)
    resume = resume and resumable(folder)
    try:
        if not resume:
            remove_folder(folder)
            make_folder(folder)
            write_atomically(folder / SETTINGS, json.dumps(dataclasses.asdict(settings), indent=2).encode())
        yield folder, resume
    except BaseException:
        if not resumable(folder):
            remove_folder(folder)
        raise
