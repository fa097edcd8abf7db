"""The application on a socket, from its beginning to its end at a signal. Uvicorn is imported when it begins.

What uvicorn leaves to a proxy in front of it is done here: a client that sends or takes its bytes too slowly, or comes
when too many are connected, is let go.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from gatewise.base.errors import ConfigError, one_line
from gatewise.serving.app import application
from gatewise.serving.guards import PATIENCE
from gatewise.serving.service import Service

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

CONNECTIONS = 1000  # at a time
SPARE = 100  # descriptors for other things
LINGER = 5.0  # seconds that a client has to send what was refused unread
KEEP = 15  # seconds that a connection without a request stays open
BACKLOG = 2048


def bound_to(host: str, port: int) -> socket.socket:
    """Bind a socket, which begins to listen later; port 0 takes a free one.

    Raises ConfigError, with one sentence, when the place cannot be had.
    """
    try:
        if not 0 <= port < 1 << 16:  # getaddrinfo would take what is left of it
            raise OverflowError
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except BaseException:
            bound.close()
            raise
        return bound
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "there is no such place"
        raise ConfigError(
            f"{one_line(host, 80)} port {port} cannot be used ({one_line(reason)}); choose others with --host, --port."
        ) from error


def serve(
    service: Service, bound: socket.socket, names: Collection[str], log: Callable[[str], None],
    tell: Callable[[str], None], begun: str,
) -> int:  # fmt: skip
    """Serve until SIGTERM or SIGINT, drain, and give the signal's number; SIGHUP reloads the models.

    `log` takes a line for each request, `tell` a sentence for people: first `begun`, from which on it may be asked.
    """
    return asyncio.run(_serve(service, bound, application(service, names, log), tell, begun))


async def _serve(
    service: Service, bound: socket.socket, app: "ASGIApp", tell: Callable[[str], None], begun: str
) -> int:
    server = _server(app, service.limits.deadline)
    loop, signals = asyncio.get_running_loop(), asyncio.Queue[int]()
    caught = [number for number in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, number)]
    before = {
        number: signal.signal(number, lambda number, _: loop.call_soon_threadsafe(signals.put_nowait, number))
        for number in (getattr(signal, name) for name in caught)
    }
    service.start()
    bound.listen(BACKLOG)
    tell(begun)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        stopped = await _stopped(service, signals, serving, tell)
        draining, again = asyncio.create_task(service.drain()), asyncio.create_task(signals.get())
        await asyncio.wait({draining, again, serving}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await asyncio.wait({again, serving}, return_when=asyncio.FIRST_COMPLETED)
        server.force_exit = True  # at a second signal, or it has ended
        draining.cancel()
        again.cancel()
        await serving
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        await service.end()
    return stopped


async def _stopped(
    service: Service, signals: "asyncio.Queue[int]", serving: "asyncio.Task[None]", tell: Callable[[str], None]
) -> int:
    """Wait for the signal that ends the server; reload at others meanwhile."""
    while True:
        signalled = asyncio.create_task(signals.get())
        await asyncio.wait({signalled, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not signalled.done():
            signalled.cancel()
            serving.result()  # raises what ended it
            return 0
        number = signalled.result()
        if number != getattr(signal, "SIGHUP", None):
            return number
        tell(await service.reload())


def _server(app: "ASGIApp", deadline: float) -> "uvicorn.Server":
    import uvicorn

    class Server(uvicorn.Server):
        """Uvicorn's, which leaves the process's signals alone."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(
        uvicorn.Config(
            app, loop="asyncio", http=_patient(_connections()), ws="none", lifespan="off", interface="asgi3",
            log_config=None, access_log=False, server_header=False, proxy_headers=False, backlog=BACKLOG,
            timeout_keep_alive=KEEP, timeout_graceful_shutdown=int(deadline + 2 * PATIENCE),
        )
    )  # fmt: skip


def _connections() -> int:
    """Give how many connections there may be at a time: fewer where the process may open few files."""
    if sys.platform == "win32":
        return CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(8, min(CONNECTIONS, soft - SPARE))
    return CONNECTIONS


def _patient(connections: int) -> Any:
    """Make uvicorn's protocol one that waits PATIENCE seconds for a request's head, and for an answer to be taken."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        reading: asyncio.TimerHandle | None = None
        writing: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > connections:
                transport.abort()
            else:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            for timer in (self.reading, self.writing):
                if timer:
                    timer.cancel()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._wait()

        def _wait(self) -> None:
            """Begin to wait for a head, or for the rest of what was refused; stop where it is there."""
            head = self.conn.their_state is h11.IDLE
            rest = self.conn.their_state is h11.SEND_BODY and self.cycle is not None and self.cycle.response_complete
            if not head and not rest:
                if self.reading:
                    self.reading.cancel()
                    self.reading = None
            elif not self.reading:
                self.reading = self.loop.call_later(PATIENCE if head else LINGER, self.transport.abort)

        def pause_writing(self) -> None:
            super().pause_writing()
            self.writing = self.loop.call_later(PATIENCE, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self.writing:
                self.writing.cancel()
                self.writing = None

    return Patient
