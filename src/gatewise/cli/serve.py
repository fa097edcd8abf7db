"""The command that serves models over HTTP: parse options, call the library, log."""

import os
import signal
import sys
from typing import Annotated

import typer

from gatewise.base.extras import require
from gatewise.cli.options import answer_alone
from gatewise.cli.output import say


def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Model folders or bundled models, or NAME=MODEL; the first answers by default."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8008,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A name that requests may call this server by; * allows any. May be repeated."
        ),
    ] = None,
    queue: Annotated[
        float, typer.Option(min=0.01, max=3600, help="Seconds of work that may wait; more is refused.")
    ] = 5.0,
    deadline: Annotated[float, typer.Option(min=0.01, max=3600, help="Seconds that a request may wait.")] = 10.0,
    max_body: Annotated[int, typer.Option(min=1000, max=1 << 30, help="Bytes of a request at most.")] = 2_000_000,
    max_texts: Annotated[int, typer.Option(min=1, max=1_000_000, help="Texts of a request at most.")] = 1000,
    threads: Annotated[int, typer.Option(min=0, max=1024, help="Texts' batches computed at once; 0: one a core.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log no requests.")] = False,
) -> None:
    """Answer over HTTP: labels, explanations, health and metrics; /docs tells how.

    One line of JSON a request goes to standard output, without its text. SIGTERM answers what was accepted and ends;
    SIGHUP takes up models that were replaced on disk.
    """
    require("serve", "starlette", "uvicorn")
    answer_alone()
    from gatewise.serving.models import places_of
    from gatewise.serving.server import bound_to
    from gatewise.serving.server import serve as run
    from gatewise.serving.service import Limits, Service

    places = places_of(models or ["sentiment-en"])
    with bound_to(host, port) as bound:
        service = Service(places, Limits(queue, deadline, max_body, max_texts), threads)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{bound.getsockname()[1]}/"
        names = {name.lower() for name in [host, *(allow_host or [])]}
        begun = f"{url} serves {', '.join(places)}; {url}docs tells how, Ctrl-C ends it."
        stopped = run(service, bound, names, _unlogged if quiet else _logged, say, begun)
    if stopped == signal.SIGINT:
        raise KeyboardInterrupt


def _unlogged(line: str) -> None:
    """Drop a line."""


def _logged(line: str) -> None:
    """Write a line to standard output at once; where that takes no more, a server goes on without its log."""
    try:
        print(line, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        say(f"The log could not be written ({error.strerror}); requests are logged no longer.")
