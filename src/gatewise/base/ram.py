"""How the process takes memory from the system; knows nothing of what it is for."""

import ctypes
import mmap
import sys
from pathlib import Path

MOST = 3e9  # bytes in memory before any is handed back
STATM = Path("/proc/self/statm")


def glibc() -> ctypes.CDLL | None:
    """Give the C library, where it is glibc."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def keep_memory() -> None:
    """Ask glibc to keep freed memory, in one place, instead of handing it back to the system after every step.

    A step frees and takes arrays of tens of MB. Fresh pages for each cost a quarter of one thread's time and, where
    threads have memory of their own, half of two threads' (measured on a language model of 512 units). Works best
    before threads start. Other C libraries do not know the call and are left alone.

    It holds for the whole process and cannot be undone: the command line calls it in its own, a library's user may.
    """
    if libc := glibc():
        for parameter, value in ((-8, 1), (-1, 2**31 - 1), (-3, 2**31 - 1)):  # M_ARENA_MAX, M_TRIM_, M_MMAP_THRESHOLD
            libc.mallopt(parameter, value)


def give_back_memory() -> None:
    """Hand all freed memory back to the system, also what lies between pieces in use.

    Batches of ever other shapes leave gaps that none of the next fills: a language model's process grew by half a GB a
    minute until this was done at every checkpoint.
    """
    if libc := glibc():
        libc.malloc_trim(0)


def resident() -> int:
    """Give the bytes of this process that are in memory, where the system says it in /proc; else 0."""
    return int(STATM.read_text().split()[1]) * mmap.PAGESIZE if STATM.exists() else 0


class Hoard:
    """Memory kept for the next step, until it is too much: more than MOST and than twice what was in use then."""

    def __init__(self) -> None:
        self.most = MOST

    def limit(self) -> None:
        """Hand freed memory back where there is too much of it; cheap enough to be asked at every step."""
        if resident() > self.most:
            give_back_memory()
            self.most = max(MOST, 2.0 * resident())
