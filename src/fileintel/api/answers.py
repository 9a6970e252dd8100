"""What callers get: the envelope of every success."""

from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

API_VERSION = "2.0"
Data = TypeVar("Data")


class Envelope(BaseModel, Generic[Data]):
    """Around every successful answer."""

    success: Literal[True] = True
    data: Data
    error: None = None
    timestamp: datetime
    api_version: Literal["2.0"] = Field(default="2.0", examples=[API_VERSION])


def success(data: object) -> dict[str, Any]:
    """The envelope around `data`."""
    return {
        "success": True,
        "data": data,
        "error": None,
        "timestamp": datetime.now(UTC).isoformat(),
        "api_version": API_VERSION,
    }


def of_type(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """A 200 that is no JSON, for a route's `responses`."""
    return {200: {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}}
