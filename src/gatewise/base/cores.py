"""How many cores there are, and work shared out over them, one thread each; knows nothing of the work."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Give the cores to use: as many as OMP_NUM_THREADS says, else those that this process may run on."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # finding the libraries takes milliseconds, limiting them microseconds


@contextmanager
def one_thread() -> Iterator[None]:
    """Let every matrix product here use one thread, and leave the libraries as they were.

    A product of one text's size is done before a second thread has woken, and the waiting burns that core.
    """
    with _LIMIT:
        yield


class _Limit:
    """One thread for all who ask at a time: the first one in sets it, the last one out puts back what was."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0

    def unlock(self) -> None:
        """Forget, in a forked child, a lock that was held by a thread which is not there."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limiter = _libraries().limit(limits=1)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limiter.restore_original_limits()


_LIMIT = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_LIMIT.unlock)


def each_on_a_core(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Apply a function to items, as many at once as there are cores, one thread each; give the results in order."""
    with one_thread():
        if cores() == 1 or len(items) < 2:
            return [function(item) for item in items]
        with ThreadPoolExecutor(cores()) as pool:
            return list(pool.map(function, items))
