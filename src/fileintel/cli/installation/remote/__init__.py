"""An installation behind HTTP: the API of a service, which does the work."""

from types import TracebackType
from typing import Any

from fileintel.cli.installation.remote.cache import RemoteCache
from fileintel.cli.installation.remote.collections import RemoteCollections
from fileintel.cli.installation.remote.connection import Connection
from fileintel.cli.installation.remote.documents import RemoteDocuments
from fileintel.cli.installation.remote.graph import RemoteGraph
from fileintel.cli.installation.remote.prompts import RemotePrompts
from fileintel.cli.installation.remote.tasks import RemoteTasks
from fileintel.cli.installation.remote.versions import RemoteVersions
from fileintel.config import ClientSettings


class RemoteInstallation:
    """Speaks to the service that the setting `client.url` names."""

    def __init__(self, settings: ClientSettings) -> None:
        self._connection = Connection(settings)
        self.collections = RemoteCollections(self._connection)
        self.tasks = RemoteTasks(self._connection)
        self.documents = RemoteDocuments(self._connection, self.tasks)
        self.prompts = RemotePrompts(self._connection)
        self.graph = RemoteGraph(self._connection, self.tasks)
        self.versions = RemoteVersions(self._connection)
        self.cache = RemoteCache(self._connection)

    def check(self) -> list[dict[str, str]]:
        """The state of each part of the service, as it sees them."""
        parts: Any = self._connection.get("graphrag", "system-status")
        return list(parts)

    def __enter__(self) -> "RemoteInstallation":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()
