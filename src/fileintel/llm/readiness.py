"""Finds out whether model servers are ready for a person's question, seldom, since each question waits for it."""

from collections.abc import Callable, Sequence

from fileintel.llm.client import ModelClient


class Readiness:
    """Remembers whether the servers of some clients are ready, from what they answered lately.

    Parameters:
      check: asks a client's servers; raises the error that they answer with.
    """

    def __init__(self, clients: Sequence[ModelClient], check: Callable[[ModelClient], None]) -> None:
        self._clients = clients
        self._check = check

    def is_known(self) -> bool:
        """Return whether all servers have answered lately, and no fault is known since."""
        return all(client.is_well() for client in self._clients)

    def expect(self) -> None:
        """Ask the servers that have not answered lately.

        Raises:
          ModelServerUnavailable: a server does not answer.
          ModelServerRefused: a server does not accept the key, or does not know the model.
        """
        for client in self._clients:
            if not client.is_well():
                self._check(client)
