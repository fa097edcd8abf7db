"""Work that waits to that which is done: bounded in seconds, shared out in batches. Knows no HTTP and no model.

All of it lives in one event loop; only the computing is done in threads. Nothing waits for company: a worker that is
free takes what is there, of one kind, up to a batch.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gatewise.base.errors import GatewiseError

MEMORY = 20_000  # tokens over which the measured speed is a mean
Compute = Callable[[Any, Sequence[Any]], Sequence[Any]]  # kind and works to their answers, in that order


class Full(GatewiseError):
    """There is as much waiting as can be answered in time; `seconds` from now there may be room."""

    def __init__(self, seconds: float) -> None:
        super().__init__("The server has as much to do as it can answer in time; try again later.")
        self.seconds = max(1, math.ceil(seconds))


class Late(GatewiseError):
    """Work that was accepted waited to its deadline without being begun."""

    def __init__(self) -> None:
        super().__init__("The request waited as long as a request may, and was not begun; try again later.")


@dataclass(slots=True, eq=False)
class Order:
    """All that one request asks for, and when it came, was begun and was done."""

    kind: Hashable  # only orders of one kind share a batch
    answers: list[Any]  # one a piece
    done: "asyncio.Future[list[Any]]"
    entered: float
    left: int  # pieces
    begun: float = math.nan
    ended: float = math.nan
    timer: "asyncio.TimerHandle | None" = None

    @property
    def queued(self) -> float:
        """Seconds until it was begun, or until it was given up."""
        return (self.ended if math.isnan(self.begun) else self.begun) - self.entered

    @property
    def computed(self) -> float:
        """Seconds from its beginning to its end; 0 where it was not begun."""
        return 0.0 if math.isnan(self.begun) else self.ended - self.begun


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of an order that is done at once."""

    order: Order
    place: int
    work: Any
    tokens: int


@dataclass(slots=True, eq=False)
class Queue:
    """What waits, and what is known of how long that takes."""

    compute: Compute
    workers: int
    bound: float  # seconds of work that may wait: more is refused
    deadline: float  # seconds that an order may wait
    batch_tokens: int
    batch_pieces: Callable[[Any], int]  # of a kind
    speed: float  # tokens a second of one worker, as measured last
    batches: Callable[[int, int, float], None] = lambda pieces, tokens, seconds: None  # is told of each batch
    waiting: deque[Piece] = field(default_factory=deque)
    tokens: int = 0  # waiting or being worked on
    coming: int = 0  # of requests that have arrived and are not yet encoded
    open: int = 0  # orders that are not done
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seconds(self) -> float:
        """How long it takes to do all that is here."""
        return (self.tokens + self.coming) / (self.speed * self.workers)

    def admit(self) -> None:
        """Raise Full where more than the bound is here; an empty queue takes anything."""
        if self.seconds > self.bound:
            raise Full(self.seconds - self.bound)

    @contextmanager
    def expecting(self, tokens: int) -> Iterator[None]:
        """Count tokens of what is about to enter."""
        self.coming += tokens
        try:
            yield
        finally:
            self.coming -= tokens

    def enter(self, kind: Hashable, works: Sequence[tuple[Any, int]]) -> Order:
        """Put in pieces of work, each with its tokens; they are begun in order, at the latest at the deadline."""
        loop = asyncio.get_running_loop()
        order = Order(kind, [None] * len(works), loop.create_future(), time.monotonic(), len(works))
        self.waiting.extend(Piece(order, place, work, tokens) for place, (work, tokens) in enumerate(works))
        self.tokens += sum(tokens for _, tokens in works)
        self.open += 1
        order.timer = loop.call_later(self.deadline, self._expire, order)
        if not works:
            self._close(order)
        self._more.set()
        return order

    def withdraw(self, order: Order) -> None:
        """Take out what is left of an order that nobody waits for any more."""
        if not order.done.done():
            self._close(order)
            order.done.cancel()

    async def work(self, pool: ThreadPoolExecutor) -> None:
        """Do what comes, batch after batch, for ever; as many of these run as there are workers."""
        loop = asyncio.get_running_loop()
        while True:
            while not self.waiting:
                self._more.clear()
                await self._more.wait()
            batch = self._take()
            tokens, started = sum(piece.tokens for piece in batch), time.monotonic()
            try:
                outcomes = await loop.run_in_executor(pool, self._outcomes, batch)
            finally:
                self.tokens -= tokens
            seconds = max(time.monotonic() - started, 1e-6)
            share = min(1.0, tokens / MEMORY)
            self.speed = 1 / ((1 - share) / self.speed + share * seconds / max(tokens, 1))
            self.batches(len(batch), tokens, seconds)
            for piece, outcome in zip(batch, outcomes, strict=True):
                self._deliver(piece, outcome)

    async def idle(self) -> None:
        """Wait until every order is done."""
        while self.open:
            await asyncio.sleep(0.01)

    def _take(self) -> list[Piece]:
        """Take the first piece that waits, and of those behind it what is of its kind and fits."""
        kind, tokens = self.waiting[0].order.kind, 0
        most = self.batch_pieces(kind)
        taken: list[Piece] = []
        passed: list[Piece] = []
        while self.waiting and len(taken) < most:
            piece = self.waiting[0]
            if piece.order.kind == kind:
                if taken and tokens + piece.tokens > self.batch_tokens:
                    break
                taken.append(piece)
                tokens += piece.tokens
                if math.isnan(piece.order.begun):
                    piece.order.begun = time.monotonic()
            else:
                passed.append(piece)
            self.waiting.popleft()
        self.waiting.extendleft(reversed(passed))
        return taken

    def _outcomes(self, batch: Sequence[Piece]) -> list[Any]:
        """Compute a batch in a thread; where that fails, each piece alone, so that nobody bears another's fault."""
        try:
            return list(self.compute(batch[0].order.kind, [piece.work for piece in batch]))
        except Exception as error:
            return [error] if len(batch) == 1 else [self._outcomes([piece])[0] for piece in batch]

    def _deliver(self, piece: Piece, outcome: Any) -> None:
        order = piece.order
        if order.done.done():  # withdrawn, or failed by another piece
            return
        if isinstance(outcome, Exception):
            self._close(order)
            order.done.set_exception(outcome)
            return
        order.answers[piece.place] = outcome
        order.left -= 1
        if not order.left:
            self._close(order)

    def _expire(self, order: Order) -> None:
        if math.isnan(order.begun) and not order.done.done():
            self._close(order)
            order.done.set_exception(Late())

    def _close(self, order: Order) -> None:
        """End an order: with its answers if it has all of them."""
        order.ended = time.monotonic()
        self.open -= 1
        if order.timer:
            order.timer.cancel()
        if order.left:
            rest = [piece for piece in self.waiting if piece.order is order]
            self.waiting = deque(piece for piece in self.waiting if piece.order is not order)
            self.tokens -= sum(piece.tokens for piece in rest)
        else:
            order.done.set_result(order.answers)
