"""An installation behind HTTP: the API of a service, which does the work."""

from types import TracebackType
from typing import Any

from fileintel.cli.installation.remote.collections import RemoteCollections
from fileintel.cli.installation.remote.connection import Connection
from fileintel.cli.installation.remote.documents import RemoteDocuments
from fileintel.cli.installation.remote.graph import RemoteGraph
from fileintel.cli.installation.remote.prompts import RemotePrompts
from fileintel.cli.installation.remote.tasks import RemoteTasks
from fileintel.config import ClientSettings
from fileintel.operations import Operation
from fileintel.operations.declaration import Asked, Found


class RemoteInstallation:
    """Speaks to the service that the setting `client.url` names."""

    def __init__(self, settings: ClientSettings) -> None:
        self._connection = Connection(settings)
        self.collections = RemoteCollections(self._connection)
        self.tasks = RemoteTasks(self._connection)
        self.documents = RemoteDocuments(self._connection, self.tasks)
        self.prompts = RemotePrompts(self._connection)
        self.graph = RemoteGraph(self._connection, self.tasks)

    def do(self, operation: Operation[Asked, Found], request: Asked) -> Found:
        """Let the service do an operation."""
        return self._connection.do(operation, request)

    def check(self) -> list[dict[str, str]]:
        """The state of each part of the service, as it sees them."""
        parts: Any = self._connection.get("graphrag", "system-status")
        return list(parts)

    def __enter__(self) -> "RemoteInstallation":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()
