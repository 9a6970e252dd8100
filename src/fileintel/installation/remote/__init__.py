"""An installation behind HTTP: the API of a service, which does the work."""

from types import TracebackType

from fileintel.config import ClientSettings
from fileintel.installation.contract import Watcher
from fileintel.installation.remote.connection import Connection
from fileintel.installation.remote.documents import RemoteDocuments
from fileintel.installation.remote.graph import RemoteGraph
from fileintel.installation.remote.runs import RemoteRuns
from fileintel.operations import Operation
from fileintel.operations.declaration import Asked, Found
from fileintel.services.runs import RunWithStages


class RemoteInstallation:
    """Speaks to the service that the setting `client.url` names."""

    def __init__(self, settings: ClientSettings) -> None:
        self._connection = Connection(settings)
        self._runs = RemoteRuns(self._connection)
        self.documents = RemoteDocuments(self._connection, self._runs)
        self.graph = RemoteGraph(self._connection, self._runs)

    def do(self, operation: Operation[Asked, Found], request: Asked) -> Found:
        """Let the service do an operation."""
        return self._connection.do(operation, request)

    def follow(self, run_id: str, watcher: Watcher) -> RunWithStages:
        """Wait for the end of a run."""
        return self._runs.follow(run_id, watcher)

    def __enter__(self) -> "RemoteInstallation":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()
