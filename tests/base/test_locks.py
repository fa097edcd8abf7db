"""One at a time has a lock, and it goes with its process: nothing stale, nothing left behind, no race at the end."""

import contextlib
import errno
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gatewise.base import locks
from gatewise.base.locks import alone, locked

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def test_locks_are_held_by_one_and_leave_nothing(tmp_path):
    path = tmp_path / "lock"
    for _ in range(2):
        with locked(path) as sure:
            assert sure and path.exists()
            with pytest.raises(BlockingIOError), locked(path):
                pass
        assert not path.exists()


def test_locks_end_with_an_error_too(tmp_path):
    with contextlib.suppress(ZeroDivisionError), locked(tmp_path / "lock"):
        raise ZeroDivisionError
    with locked(tmp_path / "lock"):
        pass
    assert not any(tmp_path.iterdir())


@forks
def test_locks_of_a_killed_process_are_free(tmp_path):
    path = tmp_path / "lock"
    ready, told = os.pipe()
    if (child := os.fork()) == 0:
        with locked(path):
            os.write(told, b"x")
            time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    with pytest.raises(BlockingIOError), locked(path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert path.exists(), "it could not remove it"
    with locked(path) as sure:
        assert sure
    assert not path.exists()


def test_locks_are_never_held_by_two_whoever_removes_the_file(tmp_path):
    """The file is removed at each end: a waiter that opened it before holds a lock on nothing, and must try again."""
    path, inside, most, turns = tmp_path / "lock", 0, 0, 0

    def take():
        nonlocal inside, most, turns
        for _ in range(50):
            with locked(path, wait=True):
                inside += 1
                most = max(most, inside)
                turns += 1
                inside -= 1

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, turns, inside) == (1, 400, 0) and not path.exists()


def test_locks_where_there_are_none_are_not_sure(tmp_path, monkeypatch):
    def unknown(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", unknown)
    with locked(tmp_path / "lock") as sure, locked(tmp_path / "lock") as again:
        assert not sure and not again
    assert not any(tmp_path.iterdir())


def test_locks_keep_what_a_file_holds(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"held")
    with alone(path, wait=False) as (file, sure):
        assert sure and Path(file.name) == path and path.read_bytes() == b"held"
    assert path.read_bytes() == b"held"
