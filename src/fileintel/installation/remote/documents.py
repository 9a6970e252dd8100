"""Documents of a service: files go up in portions, a worker of the service reads them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fileintel.documents.document import shown
from fileintel.documents.find import find_documents
from fileintel.errors import FileIntelError
from fileintel.installation.contract import NO_WAIT, Row, WaitOptions, Watcher
from fileintel.installation.interrupt import Interrupted
from fileintel.installation.remote.connection import Connection
from fileintel.installation.remote.portions import Portion, portions
from fileintel.installation.remote.runs import RemoteRuns, Silent, parted_from, raise_unless_done
from fileintel.operations.types import OfCollection
from fileintel.services.collections import show_collection
from fileintel.services.documents import DocumentAnywhere, find_document
from fileintel.services.processing import Processing, ProcessingOrder, process_documents
from fileintel.services.runs import OfRun, RunWithStages, show_run

# the file is not wanted, which is no reason not to send the others
REFUSALS = frozenset({"document", "too_large", "validation", "bad_upload"})


class RemoteDocuments:
    """The files of collections."""

    def __init__(self, connection: Connection, runs: RemoteRuns) -> None:
        self._connection = connection
        self._runs = runs

    def add(self, collection: str, paths: Sequence[str]) -> Iterator[Row]:
        identity = self._connection.do(show_collection, OfCollection(collection=collection)).id
        for portion in portions(find_documents(paths)):
            yield from self._send(identity, portion)

    def text(self, name: str, collection: str | None, page: int | None) -> Iterator[str]:
        parameters = {} if page is None else {"page": page}
        place = self._place(name, collection)
        with self._connection.stream("GET", *place, "text", params=parameters) as response:
            yield from response.iter_text()

    def process(
        self, order: ProcessingOrder, watcher: Watcher, options: WaitOptions = NO_WAIT
    ) -> Sequence[RunWithStages | Processing]:
        taken = self._connection.do(process_documents, order).tasks
        if not options.wait:
            return taken
        ended = []
        for run_id in [one.run_id for one in taken]:
            watcher.began(run_id)
            raise_unless_done(self._runs.followed(run_id, watcher, cancel=options.cancel_on_interrupt))
            ended.append(self._connection.do(show_run, OfRun(run=run_id)))
        return ended

    def ask(self, collection: str, question: str) -> Row:
        return self._runs.answer({"question": question}, "collections", collection, "query")

    def _place(self, name: str, collection: str | None) -> tuple[str, ...]:
        if collection is None:
            found = self._connection.do(find_document, DocumentAnywhere(document=name))
            name, collection = found.id, found.collection_id
        return "collections", str(collection), "documents", name

    def _send(self, collection_id: str, portion: Portion) -> Iterator[Row]:
        """Send some files, and tell what became of each. A service that refuses several is given them one by one."""
        if not portion.files:
            yield from (_lost(path, problem) for path, problem in portion.unreadable)
            return
        try:
            read = self._read(collection_id, portion)
        except FileIntelError as error:
            if error.code not in REFUSALS:
                raise
            if len(portion.paths) == 1:
                yield _lost(portion.paths[0], _about(portion.paths[0], str(error)))
                return
            for single in portion.singly():
                yield from self._send(collection_id, single)
            return
        results = iter(_additions(read, [file.path for file in portion.files]))
        problems = dict(portion.unreadable)
        for path in portion.paths:
            yield _lost(path, problems[path]) if path in problems else next(results)

    def _read(self, collection_id: str, portion: Portion) -> RunWithStages:
        """The run that has read the files."""
        body, headers = portion.body()
        accepted: Any = self._connection.call(
            "POST", "collections", collection_id, "documents", content=body, headers=headers
        )
        try:
            task = self._runs.follow(accepted["task_id"], Silent())
        except Interrupted:
            raise parted_from(accepted["task_id"]) from None
        raise_unless_done(task)
        return task


def _additions(run: RunWithStages, paths: Sequence[Path]) -> Iterator[Row]:
    """What became of each file, in the order in which they were sent."""
    result = run.result or {}
    known = {document["id"]: document for document in result["documents"]}
    for path, file in zip(paths, result["files"], strict=True):
        yield {
            "path": str(path),
            "document": known.get(file["document_id"]),
            "already_there": file["already_there"],
            "problem": _about(path, file["problem"], file["name"]) if file["problem"] else None,
        }


def _lost(path: Path, problem: str) -> Row:
    return {"path": str(path), "document": None, "already_there": False, "problem": problem}


def _about(path: Path, problem: str, name: str | None = None) -> str:
    """A problem that begins with the file's path: the service knows only its name."""
    name = shown(name or path.name)
    return shown(str(path)) + (problem.removeprefix(name) if problem.startswith(name) else f": {problem}")
