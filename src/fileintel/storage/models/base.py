"""What all tables have in common."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, DateTime, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase

from fileintel.storage.states import RunKind, RunState, VersionState

UUID_TEXT = Uuid(as_uuid=False)


def utc_now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Common ground of all tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }


def one_of(table: str, column: str, values: type[RunState] | type[RunKind] | type[VersionState]) -> CheckConstraint:
    """The constraint that a column holds one of the values of an enum."""
    listed = ", ".join(repr(value.value) for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"ck_{table}_{column}")


def not_negative(table: str, *columns: str) -> CheckConstraint:
    """The constraint that counts are 0 or more."""
    return CheckConstraint(" AND ".join(f"{column} >= 0" for column in columns), name=f"ck_{table}_counts")


def stretch(table: str) -> CheckConstraint:
    """The constraint that `start` and `end`, in characters of a document, are a stretch of it."""
    return CheckConstraint('0 <= start AND start <= "end"', name=f"ck_{table}_stretch")


def page_range(table: str) -> CheckConstraint:
    """The constraint that `first_page` and `last_page`, which count from 1, are a range."""
    return CheckConstraint("1 <= first_page AND first_page <= last_page", name=f"ck_{table}_pages")
