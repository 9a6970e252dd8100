"""The answer store: every answer that was paid for, under the hash of its question. Shared by all collections."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from fileintel.storage.bulk_insert import CHARACTERS_PER_STATEMENT, ROWS_PER_STATEMENT, insert_rows
from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import Answer, utc_now

_REPLACE = """(key) DO UPDATE SET model = EXCLUDED.model, purpose = EXCLUDED.purpose, content = EXCLUDED.content,
    vector = EXCLUDED.vector, finish_reason = EXCLUDED.finish_reason, prompt_tokens = EXCLUDED.prompt_tokens,
    completion_tokens = EXCLUDED.completion_tokens, flaw = EXCLUDED.flaw, created_at = EXCLUDED.created_at,
    last_used_at = EXCLUDED.last_used_at"""

YOUNG_ENOUGH = """(answers.created_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
                   OR answers.purpose <> ALL (CAST(:purposes AS text[])))"""
# rows are locked in one order, that of `save` too: two that read the same answers must not wait for each other
_FIND = Statement(
    f"""
    WITH locked AS (
        SELECT key FROM answers WHERE key = ANY (CAST(:keys AS bytea[])) AND {YOUNG_ENOUGH}
         ORDER BY key FOR NO KEY UPDATE)
    UPDATE answers SET hits = hits + 1, last_used_at = now() FROM locked WHERE answers.key = locked.key
    RETURNING answers.key, model, purpose, content, vector, finish_reason, prompt_tokens, completion_tokens,
        created_at
    """
)

OVERHEAD_CHARACTERS = 700  # of an answer's row besides content and vector, at most

_VECTORS = Statement("SELECT key, vector FROM answers WHERE key = ANY (CAST(:keys AS bytea[])) AND vector IS NOT NULL")


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it is kept: text for a chat, 32-bit floats for an embedding.
    `flaw` says what it lacks to be whole."""

    key: bytes
    model: str
    purpose: str
    content: str | None
    vector: bytes | None
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    flaw: str | None = None
    created_at: datetime | None = field(default=None, compare=False)  # set when it is read from the store


@dataclass(frozen=True)
class Freshness:
    """Which stored answers are too old: those from before `since`, of these purposes or (None) of all."""

    since: datetime
    purposes: frozenset[str] | None = None


def find(session: Session, keys: Sequence[bytes], fresh: Freshness | None = None) -> dict[bytes, StoredAnswer]:
    """The stored answers among `keys`, in one query that also counts the hits.

    With `fresh`, without those that are too old: a run that asks afresh still finds its own.
    """
    values = {"keys": list(keys), **age_limits(fresh)}
    return {bytes(row.key): _stored(row) for row in _FIND.execute(session, values)}


def age_limits(fresh: Freshness | None) -> dict[str, Any]:
    """The values of `since` and `purposes` for a statement that leaves out answers that are too old."""
    # without purposes the age decides alone: nothing differs from all of an array with NULL in it
    purposes = list(fresh.purposes) if fresh and fresh.purposes is not None else [None]
    return {"since": fresh.since if fresh else None, "purposes": purposes}


def vectors(session: Session, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """The vectors of these answers, those that are there; this counts as no use."""
    return {bytes(key): bytes(vector) for key, vector in _VECTORS.execute(session, {"keys": list(keys)})}


def _stored(row: Any) -> StoredAnswer:
    return StoredAnswer(
        key=bytes(row.key),
        model=row.model,
        purpose=row.purpose,
        content=row.content,
        vector=None if row.vector is None else bytes(row.vector),
        finish_reason=row.finish_reason,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        created_at=row.created_at,
    )


def save(
    session: Session,
    answers: Iterable[StoredAnswer],
    first: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Keep answers; one that is there already is replaced by the newer one. `first` and `values`: see `insert_rows`."""
    insert_rows(session, Answer, _rows(answers), on_conflict=_REPLACE, first=first, values=values)


def fits_one_statement(answers: Sequence[StoredAnswer]) -> bool:
    """Whether `save` sends one statement for these."""
    size = sum(OVERHEAD_CHARACTERS + 6 * len(each.content or "") + 2 * len(each.vector or b"") for each in answers)
    return len(answers) < ROWS_PER_STATEMENT and size < CHARACTERS_PER_STATEMENT


def _rows(answers: Iterable[StoredAnswer]) -> Iterator[dict[str, Any]]:
    now = utc_now().isoformat()
    newest = {answer.key: answer for answer in answers}
    return (
        {
            "key": "\\x" + answer.key.hex(),
            "model": answer.model,
            "purpose": answer.purpose,
            "content": answer.content,
            "vector": None if answer.vector is None else "\\x" + answer.vector.hex(),
            "finish_reason": answer.finish_reason,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "flaw": answer.flaw,
            "hits": 0,
            "created_at": now,
            "last_used_at": now,
        }
        for _, answer in sorted(newest.items())  # one order for all writers: no deadlock
    )


@dataclass(frozen=True)
class StoreSize:
    """What the store holds: number of answers, bytes on disk, and how often they were used again."""

    answers: int
    bytes: int
    hits: int


def size(session: Session) -> StoreSize:
    """Count the store."""
    count, hits = session.execute(select(func.count(), func.coalesce(func.sum(Answer.hits), 0))).one()
    on_disk = session.execute(text("SELECT pg_total_relation_size('answers')")).scalar_one()
    return StoreSize(int(count), int(on_disk), int(hits))
