"""Documents of this process's database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fileintel.cli.installation.contract import ProcessingOrder, Row, Watcher
from fileintel.runs.add_documents import add_documents
from fileintel.services import documents
from fileintel.workspace import Workspace


class LocalDocuments:
    """The files of collections."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def add(self, collection: str, paths: Sequence[str]) -> Iterator[Row]:
        for addition in add_documents(self._workspace, collection, paths):
            yield asdict(addition)

    def all(self, collection: str) -> list[Row]:
        return documents.list_documents(self._workspace, collection)

    def show(self, name: str, collection: str | None) -> Row:
        return documents.show_document(self._workspace, name, collection)

    def text(self, name: str, collection: str | None, page: int | None) -> Iterator[str]:
        return documents.document_text(self._workspace, name, collection, page)

    def edit(self, name: str, collection: str | None, changes: Mapping[str, Any]) -> Row:
        return documents.edit_document(self._workspace, name, changes, collection)

    def process(self, order: ProcessingOrder, watcher: Watcher) -> list[Row]:
        # it brings the model's client, for which lists need not wait
        from fileintel.cli.installation.local.processing import process

        return process(self._workspace, order, watcher)

    def ask(self, collection: str, question: str) -> Row:
        from fileintel.runs.questions import ask_passages

        return ask_passages(self._workspace, collection, question)

    def delete(self, name: str, collection: str | None) -> Row:
        return documents.delete_document(self._workspace, name, collection)
