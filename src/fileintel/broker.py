"""Kombu's Redis transport, mended: a worker with tasks under way survives that Redis goes away.

When the connection is lost, kombu 5.7.0 closes its channels, and each channel gives its unacknowledged messages back.
If that is the second attempt to close it, the channel's connection has no parameters any more, and giving back ends in
`AttributeError: 'NoneType' object has no attribute 'hostname'`. Celery does not expect that of a lost connection: the
worker calls it unrecoverable and takes no message ever again. A late acknowledgement fails in the same way. Told that
the connection is lost, both know what to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import redis


class _SaysThatItIsLost:
    """A part of a channel; `connection` is kombu's transport, whose `client` is the connection."""

    connection: Any

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """A client, the given one or a new one.

        Raises:
          ConnectionError: the connection that this channel belongs to is closed.
        """
        if client is None and (self.connection is None or self.connection.client is None):
            raise ConnectionError("the connection to Redis was lost")
        with super().conn_or_acquire(client) as found:  # type: ignore[misc]
            yield found


class Channel(_SaysThatItIsLost, redis.Channel):
    """A channel that knows when its connection is gone."""


class SentinelChannel(_SaysThatItIsLost, redis.SentinelChannel):
    """The same behind Sentinel."""


def mend() -> None:
    """Let kombu's transports for Redis use these channels."""
    redis.Transport.Channel = Channel
    redis.SentinelTransport.Channel = SentinelChannel
