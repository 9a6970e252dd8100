"""Reading the rows of a version in order, a batch at a time, each batch in a short transaction of its own."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, Uuid, any_, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, Session

from fileintel.runtime import yield_to_hub
from fileintel.storage.engine import Database
from fileintel.storage.models import UUID_TEXT

SMALLEST_WINDOW = 5_000  # ids
MOST_WINDOWS = 10  # over which a table is read once more each
ROWS_AT_ONCE = 200  # that are made Python objects before others may run

Rows = Sequence[Sequence[Any]]
Order = Sequence[InstrumentedAttribute[Any]]  # columns that are unique together


def as_text(column: Any) -> ColumnElement[str]:
    """An id as a plain string."""
    return cast(column, Text)


def as_texts(column: Any) -> ColumnElement[Sequence[str]]:
    """Ids as plain strings."""
    return cast(column, ARRAY(Text))


def in_order(database: Database, statement: Select[*tuple[Any, ...]], order: Order, batch_rows: int) -> Iterator[Rows]:
    """The rows of `statement` in `order`, in batches that are never empty.
    A row is a tuple of the statement's columns, followed by its place in the order."""
    # psycopg2 makes an object of each uuid, and SQLAlchemy a string of that: a tenth of the time of an export
    plain = (as_text(column) if isinstance(column.type, Uuid) else column for column in order)
    place = [column.label(f"place_{number}") for number, column in enumerate(plain)]
    ordered = statement.add_columns(*place).order_by(*order).limit(batch_rows)
    following = ordered
    while True:
        with database.transaction() as session:
            rows = session.execute(following).all()
        if rows:
            yield rows
        if len(rows) < batch_rows:
            return
        last = zip(rows[-1][-len(order) :], order, strict=True)
        following = ordered.where(tuple_(*order) > tuple_(*(literal(value, column.type) for value, column in last)))
        yield_to_hub()


def windows(database: Database, every_id: Select[*tuple[str]], order: Order) -> Iterator[list[str]]:
    """The ids that a statement gives, in `order`, in windows: few of them, however many ids there are. For each of them
    a whole table can be read, and the time still grows with the size of the version alone."""
    with database.transaction() as session:
        count = session.execute(select(func.count()).select_from(every_id.subquery())).scalar_one()
    size = max(SMALLEST_WINDOW, -(-count // MOST_WINDOWS))
    window: list[str] = []
    for rows in in_order(database, every_id, order, SMALLEST_WINDOW):
        window += [row[0] for row in rows]
        if len(window) >= size:
            yield window
            window = []
    if window:
        yield window


def naming(
    session: Session, ids: Sequence[str], named: Any, wanted: Any, *conditions: ColumnElement[bool], order: Any
) -> dict[str, list[Any]]:
    """For each of `ids` the `wanted` of all rows that name it, in `order`; ids that no row names are left out.
    `named` is the column with the id, or `unnest` of a column of ids."""
    pairs = select(named.label("named"), wanted.label("wanted"), order.label("place")).where(*conditions).subquery()
    key = as_text(pairs.c.named)
    statement = (
        select(key, func.array_agg(aggregate_order_by(pairs.c.wanted, pairs.c.place)))
        .where(pairs.c.named == any_(cast(list(ids), ARRAY(UUID_TEXT))))
        .group_by(key)
    )
    found = {}
    for partition in session.execute(statement).yield_per(ROWS_AT_ONCE).partitions():
        found.update({str(row[0]): list(row[1]) for row in partition})
        yield_to_hub()
    return found
