"""Work is shared out over all cores, one thread each, in order; what is too little stays where it is."""

import os
import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from gatewise.base import cores
from gatewise.base.cores import each_on_a_core, one_thread


def threads_of_numpy() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize(
    ("asked", "expected"), [("3", 3), ("1", 1), ("0", None), ("two", None), ("", None), (None, None)]
)
def test_cores_are_those_asked_for_or_those_there_are(monkeypatch, asked, expected):
    if asked is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5, 7, 9}, raising=False)
    assert cores.cores() == (expected or 5)
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cores.cores() == (expected or 6)


@pytest.mark.parametrize(
    ("count", "items", "at_once"), [(1, 5, 1), (2, 1, 1), (2, 2, 2), (2, 3, 2), (3, 2, 2), (3, 7, 3), (4, 4, 4)]
)
def test_cores_are_all_at_work_where_there_is_enough_to_do(monkeypatch, count, items, at_once):
    """Fewer threads would leave cores idle and every answer right."""
    monkeypatch.setattr(cores, "cores", lambda: count)
    here, met, together = threading.get_ident(), [], threading.Barrier(at_once)

    def meet(item: int) -> int:
        if item < at_once:
            together.wait(timeout=10)  # passes only where so many are at work at once
        met.append(threading.get_ident())
        return 2 * item

    assert each_on_a_core(meet, list(range(items))) == [2 * item for item in range(items)]
    assert (set(met) == {here}) == (at_once == 1)
    assert at_once <= len(set(met)) <= count


@pytest.mark.parametrize("count", [1, 2])
def test_cores_multiply_with_one_thread_each_and_leave_the_libraries_as_they_were(monkeypatch, count):
    monkeypatch.setattr(cores, "cores", lambda: count)
    inside: list[set[int]] = []
    with threadpool_limits(2, "blas"):
        each_on_a_core(lambda item: inside.append(threads_of_numpy()), [1, 2, 3])
        assert inside == [{1}] * 3 and threads_of_numpy() == {2}
        with pytest.raises(ValueError, match="no"):
            each_on_a_core(lambda item: int("no"), [1, 2])
        assert threads_of_numpy() == {2}
        with one_thread():
            assert threads_of_numpy() == {1}


def test_cores_several_threads_that_multiply_at_once_leave_the_libraries_as_they_were():
    with threadpool_limits(2, user_api="blas"):
        before, first, second = threads_of_numpy(), one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads_of_numpy() == {1}  # the second one is still at it
        second.__exit__(None, None, None)
        assert threads_of_numpy() == before
