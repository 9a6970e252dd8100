"""Asking a model over the OpenAI protocol: requests through the gate, faults cured, answers parsed.

A client is used by many greenlets or threads at once. It never touches the database.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx
import openai

from fileintel.config import Endpoint
from fileintel.errors import ModelServerRefused, ModelServerUnavailable
from fileintel.llm.answer_checks import foreign_script, goes_in_circles
from fileintel.llm.caller import Caller
from fileintel.llm.dialect import Dialect
from fileintel.llm.faults import BUSY, Cure, Fault, describe_fault
from fileintel.llm.gate import Gate, ServerAway
from fileintel.llm.patience import STARVING, Patience, Trail
from fileintel.llm.questions import (
    CUT_OFF,
    Answered,
    ChatQuestion,
    EmbeddingQuestion,
    Failed,
    InvalidAnswer,
    Message,
    without_nul,
)
from fileintel.llm.responses import MALFORMED, Completion, embedding_answer, read_completion, read_vectors
from fileintel.llm.server import ModelServer
from fileintel.llm.server_group import ServerGroup
from fileintel.llm.tally import Tally

QUOTED_CHARACTERS = 4_000  # how much of an invalid answer is shown to the model again
CORRECTION = "Your answer cannot be used: {problem}. Give the whole answer again, in exactly the form asked for."
CIRCLES = "it repeats itself without end"
STOP_REPEATING = "Answer briefly. Say each thing once, and stop when everything is said."
# at temperature 0 the same loop would come again; at this one answers keep their form
LOOSER_TEMPERATURE = 0.4
SHORTER = 0.5  # of the bound of the answer that went in circles

__all__ = ["ItemGivenUp", "ModelClient", "Patience", "Tally", "embedding_answer"]

T = TypeVar("T")


class ItemGivenUp(Exception):
    """A question cannot be answered; carries the fault and the number of attempts."""

    def __init__(self, fault: Fault, attempts: int) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.attempts = attempts

    def failed(self, attempts_before: int = 0, said_before: str = "") -> Failed:
        """Return the outcome for the caller."""
        return Failed(self.fault.reason, attempts_before + self.attempts, said_before + self.fault.message)


@dataclass(frozen=True)
class _Asking:
    """The caller of a request, and where the request is counted."""

    tally: Tally
    caller: Caller
    purpose: str


class ModelClient:
    """Speaks to the servers of one model, for chat and for embeddings.

    Parameters:
      endpoint: where, with which key and model.
      gate: bounds the requests in flight to that endpoint in this process.
      extra_body: merged into every chat request, e.g. to turn reasoning off.
      others: more servers of the same model, each with its gate.
      adaptive: whether the gates' limits follow what the servers can use.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        gate: Gate,
        patience: Patience,
        extra_body: Mapping[str, Any] | None = None,
        *,
        others: Sequence[tuple[Endpoint, Gate]] = (),
        adaptive: bool = True,
    ) -> None:
        self._patience = patience
        self._extra_body = dict(extra_body or {})
        self._servers = ServerGroup(
            [
                ModelServer(place, its_gate, patience.timeout, adaptive=adaptive)
                for place, its_gate in ((endpoint, gate), *others)
            ]
        )
        self._first = self._servers.servers[0]

    @property
    def endpoint(self) -> Endpoint:
        """Return the first server, and the model."""
        return self._first.endpoint

    @endpoint.setter
    def endpoint(self, endpoint: Endpoint) -> None:
        for server in self._servers.servers:
            server.endpoint = replace(server.endpoint, model=endpoint.model)

    @property
    def gate(self) -> Gate | ServerGroup:
        """Return the gate, or several of them that look like one."""
        return self._first.gate if len(self._servers.servers) == 1 else self._servers

    def close(self) -> None:
        """Close the connections."""
        for server in self._servers.servers:
            server.close()

    def is_well(self) -> bool:
        """Return whether a server has answered lately, and is not known to be away."""
        return any(server.is_well() for server in self._servers.servers)

    def hanging(self) -> str | None:
        """Ask the servers that are not known to be away for a sign of life; return the name of one when all are silent.

        None when one of them answers, or when all are away: those are waited for at their gates. Servers that were
        silent count as well no longer.
        """
        there = [server for server in self._servers.servers if server.gate.away_since() is None]
        if not there or any(server.look() is None for server in there):
            return None
        for server in there:
            server.doubt()
        return there[0].name

    def promises_schemas(self) -> bool:
        """Return whether all servers are of a kind that makes sure of a JSON schema, by the names that they gave
        themselves with their list of models."""
        return all(server.promises_schemas for server in self._servers.servers)

    def models(self, caller: Caller | None = None) -> list[str] | None:
        """Return the models that the server offers, of several servers those that all offer; None when none tells.

        With `caller`, they are asked through their gates, where a server that is away is not waited for.

        Raises:
          ModelServerUnavailable: no server answers.
          ModelServerRefused: a server does not accept the key.
          CallerCancelled: the caller was cancelled.
        """
        offered: list[list[str] | None] = []
        for server in self._servers.servers:
            try:
                offered.append(_models(server, caller))
            except ModelServerUnavailable:
                if len(offered) == 0 and server is self._servers.servers[-1]:
                    raise
        known = [set(names) for names in offered if names is not None]
        return sorted(set.intersection(*known)) if known else None

    def ask(self, question: ChatQuestion, tally: Tally, caller: Caller | None = None) -> Answered | Failed:
        """Return one answer that parses, or why there is none. After an answer that does not parse, ask once more.

        Raises:
          ModelServerUnavailable: the server stayed away for longer than patience lasts.
          ModelServerRefused: the server will not answer any question.
          CallerCancelled: the caller was cancelled before the question could be sent.
        """
        asking = _Asking(tally, caller or Caller(), question.purpose)
        try:
            first, attempts = self._complete(question, asking)
        except ItemGivenUp as error:
            return error.failed()
        usable, problem = _judged(question, first, attempts)
        if usable is not None and problem is None:
            return usable
        tally.retried()
        try:
            second, more = self._complete(_asked_again(question, first, str(problem)), asking)
        except ItemGivenUp as error:
            return usable or error.failed(attempts, f"{problem}; asked again: ")
        better, still = _judged(question, second, attempts + more)
        # an answer with a blemish, which could be read, is better than none; of two that are cut short, the longer one
        if better is not None and usable is not None and better.flaw and usable.flaw:
            return max(better, replace(usable, attempts=attempts + more), key=lambda one: len(one.content or ""))
        return better or usable or Failed("invalid_answer", attempts + more, f"{problem}; the second answer: {still}")

    def embed(
        self, questions: Sequence[EmbeddingQuestion], tally: Tally, caller: Caller | None = None
    ) -> list[Answered | Failed]:
        """Return the vectors of a batch, in order. A text that the server rejects fails alone.

        Raises:
          ModelServerUnavailable: the server stayed away for longer than patience lasts.
          ModelServerRefused: the server will not answer any question.
          CallerCancelled: the caller was cancelled before the batch could be sent.
        """
        asking = _Asking(tally, caller or Caller(), questions[0].purpose)
        request: dict[str, Any] = {"input": [question.text for question in questions], "encoding_format": "float"}
        if questions[0].dimensions:
            request["dimensions"] = questions[0].dimensions

        def attempt(server: ModelServer, trail: Trail) -> tuple[list[bytes], int]:
            body = _serialised({"model": server.endpoint.model, **request})
            answer = self._post(server, "/embeddings", body, 0, trail, asking)
            return read_vectors(answer, len(questions))

        # a batch that fails twice is divided at once: the more attempts are for the single texts
        retries = self._patience.retries if len(questions) == 1 else min(1, self._patience.retries)
        try:
            (vectors, tokens), _ = self._retrying(attempt, replace(self._patience, retries=retries), asking)
        except ItemGivenUp as error:
            if len(questions) == 1:
                return [error.failed()]
            middle = len(questions) // 2
            return self.embed(questions[:middle], tally, caller) + self.embed(questions[middle:], tally, caller)
        tally.answered(tokens, 0)
        return [embedding_answer(vector, len(questions), tokens) for vector in vectors]

    @contextmanager
    def slot(self, caller: Caller) -> Iterator[ModelServer]:
        """Hold a slot of the gate of one of the servers, for a request of another kind; yield the server.

        A server that is away is not waited for.

        Raises:
          ServerAway: all servers are away.
          CallerCancelled: the caller was cancelled.
        """
        server, _ = self._servers.choose()
        with server.gate.slot(caller, wait_for_server=False):
            if server.gate.away_since() is not None:  # the turn was given for a look whether it is back
                raise ServerAway
            yield server

    def _complete(self, question: ChatQuestion, asking: _Asking) -> tuple[Completion, int]:
        """Return one completion, and the number of attempts that it took."""
        bodies: dict[Dialect, bytes] = {}  # each is serialised once, however often it is sent

        def attempt(server: ModelServer, trail: Trail) -> Completion:
            dialect = server.dialect
            while True:
                if dialect not in bodies:
                    request = dialect.body(question, question.messages) | self._extra_body
                    bodies[dialect] = _serialised({"model": server.endpoint.model, **request})
                bound = question.sampling.max_tokens
                try:
                    answer = self._post(server, "/chat/completions", bodies[dialect], bound, trail, asking)
                except openai.APIStatusError as error:
                    poorer = dialect.adapted(describe_fault(error), dialect.body(question, question.messages))
                    if poorer is None:
                        raise
                    dialect = poorer
                    asking.tally.retried()
                    continue
                completion = read_completion(answer)
                server.dialect = server.dialect.joined(dialect)  # only what has worked is remembered
                return completion

        completion, attempts = self._retrying(attempt, self._patience, asking)
        asking.tally.answered(completion.prompt_tokens, completion.completion_tokens)
        return completion, attempts

    def _retrying(
        self, attempt: Callable[[ModelServer, Trail], T], patience: Patience, asking: _Asking
    ) -> tuple[T, int]:
        """Call `attempt` until it succeeds or its fault is one to give up for; return its result and the attempts."""
        trail = Trail()
        while True:
            server, wait_for_server = self._servers.choose()
            try:
                with server.gate.slot(asking.caller, wait_for_server=wait_for_server):
                    fault = None if server.gate.away_since() is None else server.look()
                    if fault is None:
                        trail.attempts += 1
                        return attempt(server, trail), trail.attempts
            except ServerAway:
                if wait_for_server:
                    raise ModelServerUnavailable(f"model server {server.endpoint.shown_url}: it is away") from None
                continue
            except UnicodeEncodeError as error:
                raise ItemGivenUp(Fault(Cure.GIVE_UP_ITEM, "unsendable", str(error)), trail.attempts) from None
            except (openai.OpenAIError, httpx.HTTPError, *MALFORMED) as error:
                fault = describe_fault(error)
            self._after(server, fault, trail, patience, asking)

    def _post(
        self, server: ModelServer, path: str, body: bytes, bound: int | None, trail: Trail, asking: _Asking
    ) -> dict[str, Any]:
        """Send one request, whose answer may have `bound` tokens."""
        seconds = server.limits.seconds(len(body), bound, trail)
        asking.tally.sent()
        try:
            return server.post(path, body, asking.purpose, seconds)
        finally:
            asking.tally.returned()

    def _after(
        self,
        server: ModelServer,
        fault: Fault,
        trail: Trail,
        patience: Patience,
        asking: _Asking,
    ) -> None:
        """Do what a fault leads to: give up, let the gate wait, or pause before the next attempt."""
        if fault.cure is Cure.GIVE_UP_RUN:
            raise ModelServerRefused(server.about(fault))
        if fault.cure is Cure.GIVE_UP_ITEM:
            raise ItemGivenUp(fault, trail.attempts)
        server.failed(fault, trail)
        waits = asking.caller.patience if asking.caller.patience is not None else patience.waiting
        asking.tally.retried()
        if fault.cure is Cure.WAIT:
            self._be_patient(server, fault, trail, waits)
            if fault.reason != BUSY or (fault.status != 429 and not server.answered_lately()):
                # proxies refuse all requests with 503, and so do servers that load their model
                server.gate.lost(fault.retry_after)
                return
            server.gate.refused(fault.retry_after)
        # while different questions fail together, and none is answered, the questions are not to blame
        elif not trail.may_retry(fault, patience) and not (server.is_ill() and server.silent_seconds() < waits):
            raise ItemGivenUp(fault, trail.attempts)
        if fault.cure is Cure.WAIT:  # the gate of that server is shut for as long as it said: another may have room
            fault = replace(fault, retry_after=None)
        asking.caller.pause(patience.pause(trail.attempts, fault))

    def _be_patient(self, server: ModelServer, fault: Fault, trail: Trail, waits: float) -> None:
        """Raise ModelServerUnavailable when a server is not to be waited for any longer."""
        if fault.retry_after is not None and fault.retry_after > waits:
            message = f"{server.about(fault)} (it wants to be left alone for {fault.retry_after:.0f} s)"
            raise ModelServerUnavailable(message)
        now = time.monotonic()
        trail.waiting_since = trail.waiting_since or now
        if self._servers.silent_seconds() >= waits:
            raise ModelServerUnavailable(server.about(fault))
        if now - trail.waiting_since >= STARVING * waits:  # others were answered all the while
            raise ItemGivenUp(fault, trail.attempts)


def _models(server: ModelServer, caller: Caller | None) -> list[str] | None:
    if caller is None:
        return server.models()
    try:
        with server.gate.slot(caller, wait_for_server=False):
            found = server.models()
            server.gate.found()
            return found
    except ServerAway:
        raise ModelServerUnavailable(f"model server {server.endpoint.shown_url} does not answer") from None


def _serialised(request: dict[str, Any]) -> bytes:
    return json.dumps(request, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _asked_again(question: ChatQuestion, first: Completion, problem: str) -> ChatQuestion:
    """The question with what was wrong with its first answer."""
    if problem == CIRCLES:  # to be shown its own circles would lead a model into them again
        sampling = question.sampling
        hint = Message(role="user", content=f"{question.messages[-1]['content']}\n\n{STOP_REPEATING}")
        looser = replace(
            sampling,
            temperature=max(LOOSER_TEMPERATURE, sampling.temperature or 0.0),
            max_tokens=None if sampling.max_tokens is None else max(1, int(sampling.max_tokens * SHORTER)),
        )
        return replace(question, messages=(*question.messages[:-1], hint), sampling=looser)
    correction = (
        *question.messages,
        Message(role="assistant", content=without_nul(first.text)[:QUOTED_CHARACTERS] or "(empty)"),
        Message(role="user", content=CORRECTION.format(problem=problem)),
    )
    return replace(question, messages=correction)


def _judged(question: ChatQuestion, completion: Completion, attempts: int) -> tuple[Answered | None, str | None]:
    """The answer if it can be read, and what is wrong with it: one that was cut off can be both."""
    if not without_nul(completion.text):
        is_filtered = completion.finish_reason == "content_filter"
        return None, CUT_OFF["content_filter"] if is_filtered else "it is empty"
    is_looping = completion.finish_reason == "length" and goes_in_circles(completion.text)
    problem = CIRCLES if is_looping else None
    try:
        value = question.read(completion.text)
    except InvalidAnswer as error:
        is_cut = completion.finish_reason == "length" and question.schema is not None and not question.parts_count
        return None, problem or (CUT_OFF["length"] if is_cut else str(error))
    except RecursionError:
        return None, "it is nested too deeply"
    flaw = problem or question.flaw(completion.text, value, completion.finish_reason)
    answered = Answered(
        value=value,
        content=completion.text,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        flaw=flaw,
        attempts=attempts,
    )
    return answered, flaw or _foreign(question, completion)


def _foreign(question: ChatQuestion, completion: Completion) -> str | None:
    """Whether an answer is written in a script that nothing of its question is written in."""
    script = foreign_script(question.messages, completion.text)
    return None if script is None else f"it is written in {script.capitalize()} script, which the text is not"
