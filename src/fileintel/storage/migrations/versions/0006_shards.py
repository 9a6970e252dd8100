"""Questions of a run that other workers may ask, and the workers that do."""

import sqlalchemy as sa
from alembic import op

revision = "0006_shards"
down_revision = "0006_asking"


def upgrade() -> None:
    op.create_table(
        "shared_questions",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Float(), nullable=False),
        sa.Column("parser", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("asker", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key"),
    )
    op.create_index(
        "ix_shared_questions_waiting",
        "shared_questions",
        ["run_id", "priority", "number"],
        postgresql_where=sa.text("asker IS NULL"),
    )
    op.create_index("ix_shared_questions_done", "shared_questions", ["run_id"], postgresql_where=sa.text("done"))
    op.create_table(
        "run_helpers",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("asker", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("retries", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "worker"),
    )


def downgrade() -> None:
    op.drop_table("run_helpers")
    op.drop_index("ix_shared_questions_done", "shared_questions")
    op.drop_index("ix_shared_questions_waiting", "shared_questions")
    op.drop_table("shared_questions")
