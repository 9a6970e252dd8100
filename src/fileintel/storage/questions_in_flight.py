"""Questions that are being asked: which asker has taken which, so that no two ask the same one.

An asker takes the question first; one that comes second waits for the answer in the store. What was taken is
given back in the transaction that stores the answer, and expires when its asker does not renew it any more. The table
is unlogged: what is under way when PostgreSQL crashes is forgotten, and then asked twice at worst.

Rows are locked in the order of their keys everywhere, and before those of the answers: no two wait for each other.
"""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from fileintel.storage.answers import YOUNG_ENOUGH, Freshness, StoredAnswer, age_limits, save
from fileintel.storage.fixed_sql import Statement

EXPIRY_SECONDS = 30  # after the last renewal; an asker that was silent for so long is dead or hangs
RENEW_SECONDS = EXPIRY_SECONDS / 4

_TAKE = Statement(
    f"""
    INSERT INTO questions_in_flight (key, asker, expires_at)
    SELECT wanted.key, CAST(:asker AS uuid), now() + interval '{EXPIRY_SECONDS} seconds'
      FROM unnest(CAST(:keys AS bytea[])) AS wanted (key)
     WHERE NOT EXISTS (
           SELECT FROM answers
            WHERE answers.key = wanted.key
              AND {YOUNG_ENOUGH})
     ORDER BY wanted.key
        ON CONFLICT (key) DO UPDATE SET asker = EXCLUDED.asker, expires_at = EXCLUDED.expires_at
     WHERE questions_in_flight.asker = EXCLUDED.asker OR questions_in_flight.expires_at <= now()
    RETURNING key
    """
)
_GIVEN_BACK = """
    DELETE FROM questions_in_flight WHERE key IN (
        SELECT key FROM questions_in_flight
         WHERE asker = CAST(:asker AS uuid) AND key = ANY (CAST(:keys AS bytea[])) ORDER BY key FOR UPDATE)
    """
_GIVE_BACK = Statement(_GIVEN_BACK)
_GIVE_ALL_BACK = Statement(
    """
    DELETE FROM questions_in_flight WHERE key IN (
        SELECT key FROM questions_in_flight WHERE asker = ANY (CAST(:askers AS uuid[])) ORDER BY key FOR UPDATE)
    """
)
_RENEW = Statement(  # a row that is locked at this moment is renewed the next time
    f"""
    UPDATE questions_in_flight SET expires_at = now() + interval '{EXPIRY_SECONDS} seconds' WHERE key IN (
        SELECT key FROM questions_in_flight WHERE asker = CAST(:asker AS uuid) ORDER BY key FOR UPDATE SKIP LOCKED)
    """
)


def take(session: Session, keys: Collection[bytes], asker: str, fresh: Freshness | None = None) -> set[bytes]:
    """Take those of these questions that have no answer, and that no other asker has taken; returns what was taken,
    also before by the same asker. An answer that is not `fresh` enough counts as none.

    An answer that is stored meanwhile is seen by the next statement: look it up afterwards.
    """
    if not keys:
        return set()
    given = {"asker": asker, "keys": list(keys), **age_limits(fresh)}
    return {bytes(key) for key in _TAKE.execute(session, given).scalars()}


def give_back(session: Session, keys: Sequence[bytes], asker: str) -> None:
    """Give questions back that are answered, or will not be: others may ask them."""
    if keys:
        _GIVE_BACK.execute(session, {"asker": asker, "keys": list(keys)})


def answered(session: Session, answers: Sequence[StoredAnswer], asker: str) -> None:
    """Keep answers, and give their questions back: in one statement where `answers.fits_one_statement`."""
    values = {"asker": asker, "keys": [answer.key for answer in answers]}
    save(session, answers, f"{_GIVEN_BACK} RETURNING key", values)


def give_all_back(session: Session, *askers: str) -> None:
    """Give back all questions of askers that ask no more."""
    _GIVE_ALL_BACK.execute(session, {"askers": list(askers)})


def renew(session: Session, asker: str) -> None:
    """Put off the expiry of all questions of an asker that is alive."""
    _RENEW.execute(session, {"asker": asker})
