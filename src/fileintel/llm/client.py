"""Asking one OpenAI-compatible endpoint: requests through the gate, faults cured, answers parsed.

A client is used by many greenlets or threads at once. It never touches the database.
"""

import array
import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import openai

from fileintel.config import Endpoint
from fileintel.errors import ModelServerRefused, ModelServerUnavailable
from fileintel.llm.faults import Cure, Fault, describe_fault
from fileintel.llm.gate import Gate
from fileintel.llm.json_answers import strip_reasoning
from fileintel.llm.questions import Answered, ChatQuestion, EmbeddingQuestion, Failed, InvalidAnswer, Message

PURPOSE_HEADER = "X-FileIntel-Purpose"
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 20.0
QUOTED_CHARACTERS = 4_000  # how much of an invalid answer is shown to the model again
CORRECTION = "Your answer cannot be used: {problem}. Give the whole answer again, in exactly the form asked for."
CUT_OFF = "it was cut off at the length limit, so give a shorter one"


class Tally:
    """What a run has asked for so far. Shared by the greenlets of one fan-out."""

    def __init__(self, calls: int = 0, retries: int = 0, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        self.calls = calls
        self.retries = retries
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.in_flight = 0
        self.peak_in_flight = 0
        self._lock = threading.Lock()

    def sent(self) -> None:
        """A request is on its way."""
        with self._lock:
            self.in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def returned(self) -> None:
        """A request is over, well or not."""
        with self._lock:
            self.in_flight -= 1

    def answered(self, prompt_tokens: int, completion_tokens: int) -> None:
        """A request brought an answer, which was paid for."""
        with self._lock:
            self.calls += 1
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens

    def retried(self) -> None:
        """A question has to be asked once more."""
        with self._lock:
            self.retries += 1


@dataclass(frozen=True)
class Patience:
    """How long one question is insisted on.

    `timeout` bounds one request, `waiting` the time a server that is busy or away is waited for (both in
    seconds), `retries` the other faults of one question.
    """

    timeout: float = 600.0
    waiting: float = 600.0
    retries: int = 5


class ItemGivenUp(Exception):
    """This question cannot be answered; carries the fault and the number of attempts."""

    def __init__(self, fault: Fault, attempts: int) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.attempts = attempts


@dataclass(frozen=True)
class _Completion:
    text: str
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int


class ModelClient:
    """Speaks to one endpoint, for chat and for embeddings.

    Parameters:
      endpoint: where, with which key and model.
      gate: bounds the requests in flight to that endpoint in this process.
      extra_body: merged into every chat request, e.g. to turn reasoning off.
    """

    def __init__(
        self, endpoint: Endpoint, gate: Gate, patience: Patience, extra_body: Mapping[str, Any] | None = None
    ) -> None:
        from fileintel.llm.transport import PooledTransport

        self.endpoint = endpoint
        self.gate = gate
        self._patience = patience
        self._extra_body = dict(extra_body or {})
        self._dialect = _Dialect()
        self._last_success = time.monotonic()
        self._http = httpx.Client(transport=PooledTransport(endpoint.base_url, gate.reading().ceiling))
        self._openai = openai.OpenAI(
            api_key=endpoint.api_key, base_url=endpoint.base_url, max_retries=0, http_client=self._http
        )

    def close(self) -> None:
        """Close the connections."""
        self._openai.close()

    def models(self) -> list[str] | None:
        """The models that the server offers; None when it does not tell.

        Raises:
          ModelServerUnavailable: it does not answer.
          ModelServerRefused: it does not accept the key.
        """
        try:
            response = self._openai.get("/models", cast_to=httpx.Response, options={"timeout": 10.0})
            return sorted(str(entry["id"]) for entry in response.json()["data"])
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                raise ModelServerRefused(self._about(describe_fault(error))) from error
            if error.status_code in (500, 502, 503, 504):
                raise ModelServerUnavailable(self._about(describe_fault(error))) from error
            return None
        except (openai.APIConnectionError, httpx.HTTPError) as error:
            raise ModelServerUnavailable(self._about(describe_fault(error))) from error
        except (ValueError, KeyError, TypeError):
            return None

    def ask(self, question: ChatQuestion, tally: Tally, task: object = None) -> Answered | Failed:
        """One answer that parses, or why there is none. An answer that does not parse is asked for once more.

        Raises:
          ModelServerUnavailable: the server stayed away for longer than patience lasts.
          ModelServerRefused: the server will not answer any question.
        """
        try:
            first = self._complete(question, question.messages, tally, task)
            problem = _problem_with(question, first)
            if problem is None:
                return _answered(question, first)
            tally.retried()
            correction = (
                *question.messages,
                Message(role="assistant", content=first.text[:QUOTED_CHARACTERS] or "(empty)"),
                Message(role="user", content=CORRECTION.format(problem=problem)),
            )
            second = self._complete(question, correction, tally, task)
        except ItemGivenUp as error:
            return Failed(error.fault.reason, error.attempts, error.fault.message)
        for completion in (second, first):  # a repaired, cut-off first answer is better than none
            if _parses(question, completion):
                return _answered(question, completion)
        return Failed("invalid_answer", 2, f"{problem}; the second answer: {_problem_with(question, second)}")

    def embed(
        self, questions: Sequence[EmbeddingQuestion], tally: Tally, task: object = None
    ) -> list[Answered | Failed]:
        """The vectors of a batch, in order. A text that the server rejects fails alone.

        Raises: as `ask`.
        """
        body: dict[str, Any] = {"input": [question.text for question in questions], "encoding_format": "float"}
        if questions[0].dimensions:
            body["dimensions"] = questions[0].dimensions

        def read(response: dict[str, Any]) -> tuple[list[list[float]], int]:
            entries = sorted(response["data"], key=lambda entry: int(entry["index"]))
            if len(entries) != len(questions):
                raise ValueError(f"{len(entries)} vectors for {len(questions)} texts")
            return [entry["embedding"] for entry in entries], _usage(response, "prompt_tokens")

        try:
            vectors, tokens = self._insist(
                lambda: read(self._post("/embeddings", body, questions[0].purpose, tally, task)), tally
            )
        except ItemGivenUp as error:
            if len(questions) == 1:
                return [Failed(error.fault.reason, error.attempts, error.fault.message)]
            middle = len(questions) // 2
            return self.embed(questions[:middle], tally, task) + self.embed(questions[middle:], tally, task)
        tally.answered(tokens, 0)
        return [embedding_answer(array.array("f", vector).tobytes(), len(questions), tokens) for vector in vectors]

    def _complete(self, question: ChatQuestion, messages: Sequence[Message], tally: Tally, task: object) -> _Completion:
        body: dict[str, Any] = {}

        def attempt() -> _Completion:
            nonlocal body
            body = self._dialect.body(question, messages) | self._extra_body
            return _read_completion(self._post("/chat/completions", body, question.purpose, tally, task))

        completion: _Completion = self._insist(attempt, tally, lambda fault: self._dialect.adapt(fault, body))
        tally.answered(completion.prompt_tokens, completion.completion_tokens)
        return completion

    def _post(self, path: str, body: dict[str, Any], purpose: str, tally: Tally, task: object) -> dict[str, Any]:
        if hold := self.gate.hold_seconds():
            time.sleep(hold)
        with self.gate.slot(task):
            tally.sent()
            try:
                response = self._openai.post(
                    path,
                    cast_to=httpx.Response,
                    body={"model": self.endpoint.model, **body},
                    options={"headers": {PURPOSE_HEADER: purpose}, "timeout": self._patience.timeout},
                )
            finally:
                tally.returned()
        answer = json.loads(response.content)
        if not isinstance(answer, dict):
            raise ValueError("the response is not a JSON object")
        self._last_success = time.monotonic()
        self.gate.succeeded()
        return answer

    def _insist(self, attempt: Any, tally: Tally, adapt: Any = None) -> Any:
        """Call `attempt` until it succeeds or the cure of its fault is to give up."""
        retries = waits = attempts = 0
        started = time.monotonic()
        while True:
            attempts += 1
            try:
                return attempt()
            except (openai.OpenAIError, httpx.HTTPError, ValueError, KeyError, TypeError, IndexError) as error:
                fault = describe_fault(error)
            if adapt is not None and adapt(fault):
                continue
            if fault.cure is Cure.GIVE_UP_RUN:
                raise ModelServerRefused(self._about(fault))
            if fault.cure is Cure.GIVE_UP_ITEM or retries >= self._patience.retries:
                raise ItemGivenUp(fault, attempts)
            if fault.cure is Cure.WAIT:
                waits += 1
                self.gate.refused(fault.retry_after)
                if time.monotonic() - max(started, self._last_success) > self._patience.waiting:
                    raise ModelServerUnavailable(self._about(fault))
            else:
                retries += 1
            tally.retried()
            time.sleep(_backoff(waits + retries, fault))

    def _about(self, fault: Fault) -> str:
        return f"model server {self.endpoint.shown_url}, model {self.endpoint.model or '(not set)'}: {fault.message}"


class _Dialect:
    """What this server understands of the protocol: found out by its refusals, remembered for later requests."""

    SCHEMA_MODES = ("json_schema", "json_object", "none")

    def __init__(self) -> None:
        self._schema_mode = 0
        self._token_parameter = "max_tokens"
        self._unsupported: set[str] = set()

    def body(self, question: ChatQuestion, messages: Sequence[Message]) -> dict[str, Any]:
        sampling = question.sampling
        parameters = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self._token_parameter: sampling.max_tokens,
        }
        body: dict[str, Any] = {"messages": list(messages)}
        body.update({k: v for k, v in parameters.items() if v is not None and k not in self._unsupported})
        mode = self.SCHEMA_MODES[self._schema_mode]
        if question.schema is not None and mode == "json_schema":
            schema = {"name": question.schema.name, "schema": question.schema.body, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif question.schema is not None and mode == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def adapt(self, fault: Fault, body: dict[str, Any]) -> bool:
        """Change the way of asking after `body` was refused; True when it is worth asking again at once."""
        if fault.status not in (400, 422) or fault.reason == "context_length":
            return False
        words = fault.message.lower()
        if "max_completion_tokens" in words and "max_tokens" in body:
            self._token_parameter = "max_completion_tokens"
            return True
        for name in ("temperature", "top_p"):
            if name in words and name in body:
                self._unsupported.add(name)
                return True
        if "response_format" in body:
            refused = self.SCHEMA_MODES.index(body["response_format"]["type"])
            self._schema_mode = max(self._schema_mode, refused + 1)
            return True
        return False


def embedding_answer(vector: bytes, shared_by: int = 1, prompt_tokens: int = 0, cached: bool = False) -> Answered:
    """An answer made of a stored vector (32-bit floats). Always read back from the bytes, so that a new answer and
    a stored one are equal to the last bit."""
    value = array.array("f", vector).tolist()
    return Answered(value, vector=vector, prompt_tokens=prompt_tokens // max(1, shared_by), cached=cached)


def _read_completion(response: dict[str, Any]) -> _Completion:
    choice = response["choices"][0]
    message = choice.get("message") or {}
    return _Completion(
        text=strip_reasoning(message.get("content") or ""),
        finish_reason=choice.get("finish_reason"),
        prompt_tokens=_usage(response, "prompt_tokens"),
        completion_tokens=_usage(response, "completion_tokens"),
    )


def _usage(response: dict[str, Any], field: str) -> int:
    return int((response.get("usage") or {}).get(field) or 0)


def _problem_with(question: ChatQuestion, completion: _Completion) -> str | None:
    if not completion.text:
        return "it is empty"
    if question.schema is not None and completion.finish_reason == "length":
        return CUT_OFF
    try:
        question.parse(completion.text)
    except InvalidAnswer as problem:
        return str(problem)
    return None


def _parses(question: ChatQuestion, completion: _Completion) -> bool:
    return _problem_with(question, replace(completion, finish_reason=None)) is None


def _answered(question: ChatQuestion, completion: _Completion) -> Answered:
    return Answered(
        value=question.parse(completion.text),
        content=completion.text,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
    )


def _backoff(attempt: int, fault: Fault) -> float:
    if fault.retry_after is not None:
        return min(fault.retry_after, LONGEST_BACKOFF_SECONDS)  # the gate holds everyone for the full time
    longest: float = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(attempt, 10))
    return random.uniform(longest / 2, longest)
