"""Prompts in this process's database."""

from collections.abc import Mapping, Sequence

from fileintel.cli.installation.contract import Row
from fileintel.services import prompts, tuning
from fileintel.workspace import Workspace


class LocalPrompts:
    """What a model is asked, for each collection."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def all(self, collection: str) -> list[Row]:
        return prompts.list_prompts(self._workspace, collection)

    def set(self, collection: str, texts: Mapping[str, str]) -> list[str]:
        return prompts.set_prompts(self._workspace, collection, texts)

    def reset(self, collection: str, names: Sequence[str]) -> list[str]:
        return prompts.reset(self._workspace, collection, names)

    def tune(self, collection: str, *, keep: bool) -> Row:
        return tuning.tune(self._workspace, collection, keep=keep)
