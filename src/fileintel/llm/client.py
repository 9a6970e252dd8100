"""Asking one OpenAI-compatible endpoint: requests through the gate, faults cured, answers parsed.

A client is used by many greenlets or threads at once. It never touches the database.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import openai

from fileintel.config import Endpoint
from fileintel.errors import ModelServerRefused, ModelServerUnavailable
from fileintel.llm.dialect import Dialect
from fileintel.llm.errand import Errand
from fileintel.llm.faults import BUSY, Cure, Fault, describe_fault
from fileintel.llm.gate import Gate
from fileintel.llm.questions import Answered, ChatQuestion, EmbeddingQuestion, Failed, InvalidAnswer, Message
from fileintel.llm.responses import MALFORMED, Completion, embedding_answer, read_completion, read_vectors

PURPOSE_HEADER = "X-FileIntel-Purpose"
LONGEST_BACKOFF_SECONDS = 20.0
QUOTED_CHARACTERS = 4_000  # how much of an invalid answer is shown to the model again
CORRECTION = "Your answer cannot be used: {problem}. Give the whole answer again, in exactly the form asked for."
CUT_OFF = "it was cut off at the length limit, so give a shorter one"
# a question that gets no turn while others do is given up after this many times the patience
STARVING = 2.0

__all__ = ["ItemGivenUp", "ModelClient", "Patience", "Tally", "embedding_answer"]

T = TypeVar("T")


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

    def include(self, other: "Tally") -> None:
        """Count what another one has counted, such as questions from before a run began."""
        with self._lock:
            self.calls += other.calls
            self.retries += other.retries
            self.prompt_tokens += other.prompt_tokens
            self.completion_tokens += other.completion_tokens
            self.peak_in_flight = max(self.peak_in_flight, other.peak_in_flight)

    def retried(self) -> None:
        """A question has to be asked once more."""
        with self._lock:
            self.retries += 1


@dataclass(frozen=True)
class Patience:
    """How long one question is insisted on.

    `timeout` bounds one request, `waiting` the time a server that is busy or away is waited for, `backoff` is the
    first pause before another attempt (all in seconds); `retries` bounds the other faults of one question.
    """

    timeout: float = 600.0
    waiting: float = 600.0
    retries: int = 5
    backoff: float = 1.0


class ItemGivenUp(Exception):
    """This question cannot be answered; carries the fault and the number of attempts."""

    def __init__(self, fault: Fault, attempts: int) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.attempts = attempts

    def failed(self, attempts_before: int = 0, said_before: str = "") -> Failed:
        """The outcome for the one who asked."""
        return Failed(self.fault.reason, attempts_before + self.attempts, said_before + self.fault.message)


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
        from fileintel.llm.transport import ModelHttp

        self.endpoint = endpoint
        self.gate = gate
        self._patience = patience
        self._extra_body = dict(extra_body or {})
        self._dialect = Dialect()
        self._last_success = time.monotonic()
        self._http = ModelHttp(endpoint.base_url, gate.reading().ceiling)
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

    def ask(self, question: ChatQuestion, tally: Tally, errand: Errand | None = None) -> Answered | Failed:
        """One answer that parses, or why there is none. An answer that does not parse is asked for once more.

        Raises:
          ModelServerUnavailable: the server stayed away for longer than patience lasts.
          ModelServerRefused: the server will not answer any question.
          CalledOff: the errand was, before the question could be sent.
        """
        errand = errand or Errand()
        try:
            first, attempts = self._complete(question, question.messages, tally, errand)
        except ItemGivenUp as error:
            return error.failed()
        usable, problem = _judged(question, first)
        if usable is not None and problem is None:
            return usable
        tally.retried()
        correction = (
            *question.messages,
            Message(role="assistant", content=first.text[:QUOTED_CHARACTERS] or "(empty)"),
            Message(role="user", content=CORRECTION.format(problem=problem)),
        )
        try:
            second, more = self._complete(question, correction, tally, errand)
        except ItemGivenUp as error:
            return usable or error.failed(attempts, f"{problem}; asked again: ")
        better, still = _judged(question, second)
        # a first answer that was cut off, and could be read, is better than none
        return better or usable or Failed("invalid_answer", attempts + more, f"{problem}; the second answer: {still}")

    def embed(
        self, questions: Sequence[EmbeddingQuestion], tally: Tally, errand: Errand | None = None
    ) -> list[Answered | Failed]:
        """The vectors of a batch, in order. A text that the server rejects fails alone.

        Raises: as `ask`.
        """
        errand = errand or Errand()
        body: dict[str, Any] = {"input": [question.text for question in questions], "encoding_format": "float"}
        if questions[0].dimensions:
            body["dimensions"] = questions[0].dimensions

        def attempt() -> tuple[list[bytes], int]:
            answer = self._post("/embeddings", body, questions[0].purpose, tally, errand)
            return read_vectors(answer, len(questions))

        # a batch that fails twice is divided at once: the more attempts are for the single texts
        retries = self._patience.retries if len(questions) == 1 else min(1, self._patience.retries)
        try:
            (vectors, tokens), _ = self._insist(attempt, retries, tally, errand)
        except ItemGivenUp as error:
            if len(questions) == 1:
                return [error.failed()]
            middle = len(questions) // 2
            return self.embed(questions[:middle], tally, errand) + self.embed(questions[middle:], tally, errand)
        tally.answered(tokens, 0)
        return [embedding_answer(vector, len(questions), tokens) for vector in vectors]

    def _complete(
        self, question: ChatQuestion, messages: Sequence[Message], tally: Tally, errand: Errand
    ) -> tuple[Completion, int]:
        """One completion, and after how many attempts it came."""
        dialect = self._dialect

        def attempt() -> Completion:
            nonlocal dialect
            while True:
                body = dialect.body(question, messages)
                try:
                    answer = self._post("/chat/completions", body | self._extra_body, question.purpose, tally, errand)
                except openai.APIStatusError as error:
                    poorer = dialect.adapted(describe_fault(error), body)
                    if poorer is None:
                        raise
                    dialect = poorer
                    tally.retried()
                    continue
                completion = read_completion(answer)
                self._dialect = self._dialect.joined(dialect)  # only what has worked is remembered
                return completion

        completion, attempts = self._insist(attempt, self._patience.retries, tally, errand)
        tally.answered(completion.prompt_tokens, completion.completion_tokens)
        return completion, attempts

    def _post(self, path: str, body: dict[str, Any], purpose: str, tally: Tally, errand: Errand) -> dict[str, Any]:
        with self.gate.slot(errand):
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

    def _insist(self, attempt: Callable[[], T], retries: int, tally: Tally, errand: Errand) -> tuple[T, int]:
        """Call `attempt` until it succeeds or the cure of its fault is to give up; the result and the attempts."""
        attempts = retried = 0
        waiting_since: float | None = None
        while True:
            attempts += 1
            try:
                return attempt(), attempts
            except UnicodeEncodeError as error:
                raise ItemGivenUp(Fault(Cure.GIVE_UP_ITEM, "unsendable", str(error)), attempts) from None
            except (openai.OpenAIError, httpx.HTTPError, *MALFORMED) as error:
                fault = describe_fault(error)
            if fault.cure is Cure.GIVE_UP_RUN:
                raise ModelServerRefused(self._about(fault))
            if fault.cure is Cure.WAIT:
                waiting_since = waiting_since or time.monotonic()
                self._be_patient(fault, waiting_since, attempts)
            elif fault.cure is Cure.GIVE_UP_ITEM or retried >= retries:
                raise ItemGivenUp(fault, attempts)
            else:
                retried += 1
                waiting_since = None
            tally.retried()
            errand.pause(self._backoff(attempts, fault))

    def _be_patient(self, fault: Fault, waiting_since: float, attempts: int) -> None:
        """Look whether the server is waited for any longer; one that is busy shall get less to do."""
        patience = self._patience.waiting
        if fault.retry_after is not None and fault.retry_after > patience:
            message = f"{self._about(fault)} (it wants to be left alone for {fault.retry_after:.0f} s)"
            raise ModelServerUnavailable(message)
        if fault.reason == BUSY:
            self.gate.refused(fault.retry_after)
        now = time.monotonic()
        if now - max(waiting_since, self._last_success) >= patience:
            raise ModelServerUnavailable(self._about(fault))
        if now - waiting_since >= STARVING * patience:  # others were answered all the while
            raise ItemGivenUp(fault, attempts)

    def _backoff(self, attempt: int, fault: Fault) -> float:
        shortest = self._patience.backoff
        if fault.retry_after is not None:
            # the gate holds everyone for the full time; not all of us have to come back in the same moment
            return min(fault.retry_after, LONGEST_BACKOFF_SECONDS) + random.uniform(0, shortest)
        longest: float = min(LONGEST_BACKOFF_SECONDS, shortest * 2 ** min(attempt - 1, 10))
        return random.uniform(longest / 2, longest)

    def _about(self, fault: Fault) -> str:
        return f"model server {self.endpoint.shown_url}, model {self.endpoint.model or '(not set)'}: {fault.message}"


def _judged(question: ChatQuestion, completion: Completion) -> tuple[Answered | None, str | None]:
    """The answer if it can be read, and what is wrong with it: an object that was cut off can be both."""
    if not completion.text:
        return None, "it is empty"
    whole = question.schema is not None and not question.parts_count
    problem = CUT_OFF if whole and completion.finish_reason == "length" else None
    try:
        value = question.parse(completion.text)
    except InvalidAnswer as error:
        return None, problem or str(error)
    except RecursionError:
        return None, "it is nested too deeply"
    answered = Answered(
        value=value,
        content=completion.text,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
    )
    return answered, problem
