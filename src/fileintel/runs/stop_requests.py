"""Hearing, in the middle of a task, whether a person wants it to stop."""

import time

from fileintel.errors import RunCancelled
from fileintel.graphrag.pipeline import Paused
from fileintel.storage import runs
from fileintel.storage.engine import Database
from fileintel.storage.runs import Lease
from fileintel.storage.states import RunState

LOOK_SECONDS = 1.0  # fan-outs ask five times as often


class StopRequests:
    """To be called often by the one that holds the lease and has no transaction open.

    Parameters:
      every: seconds between two looks at the run's state.

    Raises:
      RunCancelled, Paused: somebody had asked for it when the state was last looked at.
    """

    def __init__(self, database: Database, lease: Lease, every: float = LOOK_SECONDS) -> None:
        self._database = database
        self._lease = lease
        self._every = every
        self._looked_at = time.monotonic() if every else float("-inf")  # whoever took the run has just looked

    def __call__(self) -> bool:
        """False: go on. It answers where a fan-out asks whether to stop."""
        if time.monotonic() - self._looked_at >= self._every:
            with self._database.transaction() as session:
                requested = runs.requested_state(session, self._lease.run_id)
            self._looked_at = time.monotonic()
            if requested is RunState.CANCELLING:
                raise RunCancelled("the task was cancelled; what it has done so far is kept")
            if requested is RunState.PAUSED:
                raise Paused
        return False
