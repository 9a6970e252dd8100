"""What a collection has of its own: language, entity types and prompts. They stand before the program's."""

from typing import Any

from sqlalchemy.orm import Session

from fileintel.config import Settings
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.storage import prompts
from fileintel.storage.models import Collection
from fileintel.workspace import Workspace


def settings_for(workspace: Workspace, collection: Collection, method: str | None = None) -> Settings:
    """The settings for work on a collection; `method` is another one than theirs."""
    values: dict[str, Any] = {}
    if language := collection.settings.get("language"):
        values["language"] = language
    if entity_types := collection.settings.get("entity_types"):
        values["entity_types"] = tuple(entity_types)
    if method:
        values["method"] = method
    return workspace.settings.with_graphrag(**values)


def library_for(workspace: Workspace, session: Session, collection: Collection) -> PromptLibrary:
    """The prompts for work on a collection."""
    return workspace.prompts.with_own(prompts.of_collection(session, collection.id))
