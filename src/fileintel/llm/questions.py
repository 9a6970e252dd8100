"""Questions to a model, and what comes back: answers and failures.

A question's key is the hash of everything that decides the answer: model, messages, sampling and the
schema asked for. Endpoint, timeout, purpose, parser and program version are not part of it.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypedDict

# how a prompt asks for a language; the checks of answers have to see that one was asked for
IN_LANGUAGE = "Write all text of your answer in {language}."

# ASCII's SUBSTITUTE stands for a NUL in the text of an answer: no database keeps a NUL, and one that was taken out
# without a trace could not be counted when the stored answer is read again
NUL_MARK = "\x1a"
# what a server says of an answer that it did not let end
CUT_OFF = {
    "length": "it was cut off at the length limit, so give a shorter one",
    "content_filter": "it was cut off by the server's content filter",
}
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Message(TypedDict):
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


class InvalidAnswer(Exception):
    """The answer is not of the form asked for; the message goes back to the model once."""


@dataclass(frozen=True)
class AnswerForm:
    """A parser that can also tell whether the answer it read is whole.

    Parameters:
      parse: makes the value out of the answer's text; raises InvalidAnswer when it cannot.
      flaw: given the text and its value, says what is missing, in words that go back to the model; None when the
        answer is whole by its own form, whatever the server says of why it ended.
    """

    parse: Callable[[str], Any]
    flaw: Callable[[str, Any], str | None]

    def __call__(self, text: str) -> Any:
        """The value of an answer's text; raises InvalidAnswer when there is none."""
        return self.parse(text)


@dataclass(frozen=True)
class Schema:
    """A JSON schema that the answer must follow, with the name under which servers know it."""

    name: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Sampling:
    """The parameters that shape an answer; None leaves one to the server."""

    temperature: float | None = 0.0
    top_p: float | None = None
    max_tokens: int | None = 4096


@dataclass(frozen=True)
class ChatQuestion:
    """A conversation to be continued.

    Parameters:
      purpose: what it is for, e.g. "extract"; sent along as a header, for logs and the built-in model.
      parse: makes the value out of the answer's text; raises InvalidAnswer when it cannot. An `AnswerForm` can also
        tell that an answer is less than whole.
      parts_count: an answer that was cut off at its limit is used as far as it goes, also where a schema is asked for.
    """

    purpose: str
    model: str
    messages: tuple[Message, ...]
    parse: Callable[[str], Any]
    sampling: Sampling = field(default_factory=Sampling)
    schema: Schema | None = None
    parts_count: bool = False

    @cached_property
    def key(self) -> bytes:
        """SHA-256 over what decides the answer."""
        sampling = self.sampling
        numbers = [_number(sampling.temperature), _number(sampling.top_p), sampling.max_tokens]
        schema = self.schema.body if self.schema else None
        return _hash(["chat", self.model, self.messages, numbers, schema])

    def read(self, content: str) -> Any:
        """Return what the parser makes of an answer's text, new or stored. Raises InvalidAnswer."""
        return self.parse(without_nul(content))

    def flaw(self, content: str, value: Any, finish_reason: str | None) -> str | None:
        """What an answer's text, which was read as `value`, lacks to be whole; None where nothing does, or where what
        follows makes up for it."""
        form = self.parse if isinstance(self.parse, AnswerForm) else None
        if finish_reason in CUT_OFF and (form is not None or self.schema is not None):
            return None if self.parts_count and finish_reason == "length" else CUT_OFF[finish_reason]
        return form.flaw(without_nul(content), value) if form is not None else None

    def holds_nul(self, content: str) -> bool:
        """Return whether an answer's text came with NUL characters, as such or escaped in JSON that was asked for."""
        if self.schema is not None and "\\u0000" in content and _NUL_IN_JSON.search(content):
            return True
        return NUL_MARK in content

    def followed_by(self, answer: str, request: str, **changes: Any) -> "ChatQuestion":
        """Return this conversation with one answer and one request more; `changes` are of its other fields."""
        messages = (
            *self.messages,
            Message(role="assistant", content=without_nul(answer)),
            Message(role="user", content=request),
        )
        values = {
            name: getattr(self, name) for name in ("purpose", "model", "parse", "sampling", "schema", "parts_count")
        }
        return ChatQuestion(**{**values, **changes, "messages": messages})


@dataclass(frozen=True)
class EmbeddingQuestion:
    """A text to be turned into a vector. Keyed by itself, however it is batched with others."""

    purpose: str
    model: str
    text: str
    tokens: int
    dimensions: int | None = None

    @cached_property
    def key(self) -> bytes:
        """SHA-256 over what decides the vector."""
        return _hash(["embedding", self.model, self.text, self.dimensions])


Question = ChatQuestion | EmbeddingQuestion


@dataclass(frozen=True)
class Answered:
    """An answer that parsed.

    `value` is what the question's parser made of it (a list of floats for an embedding). `content` and
    `vector` are what is kept; `cached` says that nothing was asked. `flaw` says what the answer lacks to be whole: it
    is used as far as it goes, and its item is a gap.
    """

    value: Any
    content: str | None = None
    vector: bytes | None = None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached: bool = False
    flaw: str | None = None
    attempts: int = 1

    @property
    def truncated(self) -> bool:
        """True when the model was cut off at the token limit."""
        return self.finish_reason == "length"


@dataclass(frozen=True)
class Failed:
    """A question that got no usable answer, for good."""

    reason: str  # a short stable word: "invalid_answer", "timeout", "context_length", …
    attempts: int
    last_error: str


def without_nul(content: str) -> str:
    """Return an answer's text without the marks that stand for NUL characters in it."""
    return content.replace(NUL_MARK, "") if NUL_MARK in content else content


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)  # 0 and 0.0 are the same, in JSON they are not


def _hash(parts: list[Any]) -> bytes:
    canonical = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()
