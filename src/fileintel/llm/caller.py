"""On whose behalf a model is asked, and how that is cancelled."""

import threading


class CallerCancelled(Exception):
    """Whoever asked does not wait for the answer any more; the question was not under way."""


class Caller:
    """Stands for one task among those that share a gate: they are served in turn.

    Calling it off ends what only waits (for a turn, for a server that is away, before another attempt). A request
    that is under way is not cut: its answer is paid for.

    Parameters:
      urgent: a person waits for it: it goes before the others, and some slots are kept free for it.
      patience: seconds that a server which is away is waited for; None leaves it to the client.
    """

    def __init__(self, *, urgent: bool = False, patience: float | None = None) -> None:
        self.urgent = urgent
        self.patience = patience
        self._called_off = threading.Event()

    @property
    def cancelled(self) -> bool:
        """True once nobody waits for answers any more."""
        return self._called_off.is_set()

    def cancel(self) -> None:
        """End all pauses. Whoever waits at a gate has to be woken through `Gate.wake`."""
        self._called_off.set()

    def pause(self, seconds: float) -> None:
        """Sleep.

        Raises:
          CallerCancelled: the caller was cancelled, before or meanwhile.
        """
        if self._called_off.wait(seconds):
            raise CallerCancelled
