"""Errors as clients of the OpenAI protocol know them (OpenAI API reference, error objects)."""

from http import HTTPStatus
from typing import Any

PREFIX = "/v1"  # of the routes that speak it


def error(status: int, code: str, detail: str) -> dict[str, Any]:
    """An error object."""
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": detail, "type": kind, "param": None, "code": code}}


def documented() -> dict[int | str, dict[str, Any]]:
    """The errors of these routes, for their `responses`."""
    member = {"type": "string"}
    schema = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "code"],
                "properties": {"message": member, "type": member, "code": member, "param": {"type": "null"}},
            }
        },
    }
    statuses = (400, 401, 404, 409, 413, 415, 422, 500, 502, 503, 504)
    content = {"application/json": {"schema": schema}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
