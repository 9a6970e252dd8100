"""Values as other programs write them: numbers as floats or text, lists as text, ids of all kinds."""

import math
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fileintel.identity import content_id
from fileintel.storable import storable


def text_of(value: Any, otherwise: str = "") -> str:
    """A text; `otherwise` for what is missing."""
    return storable(value) if isinstance(value, str) else otherwise if _missing(value) else str(value)


def integer_of(value: Any) -> int | None:
    """A whole number, also out of `3.0` and `"3"`."""
    number = number_of(value)
    return int(number) if number is not None and number.is_integer() else None


def number_of(value: Any) -> float | None:
    """A finite number, also out of text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def list_of(value: Any) -> list[Any]:
    """A list, also out of `"['a', 'b']"` as CSV files hold it."""
    if _missing(value):
        return []
    if isinstance(value, str):
        items = (item.strip("[] '\"") for item in value.replace("\n", ",").split(","))
        return [item for item in items if item]
    return list(value)


def identity_of(kind: str, value: Any) -> str:
    """An id as a UUID: its own if it is one, else one that follows from it."""
    try:
        return str(UUID(str(value)))
    except ValueError:
        return content_id("imported", kind, value)


def moment_of(value: Any) -> datetime | None:
    """A time, such as `2026-01-05 12:30:00 +0000`; UTC where no zone is said."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        found = datetime.fromisoformat(str(value).replace(" +", "+").replace(" -", "-"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
