"""A server of tiny models on a free port of 127.0.0.1, and a client that asks it."""

import asyncio
import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gatewise.runtime.classifier import Model
from gatewise.runtime.tagger import Tagger
from gatewise.runtime.tagger_folder import save_tagger
from gatewise.serving import server
from gatewise.serving.app import application
from gatewise.serving.service import Limits, Service

Reply = tuple[int, dict[str, str], Any]


@dataclass
class Running:
    """A server under test."""

    service: Service
    port: int
    loop: asyncio.AbstractEventLoop
    lines: list[str] = field(default_factory=list)  # of its log

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Ask on a connection of its own; a body that is no bytes is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, given, named)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        got = {name.lower(): value for name, value in response.getheaders()}
        return response.status, got, json.loads(content) if "json" in got["content-type"] else content.decode()

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """Ask for an answer."""
        status, _, answer = self.send("POST", path, body, **headers)
        return status, answer

    def call(self, function: Callable[[], Any]) -> Any:
        """Do something in the server's loop; what it gives may be awaited there."""

        async def done() -> Any:
            found = function()
            return await found if asyncio.iscoroutine(found) else found

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(20)


@contextlib.contextmanager
def running(places: dict[str, str], limits: Limits | None = None, **names: Any) -> Iterator[Running]:
    """Serve model folders in a thread, without signals."""
    service = Service(places, limits or Limits(), threads=2)
    ready, lines, found = threading.Event(), list[str](), list[Running]()
    bound = server.bound_to("127.0.0.1", 0)

    async def main() -> None:
        made = server._server(application(service, set(), lines.append), service.limits.deadline)
        service.start()
        serving = asyncio.create_task(made.serve(sockets=[bound]))
        found.append(Running(service, bound.getsockname()[1], asyncio.get_running_loop(), lines))
        stop = asyncio.Event()
        found[0].stop = lambda: found[0].loop.call_soon_threadsafe(stop.set)  # type: ignore[attr-defined]
        while not made.started:
            await asyncio.sleep(0.005)
        ready.set()
        await stop.wait()
        made.should_exit = made.force_exit = True
        await serving
        await service.end()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        found[0].stop()  # type: ignore[attr-defined]
        thread.join(20)
        bound.close()
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def places(
    tiny_model: Model, tiny_pair: Model, tiny_tagger: Tagger, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Folders of two classifiers and a tagger, by name."""
    folder: Path = tmp_path_factory.mktemp("served")
    tiny_pair.save(folder / "pair")
    tiny_model.save(folder / "alone")
    save_tagger(tiny_tagger, folder / "names")
    return {name: str(folder / name) for name in ("pair", "alone", "names")}


@pytest.fixture(scope="module")
def at(places: dict[str, str]) -> Iterator[Running]:
    """A server that the tests of a file share."""
    with running(places) as here:
        yield here
