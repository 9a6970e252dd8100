"""Faults between this process and a model server, sorted by what is to be done about them."""

import email.utils
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import httpx
import openai

from fileintel.storable import storable


class Cure(Enum):
    """What is to be done about a fault."""

    WAIT = "wait"  # the server is busy or away: wait for it as long as patience lasts
    RETRY = "retry"  # this request went wrong: ask again, a few times
    GIVE_UP_ITEM = "give up the item"  # this question cannot be answered, others can
    GIVE_UP_RUN = "give up the run"  # no question can be answered until a person changes something


BUSY = "busy"  # the reason of a refusal for load


@dataclass(frozen=True)
class Fault:
    """One failed request: why, and the server's own words."""

    cure: Cure
    reason: str
    message: str
    retry_after: float | None = None  # seconds, as the server asked
    status: int | None = None
    parameter: str | None = None  # the part of the request that the server complains of, when it names one


_MESSAGE_CHARACTERS = 300
_CONTEXT_LENGTH = re.compile(
    r"context.{0,20}(length|window|size)|maximum.{0,20}(length|tokens)|too (long|many tokens)|input is too large"
)
_ABOUT_THE_TEXT = re.compile(r"moderat|flagged|content.{0,10}(policy|filter)|safety")


def describe_fault(error: Exception) -> Fault:
    """Return the fault that an exception of the client stands for."""
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
    cure, reason = _sorted(error)
    message = f"HTTP {error.status_code}: {_server_words(error)}"
    if 300 <= error.status_code < 400:
        message += f" (it points to {error.response.headers.get('location', 'nowhere')})"
    return Fault(cure, reason, message, _retry_after(error.response.headers), error.status_code, _parameter(error))


def _sorted(error: openai.APIStatusError) -> tuple[Cure, str]:
    status, words = error.status_code, _server_words(error).lower()
    if status == 402 or (status == 429 and "insufficient_quota" in (error.code, error.type)):
        return Cure.GIVE_UP_RUN, "quota"
    if status in (429, 503):
        return Cure.WAIT, BUSY
    if status == 502:  # a proxy whose model server is being restarted
        return Cure.WAIT, "away"
    if status == 403 and _ABOUT_THE_TEXT.search(words):
        return Cure.GIVE_UP_ITEM, "rejected"
    if status in (401, 403):
        return Cure.GIVE_UP_RUN, "unauthorized"
    if status == 404:
        return Cure.GIVE_UP_RUN, "unknown_model"
    if status == 405 or 300 <= status < 400:
        return Cure.GIVE_UP_RUN, "wrong_address"
    if error.code == "json_validate_failed":  # the model's text was no JSON this time: no fault of the way of asking
        return Cure.RETRY, "invalid_answer"
    if status == 413 or (status in (400, 422, 500) and _is_about_length(error, words)):
        return Cure.GIVE_UP_ITEM, "context_length"
    if status >= 500 or status in (408, 409):
        return Cure.RETRY, "server_error"
    return Cure.GIVE_UP_ITEM, "rejected"


def _is_about_length(error: openai.APIStatusError, words: str) -> bool:
    return error.code == "context_length_exceeded" or _CONTEXT_LENGTH.search(words) is not None


def _parameter(error: openai.APIStatusError) -> str | None:
    # servers without the field name the parameter in their words, among others: see `dialect`
    return error.param if isinstance(error.param, str) else None


def _server_words(error: openai.APIStatusError) -> str:
    body = error.body
    words: object = body.get("message", body) if isinstance(body, dict) else (body or error.message)
    return _short(words)


def _one_line(error: Exception) -> str:
    # a read timeout has an empty message of its own: the kind of error must always be in the text
    cause = error.__cause__ or error
    words = _short(cause)
    return f"{type(cause).__name__}: {words}" if words else type(cause).__name__


def _short(words: object) -> str:
    return storable(" ".join(str(words).split())[:_MESSAGE_CHARACTERS])


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: a number, a fraction, or a date (RFC 9110, section 10.2.3)."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
