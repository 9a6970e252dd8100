"""Helping with a run that another worker holds: whether this process can, and what it needs for it."""

import logging
import os
import time
from collections.abc import Callable

from fileintel.errors import FileIntelError
from fileintel.fanout.helping import Helper, HelperJournal
from fileintel.fanout.parsers import NamedParsers
from fileintel.graphrag.pipeline import PARSERS
from fileintel.llm.client import Tally
from fileintel.runs.index_request import freshness
from fileintel.runs.lease import this_process
from fileintel.storage import runs
from fileintel.storage.models import Run
from fileintel.storage.runs import Lease
from fileintel.workspace import Workspace

REST_SECONDS = 60.0  # after help that has ended in an error: the run may call again at once

logger = logging.getLogger(__name__)

_not_before: dict[str, float] = {}  # runs that could not be helped with, and when to try again


def help_with(workspace: Workspace, run_id: str, worker_pid: int, stopping: Callable[[], bool]) -> bool:
    """Answer questions of a run that is at work elsewhere, until nothing is left to do. Returns False when there was
    nothing to help with: the run is this process's own, rests or is over; this process helps already, or has no slot
    free; or its settings name another model.

    Parameters:
      worker_pid: the process of the worker. A child of it does one thing at a time, and is not to be taken for this.
    """
    if os.getpid() != worker_pid or time.monotonic() < _not_before.get(run_id, 0.0):
        return False
    try:
        with workspace.database.transaction() as session:
            run = runs.find(session, run_id)
        if run.owner in (None, this_process()) or run.models.get("chat") != workspace.chat.endpoint.model:
            return False
        return _help(workspace, run, stopping)
    except FileIntelError as error:
        _not_before[run_id] = time.monotonic() + REST_SECONDS
        logger.warning("helping with run %s has ended: %s", run_id, error)
        return False


def _help(workspace: Workspace, run: Run, stopping: Callable[[], bool]) -> bool:
    chat, limit, tally = workspace.chat, workspace.settings.graphrag.concurrency, Tally()
    gate = chat.gate.reading()
    slots = min(limit, gate.limit - gate.in_flight - gate.waiting)
    journal = HelperJournal(workspace.database, Lease(run.id, run.token), this_process(), tally, freshness(run))
    if slots <= 0 or not journal.enlist(slots):
        return False
    logger.warning("helping with run %s of %s", run.id, run.owner)
    try:
        Helper(chat, journal, tally, limit, parsers=NamedParsers(PARSERS), stopping=stopping).work()
    finally:
        journal.dismiss()
    logger.warning("helped with run %s: %s answers", run.id, tally.calls)
    return True
