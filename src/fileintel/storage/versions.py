"""Index versions: built beside the published one, published by moving a pointer, dropped whole."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from fileintel.errors import IndexGone, NoIndexError, NotFoundError
from fileintel.storage import collections, runs
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import Base, Collection, Embedding, Gap, IndexVersion, Run, utc_now
from fileintel.storage.runs import Lease
from fileintel.storage.states import ACTIVE_STATES, VersionState

EXACT_SEARCH_ROWS = 2_000  # up to here a scan of all vectors takes a few milliseconds and misses nothing
HALFVEC_LARGEST = 4_000  # dimensions that pgvector's HNSW takes as `halfvec`; as `vector` it takes 2,000
HNSW_BYTES_BESIDE = 1_000  # that pgvector 0.8 keeps of a vector while it builds, besides its numbers

_THERE = Statement("SELECT FROM index_versions WHERE id = CAST(:version AS uuid)")
# those of the server, whatever this transaction has set
_BUILD_SETTINGS = text(
    """SELECT (SELECT reset_val::bigint * 1024 FROM pg_settings WHERE name = 'maintenance_work_mem'),
              (SELECT reset_val FROM pg_settings WHERE name = 'max_parallel_maintenance_workers')"""
)
_SET_BUILD_SETTINGS = text(
    """SELECT set_config('maintenance_work_mem', :memory, true),
              set_config('max_parallel_maintenance_workers', :workers, true)"""
)


def begin(session: Session, lease: Lease, collection_id: str, **values: Any) -> IndexVersion:
    """A new version in the making, with a table of its own for its vectors. What an earlier attempt or a run that
    died left behind is dropped first: only one run of a collection is active.

    Raises:
      LeaseLost: the run is another worker's.
    """
    runs.renew(session, lease)
    drop_all(session, in_the_making(session, collection_id))
    highest = select(func.coalesce(func.max(IndexVersion.number), 0)).where(IndexVersion.collection_id == collection_id)
    version = IndexVersion(
        id=str(uuid4()),
        collection_id=collection_id,
        run_id=lease.run_id,
        number=session.execute(highest).scalar_one() + 1,
        state=VersionState.BUILDING.value,
        **values,
    )
    session.add(version)
    session.flush()
    table = partition_name(version.id)
    # attached, because CREATE TABLE … PARTITION OF would lock out all searches
    session.execute(text(f"CREATE TABLE {table} (LIKE embeddings INCLUDING DEFAULTS INCLUDING INDEXES)"))
    session.execute(text(f"ALTER TABLE embeddings ATTACH PARTITION {table} FOR VALUES IN ('{version.id}')"))
    return version


def add_rows(
    session: Session, lease: Lease, version_id: str, tables: Iterable[tuple[type[Base], Iterable[Mapping[str, Any]]]]
) -> None:
    """Write rows into tables of a version; those that are there already stay.

    Raises:
      LeaseLost: the run is another worker's.
    """
    runs.renew(session, lease)  # first: a worker that was replaced must not touch a table that its successor drops
    for table, rows in tables:
        insert_rows(session, table, rows, into=partition_name(version_id) if table is Embedding else None)


def in_the_making(session: Session, collection_id: str) -> Sequence[str]:
    """The ids of versions that are being written, or were when their worker died."""
    statement = select(IndexVersion.id).where(
        IndexVersion.collection_id == collection_id, IndexVersion.state == VersionState.BUILDING.value
    )
    return session.execute(statement).scalars().all()


def abandoned(session: Session) -> Sequence[str]:
    """The ids of versions whose run is over and has not published them: they are not written any more."""
    statement = (
        select(IndexVersion.id)
        .join(Run, Run.id == IndexVersion.run_id)
        .where(
            IndexVersion.state == VersionState.BUILDING.value,
            Run.state.not_in([state.value for state in ACTIVE_STATES]),
        )
    )
    return session.execute(statement).scalars().all()


def published_by(session: Session, run_id: str) -> IndexVersion | None:
    """The version that a run has published."""
    statement = select(IndexVersion).where(
        IndexVersion.run_id == run_id, IndexVersion.state == VersionState.PUBLISHED.value
    )
    return session.execute(statement.order_by(IndexVersion.number.desc()).limit(1)).scalar_one_or_none()


def build_vector_indexes(session: Session, version_id: str, size: int, memory: int = 0) -> None:
    """HNSW indexes (Malkov, Yashunin 2018, through pgvector) over this version's vectors, one for each kind that is
    too large for an exact search. Harmless when repeated.

    Parameters:
      memory: megabytes that PostgreSQL may use where its own maintenance_work_mem does not hold the whole graph. One
        that does not fit is finished on the disk, which takes ten times as long.
    """
    if size > HALFVEC_LARGEST:
        return
    statement = select(Embedding.kind, func.count()).where(Embedding.version_id == version_id).group_by(Embedding.kind)
    for kind, count in session.execute(statement).all():
        if count > EXACT_SEARCH_ROWS:
            expression, operators = vector_expression(size)
            _give_memory(session, count * (2 * size + HNSW_BYTES_BESIDE), memory)
            session.execute(
                text(
                    f"CREATE INDEX IF NOT EXISTS hnsw_{version_id.replace('-', '')}_{kind} "
                    f"ON {partition_name(version_id)} USING hnsw (({expression}) {operators}) "
                    f"WHERE kind = '{kind}'"
                )
            )
    session.execute(text(f"ANALYZE {partition_name(version_id)}"))


def analyze(session: Session, rows: int) -> None:
    """Let PostgreSQL look at the tables of index rows again. Of a version that it has not seen yet it believes that it
    has hardly a row, and then joins row by row: a status of 3,000 text units took 34 s instead of 0.3 s.

    Parameters:
      rows: those of the version; of a small one nothing is done, because no plan is slow.
    """
    if rows > EXACT_SEARCH_ROWS:
        session.execute(text("ANALYZE text_units, entities, relationships, communities, community_reports"))


def _give_memory(session: Session, needed: int, allowed: int) -> None:
    """For this transaction, memory to build an index in: of the builder alone, because that of several is shared
    memory, of which a container has little."""
    own, workers = session.execute(_BUILD_SETTINGS).one()
    largest = min(-(-needed // 2**20), allowed)
    enough = largest * 2**20 <= own
    chosen = {"memory": f"{own // 1024}kB" if enough else f"{largest}MB", "workers": workers if enough else "0"}
    session.execute(_SET_BUILD_SETTINGS, chosen)


def vector_expression(size: int) -> tuple[str, str]:
    """The expression that an index on vectors of this size is over, and its operator class for cosine distance.

    Numbers of 16 bits halve what a search has to read, and with that the time that it takes; they are precise enough
    to find the nearest, whose distances are then computed from the vectors themselves. Larger vectors have no index.
    """
    if size > HALFVEC_LARGEST:
        return f"vector::vector({size})", "vector_cosine_ops"
    return f"vector::halfvec({size})", "halfvec_cosine_ops"


def publish(session: Session, lease: Lease, version_id: str, counts: dict[str, Any]) -> None:
    """Make a version the one that answers questions.

    Raises:
      LeaseLost: the run is another worker's.
    """
    runs.renew(session, lease)
    version = session.get_one(IndexVersion, version_id)
    version.state = VersionState.PUBLISHED.value
    version.published_at = utc_now()
    version.counts = counts
    session.flush()
    session.execute(
        update(Collection).where(Collection.id == version.collection_id).values(current_version_id=version_id)
    )


def current(session: Session, collection: Collection) -> IndexVersion:
    """The version that answers questions.

    Raises:
      NoIndexError: nothing has been published yet.
      IndexGone: it was dropped a moment ago.
    """
    if collection.current_version_id is None:
        raise NoIndexError(
            f"collection {collection.name!r} has no index yet: build one with "
            f"`fileintel graphrag index {shlex.quote(collection.name)}`"
        )
    found = session.get(IndexVersion, collection.current_version_id)
    if found is None:  # it was there when the collection was read
        raise IndexGone(f"the index of {collection.name!r} was replaced or deleted just now: ask again")
    return found


def find(session: Session, version_id: str) -> IndexVersion | None:
    """A version by its id; None when it is gone."""
    return session.get(IndexVersion, version_id)


class InUse(NamedTuple):
    """A collection, the version that answers questions, and how many items failed for good in its run."""

    collection: Collection
    version: IndexVersion
    gaps: int


def in_use(session: Session, name_or_id: str) -> InUse:
    """The version that answers questions to a collection, which is given by name or id.

    Raises:
      NotFoundError: there is no such collection.
      NoIndexError: nothing has been published yet.
      IndexGone: it was dropped a moment ago.
    """
    collection = collections.find(session, name_or_id)
    gaps = select(func.count()).where(Gap.run_id == IndexVersion.run_id).scalar_subquery()
    statement = select(IndexVersion, gaps).where(IndexVersion.id == collection.current_version_id)
    row = session.execute(statement).one_or_none()
    version, count = row if row is not None else (current(session, collection), 0)  # which says why there is none
    return InUse(collection, version, count)


def of_collection(session: Session, collection_id: str) -> Sequence[IndexVersion]:
    """All versions of a collection, the newest first."""
    statement = select(IndexVersion).where(IndexVersion.collection_id == collection_id)
    return session.execute(statement.order_by(IndexVersion.number.desc())).scalars().all()


def published(session: Session, collection_id: str) -> list[IndexVersion]:
    """The published versions of a collection, the newest first."""
    found = of_collection(session, collection_id)
    return [version for version in found if version.state == VersionState.PUBLISHED.value]


def numbered(session: Session, collection: Collection, number: int | None = None) -> IndexVersion:
    """The published version of this number, or the one in use.

    Raises:
      NoIndexError: none is in use.
      NotFoundError: there is none of that number.
    """
    if number is None:
        return current(session, collection)
    kept = published(session, collection.id)
    found = next((version for version in kept if version.number == number), None)
    if found is None:
        raise NotFoundError(
            f"there is no version {number} of the index of {collection.name!r}: "
            f"{_listed(kept) or '`fileintel graphrag index` builds the first one'}"
        )
    return found


def before(session: Session, collection: Collection, version: IndexVersion) -> IndexVersion:
    """The newest published version that is older than this one.

    Raises:
      NotFoundError: there is none.
    """
    kept = published(session, collection.id)
    found = next((one for one in kept if one.number < version.number), None)
    if found is None:
        raise NotFoundError(
            f"there is no version of the index of {collection.name!r} before {version.number}: {_listed(kept)}"
        )
    return found


class RolledBack(NamedTuple):
    """The version that was in use, and the one that is now."""

    before: IndexVersion
    after: IndexVersion


def roll_back(session: Session, collection_id: str, number: int | None = None) -> RolledBack:
    """Let another published version answer questions: that of this number, or the newest one before the one in use.

    Raises:
      NoIndexError: none is in use.
      NotFoundError: there is no such version.
    """
    collection = locked_collection(session, collection_id)
    was = current(session, collection)
    chosen = before(session, collection, was) if number is None else numbered(session, collection, number)
    collection.current_version_id = chosen.id
    session.flush()
    return RolledBack(was, chosen)


def _listed(kept: Sequence[IndexVersion]) -> str:
    return f"kept are {', '.join(str(version.number) for version in reversed(kept))}" if kept else ""


def locked_collection(session: Session, collection_id: str) -> Collection:
    """A collection, locked: until the transaction ends, no other one moves its pointer or drops its versions. A version
    must not be dropped while it is made the current one."""
    statement = select(Collection).where(Collection.id == collection_id).with_for_update()
    return session.execute(statement.execution_options(populate_existing=True)).scalar_one()


def require(session: Session, version: IndexVersion) -> None:
    """Whether what has been read of a version was whole. A version never changes once it is published, and is dropped
    in one transaction: if it is there after the last row was read, all rows were there.

    Raises:
      IndexGone: it has been deleted.
    """
    if _THERE.execute(session, {"version": version.id}).one_or_none() is None:
        raise IndexGone(f"index version {version.number} was deleted while it was read: ask again")


def beyond(session: Session, collection_id: str, keep: int) -> list[str]:
    """The ids of published versions that retention no longer holds: all but the `keep` newest and the current. They
    are to be dropped in the same transaction."""
    in_use = locked_collection(session, collection_id).current_version_id
    return [version.id for version in published(session, collection_id)[keep:] if version.id != in_use]


def drop(session: Session, version_id: str) -> None:
    """Delete a version with all its rows and its table of vectors."""
    session.execute(text(f"DROP TABLE IF EXISTS {partition_name(version_id)}"))
    session.execute(delete(IndexVersion).where(IndexVersion.id == version_id))


def drop_unfinished(session: Session, run_id: str) -> None:
    """Delete what a run has begun to write and has not published."""
    statement = select(IndexVersion.id).where(
        IndexVersion.run_id == run_id, IndexVersion.state == VersionState.BUILDING.value
    )
    for leftover in session.execute(statement).scalars().all():
        drop(session, leftover)


def drop_all(session: Session, version_ids: Iterable[str]) -> None:
    """Delete several versions."""
    for version_id in version_ids:
        drop(session, version_id)


def partition_name(version_id: str) -> str:
    """The table that holds a version's vectors."""
    return f"embeddings_{version_id.replace('-', '')}"
