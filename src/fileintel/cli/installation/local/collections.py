"""Collections of this process's database."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fileintel.cli.installation.contract import Row
from fileintel.services import documents
from fileintel.storage.collections import CollectionSummary
from fileintel.workspace import Workspace


class LocalCollections:
    """Named sets of documents."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def create(self, name: str, description: str) -> Row:
        return _described(documents.create_collection(self._workspace, name, description))

    def all(self) -> list[Row]:
        return [_described(summary) for summary in documents.list_collections(self._workspace)]

    def show(self, name: str) -> Row:
        return _described(documents.show_collection(self._workspace, name))

    def change(self, name: str, changes: Mapping[str, Any]) -> Row:
        return _described(documents.change_collection(self._workspace, name, changes))

    def delete(self, name: str) -> Row:
        return _described(documents.delete_collection(self._workspace, name))


def _described(summary: CollectionSummary) -> Row:
    return {**asdict(summary), "created_at": summary.created_at.isoformat()}
