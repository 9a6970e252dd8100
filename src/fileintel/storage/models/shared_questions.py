"""What is shared of a run at work: questions for other workers, and the workers that answer them."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from fileintel.storage.models.base import UUID_TEXT, Base, not_negative


class SharedQuestion(Base):
    """A question that any worker with a free slot may ask, until its answer is in the store; see
    `storage.shared_questions`.

    `asker` has taken it; `done` says that its answer is stored, or that `reason` says why there is none.
    """

    __tablename__ = "shared_questions"
    __table_args__ = (
        Index("ix_shared_questions_waiting", "run_id", "priority", "number", postgresql_where=text("asker IS NULL")),
        Index("ix_shared_questions_done", "run_id", postgresql_where=text("done")),
        not_negative("shared_questions", "number", "attempts"),
        {"comment": "Questions of runs at work that any worker may ask; gone when the run is over."},
    )

    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    priority: Mapped[float]
    parser: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    asker: Mapped[str | None] = mapped_column(UUID_TEXT)
    done: Mapped[bool] = mapped_column(Boolean, default=False)
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(default="")


class RunHelper(Base):
    """A worker that answers questions of a run which another one holds; without `seen_at` it has ended. The counts are
    what it has spent and the run has not counted yet."""

    __tablename__ = "run_helpers"
    __table_args__ = (
        not_negative("run_helpers", "slots", "calls", "retries", "prompt_tokens", "completion_tokens"),
        {"comment": "Workers that answer questions of a run which another one holds, and what they have spent."},
    )

    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    worker: Mapped[str] = mapped_column(primary_key=True)
    asker: Mapped[str] = mapped_column(UUID_TEXT)
    slots: Mapped[int]
    seen_at: Mapped[datetime | None]
    calls: Mapped[int] = mapped_column(BigInteger, default=0)
    retries: Mapped[int] = mapped_column(BigInteger, default=0)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    completion_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
