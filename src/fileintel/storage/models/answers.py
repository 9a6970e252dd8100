"""What was paid for: the answers of models, and the questions that are being asked."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from fileintel.storage.models.base import UUID_TEXT, Base, not_negative, utc_now


class Answer(Base):
    """What a model answered, under the hash of the question. Kept only when it parsed."""

    __tablename__ = "answers"
    __table_args__ = (
        CheckConstraint("content IS NOT NULL OR vector IS NOT NULL", name="ck_answers_something"),
        not_negative("answers", "prompt_tokens", "completion_tokens", "hits"),
        {"comment": "What models answered, once for each question; kept until it is cleaned up."},
    )

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, comment="SHA-256 of the question")
    model: Mapped[str]
    purpose: Mapped[str]
    content: Mapped[str | None]
    vector: Mapped[bytes | None] = mapped_column(LargeBinary, comment="32-bit floats, little-endian")
    finish_reason: Mapped[str | None]
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    hits: Mapped[int] = mapped_column(BigInteger, default=0, comment="how often it has saved a call")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime] = mapped_column(default=utc_now)
    flaw: Mapped[str | None] = mapped_column(comment="what the answer lacks to be whole; it is asked for again")


class QuestionInFlight(Base):
    """A question that a worker is asking, or is about to ask; see `storage.questions_in_flight`."""

    __tablename__ = "questions_in_flight"
    __table_args__ = (
        {
            "prefixes": ["UNLOGGED"],
            "comment": "Questions that are being asked now, so that no two workers ask the same one. Unlogged: a crash "
            "of the server forgets them, and they are asked again.",
        },
    )

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    asker: Mapped[str] = mapped_column(UUID_TEXT)
    expires_at: Mapped[datetime]
