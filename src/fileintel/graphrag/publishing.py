"""Writing an index: its rows beside the version in use, then one pointer moves."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any

from sqlalchemy.orm import Session

from fileintel.errors import DatabaseUnavailable, LeaseLost
from fileintel.fanout.stop_requests import Paused
from fileintel.graphrag.build import BuildInputs, IndexParts
from fileintel.graphrag.pipeline import PUBLISH, TABLE
from fileintel.graphrag.rows import Row
from fileintel.graphrag.stages.stage import Moment
from fileintel.runtime import yielding
from fileintel.storage import runs, versions
from fileintel.storage.models import Base
from fileintel.storage.runs import Lease

ROWS_PER_TRANSACTION = 1_000  # the run's row is locked meanwhile: for a fraction of a second, also with long vectors

Portion = list[tuple[type[Base], list[Row]]]


def publish(run: BuildInputs, parts: IndexParts) -> str:
    """Write an index beside the one in use, then make it the one in use; returns the version's id.

    Raises:
      LeaseLost: another worker holds the run now; nothing of this one is visible.
      RunCancelled, Paused: a person has asked for it before the last moment.
    """
    with VersionWriter(run) as version:
        return version.publish(parts)


class VersionWriter:
    """Writes a version beside the one in use, then makes it the one in use.

    A context manager: at its end a version that was not published is dropped. Where another worker has taken the run
    over, or the database cannot be reached, the next attempt drops it. Rows are written in short transactions; each can
    be repeated, and checks the run's lease before it writes.
    """

    def __init__(self, run: BuildInputs) -> None:
        self._run = run
        self._retrying = run.database.retrying
        self._version_id: str | None = None
        self._published = False
        self._counts = {table.name: 0 for stage in TABLE for table in stage.tables if table.name is not None}

    def write_graph(self, parts: IndexParts, turn: Callable[[], None] = lambda: None) -> None:
        """Write what is complete before the last reports are: all but those, the communities and the vectors. `turn` is
        called between portions, for what goes on meanwhile.

        Raises:
          LeaseLost: another worker holds the run now; nothing of this one is visible.
          RunCancelled, Paused: a person has asked for it.
          What `turn` raises.
        """
        turn()
        self._run.progress.begin(PUBLISH, 1)
        self._version_id = self._retrying(partial(_begin_version, self._run))
        self._write(parts, Moment.WRITING, turn)

    def publish(self, parts: IndexParts) -> str:
        """Write what is not written yet, and make the version the one in use; returns its id.

        Raises:
          LeaseLost: another worker holds the run now; nothing of this one is visible.
          RunCancelled, Paused: a person has asked for it before the last moment.
        """
        if self._version_id is None:
            self.write_graph(parts)
        assert self._version_id is not None
        version_id = self._version_id
        self._write(parts, Moment.PUBLISHING)
        self._retrying(partial(_build_vector_indexes, self._run, version_id))
        self._retrying(partial(_analyze, self._run, sum(self._counts.values())))
        self._run.progress.item_done(PUBLISH)
        self._retrying(partial(_publish, self._run, version_id, dict(self._counts)))
        self._published = True
        # in a transaction of its own: dropping waits for searches that are under way
        self._retrying(partial(_drop_old_versions, self._run))
        return version_id

    def __enter__(self) -> "VersionWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._version_id is None or self._published or not isinstance(error, Exception):
            return
        if not isinstance(error, LeaseLost | DatabaseUnavailable):
            self._retrying(partial(_drop, self._version_id))

    def _write(self, parts: IndexParts, moment: Moment, turn: Callable[[], None] = lambda: None) -> None:
        assert self._version_id is not None
        for portion in _portions(self._rows(self._version_id, parts, moment)):
            self._retrying(partial(_insert, self._run.journal.lease, self._version_id, portion))
            self._run.journal.tick()
            _heed_pause(self._run)
            turn()

    def _rows(self, version_id: str, parts: IndexParts, moment: Moment) -> Iterator[tuple[type[Base], Iterable[Row]]]:
        """The rows of all tables that are complete at this moment; they are counted as they are taken."""
        for stage in TABLE:
            for table in stage.tables:
                if table.written == moment:
                    yield table.model, self._counted(table.name, table.rows(version_id, parts))

    def _counted(self, name: str | None, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if name is not None:
                self._counts[name] += 1
            yield row


def _begin_version(run: BuildInputs, session: Session) -> str:
    return versions.begin(
        session,
        run.journal.lease,
        run.collection_id,
        fingerprint=run.fingerprint,
        embedding_model=run.embedding_model,
        embedding_size=run.embedding_size,
    ).id


def _portions(tables: Iterable[tuple[type[Base], Iterable[Row]]]) -> Iterator[Portion]:
    """The rows of all tables in portions, each for a transaction of its own: small tables share one."""
    portion: Portion = []
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


def _insert(lease: Lease, version_id: str, portion: Portion, session: Session) -> None:
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
    run.journal.save_progress(session)  # reads stop requests while the run's row is locked: a later one is too late
    _heed_pause(run)


def _drop_old_versions(run: BuildInputs, session: Session) -> None:
    versions.drop_all(session, versions.beyond(session, run.collection_id, run.settings.graphrag.keep_versions))


def _heed_pause(run: BuildInputs) -> None:
    """Stop for a pause that the journal has read while it wrote progress."""
    if run.journal.pausing:
        raise Paused
