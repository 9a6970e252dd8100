"""What all tables have in common."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Text, Uuid
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


def in_states(column: str, states: type[RunState] | type[RunKind] | type[VersionState]) -> str:
    """The condition that a column holds one of the states of an enum."""
    return f"{column} IN ({', '.join(repr(state.value) for state in states)})"
