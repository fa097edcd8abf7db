"""A lock on a file. The system lets it go when its process ends, however that ends, so that none is ever stale."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what systems say of a lock that another holds


@contextlib.contextmanager
def alone(path: Path, *, wait: bool) -> Iterator[tuple[IO[bytes], bool]]:
    """Open a file, made where it is not there, that no other process or thread has opened so; say if that is sure.

    Where the file system knows no locks it is not. What the file holds stays. Raises BlockingIOError where another has
    it and this does not wait, OSError where it cannot be opened.
    """
    while True:
        with path.open("ab") as file:
            sure = _lock(file.fileno(), wait)
            if not sure or _stands(file.fileno(), path):  # else removed or replaced by the one that had it before
                yield file, sure
                return


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a lock file that stands no longer than it is held, as alone() does; give whether that is sure."""
    taken = False
    try:
        with alone(path, wait=wait) as (_, sure):
            taken = True
            try:
                yield sure
            finally:
                if os.name == "posix":
                    _remove(path)
    finally:
        if not taken:  # a signal may have come as the file was made
            with contextlib.suppress(OSError), alone(path, wait=False):
                _remove(path)
    if os.name != "posix":  # Windows removes no open file, so not that of another who has it by now
        _remove(path)


def _lock(descriptor: int, wait: bool) -> bool:
    """Take the lock of an open file; say whether the file system knows locks."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in TAKEN:
            raise BlockingIOError(error.errno, "in use by another process") from error
        return False
    return True


def _stands(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
