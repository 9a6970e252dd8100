"""Documents of a service: files go up in portions, a worker of the service reads them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fileintel.cli.installation.contract import ProcessingOrder, Row, Watcher
from fileintel.cli.installation.remote.connection import Connection
from fileintel.cli.installation.remote.portions import Portion, portions
from fileintel.cli.installation.remote.tasks import RemoteTasks, Silent, parted_from, raise_unless_done
from fileintel.cli.interrupt import Interrupted
from fileintel.documents.document import shown
from fileintel.documents.find import find_documents
from fileintel.errors import FileIntelError

# the file is not wanted, which is no reason not to send the others
REFUSALS = frozenset({"document", "too_large", "validation", "bad_upload"})


class RemoteDocuments:
    """The files of collections."""

    def __init__(self, connection: Connection, tasks: RemoteTasks) -> None:
        self._connection = connection
        self._tasks = tasks

    def add(self, collection: str, paths: Sequence[str]) -> Iterator[Row]:
        identity = self._connection.get("collections", collection)["id"]
        for portion in portions(find_documents(paths)):
            yield from self._send(identity, portion)

    def all(self, collection: str) -> list[Row]:
        return self._connection.rows("collections", collection, "documents")

    def show(self, name: str, collection: str | None) -> Row:
        if collection is None:
            found = dict(self._connection.get("documents", name))
            del found["collection_id"]
            return found
        return dict(self._connection.get("collections", collection, "documents", name))

    def text(self, name: str, collection: str | None, page: int | None) -> Iterator[str]:
        parameters = {} if page is None else {"page": page}
        place = self._place(name, collection)
        with self._connection.stream("GET", *place, "text", params=parameters) as response:
            yield from response.iter_text()

    def edit(self, name: str, collection: str | None, changes: Mapping[str, Any]) -> Row:
        return dict(self._connection.call("PATCH", *self._place(name, collection), json=dict(changes)))

    def process(self, order: ProcessingOrder, watcher: Watcher) -> list[Row]:
        body = {"embed": order.embed, "metadata": order.metadata}
        accepted: list[Row] = self._connection.call("POST", "collections", order.collection, "process", json=body)[
            "tasks"
        ]
        if not order.wait:
            return accepted
        ended = []
        for task_id in [one["task_id"] for one in accepted]:
            watcher.began(task_id)
            task = self._tasks.followed(task_id, watcher, cancel=order.cancel_on_interrupt)
            raise_unless_done(task)
            ended.append(self._tasks.show(task_id))
        return ended

    def ask(self, collection: str, question: str) -> Row:
        return self._tasks.answer({"question": question}, "collections", collection, "query")

    def delete(self, name: str, collection: str | None) -> Row:
        return dict(self._connection.call("DELETE", *self._place(name, collection)))

    def _place(self, name: str, collection: str | None) -> tuple[str, ...]:
        if collection is None:
            found = self._connection.get("documents", name)
            name, collection = found["id"], found["collection_id"]
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

    def _read(self, collection_id: str, portion: Portion) -> Row:
        """The task that has read the files."""
        body, headers = portion.body()
        accepted: Any = self._connection.call(
            "POST", "collections", collection_id, "documents", content=body, headers=headers
        )
        try:
            task = self._tasks.follow(accepted["task_id"], Silent())
        except Interrupted:
            raise parted_from(accepted["task_id"]) from None
        raise_unless_done(task)
        return task


def _additions(task: Row, paths: Sequence[Path]) -> Iterator[Row]:
    """What became of each file, in the order in which they were sent."""
    known = {document["id"]: document for document in task["result"]["documents"]}
    for path, file in zip(paths, task["result"]["files"], strict=True):
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
