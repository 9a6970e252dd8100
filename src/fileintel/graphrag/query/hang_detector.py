"""Tells a busy model server from one that hangs, while an answer of it is awaited."""

import math
import time

from fileintel.errors import ModelServerUnavailable
from fileintel.llm.client import ModelClient


class HangDetector:
    """Watches the time since something last came from a server.

    A busy server may take minutes for the first word, so silence alone is no fault. Each time that it has lasted for
    `patience` seconds (None: never), the server is asked which models it has, which costs it nothing. One that answers
    that, whatever it says, is waited for; one that does not hangs, or is not there any more.
    """

    def __init__(self, client: ModelClient, patience: float | None) -> None:
        self._client = client
        self._patience = math.inf if patience is None else patience
        self.heard()

    def heard(self) -> None:
        """Something has come."""
        self._since = self._looked_at = time.monotonic()
        self._hanging: str | None = None

    def endure(self) -> bool:
        """To be called often while something is awaited. False: go on; it answers where a fan-out asks whether it has
        come to its end.

        Raises:
          ModelServerUnavailable: the server hangs.
        """
        if self._hanging is not None:  # and nothing has come while we looked
            seconds = time.monotonic() - self._since
            raise ModelServerUnavailable(
                f"{self._hanging}: nothing has come from it for {seconds:.0f} s, and it does not say which models it "
                "has: it hangs, or, if it is only slow, raise query.patience"
            )
        if time.monotonic() - self._looked_at >= self._patience:
            self._hanging = self._client.hanging()
            self._looked_at = time.monotonic()
        return False
