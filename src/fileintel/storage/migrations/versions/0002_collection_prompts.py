"""Prompts and settings of a collection; what a run's prompts were and what became of its records."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

OBJECT = postgresql.JSONB(astext_type=sa.Text())
EMPTY = sa.text("'{}'::jsonb")


def upgrade() -> None:
    for table, column in (("collections", "settings"), ("runs", "records"), ("runs", "prompts")):
        op.add_column(table, sa.Column(column, OBJECT, nullable=False, server_default=EMPTY))
        op.alter_column(table, column, server_default=None)  # it was for the rows that are there
    op.create_table(
        "prompt_texts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "collection_prompts",
        sa.Column("collection_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sha256"], ["prompt_texts.sha256"]),
        sa.PrimaryKeyConstraint("collection_id", "name"),
    )


def downgrade() -> None:
    op.drop_table("collection_prompts")
    op.drop_table("prompt_texts")
    op.drop_column("runs", "prompts")
    op.drop_column("runs", "records")
    op.drop_column("collections", "settings")
