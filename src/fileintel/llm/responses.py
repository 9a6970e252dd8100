"""Reading the responses of OpenAI-compatible servers, which follow the protocol more or less.

What cannot be read raises one of MALFORMED.
"""

import array
import math
from dataclasses import dataclass
from typing import Any

from fileintel.llm.json_answers import strip_reasoning
from fileintel.llm.questions import NUL_MARK, Answered
from fileintel.storable import storable

MOST_TOKENS = 2**31 - 1  # that the answer store can note
MALFORMED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)


@dataclass(frozen=True)
class Completion:
    """The text of a chat answer, without its reasoning and with marks for NUL characters, and what it cost."""

    text: str
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int


def read_completion(response: dict[str, Any]) -> Completion:
    """Return the first choice of a chat response."""
    _expect_no_error(response)
    choice = response["choices"][0]
    message = choice["message"]
    reason = choice.get("finish_reason")
    return Completion(
        # cleaned before it is parsed, so that a stored answer parses like a new one
        text=strip_reasoning(storable(_said(message, reason).replace("\0", NUL_MARK))),
        finish_reason=reason if isinstance(reason, str) else None,
        prompt_tokens=usage(response, "prompt_tokens"),
        completion_tokens=usage(response, "completion_tokens"),
    )


def read_vectors(response: dict[str, Any], count: int) -> tuple[list[bytes], int]:
    """Return the vectors of an embeddings response as 32-bit floats, in the order of the texts, and the tokens."""
    _expect_no_error(response)
    entries = response["data"]
    if len(entries) != count:
        raise ValueError(f"{len(entries)} vectors for {count} texts")
    if all("index" in entry for entry in entries):  # some servers answer in another order, some leave it out
        entries = sorted(entries, key=lambda entry: int(entry["index"]))
    vectors = [array.array("f", entry["embedding"]) for entry in entries]
    if any(not vector or not math.isfinite(sum(vector)) for vector in vectors):
        raise ValueError("a vector is empty or holds something that is not a finite number")
    return [vector.tobytes() for vector in vectors], usage(response, "prompt_tokens")


def embedding_answer(vector: bytes, shared_by: int = 1, prompt_tokens: int = 0, cached: bool = False) -> Answered:
    """Return an answer made of a stored vector (32-bit floats).

    It is always read back from the bytes, so that a new answer and a stored one are equal to the last bit.
    """
    value = array.array("f", vector).tolist()
    return Answered(value, vector=vector, prompt_tokens=prompt_tokens // max(1, shared_by), cached=cached)


def _expect_no_error(response: dict[str, Any]) -> None:
    """Raise ValueError with the server's words where a response of status 200 is an error."""
    error = response.get("error")
    if error and not response.get("choices") and not response.get("data"):
        words, code = (error.get("message"), error.get("code")) if isinstance(error, dict) else (error, None)
        raise ValueError(f"the server says: {words}" + (f" (code {code})" if code is not None else ""))


def _said(message: dict[str, Any], finish_reason: object) -> str:
    """The text of a message. Some servers put the whole of an answer that came to its end into the field for reasoning,
    or answer a schema by the arguments of a tool."""
    text = _text(message.get("content"))
    if text.strip() or finish_reason not in ("stop", "tool_calls"):
        return text
    calls = message.get("tool_calls") or [{}]
    others = (calls[0].get("function", {}).get("arguments"), message.get("reasoning_content"), message.get("reasoning"))
    return next((other for other in others if isinstance(other, str) and other.strip()), text)


def _text(content: object) -> str:
    """Return a message's content, which is a text, or parts of which some are text."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part["type"] == "text")
    if content is None or isinstance(content, str):
        return content or ""
    raise TypeError(f"the content of the message is of type {type(content).__name__}")


def usage(response: dict[str, Any], field: str) -> int:
    """Return the tokens that a response says it cost; 0 when it does not say."""
    usage = response.get("usage")
    tokens = usage.get(field) if isinstance(usage, dict) else None
    return tokens if type(tokens) is int and 0 <= tokens <= MOST_TOKENS else 0
