"""What does `gatewise serve` answer, beside a plain app, at 16 times the load it can answer, and when it is ended?

    OMP_NUM_THREADS=1 python benchmarks/serving.py --seconds 20 --tries 100

The plain app is how a model usually gets behind HTTP: one request, one `model.probabilities([text])` in a thread
(FastAPI hands a `def` endpoint to the same starlette routine). Both serve the same model on 127.0.0.1 to this process,
which asks with bundled reviews, drawn evenly. Rates are answers a second of the server's own CPU time, of all threads:
another load on the machine changes them little. 16 connections ask again as soon as they are answered; then requests
come 16 times as fast as those were answered, whether there is an answer or not. At the end the server is sent SIGTERM
under load, again and again: every answer that its log tells of must have arrived.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gatewise
from tutorial import RESULTS, record

CONNECTIONS, TIMES = 16, 16
PAUSE = 0.2  # seconds before a refused client asks again; it was told to wait for at least one
MOST = 256  # connections, where requests come too fast
TICKS = os.sysconf("SC_CLK_TCK")
Outcomes = Counter[int | str]


@dataclass
class Server:
    """A server under test."""

    process: subprocess.Popen[str]
    port: int

    def cpu(self) -> float:
        """CPU seconds so far, of all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident(self) -> float:
        """Resident MB now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def plain(name: str) -> None:
    """Serve a model as most do."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    model = gatewise.load(name)

    async def predict(request: Request) -> JSONResponse:
        text = (await request.json())["inputs"]
        row = (await run_in_threadpool(model.probabilities, [text]))[0].tolist()
        return JSONResponse([{"label": str(label), "score": one} for label, one in zip(model.labels, row, strict=True)])

    async def health(request: Request) -> JSONResponse:
        return JSONResponse({})

    routes = [Route("/predict", predict, methods=["POST"]), Route("/healthz", health)]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, access_log=False))

    async def run() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/", file=sys.stderr, flush=True)
        await serving

    asyncio.run(run())


@contextlib.contextmanager
def started(*command: str, log: Any = subprocess.DEVNULL) -> Iterator[Server]:
    """Start a server; give it once it serves."""
    process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        line = process.stderr.readline()
        yield Server(process, int(line.split(":")[2].split("/")[0]))
    finally:
        process.kill()
        process.wait()


async def asked(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], body: bytes) -> int:
    """Ask once on an open connection; give the status."""
    reader, writer = streams
    writer.write(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    return int(head.split()[1])


@dataclass
class Load:
    """What a server was asked and answered."""

    outcomes: Outcomes = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # of what was answered

    async def one(self, port: int, free: list[Any], body: bytes) -> None:
        """Ask once, on a connection that is free or on a new one."""
        begun = time.perf_counter()
        try:
            streams = free.pop() if free else await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            self.outcomes["not reached"] += 1
            return
        try:
            status = await asked(streams, body)
        except (OSError, asyncio.IncompleteReadError, IndexError):
            self.outcomes["lost"] += 1
            streams[1].close()
            return
        self.outcomes[status] += 1
        if status == 200:
            self.seconds.append(time.perf_counter() - begun)
        free.append(streams)


async def again_and_again(port: int, bodies: list[bytes], seconds: float) -> Load:
    """Ask on CONNECTIONS connections, on each as soon as the one before was answered."""
    load, end = Load(), time.perf_counter() + seconds

    async def client(number: int) -> None:
        free: list[Any] = []
        while time.perf_counter() < end and load.outcomes["not reached"] == 0:
            number += CONNECTIONS
            refused = load.outcomes[503]
            await load.one(port, free, bodies[number % len(bodies)])
            if load.outcomes[503] > refused:
                await asyncio.sleep(PAUSE)

    await asyncio.gather(*map(client, range(CONNECTIONS)))
    return load


async def at_rate(port: int, bodies: list[bytes], seconds: float, rate: float) -> Load:
    """Ask so often a second whatever comes of it, as long as MOST connections are enough for it."""
    load, free, asking = Load(), list[Any](), set[asyncio.Task[None]]()
    begun, number = time.perf_counter(), 0
    while (now := time.perf_counter() - begun) < seconds:
        while number < now * rate:
            number += 1
            if len(asking) < MOST:
                task = asyncio.create_task(load.one(port, free, bodies[number % len(bodies)]))
                asking.add(task)
                task.add_done_callback(asking.discard)
            else:
                load.outcomes["not asked"] += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*asking)
    return load


def measured(server: Server, load: Any) -> dict[str, Any]:
    """Put a load on a server; give what came of it."""
    before, begun = server.cpu(), time.perf_counter()
    done: Load = asyncio.run(load)
    cpu, wall = server.cpu() - before, time.perf_counter() - begun
    answered = done.outcomes[200]
    ordered = sorted(done.seconds) or [0.0]
    return {
        "answered": answered, "outcomes": {str(name): count for name, count in sorted(done.outcomes.items(), key=str)},
        "server_cpu_seconds": round(cpu, 2), "wall_seconds": round(wall, 2),
        "answers_per_cpu_second": round(answered / cpu, 1), "answers_per_second": round(answered / wall, 1),
        "p50_ms": round(1000 * ordered[len(ordered) // 2]), "p99_ms": round(1000 * ordered[len(ordered) * 99 // 100]),
        "resident_mb": round(server.resident(), 1),
    }  # fmt: skip


def ended(model: str, bodies: list[bytes], tries: int) -> Outcomes:
    """End a server under load; count ends with 0, the answers that its log tells of, and those that came."""
    counts: Outcomes = Counter()
    for attempt in range(tries):
        log = Path(f"/tmp/serving-{os.getpid()}.log")
        with log.open("w") as file, started("-m", "gatewise", "serve", model, "--port", "0", log=file) as server:

            async def load(server: Server = server, after: float = 0.2 + attempt % 10 / 20) -> Load:
                asking = asyncio.create_task(again_and_again(server.port, bodies, 60))
                await asyncio.sleep(after)
                server.process.send_signal(signal.SIGTERM)
                return await asking

            done = asyncio.run(load())
            code = server.process.wait(60)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        log.unlink()
        told = sum(line["status"] == 200 for line in lines)
        counts["ended with 0"] += code == 0
        counts["answers told of"] += told
        counts["answers that came"] += done.outcomes[200]
        counts["tries that lost an answer"] += told != done.outcomes[200]
    return counts


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sentiment-en")
    parser.add_argument("--seconds", type=float, default=20, help="of each load")
    parser.add_argument("--tries", type=int, default=20, help="SIGTERMs")
    parser.add_argument("--plain", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, default=RESULTS / "serving.json")
    options = parser.parse_args()
    if options.plain:
        plain(options.plain)
        return
    texts = [text for batch in gatewise.read("reviews").test.batches() for text, _, _ in batch]
    bodies = [json.dumps({"inputs": text}).encode() for text in texts[:: max(1, len(texts) // 200)]]
    served = ("-m", "gatewise", "serve", options.model, "--port", "0")
    found: dict[str, Any] = {}
    with started(__file__, "--plain", options.model) as server:
        measured(server, again_and_again(server.port, bodies, 2))
        found["plain app"] = measured(server, again_and_again(server.port, bodies, options.seconds))
        print("plain app", found["plain app"], flush=True)
    with started(*served) as server:
        measured(server, again_and_again(server.port, bodies, 2))
        found["gatewise serve"] = usual = measured(server, again_and_again(server.port, bodies, options.seconds))
        print("gatewise serve", usual, flush=True)
        rate = TIMES * usual["answers_per_second"]
        found["at 16 times that"] = measured(server, at_rate(server.port, bodies, options.seconds, rate))
        print("at 16 times that", found["at 16 times that"], flush=True)
        found["afterwards"] = measured(server, again_and_again(server.port, bodies, options.seconds / 2))
        print("afterwards", found["afterwards"], flush=True)
    found["ended"] = dict(ended(options.model, bodies, options.tries))
    print("ended", found["ended"])
    kept = record("serving", int(os.environ.get("OMP_NUM_THREADS", "0")), ["starlette", "uvicorn", "numpy", "gatewise"])
    options.json.write_text(json.dumps(kept | {"model": options.model, "found": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
