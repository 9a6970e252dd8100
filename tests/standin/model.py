"""How the stand-in answers one model request: the queue, the wait, the answer, and the fault if one is due."""

import importlib
import json
import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gevent.event import Event

from fileintel.builtin_model import engine, protocol
from fileintel.builtin_model.protocol import ProtocolError

from . import faults, synthetic
from .ledger import Book, Ledger, question_id
from .settings import CHAT, EMBEDDINGS, Fault, Settings
from .wire import ClientGone, Connection, Request, Response, retry_after

HOLD_STEP = 0.05  # seconds between two looks whether a held client is still there
Answer = Callable[[str, Sequence[dict[str, Any]], str | None], str]


class Slots:
    """At most `limit` requests run at once; the others wait in the order of arrival."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self.running = 0
        self._queue: deque[Event] = deque()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    def acquire(self) -> None:
        """Wait for a slot."""
        if self.limit is not None and (self.running >= self.limit or self._queue):
            turn = Event()
            self._queue.append(turn)
            turn.wait()  # whoever wakes us has counted us as running
        else:
            self.running += 1

    def release(self) -> None:
        """Give the slot back."""
        self.running -= 1
        self.admit()

    def admit(self) -> None:
        """Let in whoever fits."""
        while self._queue and (self.limit is None or self.running < self.limit):
            self.running += 1
            self._queue.popleft().set()


class Gate:
    """Holds answers back, all of them or from the n-th on."""

    def __init__(self) -> None:
        self._open = Event()
        self._open.set()
        self._left: int | None = None
        self._purpose: str | None = None

    def close(self, after: int | None = None, purpose: str | None = None) -> None:
        """Hold answers from now on, or after `after` more of them (of a purpose)."""
        self._left, self._purpose = after, purpose
        if not after:
            self._open.clear()

    def open(self) -> None:
        """Let all answers go."""
        self._left = None
        self._open.set()

    def passing(self, connection: Connection, purpose: str, *, sound: bool) -> None:
        """Wait until this answer may go; only sound ones are counted."""
        while not self._open.is_set():
            if not self._open.wait(HOLD_STEP) and connection.gone():
                raise ClientGone
        if sound and self._left is not None and self._purpose in (None, purpose):
            self._left -= 1
            if self._left <= 0:
                self._left = None
                self._open.clear()


class Gathering:
    """Holds the answers of a purpose until so many of them wait at the same time; then all go, for good, or (in waves)
    until as many have come again."""

    def __init__(self) -> None:
        self._complete = Event()
        self._complete.set()
        self._missing = self._count = 0
        self._purpose: str | None = None
        self._in_waves = False

    def begin(self, count: int, purpose: str, *, in_waves: bool = False) -> None:
        """Wait for `count` requests from now on."""
        self._missing = self._count = count
        self._purpose, self._in_waves = purpose, in_waves
        self._complete = Event()

    def end(self) -> None:
        """Wait for nobody any more."""
        self._purpose = None
        self._complete.set()

    def join(self, connection: Connection, purpose: str) -> None:
        """Wait with this answer until there are enough."""
        complete = self._complete
        if complete.is_set() or purpose != self._purpose:
            return
        self._missing -= 1
        if self._missing <= 0:
            if self._in_waves:
                self._missing, self._complete = self._count, Event()
            complete.set()
        while not complete.wait(HOLD_STEP):
            if connection.gone():
                self._missing += 1
                raise ClientGone


class Model:
    """The model behind the stand-in."""

    def __init__(self, book: Book | None = None) -> None:
        self.slots, self.gate, self.gathering, self.ledger = Slots(), Gate(), Gathering(), Ledger()
        self.book = book
        self.configure(Settings())

    def configure(self, settings: Settings) -> None:
        """Behave like this from now on; faults count anew."""
        self._chooser = faults.Chooser(settings.faults, settings.seed)
        self._answer = _answerer(settings.answers)
        self.settings = settings
        self._cache: dict[tuple[str, str], str] = {}
        self.slots.limit = settings.max_concurrent
        self.slots.admit()

    def reset(self) -> None:
        """Forget what happened; requests that are under way still count as in flight."""
        under_way, at_once = self.ledger.in_flight, self.ledger.at_once
        self.ledger = Ledger(
            in_flight=under_way, peak_in_flight=under_way, at_once=at_once.copy(), peaks=at_once.copy()
        )

    def handle(self, connection: Connection, request: Request) -> bool:
        """Answer a request; False if the connection is of no use any more."""
        try:
            body = dict(protocol.parse(request.body))
            embeds = request.path.endswith("/embeddings")
            purpose = EMBEDDINGS if embeds else request.headers.get("x-fileintel-purpose", CHAT)
            texts = protocol.inputs_of(body) if embeds else []
            protocol.dimensions_of(body)
            messages = [] if embeds else protocol.messages_of(body)
        except ProtocolError as error:
            self.ledger.statuses.append(error.status)
            connection.send(_error(error))
            return True
        identity = question_id(request.path, body)
        attempt = self.ledger.arrive(identity, purpose, body, texts, keep=self.settings.keep_bodies)
        answered = usable = False
        try:
            exchange = _Exchange(self, connection, request, body, purpose, identity, attempt, messages, texts)
            answered, usable = exchange.run()
        except (ClientGone, OSError):
            self.ledger.abandoned += 1
        except Exception as error:  # noqa: BLE001 - the test's own answer function may raise anything
            usable = True
            self.ledger.statuses.append(500)
            connection.send(_error(ProtocolError(500, f"{type(error).__name__}: {error}")))
        finally:
            self.ledger.leave(identity, purpose, texts, answered=answered)
        return usable

    def text(self, identity: str, purpose: str, messages: list[dict[str, Any]], schema: str | None) -> str:
        """The sound answer to a chat request."""
        known = self._cache.get((identity, purpose))
        if known is None:
            whole = "\n".join(engine.text_of(message) for message in messages)
            for canned in self.settings.canned:
                if canned.purpose in (None, purpose) and (canned.match is None or canned.match in whole):
                    return canned.answer
            known = self._cache[identity, purpose] = self._answer(purpose, messages, schema)
        return known

    def vectors(self, texts: list[str], dimensions: int) -> list[list[float]]:
        """The sound answer to an embeddings request."""
        if self.settings.answers == "synthetic":
            return synthetic.embed(texts, dimensions)
        return engine.embed(texts, dimensions)

    def fault(self, purpose: str, whole: str, identity: str, attempt: int) -> Fault | None:
        """The fault that this request meets."""
        return self._chooser.choose(purpose, whole, identity, attempt)

    def latency(self, purpose: str, identity: str) -> float:
        """Seconds that the answer takes."""
        latency: Any = self.settings.latency
        if isinstance(latency, Mapping):
            latency = latency.get(purpose, latency.get("*", 0.0))
        if isinstance(latency, int | float):
            return float(latency)
        name, mean, sigma = latency
        if name != "lognormal":
            raise ValueError(f"unknown latency {name!r}")
        normal = statistics.NormalDist().inv_cdf(faults.draw(self.settings.seed, "latency", identity))
        return float(math.exp(math.log(mean) - sigma * sigma / 2 + sigma * normal))


class _Exchange:
    """One request on its way to its answer."""

    def __init__(
        self,
        model: Model,
        connection: Connection,
        request: Request,
        body: dict[str, Any],
        purpose: str,
        identity: str,
        attempt: int,
        messages: list[dict[str, Any]],
        texts: list[str],
    ) -> None:
        self.model, self.connection, self.request, self.body = model, connection, request, body
        self.purpose, self.identity = purpose, identity
        self.messages, self.texts = messages, texts
        whole = "\n".join(texts or [engine.text_of(message) for message in messages])
        self.tokens = protocol.tokens(whole)
        self.fault = model.fault(purpose, whole, identity, attempt)

    def run(self) -> tuple[bool, bool]:
        """Whether the request was answered soundly, and whether the connection can be used again."""
        refused = self._refusal()
        kind = self.fault.kind if self.fault else ""
        if refused is None and kind:
            self.model.ledger.faults[kind] += 1
        if refused is None and kind in faults.STATUS and self.fault:
            refused = _status_fault(self.fault, self.body)
        if refused is not None:
            self.model.gate.passing(self.connection, self.purpose, sound=False)
            self._note(refused.status)
            self.connection.send(refused)
            return False, True
        self.model.slots.acquire()
        try:
            return self._work(kind)
        finally:
            self.model.slots.release()

    def _work(self, kind: str) -> tuple[bool, bool]:
        began = time.monotonic()
        if self.connection.gone():
            raise ClientGone
        while kind == "hang":
            self.connection.idle(3600.0)
        answer = self._answer(kind)
        response = Response(200, json.dumps(answer).encode())
        if self.body.get("stream") and not self.texts:
            response = Response(200, b"".join(protocol.chunks(answer)), "text/event-stream")
        wait = self.model.latency(self.purpose, self.identity) - (time.monotonic() - began)
        self.connection.idle(wait)
        self.model.gathering.join(self.connection, self.purpose)
        self.model.gate.passing(self.connection, self.purpose, sound=not kind or kind in faults.HARMLESS)
        return self._deliver(kind, response)

    def _refusal(self) -> Response | None:
        settings = self.model.settings
        key = self.request.headers.get("authorization", "")
        if settings.api_key is not None and key != f"Bearer {settings.api_key}":
            return _error(ProtocolError(401, "Incorrect API key provided.", code="invalid_api_key"))
        model = str(self.body.get("model", ""))
        if settings.models and model not in settings.models:
            return _error(_unknown_model(model))
        if settings.context_length is not None and self.tokens > settings.context_length:
            return _error(_too_long(settings.context_length, self.tokens))
        wanted = self.body.get("response_format")
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        supported = settings.json_schema_support
        if kind not in (None, "text") and supported is not True and supported != kind:
            message = f"response_format of type {kind!r} is not supported by this model."
            return _error(ProtocolError(400, message, param="response_format"))
        return None

    def _answer(self, kind: str) -> dict[str, Any]:
        if self.texts:
            return self._embeddings(kind)
        schema = protocol.schema_name(self.body)
        text = self.model.text(self.identity, self.purpose, self.messages, schema)
        text, reason = faults.spoil(kind, text)
        answer = protocol.completion(self.body, text, reason)
        if kind == "no_usage":
            del answer["usage"]
        return answer

    def _embeddings(self, kind: str) -> dict[str, Any]:
        size = protocol.dimensions_of(self.body, self.model.settings.embedding_dims)
        vectors = self.model.vectors(self.texts, size + 1 if kind == "wrong_size" else size)
        if kind == "fewer_vectors":
            vectors = vectors[:-1]
        answer = protocol.embeddings(self.body, vectors)
        if kind == "shuffled_vectors":
            answer["data"].reverse()
        if kind == "no_usage":
            del answer["usage"]
        return answer

    def _deliver(self, kind: str, response: Response) -> tuple[bool, bool]:
        connection = self.connection
        if kind == "reset_before":
            connection.reset()
            return False, False
        if kind in ("reset_mid_body", "half_body"):
            connection.send_part(response, 0.5)
            if kind == "reset_mid_body":
                connection.reset()
            return False, False
        if kind == "broken_envelope":
            response = Response(200, response.body[: len(response.body) // 2])
        self._note(200)
        sound = not kind or kind in faults.HARMLESS
        if sound and self.model.book is not None:
            self.model.book.note(self.identity, self.purpose, self.texts)
        if kind == "trickle" and self.fault:
            connection.send_slowly(response, self.fault.seconds)
        else:
            connection.send(response)
        return sound, True

    def _note(self, status: int) -> None:
        self.model.ledger.statuses.append(status)


def _answerer(path: str) -> Answer:
    if path == "engine":
        return engine.answer
    if path == "synthetic":
        return synthetic.answer
    module, _, name = path.partition(":")
    function: Answer = getattr(importlib.import_module(module), name)
    return function


def _error(error: ProtocolError, *headers: tuple[str, str]) -> Response:
    return Response(error.status, json.dumps(error.body()).encode(), headers=headers)


def _unknown_model(model: str) -> ProtocolError:
    return ProtocolError(404, f"The model `{model}` does not exist.", code="model_not_found", param="model")


def _too_long(limit: int, tokens: int) -> ProtocolError:
    message = f"This model's maximum context length is {limit} tokens. However, your messages have {tokens} tokens."
    return ProtocolError(400, message, code="context_length_exceeded", param="messages")


def _status_fault(fault: Fault, body: Mapping[str, Any]) -> Response:
    status = faults.STATUS[fault.kind]
    headers = []
    if fault.retry_after is not None and status in (429, 503):
        headers.append(retry_after(fault.retry_after, as_date=fault.retry_after_date))
    if fault.kind == "bad_gateway":
        page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
        return Response(502, page, "text/html", tuple(headers))
    message, code, param = {
        "rate_limit": ("Rate limit reached for requests.", "rate_limit_exceeded", None),
        "unauthorized": ("Incorrect API key provided.", "invalid_api_key", None),
        "unsupported_parameter": (
            f"Unsupported parameter: '{fault.param}' is not supported with this model.",
            "unsupported_parameter",
            fault.param,
        ),
    }.get(fault.kind, ("The server had an error while processing your request.", None, None))
    error = ProtocolError(status, message, code=code, param=param)
    if fault.kind == "unknown_model":
        error = _unknown_model(str(body.get("model", "")))
    if fault.kind == "context_length":
        error = _too_long(4096, 5000)
    return _error(error, *headers)
