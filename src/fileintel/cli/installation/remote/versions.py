"""Versions of indexes of a service."""

from fileintel.cli.installation.contract import Row
from fileintel.cli.installation.remote.connection import Connection


class RemoteVersions:
    """The versions of a collection's index."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, collection: str) -> list[Row]:
        return self._connection.rows("graphrag", collection, "versions")

    def roll_back(self, collection: str, number: int | None) -> Row:
        return dict(self._connection.call("POST", "graphrag", collection, "rollback", json={"version": number}))

    def compare(self, collection: str, older: int | None, newer: int | None, limit: int) -> Row:
        between = {"from": older, "to": newer}
        return dict(self._connection.get("graphrag", collection, "diff", limit=limit, **between))

    def coverage(self, collection: str, number: int | None) -> Row:
        return dict(self._connection.get("graphrag", collection, "coverage", version=number))
