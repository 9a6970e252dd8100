"""Bringing over a database from before the migrations were squashed into one.

Nothing was released with those schemas, but answers that were paid for may be in such a database. The newest of them is
turned into what the first migration makes; the differences are taken from the models, so that this file goes when the
second migration comes.
"""

from sqlalchemy import CheckConstraint, Connection, text
from sqlalchemy.schema import AddConstraint, CreateIndex, SetColumnComment, SetTableComment

from fileintel.errors import DatabaseUnavailable
from fileintel.storage.models import Base

NEWEST = "0006_shards"
OLDER = frozenset({"0001", "0002", "0003", "0004", "0005", "0006_asking"})

_RENAMED = {
    "passage_vectors": "text_unit_vectors",
    "passages": "document_text_units",
}  # with all partitions and indexes
_REPLACED = "uq_runs_one_active_index_per_collection", "uq_runs_one_active_of_a_kind_per_collection"
_NAMES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ({}) ORDER BY 1"


def bring_over(connection: Connection, revision: str) -> bool:
    """Turn the schema NEWEST into that of the first migration, and return True; any other one is left as it is.

    Raises:
      DatabaseUnavailable: the database has one of the schemas OLDER.
    """
    if revision in OLDER:
        raise DatabaseUnavailable(
            f"the database has schema {revision}, which this version cannot bring over: run `fileintel db upgrade` of "
            f"the checkout that has schema {NEWEST}, or start with an empty database"
        )
    if revision != NEWEST:
        return False
    _rename(connection)
    connection.execute(text("ALTER TABLE answers ADD COLUMN flaw text"))
    _add_invariants(connection)
    return True


def _rename(connection: Connection) -> None:
    for kinds, word in (("'r', 'p'", "TABLE"), ("'i', 'I'", "INDEX")):
        for name in connection.execute(text(_NAMES.format(kinds))).scalars().all():
            for old, new in _RENAMED.items():
                if name.startswith(old):
                    connection.execute(text(f"ALTER {word} {name} RENAME TO {name.replace(old, new, 1)}"))
    connection.execute(text("ALTER TABLE text_unit_vectors RENAME COLUMN passage_id TO text_unit_id"))
    connection.execute(
        text(
            "ALTER TABLE document_text_units RENAME CONSTRAINT passages_document_id_fkey "
            "TO document_text_units_document_id_fkey"
        )
    )


def _add_invariants(connection: Connection) -> None:
    constraints = set(connection.execute(text("SELECT conname FROM pg_constraint")).scalars())
    for name in _REPLACED:
        connection.execute(text(f"DROP INDEX {name}"))
    indexes = set(connection.execute(text(_NAMES.format("'i', 'I'"))).scalars())
    for table in Base.metadata.sorted_tables:
        connection.execute(SetTableComment(table))
        for column in table.columns:
            if column.comment is not None:
                connection.execute(SetColumnComment(column))
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint) and constraint.name not in constraints:
                connection.execute(AddConstraint(constraint, isolate_from_table=False))
        for index in table.indexes:
            if index.name not in indexes:
                connection.execute(CreateIndex(index))
