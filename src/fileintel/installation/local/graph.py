"""Indexes of this process's database. What builds one, and what asks one, is imported only for that: lists of
entities need not wait for the model's client."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from fileintel.installation.contract import NO_WAIT, Row, WaitOptions, Watcher, run_of
from fileintel.installation.interrupt import Interrupted, Parted, Stop
from fileintel.installation.local.views import cancelled, progress_of
from fileintel.operations import Context
from fileintel.services import graph
from fileintel.workspace import Workspace

if TYPE_CHECKING:
    from fileintel.graphrag.query.answer_stream import AnswerListener
    from fileintel.graphrag.query.query_request import QueryRequest
    from fileintel.installation.contract import Built
    from fileintel.runs.index_request import IndexRequest
    from fileintel.runs.run_context import View
    from fileintel.services.status import Status


class LocalGraph:
    """The indexes of collections."""

    def __init__(self, workspace: Workspace) -> None:
        self._context = Context.local(workspace)
        self._workspace = workspace

    def index(self, request: "IndexRequest", watcher: Watcher, options: WaitOptions = NO_WAIT) -> "Built":
        return self._index(request.collection, request, watcher, options)

    def resume(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> "Built":
        from fileintel.runs.retry import request_of
        from fileintel.services.runs import OfRun, resume_run

        run_id = self._newest_run(collection)
        resume_run(self._context, OfRun(run=run_id))
        return self._index(collection, request_of(self._workspace, run_id), watcher, options)

    def retry(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> "Built":
        from fileintel.runs.retry import request_for_gaps

        request = request_for_gaps(self._workspace, self._newest_run(collection))
        return self._index(collection, request, watcher, options)

    def _newest_run(self, collection: str) -> str:
        from fileintel.services.status import IndexRun, show_index_status

        return run_of(show_index_status(self._context, IndexRun(collection=collection)))

    def _index(self, collection: str, request: "IndexRequest", watcher: Watcher, options: WaitOptions) -> "Status":
        from fileintel.runs.index import Indexer
        from fileintel.runs.run_context import Paused, Stopped
        from fileintel.services.status import IndexRun, show_index_status, status_in_use

        known: list[str] = []

        def began(run_id: str) -> None:
            known.append(run_id)
            watcher.began(run_id)

        def observe(view: "View") -> None:
            watcher.progressed(progress_of(view))

        with Stop().heard() as stop:
            indexer = Indexer(self._workspace, stopping=lambda: stop.asked, observe=observe, began=began)
            try:
                run_id = indexer.index(request)
            except Paused:
                again = f"fileintel graphrag resume {shlex.quote(collection)}"
                raise Parted(f"paused; every answer so far is kept: `{again}` goes on from here") from None
            except (Stopped, Interrupted):
                if options.cancel_on_interrupt and known:
                    raise cancelled(self._workspace, known[0]) from None
                again = f"fileintel graphrag index {shlex.quote(collection)}"
                raise Parted(f"stopped; every answer so far is kept: `{again}` goes on from here") from None
        if run_id is None:
            return status_in_use(self._workspace, collection)
        return show_index_status(self._context, IndexRun(collection=collection, run=run_id))

    def ask(self, collection: str, query_request: "QueryRequest", listener: "AnswerListener | None" = None) -> Row:
        from fileintel.runs.questions import ask

        return ask(self._workspace, collection, query_request, listener)

    def take_over(self, collection: str, directory: Path, *, vectors: bool) -> Row:
        from fileintel.runs.import_index import import_index

        return import_index(self._workspace, collection, directory, vectors=vectors)

    def export(self, collection: str, directory: Path) -> dict[str, int]:
        return graph.export(self._workspace, collection, directory)
