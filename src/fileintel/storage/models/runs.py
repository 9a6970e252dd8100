"""Runs: pieces of work on a collection, how far they are, what happened to them, and what they could not do."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fileintel.storage.models.base import UUID_TEXT, Base, not_negative, one_of, utc_now
from fileintel.storage.states import ACTIVE_STATES, RunKind, RunState


class Run(Base):
    """One piece of work on a collection: its state, its lease, its counts. Also what the API calls a task.

    `kind` says what is done (see `storage.states.RunKind`); `parameters` are ids and switches, never documents.
    The columns from `method` to `prompts` belong to index runs; `records` tells what became of the records in answers,
    `prompts` which prompts were in use, as hashes of `PromptText` by name.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index(
            "uq_runs_one_active_of_a_kind_per_collection",
            "collection_id",
            "kind",
            unique=True,
            postgresql_where=text(
                "kind IN ('index', 'embedding', 'metadata') "
                f"AND state IN ({', '.join(sorted(repr(s.value) for s in ACTIVE_STATES))})"
            ),
        ),
        Index("ix_runs_collection_created", "collection_id", "created_at"),
        Index("ix_runs_created", "created_at", "id"),
        UniqueConstraint("idempotency_key"),
        one_of("runs", "state", RunState),
        one_of("runs", "kind", RunKind),
        not_negative("runs", "token", "attempts"),
        CheckConstraint("owner IS NULL OR lease_expires_at IS NOT NULL", name="ck_runs_lease"),
        {"comment": "Pieces of work on collections, over or not; the API also calls them tasks."},
    )

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    collection_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("collections.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(default=RunKind.INDEX.value)
    state: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    idempotency_key: Mapped[str | None]
    method: Mapped[str] = mapped_column(default="")
    fresh: Mapped[bool] = mapped_column(Boolean, default=False)
    fingerprint: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    models: Mapped[dict[str, Any]] = mapped_column(default=dict)
    llm: Mapped[dict[str, Any]] = mapped_column(default=dict)
    records: Mapped[dict[str, Any]] = mapped_column(default=dict)
    prompts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    owner: Mapped[str | None]
    token: Mapped[int] = mapped_column(
        BigInteger, default=0, comment="grows with each takeover; a write that names an older one is refused"
    )
    lease_expires_at: Mapped[datetime | None]
    message_sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RunEvent(Base):
    """Something that happened to a run, in order: what a reader that was away can read later."""

    __tablename__ = "run_events"
    __table_args__ = (
        not_negative("run_events", "number"),
        {"comment": "What happened to runs, in order, for readers that come later."},
    )

    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class RunStage(Base):
    """How far one stage of a run is. Counts are items of the stage, not calls."""

    __tablename__ = "run_stages"
    __table_args__ = (
        not_negative("run_stages", "position", "total", "done", "cached", "failed", "seconds"),
        {"comment": "How far the stages of runs are, in items."},
    )

    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    cached: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float] = mapped_column(default=0.0)


class Gap(Base):
    """An item that failed for good: what is missing from the index, and why."""

    __tablename__ = "gaps"
    __table_args__ = (
        not_negative("gaps", "attempts"),
        {"comment": "Items that failed for good in a run: what is missing from its index, and why."},
    )

    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    attempts: Mapped[int]
    last_error: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
