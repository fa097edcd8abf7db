"""Requests to answers: the routes of `gatewise serve` as an ASGI application. Starlette is imported when it is made."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewise.base.errors import GatewiseError
from gatewise.base.text import clean, json_text
from gatewise.explanation import story
from gatewise.explanation.shares import DEFAULT, Explanation, explain
from gatewise.pages import api as api_page
from gatewise.pages import explain as explain_page
from gatewise.runtime.classifier import Model
from gatewise.serving import metrics, protocols
from gatewise.serving.explain import answer as answer_page
from gatewise.serving.guards import LONGEST_TEXT, NOTHING, PATIENCE, headers_of, known_name, own_page
from gatewise.serving.models import Answer, Scores, Served
from gatewise.serving.openapi import described
from gatewise.serving.queue import Full, Late, Order, Queue
from gatewise.serving.service import Service

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEFT = 499  # in the log: who asked had left before there was an answer
JSON, HTML = "application/json", "text/html; charset=utf-8"
OUTPUTS = {  # of version 2, by task: name and datatype
    "classification": (("label", "BYTES"), ("probabilities", protocols.NUMBERS), ("logits", protocols.NUMBERS)),
    "tagging": (("spans", "BYTES"),),
}  # fmt: skip


class Refused(GatewiseError):
    """A request that is answered with a status of its own, one sentence, and headers if any."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(slots=True)
class Note:
    """What is known of a request, for the log and the counts; never its text."""

    id: str
    method: str
    route: str = "none"
    model: str | None = None
    texts: int | None = None
    tokens: int | None = None
    queued: float | None = None  # seconds
    computed: float | None = None
    status: int = 0


Handler = Callable[["Request", Note], Awaitable["Response"]]


class Api:
    """The routes over a service."""

    def __init__(self, service: Service) -> None:
        from gatewise import __version__

        self.service, self.version = service, __version__
        self.description = described(__version__, list(service.models), service.limits)
        self.page = api_page.page(self.description)
        self.pages: dict[str, tuple[Served, tuple[str, str]]] = {}  # live ones, each of the model that it is of

    def routes(self) -> list["Route"]:
        """Give every route."""
        get, post = ("GET",), ("POST",)
        rows: list[tuple[str, tuple[str, ...], Handler]] = [
            ("/", get, self.live_page), ("/answer", post, self.live_answer),
            ("/page/{name}/", get, self.live_page), ("/page/{name}/answer", post, self.live_answer),
            ("/predict", post, self.predict), ("/predict/{name}", post, self.predict),
            ("/explain", post, self.explain), ("/explain/{name}", post, self.explain),
            ("/v2", get, self.server), ("/v2/health/live", get, self.alive), ("/v2/health/ready", get, self.ready),
            ("/v2/models/{name}", get, self.metadata), ("/v2/models/{name}/ready", get, self.ready),
            ("/v2/models/{name}/infer", post, self.infer),
            ("/healthz", get, self.alive), ("/readyz", get, self.ready), ("/metrics", get, self.metrics),
            ("/openapi.json", get, self.openapi), ("/docs", get, self.docs),
        ]  # fmt: skip
        return [route(*row) for row in rows]

    async def predict(self, request: "Request", note: Note) -> "Response":
        served = self._model(request, note)
        asked = protocols.predict_request(await self._json(request, self.service.answers), self.service.limits.texts)
        return reply(protocols.predict_answer(asked, await self._answers(request, note, served, asked.texts)))

    async def infer(self, request: "Request", note: Note) -> "Response":
        served = self._model(request, note)
        names = [name for name, _ in OUTPUTS[served.task]]
        body = await self._json(request, self.service.answers)
        asked = protocols.infer_request(body, self.service.limits.texts, names)
        answers = await self._answers(request, note, served, asked.texts)
        return reply(protocols.infer_answer(asked, served.name, tensors(served, answers)))

    async def explain(self, request: "Request", note: Note) -> "Response":
        _, model = self._classifier(request, note)
        body = await self._json(request, self.service.explanations)
        text, target, method = protocols.explain_request(body)
        found = await self._explained(
            request, note, text, lambda: explain(model, text, method=method or DEFAULT, target=target)
        )
        return reply(explained(found))

    async def live_page(self, request: "Request", note: Note) -> "Response":
        served, model = self._classifier(request, note)
        if self.pages.get(served.name, (None,))[0] is not served:
            made = explain_page.live_explanation(story.setting(model), served.name, "", LONGEST_TEXT)
            self.pages[served.name] = served, made
        return page(*self.pages[served.name][1])

    async def live_answer(self, request: "Request", note: Note) -> "Response":
        _, model = self._classifier(request, note)
        question = await self._json(request, self.service.explanations)
        text = question.get("text") if isinstance(question, dict) else None
        known = text if isinstance(text, str) else ""
        found = await self._explained(request, note, known, lambda: explain_page.answer(answer_page(model, question)))
        return reply(found.encode(), kind=JSON)

    async def server(self, request: "Request", note: Note) -> "Response":
        return reply({"name": "gatewise", "version": self.version, "extensions": []})

    async def alive(self, request: "Request", note: Note) -> "Response":
        return reply({"live": True})

    async def ready(self, request: "Request", note: Note) -> "Response":
        if "name" in request.path_params:
            self._model(request, note)
        return reply({"ready": not self.service.draining}, 503 if self.service.draining else 200)

    async def metadata(self, request: "Request", note: Note) -> "Response":
        served = self._model(request, note)
        labels = list(map(str, served.model.labels)) if isinstance(served.model, Model) else list(served.model.tags)
        shapes = {"probabilities": [-1, len(labels)], "logits": [-1, len(labels)]}
        outputs = [
            {"name": name, "datatype": kind, "shape": shapes.get(name, [-1])} for name, kind in OUTPUTS[served.task]
        ]
        return reply(
            {
                "name": served.name, "versions": [], "platform": f"gatewise_{served.task}",
                "inputs": [{"name": protocols.INPUT, "datatype": "BYTES", "shape": [-1]}], "outputs": outputs,
                "parameters": {"labels": labels},
            }
        )  # fmt: skip

    async def metrics(self, request: "Request", note: Note) -> "Response":
        return reply(self.service.metrics.text(self.service.gauges()).encode(), kind=metrics.KIND)

    async def openapi(self, request: "Request", note: Note) -> "Response":
        return reply(self.description)

    async def docs(self, request: "Request", note: Note) -> "Response":
        return page(*self.page)

    def _model(self, request: "Request", note: Note) -> Served:
        name = request.path_params.get("name", self.service.first)
        if name not in self.service.models:
            raise Refused(404, f"There is no model of that name; there are {', '.join(self.service.models)}.")
        note.model = name
        return self.service.models[name]

    def _classifier(self, request: "Request", note: Note) -> tuple[Served, Model]:
        served = self._model(request, note)
        if not isinstance(served.model, Model):
            raise Refused(404, f"{served.name} is no classifier, and only classifiers are explained here.")
        return served, served.model

    async def _json(self, request: "Request", queue: Queue) -> Any:
        """Read a request's body; refuse it first, unread or unparsed, where there is too much to do or of it."""
        from starlette.requests import ClientDisconnect

        self._admit(queue)
        most, parts, size = self.service.limits.body, [], 0
        if (length := request.headers.get("content-length", "0")).isdecimal() and int(length[:20]) > most:
            raise Refused(413, f"The request has {int(length[:20]):,} bytes; send at most {most:,}.")
        try:
            async with asyncio.timeout(PATIENCE) as timeout:
                self.service.arriving.add(timeout)
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise Refused(413, f"The request has more than {most:,} bytes.")
                    parts.append(part)
        except TimeoutError as error:
            raise Refused(408, "The request did not arrive in time.", Connection="close") from error
        except ClientDisconnect as error:
            raise Refused(LEFT, "Who asked has left.") from error
        finally:
            self.service.arriving.discard(timeout)
        self._admit(queue)
        try:
            return json.loads(b"".join(parts))
        except (ValueError, RecursionError) as error:
            raise Refused(400, "The request is not JSON.") from error

    def _admit(self, queue: Queue) -> None:
        if self.service.draining:
            raise Refused(503, "The server is closing down.", Connection="close", Retry_After="1")
        queue.admit()

    async def _answers(self, request: "Request", note: Note, served: Served, texts: list[str]) -> list[Answer]:
        note.texts = len(texts)
        order, note.tokens = await self.service.order(served, texts)
        pieces = await self._done(request, note, self.service.answers, order)
        return [answer for piece in pieces for answer in piece]

    async def _explained(self, request: "Request", note: Note, text: str, explain: Callable[[], Any]) -> Any:
        note.texts = 1
        order = self.service.order_explanation(text, explain)
        return (await self._done(request, note, self.service.explanations, order))[0]

    async def _done(self, request: "Request", note: Note, queue: Queue, order: Order) -> list[Any]:
        """Wait for an order as long as somebody waits for its answer."""
        gone = asyncio.ensure_future(request.receive())  # the body was read, so nothing else can come
        both: set[asyncio.Future[Any]] = {order.done, gone}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not order.done.done():
                raise Refused(LEFT, "Who asked has left.")
            return order.done.result()
        finally:
            gone.cancel()
            queue.withdraw(order)
            note.queued, note.computed = order.queued, order.computed
            self.service.metrics.queued.add(order.queued)
            self.service.metrics.computed.add(order.computed)


def tensors(served: Served, answers: list[Answer]) -> list[dict[str, Any]]:
    """Give answers as the outputs of version 2."""
    count, columns = len(answers), dict[str, tuple[list[int], list[Any]]]()
    scores = [answer for answer in answers if isinstance(answer, Scores)]
    if scores:
        shape = [count, len(scores[0].labels)]
        columns["label"] = [count], [one.labels[int(one.logits.argmax())] for one in scores]
        columns["probabilities"] = shape, [value for one in scores for value in one.probabilities.tolist()]
        columns["logits"] = shape, [value for one in scores for value in one.logits.tolist()]
    else:
        columns["spans"] = [count], [json_text(answer) for answer in answers]
    return [protocols.tensor(name, kind, *columns[name]) for name, kind in OUTPUTS[served.task]]


def explained(found: Explanation) -> dict[str, Any]:
    """Give an explanation with a row for each token, its offsets in code points of the text."""
    rows = zip(
        found.tokens, found.offsets, found.contributions.tolist(), found.companion_contributions.tolist(), strict=True
    )
    return {
        "label": str(found.label), "probability": found.probability, "logit": found.logit, "bias": found.bias,
        "residual": found.residual, "method": found.method, "temperature": found.temperature,
        "tokens": [
            {"token": token, "start": start, "end": end, "contribution": share, "companion": companion}
            for token, (start, end), share, companion in rows
        ],
    }  # fmt: skip


def reply(content: Any, status: int = 200, kind: str = JSON, policy: str = NOTHING, **headers: str) -> "Response":
    """Make a response of bytes, or of what JSON can hold."""
    from starlette.responses import Response

    body = content if isinstance(content, bytes) else clean(json_text(content)).encode()
    return Response(body, status, {**headers_of(policy), **headers}, kind)


def page(html: str, policy: str) -> "Response":
    """Make a response of a page, under its policy."""
    return reply(html.encode(), kind=HTML, policy=f"{policy}; frame-ancestors 'none'")


def refusal(error: GatewiseError) -> "Response":
    """Answer an error with its status and its sentence."""
    if isinstance(error, Refused):
        return reply({"error": str(error)}, error.status, **error.headers)
    if isinstance(error, Full):
        return reply({"error": str(error)}, 503, **{"Retry-After": str(error.seconds)})
    status = 504 if isinstance(error, Late) else 413 if isinstance(error, protocols.TooMuch) else 400
    return reply({"error": str(error)}, status)


def route(path: str, methods: tuple[str, ...], handler: Handler) -> "Route":
    """Make a route whose errors become answers."""
    from starlette.routing import Route

    async def endpoint(request: "Request") -> "Response":
        note: Note = request.scope["gatewise"]
        note.route = path
        try:
            return await handler(request, note)
        except GatewiseError as error:
            return refusal(error)

    return Route(path, endpoint, methods=list(methods))


def application(service: Service, names: Collection[str], log: Callable[[str], None]) -> "ASGIApp":
    """Make the application: the routes, behind the guards, with a line of log for every request.

    `names` are those by which a Host header may call this server, besides localhost and addresses.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException

    async def lost(request: "Request", error: Exception) -> "Response":
        assert isinstance(error, HTTPException)
        sentence = "This takes another method." if error.status_code == 405 else "There is nothing here; see /docs."
        return reply({"error": sentence}, error.status_code, **(error.headers or {}))

    async def fault(request: "Request", error: Exception) -> "Response":
        return reply({"error": "The server has a fault; its log tells more."}, 500)

    handlers: dict[Any, Any] = {HTTPException: lost, Exception: fault}
    inner = Starlette(routes=Api(service).routes(), exception_handlers=handlers)
    inner.router.redirect_slashes = False

    async def guarded(scope: "Scope", receive: "Receive", send: "Send") -> None:
        started = time.monotonic()
        headers = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
        given = headers.get(b"x-request-id", "")
        usable = 0 < len(given) <= 64 and given.isascii() and given.isprintable()
        note = Note(given if usable else uuid.uuid4().hex, scope["method"] if len(scope["method"]) < 10 else "other")
        scope["gatewise"] = note

        async def sent(message: "Message") -> None:
            if message["type"] == "http.response.start":
                note.status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", note.id.encode())]
            await send(message)

        host, origin = headers.get(b"host"), headers.get(b"origin")
        trusted = known_name(host, names) and own_page(host, origin, ("http", "https"))
        app = inner if trusted else refusal(Refused(403, "This server answers to its own name and to its own page."))
        try:
            await app(scope, receive, sent)
        finally:
            tell(service, note, time.monotonic() - started, log)

    return guarded


def tell(service: Service, note: Note, seconds: float, log: Callable[[str], None]) -> None:
    """Count a request, and log it."""
    labels = (("model", note.model or ""), ("route", note.route), ("status", str(note.status)))
    service.metrics.requests[labels] += 1
    service.metrics.seconds.add(seconds)

    def milliseconds(value: float | None) -> float | None:
        return None if value is None else 1000 * value

    log(
        metrics.log_line(
            {
                "id": note.id, "method": note.method, "route": note.route, "status": note.status, "model": note.model,
                "texts": note.texts, "tokens": note.tokens, "queued_ms": milliseconds(note.queued),
                "computed_ms": milliseconds(note.computed), "ms": 1000 * seconds,
            }
        )
    )  # fmt: skip
