"""Questions under way, so that no two ask the same one; when the message of a run was sent last."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "questions_in_flight",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("asker", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        prefixes=["UNLOGGED"],
    )
    op.add_column("runs", sa.Column("message_sent_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "message_sent_at")
    op.drop_table("questions_in_flight")
