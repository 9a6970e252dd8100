"""Streaming an answer from the worker that asks the model to its readers: in small batches, as events of its run.

Events are rows: they pass PgBouncer, outlive a restart of the API, and are there for a reader that comes late.
"""

import time

from fileintel.fanout.stop_requests import StopRequests
from fileintel.storage import run_events, runs
from fileintel.storage.engine import Database
from fileintel.storage.runs import Lease

TEXT, RESTART = "text", "restart"  # kinds of events: the next piece of an answer; what came so far does not count
BATCH_SECONDS = 0.25  # people read slower than that, and each batch is a transaction


class AnswerStreamWriter:
    """Writes the answer of a run down while the model writes it. Used by the greenlet that works on the run.

    Raises, from both methods of a listener:
      LeaseLost: another worker holds the run now.
      RunCancelled: the question was cancelled.
    """

    def __init__(self, database: Database, lease: Lease, stop_requests: StopRequests) -> None:
        self._database = database
        self._stop_requests = stop_requests
        self._lease = lease
        self._pieces: list[str] = []
        self._written_at = time.monotonic() - BATCH_SECONDS

    def hear(self, text: str) -> None:
        """Take the next piece of the answer; it is written with those that come soon after it."""
        self._pieces.append(text)
        if time.monotonic() - self._written_at >= BATCH_SECONDS:
            self.flush()

    def forget(self) -> None:
        """Tell the readers that the answer begins anew."""
        self._pieces.clear()
        self._write(RESTART, {})

    def flush(self) -> None:
        """Write the pieces that were taken."""
        if self._pieces:
            self._write(TEXT, {"text": "".join(self._pieces)})
            self._pieces.clear()

    def _write(self, kind: str, data: dict[str, str]) -> None:
        with self._database.transaction() as session:
            self._stop_requests.look(session)
            runs.renew(session, self._lease)  # locks the row as well, so that numbers of events do not collide
            run_events.note(session, self._lease.run_id, kind, data)
        self._written_at = time.monotonic()
