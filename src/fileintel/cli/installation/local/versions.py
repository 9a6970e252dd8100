"""Versions of indexes in this process's database."""

from fileintel.cli.installation.contract import Row
from fileintel.services import versions
from fileintel.workspace import Workspace


class LocalVersions:
    """The versions of a collection's index."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def all(self, collection: str) -> list[Row]:
        return versions.list_versions(self._workspace, collection)

    def roll_back(self, collection: str, number: int | None) -> Row:
        return versions.roll_back(self._workspace, collection, number)

    def compare(self, collection: str, older: int | None, newer: int | None, limit: int) -> Row:
        return versions.compare(self._workspace, collection, older, newer, limit)

    def coverage(self, collection: str, number: int | None) -> Row:
        return versions.cover(self._workspace, collection, number)
