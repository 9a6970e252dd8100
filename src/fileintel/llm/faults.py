"""What can go wrong between us and a model server, sorted by what is to be done about it."""

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import httpx
import openai


class Cure(Enum):
    """What to do about a fault."""

    WAIT = "wait"  # the server is busy or away: wait for it as long as patience lasts
    RETRY = "retry"  # this request went wrong: ask again, a few times
    GIVE_UP_ITEM = "give up the item"  # this question cannot be answered, others can
    GIVE_UP_RUN = "give up the run"  # no question can be answered until a person changes something


@dataclass(frozen=True)
class Fault:
    """One failed request: why, and the server's own words."""

    cure: Cure
    reason: str
    message: str
    retry_after: float | None = None  # seconds, as the server asked
    status: int | None = None


_MESSAGE_CHARACTERS = 300
_CONTEXT_LENGTH = re.compile(r"context.{0,20}(length|window|size)|maximum.{0,20}(length|tokens)|too (long|many tokens)")


def describe_fault(error: Exception) -> Fault:
    """Sort an exception of the client into a fault."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    message = _one_line(error)
    if isinstance(error, openai.APITimeoutError):
        # a connection that cannot be made means a server that is away; a slow answer is this request's own trouble
        away = isinstance(error.__cause__, httpx.ConnectTimeout)
        return Fault(Cure.WAIT if away else Cure.RETRY, "timeout", message)
    if isinstance(error, openai.APIConnectionError):
        away = isinstance(error.__cause__, httpx.ConnectError)
        return Fault(Cure.WAIT if away else Cure.RETRY, "connection", message)
    return Fault(Cure.RETRY, "malformed_response", message)


def _of_status(error: openai.APIStatusError) -> Fault:
    status = error.status_code
    message = f"HTTP {status}: {_server_words(error)}"
    retry_after = _retry_after(error.response.headers)
    if status == 429 and "insufficient_quota" in message:
        return Fault(Cure.GIVE_UP_RUN, "quota", message, status=status)
    if status in (429, 503):
        return Fault(Cure.WAIT, "busy", message, retry_after, status)
    if status in (401, 403):
        return Fault(Cure.GIVE_UP_RUN, "unauthorized", message, status=status)
    if status == 404:
        return Fault(Cure.GIVE_UP_RUN, "unknown_model", message, status=status)
    if status == 413 or (status in (400, 422) and _CONTEXT_LENGTH.search(message.lower())):
        return Fault(Cure.GIVE_UP_ITEM, "context_length", message, status=status)
    if status >= 500 or status in (408, 409):
        return Fault(Cure.RETRY, "server_error", message, retry_after, status)
    return Fault(Cure.GIVE_UP_ITEM, "rejected", message, status=status)


def _server_words(error: openai.APIStatusError) -> str:
    body = error.body
    words: object = body.get("message", body) if isinstance(body, dict) else (body or error.message)
    return " ".join(str(words).split())[:_MESSAGE_CHARACTERS]


def _one_line(error: Exception) -> str:
    # a read timeout has an empty message of its own: the kind of error must always be in the text
    cause = error.__cause__ or error
    words = " ".join(str(cause).split())[:_MESSAGE_CHARACTERS]
    return f"{type(cause).__name__}: {words}" if words else type(cause).__name__


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: a number, a fraction, or a date (RFC 9110, section 10.2.3)."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
