"""A stand-in for a model server: a process of its own, over real HTTP, that answers, waits and fails as it is told.

    with StandIn.start(latency=("lognormal", 1.0, 0.5), faults=[Fault("unavailable", share=0.1)]) as server:
        ...                      # work against server.base_url
        server.stats().asked     # what arrived

See `settings.Settings` for what can be told, `faults.KINDS` for how it can fail, `control.StandIn` for the rest.
"""

from .control import StandIn, Stats
from .settings import Canned, Fault, Settings

__all__ = ["Canned", "Fault", "Settings", "StandIn", "Stats"]
