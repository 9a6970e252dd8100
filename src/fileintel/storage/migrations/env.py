"""Alembic's entry: it runs the migrations over the connection that `storage.schema` hands in."""

from alembic import context

from fileintel.storage.models import Base

# one table for each index version and each set of vectors, made and dropped by the program
PARTITION_PREFIXES = ("embeddings_", "text_unit_vectors_")


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(PARTITION_PREFIXES))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=_is_ours,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
