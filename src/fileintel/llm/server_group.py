"""Several servers of the same model: each with its own gate, the least loaded asked first."""

from collections.abc import Sequence

from fileintel.llm.caller import Caller
from fileintel.llm.gate import GateReading
from fileintel.llm.server import ModelServer


class ServerGroup:
    """Chooses a server for each request, and looks like one gate to code that only watches."""

    def __init__(self, servers: Sequence[ModelServer]) -> None:
        self.servers = tuple(servers)

    def choose(self) -> tuple[ModelServer, bool]:
        """Return the server for the next request, and whether to wait for it should it be away, as no other is there.

        One that was lost is chosen as soon as it is time to look for it again; one that wants to be left alone for a
        while, only where all do.
        """
        for server in self.servers:
            if server.gate.look_is_due():
                return server, len(self.servers) == 1
        there = [server for server in self.servers if server.gate.away_since() is None]
        open_to_all = [server for server in there if not server.gate.is_held()]
        return min(open_to_all or there or self.servers, key=lambda server: server.gate.load()), not there

    def silent_seconds(self) -> float:
        """Return for how many seconds all of them have only failed."""
        return min(server.silent_seconds() for server in self.servers)

    def wake(self, caller: Caller) -> None:
        """Let the turns of this caller, at all gates, see that it was cancelled."""
        for server in self.servers:
            server.gate.wake(caller)

    def reading(self) -> GateReading:
        """Return the sum over all gates; away when all servers are."""
        readings = [server.gate.reading() for server in self.servers]
        away = [reading.away_seconds for reading in readings if reading.away_seconds is not None]
        return GateReading(
            in_flight=sum(reading.in_flight for reading in readings),
            waiting=sum(reading.waiting for reading in readings),
            limit=sum(reading.limit for reading in readings),
            ceiling=sum(reading.ceiling for reading in readings),
            peak=sum(reading.peak for reading in readings),
            throttled=any(reading.throttled for reading in readings),
            away_seconds=min(away) if len(away) == len(readings) else None,
        )
