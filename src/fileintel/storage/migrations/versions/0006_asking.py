"""Indexes of vectors keep numbers of 16 bits: half the size, and half the time of a search."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0006_asking"
down_revision = "0005"

HNSW_LARGEST = 2_000  # dimensions of an index over the type `vector`


def upgrade() -> None:
    _rebuild(r"::vector\((\d+)\)\) vector_cosine_ops", r"::halfvec(\1)) halfvec_cosine_ops")


def downgrade() -> None:
    _rebuild(r"::halfvec\((\d+)\)\) halfvec_cosine_ops", r"::vector(\1)) vector_cosine_ops")


def _rebuild(old: str, new: str) -> None:
    """Build the HNSW indexes whose definitions have the old form anew, in the new one."""
    definitions = op.get_bind().execute(
        sa.text("SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%USING hnsw%' ORDER BY indexname")
    )
    for name, definition in definitions.all():
        found = re.search(old, definition)
        if found and int(found.group(1)) <= HNSW_LARGEST:
            op.execute(f'DROP INDEX "{name}"')
            op.execute(re.sub(old, new, definition))
