"""Results of the lab on disk: JSON with what is needed to repeat them, and races read back to go on with."""

import dataclasses
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from gatewise.base.errors import DataError
from gatewise.base.files import write_atomically
from gatewise.base.places import exists
from gatewise.lab.races import TASKS, TITLES, Run


def write(path: Path, found: Any, conclusion: str, **facts: Any) -> None:
    """Write a result, a dataclass or a list of them, with its conclusion and the versions it was made with."""
    plain = [dataclasses.asdict(one) for one in found] if isinstance(found, list) else dataclasses.asdict(found)
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    content = {**facts, "conclusion": conclusion, "versions": versions, "found": plain}
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode())


def read_runs(path: Path) -> list[Run]:
    """Read the races that write() left, none if there is no such file. Raises DataError when it holds anything else."""
    if not exists(path):
        return []
    try:
        runs = [Run(**one) for one in json.loads(path.read_text(encoding="utf-8"))["found"]]
        if any(run.task not in TASKS or run.network not in TITLES for run in runs):
            raise ValueError("it names a task or network that this version does not know")
        return runs
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} holds no races to go on with ({error}); choose another --out.") from error


def write_runs(path: Path, runs: Sequence[Run], others: Sequence[Run], conclusion: str) -> None:
    """Write races, and the others that the file held before, so that nothing measured is lost."""
    keys = {run.key for run in runs}
    write(path, [*runs, *(run for run in others if run.key not in keys)], conclusion)
