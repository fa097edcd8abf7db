"""The process keeps freed memory where the C library knows how, and goes on where it does not."""

import ctypes
import subprocess
import sys

import pytest

from gatewise import memory


def test_memory_asks_glibc_for_one_arena_and_high_thresholds(monkeypatch):
    asked = []

    class Libc:
        def mallopt(self, parameter, value):
            asked.append((parameter, value))

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Libc())
    memory.keep_memory()
    assert asked == [(-8, 1), (-1, 2**31 - 1), (-3, 2**31 - 1)]


def test_memory_leaves_other_systems_alone(monkeypatch):
    def refuse(name):
        raise AssertionError("no library may be opened")

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    memory.keep_memory()


def test_memory_goes_on_with_a_library_that_does_not_know_the_call(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    memory.keep_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted as Linux does")
def test_memory_saves_page_faults():
    """Take and free 64 MB twenty times: without the call every round asks the system for fresh pages."""
    program = """
import resource, sys
import numpy as np
from gatewise.memory import keep_memory
if sys.argv[1] == "keep":
    keep_memory()
np.ones(8 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(8 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    faults = {
        how: int(subprocess.check_output([sys.executable, "-c", program, how], text=True)) for how in ("keep", "leave")
    }
    if faults["leave"] < 200:  # huge pages make a few hundred
        pytest.skip("this C library keeps freed memory by itself")
    assert faults["keep"] < faults["leave"] / 4
