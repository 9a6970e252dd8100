"""Collections of a service."""

from collections.abc import Mapping
from typing import Any

from fileintel.cli.installation.contract import Row
from fileintel.cli.installation.remote.connection import Connection


class RemoteCollections:
    """Named sets of documents."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, name: str, description: str) -> Row:
        body = {"name": name, "description": description}
        made: Any = self._connection.call("POST", "collections", json=body)
        return dict(made)

    def all(self) -> list[Row]:
        return self._connection.rows("collections")

    def show(self, name: str) -> Row:
        return dict(self._connection.get("collections", name))

    def change(self, name: str, changes: Mapping[str, Any]) -> Row:
        return dict(self._connection.call("PATCH", "collections", name, json=dict(changes)))

    def delete(self, name: str) -> Row:
        return dict(self._connection.call("DELETE", "collections", name))
