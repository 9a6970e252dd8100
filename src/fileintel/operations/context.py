"""What an operation works with, in whatever process it is called."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fileintel.config import Settings
    from fileintel.runs.dispatch import CeleryDispatcher
    from fileintel.workspace import Workspace


class Context:
    """The settings, the workspace and the way to the workers. The last two are opened when an operation needs them.

    Parameters:
      open_dispatcher: gives the way to the workers, in the process of a service; None elsewhere.
    """

    def __init__(
        self,
        settings: "Settings",
        open_workspace: "Callable[[], Workspace]",
        open_dispatcher: "Callable[[], CeleryDispatcher] | None" = None,
    ) -> None:
        self.settings = settings
        self.open_workspace = open_workspace
        self.open_dispatcher = open_dispatcher

    @classmethod
    def local(cls, workspace: "Workspace") -> "Context":
        """The context of a process that does the work itself."""
        return cls(workspace.settings, lambda: workspace)

    @property
    def workspace(self) -> "Workspace":
        """The workspace, its database at this version's schema.

        Raises:
          DatabaseUnavailable: PostgreSQL does not answer.
        """
        return self.open_workspace()

    @property
    def dispatcher(self) -> "CeleryDispatcher | None":
        """The way to the workers; None in a process without a service.

        Raises:
          ServiceUnavailable: the service has no message broker.
        """
        return self.open_dispatcher() if self.open_dispatcher is not None else None

    @property
    def spool(self) -> Path:
        """The folder of files that came in over HTTP and are not read yet, or are about to go out."""
        return Path(self.settings.home) / "spool"
