"""Documents of this process's database."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from fileintel.installation.contract import NO_WAIT, Row, WaitOptions, Watcher
from fileintel.runs.add_documents import add_documents
from fileintel.services import documents
from fileintel.workspace import Workspace

if TYPE_CHECKING:
    from fileintel.services.processing import ProcessingOrder
    from fileintel.services.runs import RunWithStages


class LocalDocuments:
    """The files of collections."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def add(self, collection: str, paths: Sequence[str]) -> Iterator[Row]:
        for addition in add_documents(self._workspace, collection, paths):
            yield asdict(addition)

    def text(self, name: str, collection: str | None, page: int | None) -> Iterator[str]:
        return documents.document_text(self._workspace, name, collection, page)

    def process(
        self, order: "ProcessingOrder", watcher: Watcher, options: WaitOptions = NO_WAIT
    ) -> "Sequence[RunWithStages]":
        # it brings the model's client, for which lists need not wait
        from fileintel.installation.local.processing import process

        return process(self._workspace, order, watcher, options)

    def ask(self, collection: str, question: str) -> Row:
        from fileintel.runs.questions import ask_passages

        return ask_passages(self._workspace, collection, question)
