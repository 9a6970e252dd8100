"""An installation in this process: the services, over a workspace that is opened when something needs it."""

import time
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from fileintel.config import Settings
from fileintel.installation.contract import Progress, Watcher, raise_where_it_rests
from fileintel.operations import Context, Operation
from fileintel.operations.declaration import Asked, Found
from fileintel.workspace import Workspace

if TYPE_CHECKING:
    from fileintel.installation.local.documents import LocalDocuments
    from fileintel.installation.local.graph import LocalGraph
    from fileintel.services.runs import RunWithStages

POLL_SECONDS = 0.5  # between two looks at a run that another process works on


class LocalInstallation:
    """Works here, with the embedded PostgreSQL or one of the user's. What a command does not use is not imported:
    some of it brings the reader of documents, or the model's client, which take a tenth of a second."""

    def __init__(self, settings: Settings) -> None:
        self._workspace = Workspace(settings)

    @cached_property
    def documents(self) -> "LocalDocuments":
        """The files of collections."""
        from fileintel.installation.local.documents import LocalDocuments

        return LocalDocuments(self._workspace)

    @cached_property
    def graph(self) -> "LocalGraph":
        """The indexes of collections."""
        from fileintel.installation.local.graph import LocalGraph

        return LocalGraph(self._workspace)

    def do(self, operation: Operation[Asked, Found], request: Asked) -> Found:
        """Do an operation here."""
        return operation(Context.local(self._workspace), request)

    def follow(self, run_id: str, watcher: Watcher) -> "RunWithStages":
        """Wait for the end of a run, on which another process works."""
        from fileintel.services.runs import news

        seen = 0
        while True:
            found = news(self._workspace, run_id, seen)
            for event in found.events:
                seen = event.number
                watcher.happened(event.model_dump(mode="json"))
            if found.run.stages:
                progress = found.run.progress()
                watcher.progressed(Progress.of(progress["stages"], progress["llm"]))
            raise_where_it_rests(found.run.state, found.run.error)
            if found.run.is_over:
                return found.run
            time.sleep(POLL_SECONDS)

    def __enter__(self) -> "LocalInstallation":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._workspace.close()
