"""Stop requests: whether a run is to end, to rest, or to be left for another worker. The only place that looks."""

import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from fileintel.errors import RunCancelled
from fileintel.storage import runs
from fileintel.storage.engine import Database
from fileintel.storage.runs import Lease
from fileintel.storage.states import RunState

LOOK_SECONDS = 1.0  # between two looks of `check`


class Stopped(Exception):
    """The run was told to stop; what it got is kept, and it can go on at any time."""


class Paused(Stopped):
    """A person wants the run to rest; it goes on once it is resumed."""


class StopRequests:
    """Tells the code that works on a run whether the run is to stop.

    Parameters:
      stopping: tells whether this process is about to end.

    Attributes:
      pausing: a person wants the run to rest. It stays so once it was seen: the run may be resumed before all answers
        under way have arrived.
    """

    def __init__(self, database: Database, lease: Lease, stopping: Callable[[], bool] = lambda: False) -> None:
        self._database = database
        self._lease = lease
        self._stopping = stopping
        self._looked_at = time.monotonic()  # the state was seen when the run was claimed
        self.pausing = False

    def __call__(self) -> bool:
        """Tell a fan-out whether to send nothing more. Does not look into the database: the journal does."""
        return self.pausing or self._stopping()

    def look(self, session: Session) -> None:
        """Look at the run's state in a transaction of the caller, and note a wish for a pause.

        Raises:
          RunCancelled: a person wants the run to end.
        """
        requested = runs.requested_state(session, self._lease.run_id)
        if requested is RunState.CANCELLING:
            raise RunCancelled("the run was cancelled; its answers are kept")
        self.pausing = self.pausing or requested is RunState.PAUSED

    def check(self) -> bool:
        """Look at the run's state if that was not done for LOOK_SECONDS; for code that has no transaction open.

        Returns False, as a function that a fan-out asks whether to stop.

        Raises:
          RunCancelled, Paused: a person wants that.
        """
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            with self._database.transaction() as session:
                self.look(session)
            self._looked_at = time.monotonic()
        if self.pausing:
            raise Paused
        return False

    def error(self) -> Stopped:
        """Make the exception for work that was stopped: Paused where a person wants that."""
        return Paused() if self.pausing else Stopped()
