"""An installation in this process: the services, over a workspace that is opened when something needs it."""

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from fileintel.config import Settings
from fileintel.operations import Context, Operation
from fileintel.operations.declaration import Asked, Found
from fileintel.workspace import Workspace

if TYPE_CHECKING:
    from fileintel.cli.installation.local.collections import LocalCollections
    from fileintel.cli.installation.local.documents import LocalDocuments
    from fileintel.cli.installation.local.graph import LocalGraph
    from fileintel.cli.installation.local.prompts import LocalPrompts
    from fileintel.cli.installation.local.tasks import LocalTasks


class LocalInstallation:
    """Works here, with the embedded PostgreSQL or one of the user's. What a command does not use is not imported:
    some of it brings the reader of documents, or the model's client, which take a tenth of a second."""

    def __init__(self, settings: Settings) -> None:
        self._workspace = Workspace(settings)

    @cached_property
    def collections(self) -> "LocalCollections":
        """Named sets of documents."""
        from fileintel.cli.installation.local.collections import LocalCollections

        return LocalCollections(self._workspace)

    @cached_property
    def documents(self) -> "LocalDocuments":
        """The files of collections."""
        from fileintel.cli.installation.local.documents import LocalDocuments

        return LocalDocuments(self._workspace)

    @cached_property
    def graph(self) -> "LocalGraph":
        """The indexes of collections."""
        from fileintel.cli.installation.local.graph import LocalGraph

        return LocalGraph(self._workspace)

    @cached_property
    def prompts(self) -> "LocalPrompts":
        """What a model is asked."""
        from fileintel.cli.installation.local.prompts import LocalPrompts

        return LocalPrompts(self._workspace)

    @cached_property
    def tasks(self) -> "LocalTasks":
        """Work that was handed to workers."""
        from fileintel.cli.installation.local.tasks import LocalTasks

        return LocalTasks(self._workspace)

    def do(self, operation: Operation[Asked, Found], request: Asked) -> Found:
        """Do an operation here."""
        return operation(Context.local(self._workspace), request)

    def check(self) -> list[dict[str, str]]:
        """The state of each part: database and models."""
        from fileintel.services.health import check

        return check(self._workspace)

    def __enter__(self) -> "LocalInstallation":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._workspace.close()
