"""The caller of a model: who waits for the answer, how urgently, and how that is cancelled."""

import threading


class CallerCancelled(Exception):
    """The caller does not wait for the answer any more, and the question had not been sent."""


class Caller:
    """One of those that share a gate: callers are served in turn, one request each.

    Cancelling it ends what only waits: for a turn, for a server that is away, before another attempt. A request that
    is in flight is not cut, since its answer is paid for.

    Parameters:
      urgent: a person waits for the answer: it goes before the others, and some slots are kept free for it.
      patience: seconds to wait for a server that is away; None leaves it to the client.
    """

    def __init__(self, *, urgent: bool = False, patience: float | None = None) -> None:
        self.urgent = urgent
        self.patience = patience
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether answers are not waited for any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End all pauses of this caller. Its turns at a gate have to be woken through `Gate.wake`."""
        self._cancelled.set()

    def pause(self, seconds: float) -> None:
        """Sleep, unless the caller is cancelled.

        Raises:
          CallerCancelled: the caller was cancelled, before or meanwhile.
        """
        if self._cancelled.wait(seconds):
            raise CallerCancelled
