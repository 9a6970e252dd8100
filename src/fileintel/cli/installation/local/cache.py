"""The answer store of this process's database."""

from fileintel.cli.installation.contract import Row
from fileintel.services import cache
from fileintel.workspace import Workspace


class LocalCache:
    """The answer store."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def stats(self) -> Row:
        return cache.stats(self._workspace)

    def prune(self, unused_for: str | None, model: str | None, dry_run: bool) -> Row:
        return cache.prune(self._workspace, unused_for=unused_for, model=model, dry_run=dry_run)
