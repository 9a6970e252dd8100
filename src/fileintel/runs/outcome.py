"""How runs end: each outcome of the work on a run leaves the run in the state that fits."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy.orm import Session

from fileintel.errors import BudgetReached, DatabaseUnavailable, FileIntelError, LeaseLost, RunCancelled
from fileintel.fanout.stop_requests import Paused, Stopped
from fileintel.runs.lease import LeaseKeeper
from fileintel.storage import run_counts, runs, versions
from fileintel.storage.engine import Database
from fileintel.storage.runs import Lease
from fileintel.storage.states import RunState

MOST_ATTEMPTS = 5  # of a run that the database lets down; each has waited for it


@contextmanager
def ending(database: Database, lease: Lease, *, resumable: bool = True) -> Iterator[None]:
    """Keep the lease while the block works, and end the run where the block does not end well.

    The run is then cancelled, failed with its reason, or, where the work was only interrupted, handed back for another
    worker; one that is not `resumable` has failed instead. A run whose block ends well is still to be finished.
    """
    try:
        with LeaseKeeper(database, lease):
            yield
    except LeaseLost:
        raise
    except RunCancelled as error:
        _end(database, lease, RunState.CANCELLED, str(error))
        raise
    except DatabaseUnavailable as error:  # it is back by now, or this is not written: then the lease runs out
        _leave_or_fail(database, lease, str(error), MOST_ATTEMPTS if resumable else 0)
        raise
    except BudgetReached as error:
        _pause(database, lease, str(error))
        raise
    except FileIntelError as error:
        _end(database, lease, RunState.FAILED, str(error), {"code": error.code, "http_status": error.http_status})
        raise
    except Paused:
        _end(database, lease, None, "paused")
        raise
    except Stopped:
        _end(database, lease, None, "its worker stops")
        raise
    except Exception as error:
        _end(database, lease, RunState.FAILED, f"unexpected {type(error).__name__}: {error}")
        raise
    except BaseException as error:  # Ctrl-C, or the greenlet was killed
        if resumable:
            _end(database, lease, None, "its worker was interrupted")
        else:
            _end(database, lease, RunState.FAILED, f"interrupted by {type(error).__name__}")
        raise


def _pause(database: Database, lease: Lease, reason: str) -> None:
    """Let a run rest until a person resumes it. One that is to be cancelled ends instead."""
    with suppress(FileIntelError), database.transaction() as session:
        runs.renew(session, lease, error=reason)  # raises where another worker owns the run now
        versions.drop_unfinished(session, lease.run_id)
        run = runs.locked(session, lease.run_id)
        if RunState(run.state) in (RunState.RUNNING, RunState.THROTTLED):
            runs.move(session, run, RunState.PAUSED, reason)
        runs.hand_back(session, lease, reason)


def _leave_or_fail(database: Database, lease: Lease, reason: str, most_attempts: int) -> None:
    """A blip of the database is no reason to fail: another attempt goes on. A disk that stays full is one."""
    with suppress(FileIntelError):
        with database.transaction() as session:
            attempts = runs.find(session, lease.run_id).attempts
        _end(database, lease, None if attempts < most_attempts else RunState.FAILED, reason)


def finish(session: Session, lease: Lease, **values: Any) -> None:
    """End a run that has done its work, with gaps if it has any; `values` go into its row."""
    gaps = run_counts.gap_count(session, lease.run_id)
    runs.finish(session, lease, RunState.SUCCEEDED_WITH_GAPS if gaps else RunState.SUCCEEDED, **values)


def finish_whole(session: Session, lease: Lease, **values: Any) -> None:
    """End a run that has done its work and is of a kind that has no gaps; `values` go into its row."""
    runs.finish(session, lease, RunState.SUCCEEDED, **values)


def _end(
    database: Database, lease: Lease, state: RunState | None, reason: str, result: dict[str, Any] | None = None
) -> None:
    """Write how a run ended, or (None) that it is left for another worker, if that can still be written: it must not
    hide why it ended."""
    try:
        with database.transaction() as session:
            runs.renew(session, lease)  # raises where another worker owns the run now
            versions.drop_unfinished(session, lease.run_id)
        with database.transaction() as session:
            if state is None:
                runs.hand_back(session, lease, reason)
                return
            if result is not None:
                runs.renew(session, lease, result=result)
            runs.finish(session, lease, state, reason)
    except FileIntelError:
        return
