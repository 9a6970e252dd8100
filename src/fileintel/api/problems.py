"""What goes wrong, as RFC 9457 problem documents: one shape for every error, whoever found it."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from fileintel.api import chat_errors as chat
from fileintel.errors import DatabaseUnavailable, FileIntelError
from fileintel.runs.active_run import ActiveRunError
from fileintel.services.runs import TASKS

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5  # a restarted PostgreSQL or Redis is mostly back within this

logger = logging.getLogger(__name__)


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    location: str = Field(examples=["body.collection_id"])
    message: str = Field(examples=["Field required"])
    code: str = Field(examples=["missing"])


class Problem(BaseModel):
    """A problem document (RFC 9457). `code` is for programs; `request_id` is in the service's log as well."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:fileintel:problem:not_found"])
    title: str = Field(examples=["Nothing is stored under that name or id."])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no collection 'thesis'"])
    instance: str = Field(examples=["/api/v2/collections/thesis"])
    code: str = Field(examples=["not_found"])
    request_id: str = Field(examples=["6f1f3c1f5d0e4b0c9a7e7b1f0a3d2c4b"])
    job_id: str | None = Field(default=None, description="The task that it is about.")
    job_url: str | None = Field(default=None, description="Where that task is.")
    errors: list[Fault] | None = None


class ApiError(FileIntelError):
    """Something about the request itself. `extra` goes into the problem document, `headers` with it."""

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class Unauthorized(ApiError):
    """A valid key is needed in the header X-API-Key."""

    code, http_status = "unauthorized", 401


class UnsupportedMediaType(ApiError):
    """The body is of another content type than this route takes."""

    code, http_status = "unsupported_media_type", 415


class TooLarge(ApiError):
    """The request holds more than is allowed."""

    code, http_status = "too_large", 413


class BadUpload(ApiError):
    """The body is no sound multipart/form-data."""

    code, http_status = "bad_upload", 400


class InvalidRequest(ApiError):
    """A part of the request is not as it must be."""

    code, http_status = "validation", 422


class QuestionFailed(ApiError):
    """The question could not be answered."""

    code, http_status = "question_failed", 502


class NoAnswerYet(ApiError):
    """The answer takes longer than the request may wait."""

    code, http_status = "no_answer_yet", 504


class ShuttingDown(ApiError):
    """The service is about to stop."""

    code, http_status = "shutting_down", 503


class NotReady(ApiError):
    """A part that the service needs does not work."""

    code, http_status = "not_ready", 503


def outline(error: FileIntelError) -> dict[str, Any]:
    """An error within a stream whose status is sent already: the members of a problem document that matter then."""
    extra = dict(error.extra) if isinstance(error, ApiError) else {}
    return {"status": error.http_status, "code": error.code, "title": _title(error), "detail": str(error), **extra}


def about_task(run_id: str) -> dict[str, str]:
    """The members of a problem that lead to a task."""
    return {"job_id": run_id, "job_url": f"{TASKS}/{run_id}"}


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(FileIntelError, _known)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """The answer to a bug: nothing of it but where to look."""
    logger.error("request %s: %s %s", _request_id(request), request.method, request.url.path, exc_info=error)
    detail = "an unexpected error; the log of the service has it under this request_id"
    return respond(request, 500, "internal", "The service failed.", detail)


def respond(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document; for clients of the OpenAI protocol, an error object of theirs."""
    if request.url.path.startswith(f"{chat.PREFIX}/"):
        status = 400 if status == 422 else status
        return JSONResponse(chat.error(status, code, detail), status, headers=dict(headers or {}))
    document = {
        "type": f"urn:fileintel:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "code": code,
        "request_id": _request_id(request),
        **(extra or {}),
    }
    return JSONResponse(document, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses as problems, for a route's `responses`."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FileIntelError)
    return of_error(request, error)


def of_error(request: Request, error: FileIntelError) -> JSONResponse:
    """The problem document for an error of ours."""
    headers = dict(error.headers) if isinstance(error, ApiError) else {}
    extra = dict(error.extra) if isinstance(error, ApiError) else {}
    if isinstance(error, ActiveRunError):
        extra |= about_task(error.run_id)
        headers["Link"] = f'<{TASKS}/{error.run_id}>; rel="related"'
    if error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("request %s: %s", _request_id(request), error)
    if isinstance(error, DatabaseUnavailable):
        request.app.state.backend.database_was_away()
    return respond(request, error.http_status, error.code, _title(error), str(error), extra, headers)


def _title(error: FileIntelError) -> str:
    return (type(error).__doc__ or "").strip().splitlines()[0]


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == TooLarge.http_status:
        return of_error(request, TooLarge(str(error.detail)))
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    return respond(request, error.status_code, code, phrase, str(error.detail), headers=error.headers)


async def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        detail = f"the body is no JSON: {faults[0].get('ctx', {}).get('error', 'it cannot be read')}"
        return respond(request, 400, "invalid_json", "The body is no JSON.", detail)
    listed = [_fault(fault) for fault in faults]
    detail = "; ".join(f"{fault['location']}: {fault['message']}" for fault in listed)
    title = InvalidRequest.__doc__ or ""
    return respond(request, 422, "validation", title, detail, {"errors": listed})


def _fault(fault: Mapping[str, Any]) -> dict[str, str]:
    # without the input: it may be a secret, or text that no JSON can hold
    place: Sequence[object] = fault["loc"]
    return {
        "location": ".".join(_printable(str(part)) for part in place),
        "message": _printable(str(fault["msg"])),
        "code": str(fault["type"]),
    }


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _request_id(request: Request) -> str:
    return str(request.scope.get("request_id", ""))
