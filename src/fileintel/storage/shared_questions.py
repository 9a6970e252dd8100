"""Questions of a run that other workers may ask, and the workers that do.

The worker that holds the run (its coordinator) writes questions down; a worker with a free slot takes some, the most
urgent first, and marks them when their answers are in the store. A mark only says where to look: answers are found in
the store, and `storage.questions_in_flight` says which questions are being asked, as for all other questions.

Rows are locked in this order: questions in flight, shared questions, helpers, answers; and by key within each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from fileintel.storage import questions_in_flight
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.models import SharedQuestion
from fileintel.storage.runs import Lease
from fileintel.storage.states import RunState

HELPER_SECONDS = 30  # a helper that was silent for so long is dead or hangs
_AT_WORK = [RunState.RUNNING.value, RunState.THROTTLED.value]
COUNTS = ("calls", "retries", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True)
class Shared:
    """A question as it travels: `parser` names what reads its answer, `body` is the rest of it."""

    key: bytes
    parser: str
    body: bytes
    priority: float


@dataclass(frozen=True)
class Marked:
    """What became of a shared question: its answer is in the store, or `reason` says why there is none."""

    key: bytes
    reason: str | None
    attempts: int
    last_error: str


@dataclass(frozen=True)
class Helper:
    """A worker that answers questions of a run. `worker` is its process as an owner is named, `slots` how many
    questions it can ask at once, `silent` for how many seconds it was not heard of."""

    worker: str
    asker: str
    slots: int
    silent: float


_SHARED = text("SELECT key FROM shared_questions WHERE run_id = CAST(:run AS uuid)")
_WAITING = text("SELECT count(*) FROM shared_questions WHERE run_id = CAST(:run AS uuid) AND asker IS NULL")
_TAKE_BACK = text(
    """
    DELETE FROM shared_questions WHERE run_id = CAST(:run AS uuid) AND key IN (
        SELECT key FROM shared_questions WHERE run_id = CAST(:run AS uuid) AND asker IS NULL
         ORDER BY priority, number LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING key
    """
)
_MARKED = text(
    """
    DELETE FROM shared_questions WHERE run_id = CAST(:run AS uuid) AND key IN (
        SELECT key FROM shared_questions WHERE run_id = CAST(:run AS uuid) AND done ORDER BY key FOR UPDATE)
    RETURNING key, reason, attempts, last_error
    """
)
_HELPERS = text(
    """
    SELECT worker, asker, slots, extract(epoch FROM now() - seen_at) AS silent
      FROM run_helpers WHERE run_id = CAST(:run AS uuid) AND seen_at IS NOT NULL
    """
)
_COUNTED = text(
    f"""
    WITH spent AS (
        SELECT worker, {", ".join(COUNTS)} FROM run_helpers
         WHERE run_id = CAST(:run AS uuid) AND {" + ".join(COUNTS)} > 0 ORDER BY worker FOR UPDATE)
    UPDATE run_helpers SET {", ".join(f"{name} = 0" for name in COUNTS)}
      FROM spent WHERE run_helpers.run_id = CAST(:run AS uuid) AND run_helpers.worker = spent.worker
    RETURNING {", ".join(f"spent.{name}" for name in COUNTS)}
    """
)
_REOPEN = text(
    """
    UPDATE shared_questions SET asker = NULL WHERE run_id = CAST(:run AS uuid) AND key IN (
        SELECT key FROM shared_questions
         WHERE run_id = CAST(:run AS uuid) AND asker = CAST(:asker AS uuid) AND NOT done ORDER BY key FOR UPDATE)
    """
)
_RETIRE = text(
    "UPDATE run_helpers SET seen_at = NULL WHERE run_id = CAST(:run AS uuid) AND asker = CAST(:asker AS uuid)"
)
_ENLIST = text(
    f"""
    INSERT INTO run_helpers (run_id, worker, asker, slots, seen_at, {", ".join(COUNTS)})
    SELECT runs.id, CAST(:worker AS text), CAST(:asker AS uuid), :slots, now(), 0, 0, 0, 0
      FROM runs WHERE runs.id = CAST(:run AS uuid) AND runs.token = :token AND runs.state = ANY (:at_work)
        ON CONFLICT (run_id, worker) DO UPDATE
       SET asker = EXCLUDED.asker, slots = EXCLUDED.slots, seen_at = EXCLUDED.seen_at
     WHERE run_helpers.seen_at IS NULL OR run_helpers.seen_at < now() - interval '{HELPER_SECONDS} seconds'
    RETURNING worker
    """
)
_REPORT = text(
    """
    UPDATE run_helpers SET slots = CASE WHEN run.at_work THEN :slots ELSE 0 END, seen_at = now()
      FROM (SELECT EXISTS (SELECT FROM runs WHERE id = CAST(:run AS uuid) AND token = :token
                              AND state = ANY (:at_work)) AS at_work) AS run
     WHERE run_helpers.run_id = CAST(:run AS uuid) AND asker = CAST(:asker AS uuid) AND seen_at IS NOT NULL
    RETURNING run.at_work
    """
)
_TAKE = text(
    """
    UPDATE shared_questions SET asker = CAST(:asker AS uuid)
      FROM (SELECT key FROM shared_questions
             WHERE run_id = CAST(:run AS uuid) AND asker IS NULL
               AND EXISTS (SELECT FROM runs WHERE id = CAST(:run AS uuid) AND token = :token AND state = ANY (:at_work))
             ORDER BY priority, number LIMIT :most FOR UPDATE SKIP LOCKED) AS free
     WHERE shared_questions.run_id = CAST(:run AS uuid) AND shared_questions.key = free.key
    RETURNING shared_questions.key, parser, body, priority
    """
)
_MARK = text(
    """
    UPDATE shared_questions SET done = true
     WHERE run_id = CAST(:run AS uuid) AND asker = CAST(:asker AS uuid) AND key IN (
        SELECT key FROM shared_questions
         WHERE run_id = CAST(:run AS uuid) AND key = ANY (CAST(:keys AS bytea[])) ORDER BY key FOR UPDATE)
    """
)
_MARK_FAILED = text(
    """
    UPDATE shared_questions SET done = true, reason = :reason, attempts = :attempts, last_error = :last_error
     WHERE run_id = CAST(:run AS uuid) AND asker = CAST(:asker AS uuid) AND key = :key
    """
)
_COUNT = text(
    f"""
    UPDATE run_helpers SET seen_at = CASE WHEN seen_at IS NULL THEN NULL ELSE now() END,
           {", ".join(f"{name} = {name} + :{name}" for name in COUNTS)}
     WHERE run_id = CAST(:run AS uuid) AND asker = CAST(:asker AS uuid)
    """
)
_CLEAR = text("DELETE FROM shared_questions WHERE run_id = CAST(:run AS uuid)")


# ---- the coordinator


def share(session: Session, run_id: str, asker: str, questions: Iterable[tuple[int, Shared]]) -> None:
    """Write questions down for others, each with a number that decides among equally urgent ones. The coordinator,
    `asker`, has taken them before, and gives them back here: the helper that asks one takes it."""
    numbered = sorted(questions, key=lambda each: each[1].key)
    questions_in_flight.give_back(session, [shared.key for _, shared in numbered], asker)
    rows = (
        {
            "run_id": run_id,
            "key": "\\x" + shared.key.hex(),
            "number": number,
            "priority": shared.priority,
            "parser": shared.parser,
            "body": "\\x" + shared.body.hex(),
            "done": False,
            "attempts": 0,
            "last_error": "",
        }
        for number, shared in numbered
    )
    insert_rows(session, SharedQuestion, rows)


def take_back(session: Session, run_id: str, most: int) -> list[bytes]:
    """The keys of questions that no worker has begun, the most urgent first; they are shared no more."""
    found = session.execute(_TAKE_BACK, {"run": run_id, "most": most})
    return [bytes(key) for key in found.scalars()]


def marked(session: Session, run_id: str) -> list[Marked]:
    """What has become of shared questions since the last time; they are shared no more."""
    found = session.execute(_MARKED, {"run": run_id})
    return [Marked(bytes(row.key), row.reason, row.attempts, row.last_error) for row in found]


def shared(session: Session, run_id: str) -> set[bytes]:
    """The keys of the questions that are shared."""
    return {bytes(key) for key in session.execute(_SHARED, {"run": run_id}).scalars()}


def waiting(session: Session, run_id: str) -> int:
    """How many shared questions no worker has begun."""
    return int(session.execute(_WAITING, {"run": run_id}).scalar_one())


def helpers(session: Session, run_id: str) -> list[Helper]:
    """Who helps with a run, or has died while doing so."""
    found = session.execute(_HELPERS, {"run": run_id})
    return [Helper(row.worker, str(row.asker), row.slots, float(row.silent)) for row in found]


def counted(session: Session, run_id: str) -> dict[str, int]:
    """What the helpers have spent since the last time."""
    rows = session.execute(_COUNTED, {"run": run_id}).all()
    return {name: sum(getattr(row, name) for row in rows) for name in COUNTS}


def dismiss(session: Session, run_id: str, asker: str) -> None:
    """A helper asks no more: others may take what it had, and has not answered."""
    given = {"run": run_id, "asker": asker}
    questions_in_flight.give_all_back(session, asker)
    session.execute(_REOPEN, given)
    session.execute(_RETIRE, given)


def clear(session: Session, run_id: str) -> None:
    """Nothing of the run is shared any more. Answers that are under way elsewhere will be stored all the same."""
    session.execute(_CLEAR, {"run": run_id})


# ---- a helper


def enlist(session: Session, lease: Lease, worker: str, asker: str, slots: int) -> bool:
    """Begin to help with a run that is at work under this lease; False when it is not, or the worker helps already."""
    given = {"worker": worker, "asker": asker, "slots": slots}
    return session.execute(_ENLIST, {**_of(lease), **given}).first() is not None


def report(session: Session, lease: Lease, asker: str, slots: int) -> bool:
    """Say that the helper is there, and how many questions it can ask at once; False when it is not wanted any more.
    Then it has no slots, and what it has under way comes to its end."""
    return bool(session.execute(_REPORT, {**_of(lease), "asker": asker, "slots": slots}).scalar_one_or_none())


def take(session: Session, lease: Lease, asker: str, most: int) -> list[Shared]:
    """The most urgent of the questions that no worker has begun, for this helper to ask; none while the run rests."""
    found = session.execute(_TAKE, {**_of(lease), "asker": asker, "most": most})
    return [Shared(bytes(row.key), row.parser, bytes(row.body), row.priority) for row in found]


def mark(session: Session, run_id: str, asker: str, keys: Sequence[bytes]) -> None:
    """The answers to these are in the store."""
    if keys:
        session.execute(_MARK, {"run": run_id, "asker": asker, "keys": list(keys)})


def mark_failed(session: Session, run_id: str, asker: str, failed: Marked) -> None:
    """There is no answer to this one."""
    session.execute(_MARK_FAILED, {"run": run_id, "asker": asker, **vars(failed)})


def count(session: Session, run_id: str, asker: str, spent: Mapping[str, int]) -> None:
    """The helper has spent so much more."""
    if any(spent.values()):
        session.execute(_COUNT, {"run": run_id, "asker": asker, **spent})


def _of(lease: Lease) -> dict[str, Any]:
    return {"run": lease.run_id, "token": lease.token, "at_work": _AT_WORK}
