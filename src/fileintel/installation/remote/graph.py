"""Indexes of a service: built by its workers, looked at through its API."""

from pathlib import Path
from typing import TYPE_CHECKING

from fileintel.installation.contract import NO_WAIT, Row, WaitOptions, Watcher, run_of
from fileintel.installation.remote.answers import body_of, streamed_answer
from fileintel.installation.remote.connection import Connection
from fileintel.installation.remote.portions import Portion
from fileintel.installation.remote.runs import RemoteRuns, Silent, raise_unless_done
from fileintel.services.runs import Accepted, OfRun, TakenOn, resume_run, retry_run
from fileintel.services.status import IndexRun, Status, show_index_status

if TYPE_CHECKING:
    from fileintel.graphrag.query.answer_stream import AnswerListener
    from fileintel.graphrag.query.query_request import QueryRequest
    from fileintel.runs.index_request import IndexRequest


class RemoteGraph:
    """The indexes of collections."""

    def __init__(self, connection: Connection, runs: RemoteRuns) -> None:
        self._connection = connection
        self._runs = runs

    def index(self, request: "IndexRequest", watcher: Watcher, options: WaitOptions = NO_WAIT) -> Status | TakenOn:
        accepted = self._connection.call("POST", "graphrag", "index", json=request.body())
        return self._waited_for(Accepted.model_validate(accepted), watcher, options)

    def resume(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> Status | TakenOn:
        resumed = self._connection.do(resume_run, OfRun(run=self._newest_run(collection)))
        return self._waited_for(TakenOn(task_id=resumed.id, run_id=resumed.id, is_new=False), watcher, options)

    def retry(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> Status | TakenOn:
        accepted = self._connection.do(retry_run, OfRun(run=self._newest_run(collection)))
        return self._waited_for(accepted, watcher, options)

    def _newest_run(self, collection: str) -> str:
        return run_of(self._connection.do(show_index_status, IndexRun(collection=collection)))

    def _waited_for(self, taken: TakenOn, watcher: Watcher, options: WaitOptions) -> Status | TakenOn:
        """The status of a run that was taken on at its end, if it is to be waited for."""
        if not options.wait:
            return taken
        watcher.began(taken.run_id)
        run = self._runs.followed(taken.run_id, watcher, cancel=options.cancel_on_interrupt)
        raise_unless_done(run)
        return self._connection.do(show_index_status, IndexRun(collection=run.collection_id, run=run.id))

    def ask(self, collection: str, query_request: "QueryRequest", listener: "AnswerListener | None" = None) -> Row:
        body = body_of(query_request)
        if listener is None or not query_request.stream:
            return self._runs.answer(body | {"stream": False}, "graphrag", collection, "query")
        return streamed_answer(self._connection, self._runs, body, listener, "graphrag", collection, "query")

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
        run = self._runs.followed(accepted["task_id"], Silent(), cancel=False)
        raise_unless_done(run)
        return dict(run.result or {})

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
