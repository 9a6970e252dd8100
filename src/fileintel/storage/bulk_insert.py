"""Many rows in one statement, fast in psycopg2's green mode, where COPY does not exist.

The rows travel as one JSON parameter that PostgreSQL takes apart (`json_to_recordset`, PostgreSQL manual
9.16). One statement form serves every table, arrays and vectors included.
"""

import array
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from fileintel.runtime import yield_to_hub
from fileintel.storable import storable, storable_value
from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import Base

ROWS_PER_STATEMENT = 500
MEMBERS_AT_ONCE = 10_000  # of a list
CHARACTERS_PER_STATEMENT = 500_000  # a few rows with vectors: sending one must not stop the hub for more than 20 ms


def insert_rows(
    session: Session,
    table: type[Base],
    rows: Iterable[Mapping[str, Any]],
    *,
    on_conflict: str = "DO NOTHING",
    into: str | None = None,
    first: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> int:
    """Insert dictionaries with the same keys; returns how many were given.

    A row that is there already is left as it is, so that repeating an insert is harmless; `on_conflict` takes
    another clause. `into` names a partition of the table: writing to it locks no other one. `first` is a statement
    with RETURNING, given `values`, that is done in the same breath, before anything is inserted.

    Values are what `json.dumps` takes: ids as strings, times in ISO 8601, bytes as `\\x` and hex digits, vectors as
    lists or their text. What text cannot be in PostgreSQL is taken out (see `storable`).
    """
    count, characters = 0, 0
    columns: tuple[str, ...] = ()
    batch: list[str] = []

    def send() -> None:
        statement = _statement(table, into, columns, on_conflict, first)
        statement.execute(session, {"rows": f"[{','.join(batch)}]", **(values or {})})
        batch.clear()

    for row in rows:
        columns = columns or tuple(row)
        batch.append(_as_json(row))
        count += 1
        characters += len(batch[-1])
        if len(batch) >= ROWS_PER_STATEMENT or characters >= CHARACTERS_PER_STATEMENT:
            send()
            characters = 0
        yield_to_hub()
    if batch:
        send()
    return count


def vector_text(data: bytes) -> str:
    """A vector of 32-bit floats as pgvector reads it."""
    return numbers_text(tuple(array.array("f", data)))


def numbers_text(numbers: tuple[float, ...]) -> str:
    """Numbers as pgvector reads a vector. Nine digits say all that is in the 32-bit floats that it keeps (IEEE 754),
    and are written in a third of the time that Python's own seventeen take."""
    return f"[{','.join(['%.9g'] * len(numbers))}]" % numbers


def _as_json(row: Mapping[str, Any]) -> str:
    is_long = any(isinstance(value, list) and len(value) > MEMBERS_AT_ONCE for value in row.values())
    line = _in_portions(row) if is_long else json.dumps(row, ensure_ascii=False)
    if "\\u0000" in line or storable(line) is not line:
        return json.dumps(storable_value(row), ensure_ascii=False)
    return line


def _in_portions(row: Mapping[str, Any]) -> str:
    """What `json.dumps` makes of a row with long lists, such as the members of a community at the top: half a million
    at a stroke would take a tenth of a second."""
    parts = []
    for name, value in row.items():
        if isinstance(value, list):
            portions = []
            for start in range(0, len(value), MEMBERS_AT_ONCE):
                portions.append(json.dumps(value[start : start + MEMBERS_AT_ONCE], ensure_ascii=False)[1:-1])
                yield_to_hub()
            parts.append(f"{json.dumps(name)}: [{', '.join(portions)}]")
        else:
            parts.append(json.dumps({name: value}, ensure_ascii=False)[1:-1])
    return f"{{{', '.join(parts)}}}"


@lru_cache(maxsize=64)
def _statement(
    table: type[Base], into: str | None, columns: Sequence[str], on_conflict: str, first: str | None
) -> Statement:
    schema = table.__table__
    assert isinstance(schema, Table)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    preparer = dialect.identifier_preparer
    target = preparer.quote(into) if into else preparer.format_table(schema)
    names = ", ".join(preparer.quote(column) for column in columns)
    types = ", ".join(
        f"{preparer.quote(column)} {schema.columns[column].type.compile(dialect=dialect)}" for column in columns
    )
    # what is not looked at would be done last
    before, after = (f"WITH done AS ({first}) ", "WHERE (SELECT count(*) FROM done) >= 0 ") if first else ("", "")
    return Statement(
        f"{before}INSERT INTO {target} ({names}) SELECT {names} "
        f"FROM json_to_recordset(CAST(:rows AS json)) AS given({types}) {after}ON CONFLICT {on_conflict}"
    )
