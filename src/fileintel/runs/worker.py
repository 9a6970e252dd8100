"""What the tasks of a Celery worker process share: a workspace, the wish to stop, the search for lost runs."""

import logging
import mmap
import os
import threading
import time
from typing import Any

from sqlalchemy.orm import Session

from fileintel.config import load_settings
from fileintel.errors import DatabaseUnavailable, FileIntelError
from fileintel.queues import task_name
from fileintel.runs import dispatch
from fileintel.storage import answers, collections, runs
from fileintel.workspace import Workspace

SWEEP_SECONDS = 5.0  # a run whose worker died is found this long after its lease ran out, at the latest
PAUSE_SECONDS = 1.0  # between two looks whether the database is there
HOUSEKEEPING_SECONDS = 6 * 3600.0  # between two clean-ups; what they remove does no harm for a day

PROCESS = os.getpid()  # of the worker; its children have others

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_workspaces: dict[int, Workspace] = {}
_stopping = threading.Event()
# The wish to stop for the children that a prefork worker has forked: a page of memory that they share. A signal for the
# shutdown reaches the parent only.
_stopping_for_all = mmap.mmap(-1, 1)


def workspace() -> Workspace:
    """This process's workspace, shared by its tasks so that they share gates and connections. A forked child gets
    one of its own, because connections do not survive a fork."""
    with _lock:
        if os.getpid() not in _workspaces:
            _workspaces[os.getpid()] = Workspace(load_settings())
        return _workspaces[os.getpid()]


def await_database() -> None:
    """Wait for PostgreSQL as long as `storage.patience` lasts: both may have been started at the same moment.

    Raises:
      DatabaseUnavailable: it is still away, or its schema is not this version's.
    """
    mine = workspace()
    give_up = time.monotonic() + mine.settings.storage.patience
    told = False
    while True:
        try:
            mine.database.retrying(_prepare, patience=0)
            return
        except DatabaseUnavailable as error:
            if time.monotonic() >= give_up or stopping():
                raise
            if not told:
                logger.warning("waiting for the database: %s", error)
                told = True
        time.sleep(PAUSE_SECONDS)


def _prepare(session: Session) -> None:
    """A few statements of the common kinds: the first ones cost SQLAlchemy a multiple of the later ones, which tasks
    that share the process would have to wait for."""
    collections.page(session, 0)
    runs.listed(session, before=None, limit=0)
    answers.find(session, [])


def close() -> None:
    """Close it; for the end of the process."""
    with _lock:
        mine = _workspaces.pop(os.getpid(), None)
    if mine is not None:
        mine.close()


def ask_to_stop() -> None:
    """Let the runs of this process, and of its children, stop cleanly and go back to the queue."""
    _stopping_for_all[0] = 1
    _stopping.set()


def stopping() -> bool:
    """Whether this process is about to end."""
    return _stopping_for_all[0] == 1


def start_sweeping(app: Any) -> None:
    """Look for runs without a worker now and every SWEEP_SECONDS, and send their messages again; now and then send
    the task that cleans up.

    The broker would hand a dead worker's message out again only after its visibility timeout, or never. Every worker
    does this: they share the runs among themselves.
    """
    threading.Thread(target=_sweep, args=(app,), name="sweeper", daemon=True).start()


def _sweep(app: Any) -> None:
    cleaned_at = time.monotonic()
    while True:
        try:
            if time.monotonic() - cleaned_at >= HOUSEKEEPING_SECONDS:
                cleaned_at = time.monotonic()
                dispatch.CeleryDispatcher(app).send_task(task_name("clean_up"), expires=HOUSEKEEPING_SECONDS)
            for run_id in dispatch.send_unattended(workspace(), dispatch.CeleryDispatcher(app)):
                logger.warning("run %s had no worker: its message was sent again", run_id)
        except FileIntelError as error:
            logger.warning("looking for runs without a worker: %s", error)
        except Exception:
            logger.exception("looking for runs without a worker")  # whatever it was, the next round must come
        if _stopping.wait(SWEEP_SECONDS):
            return


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # the sweeper of the parent may have held it in that moment


os.register_at_fork(after_in_child=_after_fork)
