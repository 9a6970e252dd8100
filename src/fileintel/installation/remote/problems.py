"""What goes wrong on the way to the service and in it, as the errors that the same command has without a service."""

import json
from http import HTTPStatus
from typing import Any

import httpx

from fileintel import errors
from fileintel.errors import EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_USAGE, ConfigError, FileIntelError, ServiceUnavailable

_KNOWN = {
    one.code: one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, FileIntelError) and one is not FileIntelError
}
# codes that only the API has, or that are defined beside what raises them
_LIKE = {
    "run_active": "conflict",
    "run_paused": "conflict",
    "shutting_down": "service_unavailable",
    "not_ready": "service_unavailable",
}
_EXITS = {
    HTTPStatus.BAD_REQUEST: EXIT_USAGE,
    HTTPStatus.UNPROCESSABLE_ENTITY: EXIT_USAGE,
    HTTPStatus.SERVICE_UNAVAILABLE: EXIT_UNAVAILABLE,
}


class Refused(FileIntelError):
    """The service has answered with an error that has no class of its own here."""


class Unfinished(FileIntelError):
    """A question that is not answered yet. Its task goes on."""

    exit_code = EXIT_UNAVAILABLE

    def __init__(self, message: str, task: str) -> None:
        super().__init__(message)
        self.task = task


class Unreachable(ServiceUnavailable):
    """The service does not answer, or something that is no FileIntel service answers in its place."""


def told(code: str | None, status: int, message: str) -> FileIntelError:
    """The error that a code stands for; of others, the status says how the command ends."""
    known = _KNOWN.get(_LIKE.get(code or "", code or ""))
    if known is not None:
        return known(message)
    error = Refused(message)
    error.code, error.http_status = code or Refused.code, status
    error.exit_code = _EXITS.get(HTTPStatus(status), EXIT_FAILED) if status in set(HTTPStatus) else EXIT_FAILED
    return error


def unreachable(url: str, error: Exception) -> Unreachable:
    """Nobody answers."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return Unreachable(
        f"the service at {url} does not answer ({reason}): is it running, and is FILEINTEL_API_URL right? "
        f"Without FILEINTEL_API_URL commands work without a service"
    )


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """The problem document of an answer that was read; empty when it has none."""
    try:
        document = json.loads(response.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) and "code" in document and "detail" in document else {}


def error_of(response: httpx.Response, url: str, *, has_key: bool) -> FileIntelError:
    """The error that an answer of the service stands for."""
    problem = problem_of(response)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        what = "does not take the key in FILEINTEL_API_KEY" if has_key else "wants a key"
        return ConfigError(f"the service at {url} {what}: set FILEINTEL_API_KEY (or _FILE) to one of its api.keys")
    if not problem:
        return Unreachable(
            f"{url} answers HTTP {response.status_code}, but not as a FileIntel service does: "
            f"is FILEINTEL_API_URL right, and does a proxy in front of it work?"
        )
    if problem["code"] in ("no_answer_yet", "shutting_down") and "job_id" in problem:
        return Unfinished(str(problem["detail"]), str(problem["job_id"]))
    return told(str(problem["code"]), response.status_code, str(problem["detail"]))
