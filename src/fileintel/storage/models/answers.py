"""What was paid for: the answers of models, and the questions that are being asked."""

from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from fileintel.storage.models.base import UUID_TEXT, Base, utc_now


class Answer(Base):
    """What a model answered, under the hash of the question. Kept only when it parsed."""

    __tablename__ = "answers"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    model: Mapped[str]
    purpose: Mapped[str]
    content: Mapped[str | None]
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    finish_reason: Mapped[str | None]
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    hits: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime] = mapped_column(default=utc_now)


class QuestionInFlight(Base):
    """A question that somebody is asking, or is about to ask; see `storage.in_flight`."""

    __tablename__ = "questions_in_flight"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    asker: Mapped[str] = mapped_column(UUID_TEXT)
    expires_at: Mapped[datetime]
