"""The requests of one kind on their way: not looked up yet, missing from the store, under way."""

import heapq
from collections.abc import Iterator

from fileintel.graphrag.request import Request

WINDOW = 256  # questions looked up in one query


class Lane:
    """Chat questions and embeddings have a lane each.

    Parameters:
      limit: calls under way at most; one whose answer is not stored yet is still under way.
      reserve: requests that shall be ready to be sent, so that nobody waits for a look-up.
    """

    def __init__(self, limit: int, reserve: int) -> None:
        self.limit = limit
        self.reserve = reserve
        self.sources: list[tuple[float, int, Iterator[Request]]] = []
        self.missing: list[tuple[float, int, Request]] = []
        self.in_flight = 0

    @property
    def idle(self) -> bool:
        """True when nothing is left here."""
        return not (self.sources or self.missing or self.in_flight)

    def pull(self) -> list[Request]:
        """The next requests to be looked up, the most urgent first: a window of them when the reserve runs short,
        else only those that are more urgent than all of the reserve."""
        scarce = len(self.missing) < self.reserve
        pulled: list[Request] = []
        while self.sources and len(pulled) < WINDOW and (scarce or self.sources[0][0] < self.missing[0][0]):
            request = next(self.sources[0][2], None)
            if request is None:
                heapq.heappop(self.sources)
            else:
                pulled.append(request)
        return pulled
