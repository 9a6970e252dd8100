"""Many rows in one statement, fast in psycopg2's green mode, where COPY does not exist.

The rows travel as one JSON parameter that PostgreSQL takes apart (`json_to_recordset`, PostgreSQL manual
9.16). One statement form serves every table, arrays and vectors included.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import TextClause

from fileintel.runtime import breathe
from fileintel.storage.models import Base

ROWS_PER_STATEMENT = 500  # keeps one statement below some megabytes and the hub's pause below 20 ms


def insert_rows(
    session: Session, table: type[Base], rows: Iterable[Mapping[str, Any]], *, on_conflict: str = "DO NOTHING"
) -> int:
    """Insert dictionaries with the same keys; returns how many were given.

    A row that is there already is left as it is, so that repeating an insert is harmless; `on_conflict` takes
    another clause. Values are what `json.dumps` takes: ids as strings, times in ISO 8601, vectors as lists.
    """
    count = 0
    remaining = iter(rows)
    while batch := list(islice(remaining, ROWS_PER_STATEMENT)):
        statement = _statement(table, tuple(batch[0]), on_conflict)
        session.execute(statement, {"rows": json.dumps(batch, ensure_ascii=False)})
        count += len(batch)
        breathe()
    return count


@lru_cache(maxsize=64)
def _statement(table: type[Base], columns: Sequence[str], on_conflict: str) -> TextClause:
    schema = table.__table__
    assert isinstance(schema, Table)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    preparer = dialect.identifier_preparer
    names = ", ".join(preparer.quote(column) for column in columns)
    types = ", ".join(
        f"{preparer.quote(column)} {schema.columns[column].type.compile(dialect=dialect)}" for column in columns
    )
    return text(
        f"INSERT INTO {preparer.format_table(schema)} ({names}) "
        f"SELECT {names} FROM json_to_recordset(CAST(:rows AS json)) AS given({types}) ON CONFLICT {on_conflict}"
    )
