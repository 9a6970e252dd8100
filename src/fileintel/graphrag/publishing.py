"""Writing an index: its rows beside the version in use, then one pointer moves."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from functools import partial
from types import TracebackType
from typing import Any

from sqlalchemy.orm import Session

from fileintel.errors import DatabaseUnavailable, LeaseLost
from fileintel.graphrag import rows
from fileintel.graphrag.pipeline import PUBLISH, BuildInputs, IndexParts, Paused
from fileintel.graphrag.rows import Row
from fileintel.runtime import yielding
from fileintel.storage import runs, versions
from fileintel.storage.models import (
    Base,
    CommunityReport,
    Covariate,
    Document,
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

Table = tuple[type[Base], Iterable[Row]]


def publish(run: BuildInputs, built: IndexParts) -> str:
    """Write an index beside the one in use, then make it the one in use; returns the version's id.

    Raises: as `VersionWriter.publish`.
    """
    with VersionWriter(run) as edition:
        return edition.publish(built)


class VersionWriter:
    """A version that is written beside the one in use, and then becomes the one in use. A context manager: what is not
    published is gone afterwards, unless another worker has taken the run over, who sees to that, or the database is
    away: then the next attempt does.

    It is written in short transactions, each of which can be repeated and names the run's lease before it writes.
    """

    def __init__(self, run: BuildInputs) -> None:
        self._run = run
        self._retrying = run.database.retrying
        self._version_id: str | None = None
        self._published = False

    def write_graph(self, built: IndexParts, turn: Callable[[], None] = lambda: None) -> None:
        """Write what is complete before the last reports are: all but those, the communities and the vectors. `turn` is
        called between portions, for what goes on meanwhile.

        Raises:
          LeaseLost: another worker holds the run now; nothing of this one is visible.
          RunCancelled, Paused: a person has asked for it.
          What `turn` raises.
        """
        turn()
        self._run.progress.begin(PUBLISH, 1)
        self._version_id = version_id = self._retrying(partial(_begin_version, self._run))
        self._write(_tables_of_the_graph(version_id, built), turn)

    def publish(self, built: IndexParts) -> str:
        """Write what is not written yet, and make the version the one in use; returns its id.

        Raises:
          LeaseLost, RunCancelled, Paused: as above, before the last moment.
        """
        if self._version_id is None:
            self.write_graph(built)
        assert self._version_id is not None
        version_id = self._version_id
        self._write(_tables_of_reports(version_id, built), lambda: None)
        self._retrying(partial(_build_vector_indexes, self._run, version_id))
        self._retrying(partial(_analyze, self._run, sum(built.counts().values())))
        self._run.progress.item_done(PUBLISH)
        self._retrying(partial(_publish, self._run, version_id, built.counts()))
        self._published = True
        # of its own: dropping waits for whoever is searching
        self._retrying(partial(_drop_old_versions, self._run))
        return version_id

    def __enter__(self) -> "VersionWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._version_id is None or self._published or not isinstance(error, Exception):
            return
        if not isinstance(error, LeaseLost | DatabaseUnavailable):
            self._retrying(partial(_drop, self._version_id))

    def _write(self, tables: Iterable[Table], turn: Callable[[], None]) -> None:
        assert self._version_id is not None
        for portion in _portions(tables):
            self._retrying(partial(_insert, self._run.journal.lease, self._version_id, portion))
            self._run.journal.tick()
            _heed_pause(self._run)
            turn()


def _begin_version(run: BuildInputs, session: Session) -> str:
    return versions.begin(
        session,
        run.journal.lease,
        run.collection_id,
        fingerprint=run.fingerprint,
        embedding_model=run.embedding_model,
        embedding_size=run.embedding_size,
    ).id


def _portions(tables: Iterable[Table]) -> Iterator[list[tuple[type[Base], list[Row]]]]:
    """The rows of all tables in portions, each for a transaction of its own: small tables share one."""
    portion: list[tuple[type[Base], list[Row]]] = []
    room = ROWS_PER_TRANSACTION
    for table, table_rows in tables:
        rest = yielding(table_rows)
        while some := list(itertools.islice(rest, room)):
            portion.append((table, some))
            room -= len(some)
            if not room:
                yield portion
                portion, room = [], ROWS_PER_TRANSACTION
    if portion:
        yield portion


def _insert(lease: Lease, version_id: str, portion: list[tuple[type[Base], list[Row]]], session: Session) -> None:
    versions.add_rows(session, lease, version_id, portion)


def _drop(version_id: str, session: Session) -> None:
    versions.drop(session, version_id)


def _build_vector_indexes(run: BuildInputs, version_id: str, session: Session) -> None:
    runs.require(session, run.journal.lease)  # without a lock, because it takes minutes: a cancellation shall not wait
    versions.build_vector_indexes(session, version_id, run.embedding_size, run.settings.storage.index_memory)


def _analyze(run: BuildInputs, rows_written: int, session: Session) -> None:
    runs.require(session, run.journal.lease)
    versions.analyze(session, rows_written)


def _publish(run: BuildInputs, version_id: str, counts: dict[str, Any], session: Session) -> None:
    """With the progress in one transaction: a worker that dies after it has left nothing to be done."""
    versions.publish(session, run.journal.lease, version_id, counts)
    run.journal.save_progress(session)  # hears wishes while the run's row is locked: who asks later is too late
    _heed_pause(run)


def _drop_old_versions(run: BuildInputs, session: Session) -> None:
    versions.drop_all(session, versions.beyond(session, run.collection_id, run.settings.graphrag.keep_versions))


def _heed_pause(run: BuildInputs) -> None:
    """The journal hears of wishes while it writes progress; one for a pause is heeded here."""
    if run.journal.pausing:
        raise Paused


def _tables_of_the_graph(version_id: str, built: IndexParts) -> Iterator[Table]:
    yield IndexedDocument, _document_rows(version_id, built.documents)
    yield TextUnitRow, rows.text_unit_rows(version_id, built.units)
    yield EntityRow, rows.entity_rows(version_id, built.graph, built.units)
    yield RelationshipRow, rows.relationship_rows(version_id, built.graph, built.units)
    yield Covariate, rows.covariate_rows(version_id, built.claims, built.units)


def _tables_of_reports(version_id: str, built: IndexParts) -> Iterator[Table]:
    # upstream has the day of indexing; this one does not change when the same is built on another day
    period = max(document.created_at for document in built.documents).astimezone(UTC).date().isoformat()
    communities = built.communities
    yield (
        CommunityRow,
        rows.community_rows(version_id, communities, built.graph, built.units, period, built.contexts),
    )
    yield CommunityReport, rows.report_rows(version_id, built.reports, communities, period)
    yield Embedding, rows.embedding_rows(version_id, built.vectors)


def _document_rows(version_id: str, documents: Iterable[Document]) -> Iterator[Row]:
    for number, document in enumerate(documents):
        yield {
            "version_id": version_id,
            "id": document.id,
            "human_readable_id": number,
            "title": document.title,
            "name": document.name,
            "sha256": document.sha256,
            "created_at": document.created_at.isoformat(),
        }
