"""Indexes of a service: built by its workers, looked at through its API."""

from pathlib import Path
from typing import TYPE_CHECKING

from fileintel.cli.installation.contract import NO_WAIT, Row, WaitOptions, Watcher, run_of
from fileintel.cli.installation.remote.connection import Connection
from fileintel.cli.installation.remote.hearing import body_of, heard
from fileintel.cli.installation.remote.portions import Portion
from fileintel.cli.installation.remote.tasks import RemoteTasks, Silent, raise_unless_done

if TYPE_CHECKING:
    from fileintel.graphrag.query.answer_stream import AnswerListener
    from fileintel.graphrag.query.query_request import QueryRequest
    from fileintel.runs.index_request import IndexRequest


class RemoteGraph:
    """The indexes of collections."""

    def __init__(self, connection: Connection, tasks: RemoteTasks) -> None:
        self._connection = connection
        self._tasks = tasks

    def index(self, request: "IndexRequest", watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        accepted = self._connection.call("POST", "graphrag", "index", json=request.body())
        return self._waited_for(accepted, watcher, options)

    def resume(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        task = self._tasks.resume(run_of(self.status(collection)))
        return self._waited_for({"task_id": task["id"], "run_id": task["id"], "is_new": False}, watcher, options)

    def retry(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        return self._waited_for(self._tasks.retry(run_of(self.status(collection))), watcher, options)

    def _waited_for(self, accepted: Row, watcher: Watcher, options: WaitOptions) -> Row:
        """The status of a run that was taken on at its end, if it is to be waited for."""
        if not options.wait:
            return accepted
        task_id = accepted["task_id"]
        watcher.began(task_id)
        task = self._tasks.followed(task_id, watcher, cancel=options.cancel_on_interrupt)
        raise_unless_done(task)
        return dict(self._connection.get("graphrag", task["collection_id"], "status", run=task_id))

    def status(self, collection: str) -> Row:
        return dict(self._connection.get("graphrag", collection, "status"))

    def ask(self, collection: str, query_request: "QueryRequest", listener: "AnswerListener | None" = None) -> Row:
        body = body_of(query_request)
        if listener is None or not query_request.stream:
            return self._tasks.answer(body | {"stream": False}, "graphrag", collection, "query")
        return heard(self._connection, self._tasks, body, listener, "graphrag", collection, "query")

    def entities(self, collection: str, limit: int, after: int | None, matching: str | None) -> list[Row]:
        return self._connection.rows("graphrag", collection, "entities", limit=limit, after=after, matching=matching)

    def relationships(self, collection: str, limit: int, after: int | None, matching: str | None) -> list[Row]:
        return self._connection.rows(
            "graphrag", collection, "relationships", limit=limit, after=after, matching=matching
        )

    def communities(self, collection: str, limit: int, after: int | None, level: int | None) -> list[Row]:
        return self._connection.rows("graphrag", collection, "communities", limit=limit, after=after, level=level)

    def reports(self, collection: str, limit: int, after: int | None, level: int | None) -> list[Row]:
        return self._connection.rows("graphrag", collection, "reports", limit=limit, after=after, level=level)

    def community(self, collection: str, number: int) -> Row:
        return dict(self._connection.get("graphrag", collection, "communities", number))

    def context(self, collection: str, number: int) -> Row:
        return dict(self._connection.get("graphrag", collection, "communities", number, "context"))

    def take_over(self, collection: str, directory: Path, *, vectors: bool) -> Row:
        # pyarrow comes with it, which no other command waits for
        from fileintel.graphrag.imports.folder import table_files

        body, headers = Portion(table_files(directory)).body()
        accepted = self._connection.call(
            "POST",
            "graphrag",
            collection,
            "import",
            params={"vectors": str(vectors).lower()},
            content=body,
            headers=headers,
        )
        task = self._tasks.followed(accepted["task_id"], Silent(), cancel=False)
        raise_unless_done(task)
        return dict(task["result"])

    def export(self, collection: str, directory: Path) -> dict[str, int]:
        # pyarrow comes with it, which no other command waits for
        from fileintel.services.graph import unpack_export

        def download(archive: Path) -> None:
            with (
                self._connection.stream("GET", "graphrag", collection, "export") as response,
                archive.open("wb") as file,
            ):
                for piece in response.iter_bytes():
                    file.write(piece)

        return unpack_export(directory, download)

    def delete(self, collection: str) -> int:
        return int(self._connection.call("DELETE", "graphrag", collection, "index")["versions"])
