"""The rows of an index, so that two indexes can be compared."""

from typing import Any

from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from fileintel.storage.models import (
    Collection,
    Community,
    CommunityReport,
    Covariate,
    Embedding,
    Entity,
    IndexedDocument,
    Relationship,
    TextUnit,
)

PARTS = (IndexedDocument, TextUnit, Entity, Relationship, Community, CommunityReport, Covariate, Embedding)
# of the index that holds a row, not of what it says
INCIDENTAL = frozenset({"version_id", "period", "created_at"})

Tables = dict[str, list[str]]


def read_tables(url: str, collection: str = "town") -> Tables:
    """All rows of the version in use, by table, in one order."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        chosen = select(Collection.current_version_id).where(Collection.name == collection)
        version = connection.execute(chosen).scalar_one()
        tables: Tables = {}
        for part in PARTS:
            table: Any = part.__table__
            columns = [column for column in table.columns if column.key not in INCIDENTAL]
            rows = connection.execute(select(*columns).where(table.c.version_id == version))
            tables[part.__tablename__] = sorted(repr(tuple(map(_plain, row))) for row in rows)
    engine.dispose()
    return tables


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
