"""An installation in this process: the services, over a workspace that is opened when something needs it."""

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from fileintel.cli.installation.local.cache import LocalCache
from fileintel.cli.installation.local.collections import LocalCollections
from fileintel.cli.installation.local.documents import LocalDocuments
from fileintel.cli.installation.local.graph import LocalGraph
from fileintel.cli.installation.local.versions import LocalVersions
from fileintel.config import Settings
from fileintel.services.workspace import Workspace

if TYPE_CHECKING:
    from fileintel.cli.installation.local.prompts import LocalPrompts
    from fileintel.cli.installation.local.tasks import LocalTasks


class LocalInstallation:
    """Works here, with the embedded PostgreSQL or one of the user's."""

    def __init__(self, settings: Settings) -> None:
        self._workspace = Workspace(settings)
        self.collections = LocalCollections(self._workspace)
        self.documents = LocalDocuments(self._workspace)
        self.graph = LocalGraph(self._workspace)
        self.versions = LocalVersions(self._workspace)
        self.cache = LocalCache(self._workspace)

    @cached_property
    def prompts(self) -> "LocalPrompts":
        """What a model is asked. Its import brings the model's client, too."""
        from fileintel.cli.installation.local.prompts import LocalPrompts

        return LocalPrompts(self._workspace)

    @cached_property
    def tasks(self) -> "LocalTasks":
        """Work that was handed to workers. Its import brings the model's client, which takes half a second."""
        from fileintel.cli.installation.local.tasks import LocalTasks

        return LocalTasks(self._workspace)

    def check(self) -> list[dict[str, str]]:
        """The state of each part: database and models."""
        from fileintel.services.health import check

        return check(self._workspace)

    def __enter__(self) -> "LocalInstallation":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._workspace.close()
