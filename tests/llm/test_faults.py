"""Sorting what goes wrong: by status, code and words."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import openai
import pytest

from fileintel.llm.faults import Cure, Fault, describe_fault

REQUEST = httpx.Request("POST", "http://server/v1/chat/completions")


def status_error(status: int, body: object = None, **headers: str) -> Fault:
    response = httpx.Response(status, headers=headers, request=REQUEST)
    return describe_fault(openai.APIStatusError("said", response=response, body=body))


@pytest.mark.parametrize(
    ("status", "body", "cure", "reason"),
    [
        (429, {"message": "slow down"}, Cure.WAIT, "busy"),
        (429, {"message": "You exceeded it", "code": "insufficient_quota"}, Cure.GIVE_UP_RUN, "quota"),
        (429, {"message": "You exceeded it", "type": "insufficient_quota"}, Cure.GIVE_UP_RUN, "quota"),
        (402, {"message": "Insufficient Balance"}, Cure.GIVE_UP_RUN, "quota"),
        (503, "Loading model", Cure.WAIT, "busy"),
        (502, "<html>", Cure.WAIT, "away"),
        (500, {"message": "oh"}, Cure.RETRY, "server_error"),
        (500, {"message": "input is too large to process"}, Cure.GIVE_UP_ITEM, "context_length"),
        (504, None, Cure.RETRY, "server_error"),
        (408, None, Cure.RETRY, "server_error"),
        (401, None, Cure.GIVE_UP_RUN, "unauthorized"),
        (403, {"message": "no access"}, Cure.GIVE_UP_RUN, "unauthorized"),
        (403, {"message": "flagged by moderation"}, Cure.GIVE_UP_ITEM, "rejected"),
        (404, {"message": "no such model"}, Cure.GIVE_UP_RUN, "unknown_model"),
        (405, None, Cure.GIVE_UP_RUN, "wrong_address"),
        (301, None, Cure.GIVE_UP_RUN, "wrong_address"),
        (413, None, Cure.GIVE_UP_ITEM, "context_length"),
        (400, {"message": "x", "code": "context_length_exceeded"}, Cure.GIVE_UP_ITEM, "context_length"),
        (400, {"message": "This model's maximum context length is 4096"}, Cure.GIVE_UP_ITEM, "context_length"),
        (400, {"message": "the request exceeds the available context size"}, Cure.GIVE_UP_ITEM, "context_length"),
        (400, {"message": "max_tokens is too large"}, Cure.GIVE_UP_ITEM, "rejected"),
        (422, {"detail": [{"loc": ["body", "messages"]}]}, Cure.GIVE_UP_ITEM, "rejected"),
    ],
)
def test_an_answer_with_an_error_status_is_sorted(status: int, body: object, cure: Cure, reason: str) -> None:
    fault = status_error(status, body)
    assert (fault.cure, fault.reason, fault.status) == (cure, reason, status)
    assert f"HTTP {status}" in fault.message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3.0), ("2.5", 2.5), ("0", None), ("-1", None), ("inf", None), ("nan", None), ("soon", None), ("", None)],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    assert status_error(429, None, **{"retry-after": value}).retry_after == seconds


def test_retry_after_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    fault = status_error(429, None, **{"retry-after": format_datetime(later, usegmt=True)})
    assert fault.retry_after is not None
    assert 85 < fault.retry_after <= 90
    past = datetime.now(UTC) - timedelta(seconds=90)
    assert status_error(429, None, **{"retry-after": format_datetime(past, usegmt=True)}).retry_after is None


@pytest.mark.parametrize(
    ("cause", "wrapper", "cure", "reason"),
    [
        (httpx.ConnectError("refused"), openai.APIConnectionError, Cure.WAIT, "connection"),
        (httpx.ReadError("reset"), openai.APIConnectionError, Cure.RETRY, "connection"),
        (httpx.ConnectTimeout(""), openai.APITimeoutError, Cure.WAIT, "timeout"),
        (httpx.ReadTimeout(""), openai.APITimeoutError, Cure.RETRY, "timeout"),
    ],
)
def test_a_broken_connection_is_sorted(
    cause: Exception, wrapper: type[openai.APIConnectionError], cure: Cure, reason: str
) -> None:
    error = wrapper(request=REQUEST)
    error.__cause__ = cause
    fault = describe_fault(error)
    assert (fault.cure, fault.reason) == (cure, reason)
    assert type(cause).__name__ in fault.message


def test_a_servers_words_are_one_line_and_can_be_stored() -> None:
    fault = status_error(400, {"message": "first\nsecond \x00 \ud800 " + "x" * 1000})
    assert "\n" not in fault.message
    assert "\x00" not in fault.message
    fault.message.encode()
    assert len(fault.message) < 350
