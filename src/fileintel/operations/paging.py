"""Lists in pages. A cursor says behind which row the next page begins; to callers it is a word without meaning."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field

from fileintel.errors import FileIntelError
from fileintel.operations.types import LARGEST_INTEGER, Request

LARGEST_PAGE = 1000  # rows

Row = TypeVar("Row")
Item = TypeVar("Item")


class BadCursor(FileIntelError):
    """The cursor is not one that this list has given out."""

    code, http_status = "bad_cursor", 422


class Page(BaseModel, Generic[Item]):
    """A part of a list; `next_cursor` leads to the next part, and is null in the last one."""

    items: list[Item]
    next_cursor: str | None = Field(examples=["WzUwXQ"])


class PageRequest(Request):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="How many rows at most.", examples=[50])] = 50
    cursor: Annotated[
        str | None,
        Field(max_length=4000, description="`next_cursor` of the page before; without it, the first page."),
    ] = None


def page(
    rows: Sequence[Row], limit: int, place: Callable[[Row], Sequence[str | int]], show: Callable[[Row], Item]
) -> Page[Item]:
    """A page from up to `limit + 1` rows; the one too many shows that there is a next page.

    Parameters:
      place: gives what the cursor behind a row has to hold.
      show: makes an item of a row.
    """
    shown = rows[:limit]
    cursor = _encoded(place(shown[-1])) if len(rows) > limit else None
    return Page(items=[show(row) for row in shown], next_cursor=cursor)


def place_of(cursor: str | None, *kinds: type) -> list[Any] | None:
    """What a cursor holds: values of these types; None for the first page.

    Raises:
      BadCursor: the list has not given it out.
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
