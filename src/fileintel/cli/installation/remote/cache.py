"""The answer store of a service."""

from fileintel.cli.installation.contract import Row
from fileintel.cli.installation.remote.connection import Connection


class RemoteCache:
    """The answer store."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def stats(self) -> Row:
        return dict(self._connection.get("cache"))

    def prune(self, unused_for: str | None, model: str | None, dry_run: bool) -> Row:
        wanted = {"unused_for": unused_for, "model": model, "dry_run": dry_run}
        return dict(self._connection.call("POST", "cache", "prune", json=wanted))
