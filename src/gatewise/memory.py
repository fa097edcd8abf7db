"""How the process takes memory from the system; knows nothing of what it is for."""

import ctypes
import sys


def keep_memory() -> None:
    """Ask glibc to keep freed memory, in one place, instead of handing it back to the system after every step.

    A step frees and takes arrays of tens of MB. Fresh pages for each cost a quarter of one thread's time and, where
    threads have memory of their own, half of two threads' (measured on a language model of 512 units). Works best
    before threads start. Other C libraries do not know the call and are left alone.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        for parameter, value in ((-8, 1), (-1, 2**31 - 1), (-3, 2**31 - 1)):  # M_ARENA_MAX, M_TRIM_, M_MMAP_THRESHOLD
            libc.mallopt(parameter, value)
