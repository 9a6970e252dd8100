"""Writing an index: its rows beside the version in use, then one pointer moves."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from fileintel.errors import RunCancelled
from fileintel.graphrag import rows
from fileintel.graphrag.pipeline import PUBLISH, Built, Ingredients, Paused
from fileintel.graphrag.rows import Row
from fileintel.runtime import breathing
from fileintel.storage import runs, versions
from fileintel.storage.bulk import insert_rows
from fileintel.storage.models import (
    Base,
    CommunityReport,
    Covariate,
    Embedding,
    IndexedDocument,
)  # fmt: skip
from fileintel.storage.models import (
    Community as CommunityRow,
)
from fileintel.storage.models import (
    Entity as EntityRow,
)
from fileintel.storage.models import (
    Relationship as RelationshipRow,
)
from fileintel.storage.models import (
    TextUnit as TextUnitRow,
)
from fileintel.storage.runs import Lease

ROWS_PER_TRANSACTION = 1_000  # the run's row is locked meanwhile: for a fraction of a second, also with long vectors


def publish(run: Ingredients, built: Built) -> str:
    """Write an index beside the one in use, then make it the one in use; returns the version's id.

    In short transactions, each of which can be repeated and names the run's lease before it writes.

    Raises:
      LeaseLost: another worker holds the run now; nothing of this one is visible.
      RunCancelled, Paused: a person has asked for it, before the last moment; nothing is left.
    """
    insist, lease = run.database.insist, run.journal.lease
    run.progress.begin(PUBLISH, 1)
    version_id = insist(partial(_begin_version, run))
    try:
        for portion in _portions(_tables(version_id, built)):
            insist(partial(_insert, lease, version_id, portion))
            run.journal.tick()
            _heed_pause(run)
        insist(partial(_build_vector_indexes, run, version_id))
        insist(partial(_analyze, run, sum(built.counts().values())))
        run.progress.item_done(PUBLISH)
        insist(partial(_publish, run, version_id, built.counts()))
    except (RunCancelled, Paused):
        insist(lambda session: versions.drop(session, version_id))
        raise
    # of its own: dropping waits for whoever is searching
    insist(partial(_drop_old_versions, run))
    return version_id


def _begin_version(run: Ingredients, session: Session) -> str:
    return versions.begin(
        session,
        run.journal.lease,
        run.collection_id,
        fingerprint=run.fingerprint,
        embedding_model=run.embedding_model,
        embedding_size=run.embedding_size,
    ).id


def _portions(tables: Iterable[tuple[type[Base], Iterable[Row]]]) -> Iterator[list[tuple[type[Base], list[Row]]]]:
    """The rows of all tables in portions, each for a transaction of its own: small tables share one."""
    portion: list[tuple[type[Base], list[Row]]] = []
    room = ROWS_PER_TRANSACTION
    for table, table_rows in tables:
        rest = breathing(table_rows)
        while some := list(itertools.islice(rest, room)):
            portion.append((table, some))
            room -= len(some)
            if not room:
                yield portion
                portion, room = [], ROWS_PER_TRANSACTION
    if portion:
        yield portion


def _insert(lease: Lease, version_id: str, portion: list[tuple[type[Base], list[Row]]], session: Session) -> None:
    runs.renew(session, lease)  # first: a worker that was replaced must not touch a table that its successor drops
    for table, some in portion:
        insert_rows(session, table, some, into=versions.partition_name(version_id) if table is Embedding else None)


def _build_vector_indexes(run: Ingredients, version_id: str, session: Session) -> None:
    runs.require(session, run.journal.lease)  # without a lock, because it takes minutes: a cancellation shall not wait
    versions.build_vector_indexes(session, version_id, run.embedding_size, run.settings.storage.index_memory)


def _analyze(run: Ingredients, rows_written: int, session: Session) -> None:
    runs.require(session, run.journal.lease)
    versions.analyze(session, rows_written)


def _publish(run: Ingredients, version_id: str, counts: dict[str, Any], session: Session) -> None:
    """With the progress in one transaction: a worker that dies after it has left nothing to be done."""
    versions.publish(session, run.journal.lease, version_id, counts)
    run.journal.save_progress(session)  # hears wishes while the run's row is locked: who asks later is too late
    _heed_pause(run)


def _drop_old_versions(run: Ingredients, session: Session) -> None:
    versions.drop_all(session, versions.beyond(session, run.collection_id, run.settings.graphrag.keep_versions))


def _heed_pause(run: Ingredients) -> None:
    """The journal hears of wishes while it writes progress; one for a pause is heeded here."""
    if run.journal.pausing:
        raise Paused


def _tables(version_id: str, built: Built) -> Iterable[tuple[type[Base], Iterable[dict[str, Any]]]]:
    # upstream has the day of indexing; this one does not change when the same is built on another day
    period = max(document.created_at for document in built.documents).astimezone(UTC).date().isoformat()
    yield (
        IndexedDocument,
        (
            {
                "version_id": version_id,
                "id": document.id,
                "human_readable_id": number,
                "title": document.title,
                "name": document.name,
                "sha256": document.sha256,
                "created_at": document.created_at.isoformat(),
            }
            for number, document in enumerate(built.documents)
        ),
    )
    yield TextUnitRow, rows.text_unit_rows(version_id, built.units)
    yield EntityRow, rows.entity_rows(version_id, built.graph, built.units)
    yield RelationshipRow, rows.relationship_rows(version_id, built.graph, built.units)
    yield (
        CommunityRow,
        rows.community_rows(version_id, built.communities, built.graph, built.units, period, built.contexts),
    )
    yield CommunityReport, rows.report_rows(version_id, built.reports, built.communities, period)
    yield Covariate, rows.covariate_rows(version_id, built.claims, built.units)
    yield Embedding, rows.embedding_rows(version_id, built.vectors)
