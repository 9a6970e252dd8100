"""Indexes of this process's database. What builds one, and what asks one, is imported only for that: lists of
entities need not wait for the model's client."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from fileintel.cli.installation.contract import NO_WAIT, Row, WaitOptions, Watcher, run_of
from fileintel.cli.installation.local.views import progress_of
from fileintel.cli.interrupt import Interrupted, Parted, Stop
from fileintel.services import graph, status
from fileintel.services.graph import Slice
from fileintel.workspace import Workspace

if TYPE_CHECKING:
    from fileintel.graphrag.query.answer_stream import AnswerListener
    from fileintel.graphrag.query.query_request import QueryRequest
    from fileintel.runs.index_request import IndexRequest
    from fileintel.runs.run_context import View


class LocalGraph:
    """The indexes of collections."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def index(self, request: "IndexRequest", watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        return self._index(request.collection, request, watcher, options)

    def resume(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        from fileintel.services import control

        request = control.resume_here(self._workspace, run_of(self.status(collection)))
        return self._index(collection, request, watcher, options)

    def retry(self, collection: str, watcher: Watcher, options: WaitOptions = NO_WAIT) -> Row:
        from fileintel.services import control

        request = control.request_for_gaps(self._workspace, run_of(self.status(collection)))
        return self._index(collection, request, watcher, options)

    def _index(self, collection: str, request: "IndexRequest", watcher: Watcher, options: WaitOptions) -> Row:
        from fileintel.runs.index import Indexer
        from fileintel.runs.run_context import Paused, Stopped

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
                    self._cancel(known[0])
                again = f"fileintel graphrag index {shlex.quote(collection)}"
                raise Parted(f"stopped; every answer so far is kept: `{again}` goes on from here") from None
        if run_id is None:
            return status.status_in_use(self._workspace, collection)
        return status.index_status(self._workspace, collection, run_id)

    def status(self, collection: str) -> Row:
        return status.index_status(self._workspace, collection)

    def ask(self, collection: str, query_request: "QueryRequest", listener: "AnswerListener | None" = None) -> Row:
        from fileintel.runs.questions import ask

        return ask(self._workspace, collection, query_request, listener)

    def entities(self, collection: str, limit: int, after: int | None, matching: str | None) -> list[Row]:
        return graph.list_entities(self._workspace, collection, Slice(limit, after), matching)

    def relationships(self, collection: str, limit: int, after: int | None, matching: str | None) -> list[Row]:
        return graph.list_relationships(self._workspace, collection, Slice(limit, after), matching)

    def communities(self, collection: str, limit: int, after: int | None, level: int | None) -> list[Row]:
        return graph.list_communities(self._workspace, collection, Slice(limit, after), level)

    def reports(self, collection: str, limit: int, after: int | None, level: int | None) -> list[Row]:
        return graph.list_reports(self._workspace, collection, Slice(limit, after), level)

    def community(self, collection: str, number: int) -> Row:
        return graph.show_community(self._workspace, collection, number)

    def context(self, collection: str, number: int) -> Row:
        return graph.show_context(self._workspace, collection, number)

    def take_over(self, collection: str, directory: Path, *, vectors: bool) -> Row:
        from fileintel.runs.import_index import import_index

        return import_index(self._workspace, collection, directory, vectors=vectors)

    def export(self, collection: str, directory: Path) -> dict[str, int]:
        return graph.export(self._workspace, collection, directory)

    def delete(self, collection: str) -> int:
        return graph.delete_index(self._workspace, collection)

    def _cancel(self, run_id: str) -> None:
        """Cancel the run that was just left, which ends it at once, and the command with it."""
        from fileintel.errors import RunCancelled
        from fileintel.services import control

        control.cancel(self._workspace, run_id)
        raise RunCancelled("the run was cancelled; its answers are kept") from None
