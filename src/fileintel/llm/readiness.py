"""Whether model servers are ready for a person's questions: asked seldom, since each question would wait for it."""

from collections.abc import Callable, Sequence

from fileintel.llm.client import ModelClient


class Readiness:
    """Knows of some clients' servers whether they are ready, from what they answered lately.

    Parameters:
      check: asks a client's servers; raises what is the matter.
    """

    def __init__(self, clients: Sequence[ModelClient], check: Callable[[ModelClient], None]) -> None:
        self._clients = clients
        self._check = check

    def is_known(self) -> bool:
        """Whether all of them have answered lately, and nothing is known to be wrong since."""
        return all(client.is_well() for client in self._clients)

    def expect(self) -> None:
        """Ask those that have not.

        Raises:
          ModelServerUnavailable: a server does not answer.
          ModelServerRefused: it does not take the key, or does not know the model.
        """
        for client in self._clients:
            if not client.is_well():
                self._check(client)
