"""Models, and what waits for them, as one thing that is asked, reloaded and drained. Knows no HTTP."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gatewise.base.cores import cores
from gatewise.base.errors import DataError, GatewiseError
from gatewise.explanation import shares
from gatewise.runtime.classifier import Model
from gatewise.serving.metrics import Metrics
from gatewise.serving.models import WARM, Served, opened
from gatewise.serving.queue import Order, Queue

BATCH_TOKENS = 8192
AT_ONCE = 4000  # characters that are encoded without going to a thread
LAST = 1.0  # seconds in which what has begun to arrive may do so while the server closes down
CHARACTERS = 4  # of a token, before it is known how many there are


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may be, and how long it and all may wait."""

    queue_seconds: float = 5.0  # of work that may wait
    deadline: float = 10.0  # seconds that a request may wait
    body: int = 2_000_000  # bytes
    texts: int = 1_000  # of a request


class Service:
    """Models by name behind two queues: answers on all cores, and explanations, which take longer, one at a time."""

    def __init__(self, places: Mapping[str, str], limits: Limits, threads: int = 0) -> None:
        """Load the models; raise ModelError for a folder that holds none."""
        self.places, self.limits, self.metrics = places, limits, Metrics()
        self.models = opened(places)
        self.draining = False
        workers = threads or cores()
        # one more thread, so that encoding and loading wait for no answer
        self.pool = ThreadPoolExecutor(workers + 2, "gatewise")
        self.answers = Queue(
            _answer, workers, limits.queue_seconds, limits.deadline, BATCH_TOKENS, _together,
            min(_speed(_answering(served)) for served in self.models.values()), self._computed,
        )  # fmt: skip
        explained = [_speed(_explaining(one.model)) for one in self.models.values() if isinstance(one.model, Model)]
        self.explanations = Queue(
            _explain,
            1,
            limits.queue_seconds,
            limits.deadline,
            BATCH_TOKENS,
            lambda kind: 1,
            min(explained, default=1e3),
        )
        self.arriving: set[asyncio.Timeout] = set()  # of bodies that are not there yet
        self._running: list[asyncio.Task[None]] = []

    @property
    def first(self) -> str:
        """The name of the model that is asked where none is named."""
        return next(iter(self.models))

    def start(self) -> None:
        """Begin to work; called in the loop that will ask."""
        for queue in (self.answers, self.explanations):
            self._running += [asyncio.create_task(queue.work(self.pool)) for _ in range(queue.workers)]

    async def order(self, served: Served, texts: Sequence[str]) -> tuple[Order, int]:
        """Encode texts and have them answered: answers are lists, one a piece; give their tokens too."""
        characters = sum(map(len, texts))
        if characters <= AT_ONCE:
            works = served.works(texts)
        else:
            loop = asyncio.get_running_loop()
            with self.answers.expecting(characters // CHARACTERS):
                works = await loop.run_in_executor(self.pool, served.works, texts)
        tokens = sum(own for _, own in works)
        if len(works) > 1 and tokens > self.answers.speed * self.answers.workers * self.limits.deadline:
            raise DataError(f"The texts have {tokens:,} tokens, too many to be answered in time; send them in parts.")
        key = (("model", served.name),)
        self.metrics.texts[key] += len(texts)
        self.metrics.tokens[key] += tokens
        return self.answers.enter(served, works), tokens

    def order_explanation(self, text: str, explain: Callable[[], Any]) -> Order:
        """Have something of a text explained, one explanation at a time."""
        return self.explanations.enter(None, [(explain, 1 + len(text) // CHARACTERS)])

    async def reload(self) -> str:
        """Take up what stands on disk now; where it cannot be read, keep what is served, and say so in one sentence."""
        loop = asyncio.get_running_loop()
        try:
            self.models = await loop.run_in_executor(self.pool, opened, self.places)
        except GatewiseError as error:
            return f"The models were not reloaded, and those before are served on: {error}"
        return f"Reloaded {', '.join(self.models)}."

    async def drain(self) -> None:
        """Refuse what comes, and wait until what was accepted is answered."""
        self.draining, last = True, asyncio.get_running_loop().time() + LAST
        for timeout in self.arriving:
            timeout.reschedule(min(last, timeout.when() or last))
        await self.answers.idle()
        await self.explanations.idle()

    async def end(self) -> None:
        """Stop working."""
        for task in self._running:
            task.cancel()
        for task in self._running:
            with suppress(asyncio.CancelledError):
                await task
        self.pool.shutdown(wait=False, cancel_futures=True)

    def gauges(self) -> dict[str, tuple[str, float]]:
        """Give what is so now, by name, with what it means."""
        return {
            "queue_tokens": ("Tokens that wait or are computed.", self.answers.tokens),
            "queue_seconds": ("Seconds that the tokens in the queue are expected to take.", self.answers.seconds),
            "explanations_queue_seconds": ("The same for explanations.", self.explanations.seconds),
            "tokens_per_second": ("Tokens answered in a second.", self.answers.speed * self.answers.workers),
            "models": ("Models served.", len(self.models)),
            "draining": ("1 while the server closes down.", float(self.draining)),
        }  # fmt: skip

    def _computed(self, pieces: int, tokens: int, seconds: float) -> None:
        self.metrics.batches.add(pieces)


def _answer(served: Any, works: Sequence[Any]) -> Sequence[Any]:
    return list(served.answer(works))


def _together(served: Any) -> int:
    return int(served.together)


def _explain(kind: Any, works: Sequence[Any]) -> Sequence[Any]:
    return [work() for work in works]


def _answering(served: Served) -> Callable[[], int]:
    def answer() -> int:
        works = served.works([WARM])
        served.answer([work for work, _ in works])
        return sum(tokens for _, tokens in works)

    return answer


def _explaining(model: Model) -> Callable[[], int]:
    def explain() -> int:
        return len(shares.explain(model, WARM).tokens)

    return explain


def _speed(work: Callable[[], int]) -> float:
    """Measure tokens a second, the second time."""
    work()
    started = time.perf_counter()
    return work() / max(time.perf_counter() - started, 1e-6)
