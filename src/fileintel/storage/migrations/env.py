"""Alembic's entry: it runs the migrations over the connection that `storage.schema` hands in."""

from alembic import context

from fileintel.storage.models import Base

PARTITION_PREFIX = "embeddings_"  # one table for each index version, made and dropped by the program


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(PARTITION_PREFIX))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=_is_ours,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
