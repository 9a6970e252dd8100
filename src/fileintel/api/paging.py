"""Lists in pages. A cursor says behind which row the next page begins; to callers it is a word without meaning."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

from fileintel.api.problems import BadCursor

LARGEST_PAGE = 1000  # rows
LARGEST_INTEGER = 2**31 - 1  # of PostgreSQL's integer columns

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many rows at most.", examples=[50])]
Cursor = Annotated[
    str | None, Query(max_length=4000, description="`next_cursor` of the page before; without it, the first page.")
]

Row = TypeVar("Row")


def page(rows: Sequence[Row], limit: int, place: Callable[[Row], Sequence[str | int]]) -> dict[str, Any]:
    """A page from up to `limit + 1` rows; the one too many shows that there is a next page.

    `place` gives what a row's cursor has to hold.
    """
    shown = rows[:limit]
    more = len(rows) > limit
    return {"items": shown, "next_cursor": _encoded(place(shown[-1])) if more else None}


def place_of(cursor: str | None, *kinds: type) -> list[Any] | None:
    """What a cursor holds: values of these types; None for the first page.

    Raises:
      BadCursor: it is none of ours.
    """
    if cursor is None:
        return None
    try:
        values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    fits = isinstance(values, list) and [type(value) for value in values] == list(kinds)
    if not fits or not all(_is_sound(value) for value in values):
        raise BadCursor("the cursor is not one of this list: take `next_cursor` of the page before, unchanged")
    return list(values)


def _encoded(values: Sequence[str | int]) -> str:
    text = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _is_sound(value: object) -> bool:
    """Whether PostgreSQL takes it."""
    if isinstance(value, int):
        return 0 <= value <= LARGEST_INTEGER
    text = str(value)
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
