"""What waits is answered once, in order, in batches of one kind, in time or not at all, and no count is lost."""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from gatewise.serving.queue import Full, Late, Queue


class Gate:
    """A computation that waits to be let on, and remembers its batches."""

    def __init__(self) -> None:
        self.open, self.batches, self.began = threading.Event(), list[tuple[Any, list[Any]]](), threading.Event()

    def __call__(self, kind: Any, works: Sequence[Any]) -> list[Any]:
        self.began.set()
        assert self.open.wait(10)
        self.batches.append((kind, list(works)))
        if "bad" in works:
            raise ValueError("bad")
        return [f"{kind}:{work}" for work in works]


def queue_of(compute: Callable[[Any, Sequence[Any]], Sequence[Any]], **changes: Any) -> Queue:
    usual = {
        "workers": 1, "bound": 10.0, "deadline": 10.0, "batch_tokens": 100, "batch_pieces": 8, "speed": 100.0,
    } | changes  # fmt: skip
    pieces = usual.pop("batch_pieces")
    return Queue(compute, **usual, batch_pieces=lambda kind: pieces)


def run(queue: Queue, asking: Callable[[], Awaitable[Any]]) -> Any:
    """Ask in a loop in which the queue's workers work."""

    async def main() -> Any:
        with ThreadPoolExecutor(queue.workers) as pool:
            workers = [asyncio.create_task(queue.work(pool)) for _ in range(queue.workers)]
            try:
                return await asyncio.wait_for(asking(), 20)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    with ThreadPoolExecutor(1) as apart:  # the tests of pages keep a loop of their own in this thread
        return apart.submit(asyncio.run, main()).result()


@contextmanager
def held(gate: Gate) -> Iterator[None]:
    try:
        yield
    finally:
        gate.open.set()


async def begun(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.began.wait, 10)


def test_queue_takes_what_waits_of_one_kind_and_leaves_the_rest_in_order():
    gate = Gate()
    queue = queue_of(gate)

    async def asking() -> list[Any]:
        with held(gate):
            orders = [queue.enter("a", [(0, 1)])]
            await begun(gate)
            orders += [queue.enter(kind, [(number, 1)]) for number, kind in enumerate("abab", 1)]
        return [await order.done for order in orders]

    assert run(queue, asking) == [["a:0"], ["a:1"], ["b:2"], ["a:3"], ["b:4"]]
    assert gate.batches == [("a", [0]), ("a", [1, 3]), ("b", [2, 4])]
    assert (queue.tokens, queue.open, queue.coming, queue.seconds) == (0, 0, 0, 0)


def test_queue_fills_a_batch_up_to_its_tokens_and_pieces():
    gate = Gate()
    queue = queue_of(gate, batch_tokens=10, batch_pieces=3)

    async def asking() -> None:
        with held(gate):
            orders = [queue.enter("a", [("first", 99)])]  # more than a batch: alone
            await begun(gate)
            orders += [queue.enter("a", [(number, tokens)]) for number, tokens in enumerate((6, 4, 1, 1, 1, 1))]
        for order in orders:
            await order.done

    run(queue, asking)
    assert [works for _, works in gate.batches] == [["first"], [0, 1], [2, 3, 4], [5]]


def test_queue_gives_an_order_its_pieces_answers_in_order():
    queue = queue_of(lambda kind, works: [2 * work for work in works], batch_pieces=2, workers=2)

    async def asking() -> Any:
        return await queue.enter(None, [(number, 1) for number in range(7)]).done

    assert run(queue, asking) == [0, 2, 4, 6, 8, 10, 12]


def test_queue_refuses_what_would_wait_too_long_and_says_for_how_long():
    gate = Gate()
    queue = queue_of(gate, bound=2.0, speed=50.0, workers=2)

    async def asking() -> None:
        queue.admit()
        with held(gate):
            order = queue.enter("a", [(0, 450)])  # an empty queue takes anything
            assert queue.seconds == pytest.approx(4.5)
            with pytest.raises(Full) as full:
                queue.admit()
            assert full.value.seconds == 3
        await order.done
        queue.admit()
        with queue.expecting(201 * round(queue.speed)), pytest.raises(Full):
            queue.admit()
        queue.admit()

    run(queue, asking)


def test_queue_gives_up_what_was_not_begun_at_its_deadline_and_only_that():
    gate = Gate()
    queue = queue_of(gate, deadline=0.1)

    async def asking() -> list[Any]:
        with held(gate):
            first = queue.enter("a", [(0, 1), (1, 200)])  # its second piece waits, but it was begun
            await begun(gate)
            late = queue.enter("a", [(2, 7)])
            with pytest.raises(Late):
                await late.done
            assert late.queued >= 0.1 and late.computed == 0
            assert queue.tokens == 201 and len(queue.waiting) == 1
        return await first.done

    assert run(queue, asking) == ["a:0", "a:1"]
    assert (queue.tokens, queue.open) == (0, 0)


def test_queue_forgets_what_nobody_waits_for():
    gate = Gate()
    queue = queue_of(gate, batch_pieces=1)

    async def asking() -> None:
        with held(gate):
            first = queue.enter("a", [(0, 1), (1, 1)])
            await begun(gate)
            second = queue.enter("a", [(2, 1)])
            queue.withdraw(first)
            queue.withdraw(second)
            queue.withdraw(second)
            assert first.done.cancelled() and second.done.cancelled()
        await queue.idle()
        while queue.tokens:
            await asyncio.sleep(0.01)

    run(queue, asking)
    assert gate.batches == [("a", [0])] and queue.open == 0


def test_queue_lets_nobody_bear_anothers_fault():
    gate = Gate()
    queue = queue_of(gate)

    async def asking() -> list[Any]:
        with held(gate):
            orders = [queue.enter("a", [(0, 1)])]
            await begun(gate)
            orders += [queue.enter("a", [(work, 1)]) for work in (1, "bad", 2)]
        return await asyncio.gather(*(order.done for order in orders), return_exceptions=True)

    first, one, bad, two = run(queue, asking)
    assert (first, one, two) == (["a:0"], ["a:1"], ["a:2"])
    assert isinstance(bad, ValueError)


def test_queue_measures_how_fast_it_is():
    queue = queue_of(lambda kind, works: [threading.Event().wait(0.05) for _ in works], speed=1e9)
    told: list[tuple[int, int, float]] = []
    queue.batches = lambda *batch: told.append(batch)

    async def asking() -> None:
        for _ in range(3):
            await queue.enter(None, [(0, 20_000)]).done

    run(queue, asking)
    assert 1e5 < queue.speed < 20_000 / 0.05
    assert [batch[:2] for batch in told] == [(1, 20_000)] * 3 and all(batch[2] >= 0.05 for batch in told)


@pytest.mark.parametrize("seed", range(5))
def test_queue_answers_each_once_whatever_happens(seed):
    draw = random.Random(seed)
    queue = queue_of(lambda kind, works: [(kind, work) for work in works], workers=2, deadline=0.02, batch_tokens=9)

    async def one(number: int) -> None:
        await asyncio.sleep(draw.random() / 50)
        kind, pieces = draw.choice("ab"), draw.randint(0, 4)
        order = queue.enter(kind, [((number, piece), draw.randint(1, 9)) for piece in range(pieces)])
        if draw.random() < 0.2:
            queue.withdraw(order)
            return
        try:
            assert await order.done == [(kind, (number, piece)) for piece in range(pieces)]
        except Late:
            assert order.queued >= 0.02
        assert order.queued >= 0 and order.computed >= 0

    async def asking() -> None:
        await asyncio.gather(*map(one, range(200)))
        await queue.idle()
        while queue.tokens:
            await asyncio.sleep(0.001)

    run(queue, asking)
    assert (queue.tokens, queue.coming, queue.open, len(queue.waiting)) == (0, 0, 0, 0)
