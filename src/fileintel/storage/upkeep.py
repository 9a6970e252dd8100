"""Cleans up the answer store: says what is in it, and removes what was not used for long.

An answer is used when it is found in a look-up, or when it arrives. What a run in progress may need is never removed,
even if it has not come to it yet: that is what was used since the versions of its collection that are kept were begun,
because it is asked much the same questions as they were.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, literal, select, update
from sqlalchemy.orm import Session, aliased

from fileintel.storage.engine import Database
from fileintel.storage.models import Answer, IndexVersion, Run
from fileintel.storage.states import ACTIVE_STATES, RunKind

WINDOW = 2_000  # answers looked at in one transaction: some milliseconds, and as many rows locked at most

_SIZE = func.coalesce(func.octet_length(Answer.content), 0) + func.coalesce(func.octet_length(Answer.vector), 0)


@dataclass(frozen=True)
class Group:
    """The answers of one model for one purpose. `bytes` are those of the answers themselves."""

    model: str
    purpose: str
    answers: int
    bytes: int
    hits: int
    prompt_tokens: int
    completion_tokens: int
    oldest: datetime
    newest: datetime
    last_used: datetime


@dataclass(frozen=True)
class Stale:
    """Which answers may go: unused since before a moment, of a model; None is no condition."""

    unused_since: datetime | None = None
    model: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        found: list[ColumnElement[bool]] = []
        if self.unused_since is not None:
            found.append(Answer.last_used_at < self.unused_since)
        if self.model is not None:
            found.append(Answer.model == self.model)
        return found


@dataclass(frozen=True)
class Removed:
    """What was removed, or would be, of one model and purpose. `kept` of them a run in progress may need."""

    model: str
    purpose: str
    answers: int
    bytes: int
    kept: int = 0


@dataclass(frozen=True)
class StoredText:
    """A stored chat answer, as far as its wholeness can be seen from it; `flaw` is what was written down of that."""

    key: bytes
    model: str
    purpose: str
    content: str
    finish_reason: str | None
    flaw: str | None


@dataclass(frozen=True)
class Flawed:
    """How many answers of one model and purpose were looked at, and how many of them are not whole."""

    model: str
    purpose: str
    answers: int
    cut_short: int


def groups(session: Session) -> list[Group]:
    """What the store holds, by model and purpose. Reads the whole table once."""
    counted = {
        "answers": func.count(),
        "bytes": func.sum(_SIZE),
        "hits": func.sum(Answer.hits),
        "prompt_tokens": func.sum(Answer.prompt_tokens),
        "completion_tokens": func.sum(Answer.completion_tokens),
        "oldest": func.min(Answer.created_at),
        "newest": func.max(Answer.created_at),
        "last_used": func.max(Answer.last_used_at),
    }
    columns = [value.label(name) for name, value in counted.items()]
    statement = select(Answer.model, Answer.purpose, *columns).group_by(Answer.model, Answer.purpose)
    return [Group(**row) for row in session.execute(statement.order_by(Answer.model, Answer.purpose)).mappings()]


def would_remove(session: Session, stale: Stale) -> list[Removed]:
    """What `remove` would remove now."""
    needed = _may_be_needed(session)
    statement = (
        select(
            Answer.model,
            Answer.purpose,
            func.count().filter(~needed),
            func.coalesce(func.sum(_SIZE).filter(~needed), 0),
            func.count().filter(needed),
        )
        .where(*stale.conditions())
        .group_by(Answer.model, Answer.purpose)
        .order_by(Answer.model, Answer.purpose)
    )
    return [Removed(r[0], r[1], *map(int, r[2:])) for r in session.execute(statement)]


def remove(database: Database, stale: Stale) -> Iterator[Removed]:
    """Remove stale answers, a window of the store at a time, each in a transaction of its own; yields what was removed
    from each window. An answer that is locked at that moment is in use, and stays."""
    after: bytes | None = None
    while True:
        with database.transaction() as session:
            upto = _end_of_window(session, after)
            if upto is None:
                return
            removed = _remove_between(session, after, upto, stale)
        yield from removed
        after = upto


def check(database: Database, flaw_of: Callable[[StoredText], str | None], *, mark: bool) -> Iterator[Flawed]:
    """Look at every chat answer, a window of the store at a time; yields what was found in each window.

    Parameters:
      flaw_of: says what an answer lacks to be whole, None when nothing.
      mark: whether what was found is written down beside the answer; what was written before is replaced.
    """
    after: bytes | None = None
    while True:
        with database.transaction() as session:
            upto = _end_of_window(session, after)
            if upto is None:
                return
            read = select(Answer).where(_between(after, upto), Answer.content.is_not(None))
            found = [
                StoredText(one.key, one.model, one.purpose, one.content or "", one.finish_reason, one.flaw)
                for one in session.execute(read).scalars()
            ]
        flaws = {one.key: flaw_of(one) for one in found}
        if mark:
            changed = [{"of": one.key, "as": flaws[one.key]} for one in found if flaws[one.key] != one.flaw]
            _mark(database, changed)
        counts = Counter((one.model, one.purpose) for one in found)
        cut = Counter((one.model, one.purpose) for one in found if flaws[one.key] is not None)
        yield from (Flawed(*key, count, cut[key]) for key, count in sorted(counts.items()))
        after = upto


def _mark(database: Database, changed: Sequence[dict[str, bytes | str | None]]) -> None:
    if changed:
        with database.transaction() as session:
            statement = update(Answer).where(Answer.key == bindparam("of")).values(flaw=bindparam("as"))
            session.connection().execute(statement, list(changed))


def _between(after: bytes | None, upto: bytes) -> ColumnElement[bool]:
    return Answer.key <= upto if after is None else and_(Answer.key > after, Answer.key <= upto)


def _end_of_window(session: Session, after: bytes | None) -> bytes | None:
    keys = select(Answer.key).order_by(Answer.key).limit(WINDOW)
    if after is not None:
        keys = keys.where(Answer.key > after)
    window = keys.subquery()
    last = session.execute(select(window.c.key).order_by(window.c.key.desc()).limit(1)).scalar_one_or_none()
    return None if last is None else bytes(last)


def _remove_between(session: Session, after: bytes | None, upto: bytes, stale: Stale) -> list[Removed]:
    needed = _may_be_needed(session)
    window = _between(after, upto)
    kept = select(Answer.model, Answer.purpose, func.count()).where(window, needed, *stale.conditions())
    still_needed = {(r[0], r[1]): int(r[2]) for r in session.execute(kept.group_by(Answer.model, Answer.purpose))}
    doomed = (
        select(Answer.key)
        .where(window, ~needed, *stale.conditions())
        .order_by(Answer.key)
        .with_for_update(skip_locked=True)
    ).cte("doomed")
    gone = delete(Answer).where(Answer.key == doomed.c.key).returning(Answer.model, Answer.purpose, _SIZE)
    found: dict[tuple[str, str], list[int]] = {}
    for model, purpose, octets in session.execute(gone.execution_options(synchronize_session=False)):
        found.setdefault((model, purpose), []).append(int(octets))
    return [
        Removed(*key, len(found.get(key, ())), sum(found.get(key, ())), still_needed.get(key, 0))
        for key in sorted(found.keys() | still_needed.keys())
    ]


def _may_be_needed(session: Session) -> ColumnElement[bool]:
    """Which answers a run in progress may need; looked up anew for each window, because runs begin meanwhile."""
    active, maker = aliased(Run), aliased(Run)
    in_progress = active.state.in_([state.value for state in ACTIVE_STATES])
    began = (
        select(func.min(func.least(active.created_at, maker.created_at)))
        .select_from(active)
        .outerjoin(
            IndexVersion,
            and_(IndexVersion.collection_id == active.collection_id, active.kind == RunKind.INDEX.value),
        )
        .outerjoin(maker, maker.id == IndexVersion.run_id)
        .where(in_progress)
    )
    earliest = session.execute(began).scalar_one()
    return Answer.last_used_at >= earliest if earliest is not None else literal(False)
