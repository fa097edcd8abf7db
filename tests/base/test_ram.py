"""The process keeps freed memory where the C library knows how, and goes on where it does not."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from gatewise.base import ram as memory


def test_memory_asks_glibc_for_one_arena_and_high_thresholds(monkeypatch):
    asked = []

    class Libc:
        def mallopt(self, parameter, value):
            asked.append((parameter, value))

        def malloc_trim(self, kept):
            asked.append(kept)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Libc())
    memory.keep_memory()
    memory.give_back_memory()
    assert asked == [(-8, 1), (-1, 2**31 - 1), (-3, 2**31 - 1), 0]


def test_memory_leaves_other_systems_alone(monkeypatch):
    def refuse(name):
        raise AssertionError("no library may be opened")

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    memory.keep_memory()
    memory.give_back_memory()


def test_memory_goes_on_with_a_library_that_does_not_know_the_call(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    memory.keep_memory()
    memory.give_back_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted as Linux does")
def test_memory_saves_page_faults():
    """Take and free 64 MB twenty times: without the call every round asks the system for fresh pages."""
    program = """
import resource, sys
import numpy as np
from gatewise.base.ram import keep_memory
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


@pytest.mark.skipif(sys.platform != "linux" or not memory.glibc(), reason="glibc's call, measured as Linux does")
def test_memory_freed_between_pieces_in_use_is_given_back():
    """Free every other one of many pieces: what lies between those in use stays with the process until given back."""
    program = """
from gatewise.base.ram import give_back_memory, keep_memory

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

keep_memory()
pieces = [bytearray(b"x") * (1 << 20) for _ in range(200)]
del pieces[::2]
before = resident()
give_back_memory()
print(before - resident())
"""
    freed = int(subprocess.check_output([sys.executable, "-c", program], text=True))
    assert freed > 80_000  # kB of 100,000


def test_memory_in_a_hoard_is_given_back_where_it_is_too_much(monkeypatch):
    used, given = [], []
    monkeypatch.setattr(memory, "resident", lambda: used.pop(0))
    monkeypatch.setattr(memory, "give_back_memory", lambda: given.append(len(used)))
    monkeypatch.setattr(memory, "MOST", 100)
    hoard = memory.Hoard()
    used += [100, 0]
    hoard.limit()
    assert given == [] and used == [0]
    for before, after, most in ((101, 40, 100), (150, 90, 180), (181, 170, 340), (341, 10, 100)):
        used[:] = [before, after]
        hoard.limit()
        assert used == [] and hoard.most == most
    assert len(given) == 4


@pytest.mark.skipif(not memory.STATM.exists(), reason="memory is read from /proc")
def test_memory_that_is_resident_is_counted(monkeypatch, tmp_path):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    assert memory.resident() == pytest.approx(1024 * int(line.split()[1]), rel=0.05)
    monkeypatch.setattr(memory, "STATM", tmp_path / "none")
    assert memory.resident() == 0
