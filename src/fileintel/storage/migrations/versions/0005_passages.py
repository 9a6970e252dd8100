"""Passages of documents with their vectors, metadata of documents, and the kinds of runs that make them."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

ONE_ACTIVE = "uq_runs_one_active_of_a_kind_per_collection"


def upgrade() -> None:
    op.add_column("documents", sa.Column("cut_with", sa.Text(), nullable=True))
    op.add_column("documents", sa.Column("extracted", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("documents", sa.Column("extracted_by", sa.Text(), nullable=True))
    op.add_column("documents", sa.Column("extracted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "documents",
        sa.Column("edited", postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default=sa.text("'{}'")),
    )
    op.alter_column("documents", "edited", server_default=None)
    op.add_column("documents", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "passages",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("document_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("first_page", sa.Integer(), nullable=False),
        sa.Column("last_page", sa.Integer(), nullable=False),
        sa.Column("n_tokens", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "number"),
    )
    op.create_table(
        "vector_sets",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("collection_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "model", "size"),
    )
    op.create_table(
        "passage_vectors",
        sa.Column("set_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("passage_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("vector", VECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("set_id", "passage_id"),
        postgresql_partition_by="LIST (set_id)",
    )
    _allow("index", "documents", "embedding", "metadata", "question", "passage_question")
    op.create_index(
        ONE_ACTIVE,
        "runs",
        ["collection_id", "kind"],
        unique=True,
        postgresql_where=sa.text(
            "kind IN ('embedding', 'metadata') AND state IN ('cancelling', 'paused', 'queued', 'running', 'throttled')"
        ),
    )


def downgrade() -> None:
    op.drop_index(ONE_ACTIVE, table_name="runs")
    op.execute("DELETE FROM runs WHERE kind NOT IN ('index', 'documents', 'metadata', 'question')")
    _allow("index", "documents", "metadata", "question")
    op.drop_table("passage_vectors")
    op.drop_table("vector_sets")
    op.drop_table("passages")
    for column in ("edited_at", "edited", "extracted_at", "extracted_by", "extracted", "cut_with"):
        op.drop_column("documents", column)


def _allow(*kinds: str) -> None:
    op.drop_constraint("ck_runs_kind", "runs", type_="check")
    op.create_check_constraint("ck_runs_kind", "runs", f"kind IN ({', '.join(map(repr, kinds))})")
