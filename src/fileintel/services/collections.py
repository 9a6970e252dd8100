"""Collections: named sets of documents."""

import re
import shutil
from pathlib import Path
from typing import Any

from pydantic import Field

from fileintel import storage
from fileintel.errors import UsageError
from fileintel.operations import DELETE, GET, PATCH, POST, Context, Page, PageRequest, Request, Result, Right, operation
from fileintel.operations.paging import page, place_of
from fileintel.operations.types import Moment, OfCollection
from fileintel.storable import Text

_FORBIDDEN_IN_PROMPTS = re.compile(r"[,\x00-\x1f\x7f]")  # types stand in a list that commas divide


class Collection(Result):
    """A named set of documents."""

    id: str = Field(examples=["9f0b3f5c-9a53-5d0c-8f4e-1b6d8f0a7c11"])
    name: str = Field(examples=["thesis"])
    description: str
    documents: int = Field(examples=[42])
    indexed: bool
    created_at: Moment
    language: str | None = Field(description="Of its own; null is as the settings say.", examples=["German"])
    entity_types: list[str] | None = Field(description="Of its own; null is as the settings say.")

    @property
    def location(self) -> str:
        """Where HTTP has it."""
        return f"/api/v2/collections/{self.id}"


class NewCollection(Request):
    """A collection to make."""

    name: Text = Field(max_length=1000, examples=["thesis"])
    description: Text = Field(default="", max_length=10_000, examples=["Sources for chapter 4"])


class CollectionChange(OfCollection):
    """What to change of a collection; what is not named stays as it is, null takes a setting of its own away."""

    description: Text | None = Field(default=None, max_length=10_000, examples=["Sources for chapter 4"])
    language: Text | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Language of everything that the model writes about the collection.",
        examples=["German"],
    )
    entity_types: list[Text] | None = Field(
        default=None, min_length=1, max_length=100, description="What to look for.", examples=[["judge", "statute"]]
    )


@operation(GET, "/collections", right=Right.READER)
def list_collections(context: Context, request: PageRequest) -> Page[Collection]:
    """The collections, by name."""
    place = place_of(request.cursor, str)
    with context.workspace.database.transaction() as session:
        found = storage.collections.page(session, request.limit + 1, place[0] if place else None)
    return page(found, request.limit, lambda one: [one.name], Collection.of)


@operation(POST, "/collections", right=Right.WRITER, status=201, errors=(409,))
def create_collection(context: Context, request: NewCollection) -> Collection:
    """Make an empty collection.

    Raises:
      UsageError, ConflictError: the name cannot be had.
    """
    with context.workspace.database.transaction() as session:
        name = storage.collections.check_name(request.name)
        made = storage.collections.create(session, name, request.description)
        return Collection.of(storage.collections.summary(session, made))


@operation(GET, "/collections/{collection}", right=Right.READER, errors=(404,))
def show_collection(context: Context, request: OfCollection) -> Collection:
    """One collection.

    Raises:
      NotFoundError: there is none of that name or id.
    """
    with context.workspace.database.transaction() as session:
        found = storage.collections.find(session, request.collection)
        return Collection.of(storage.collections.summary(session, found))


@operation(PATCH, "/collections/{collection}", right=Right.WRITER, errors=(404,))
def change_collection(context: Context, request: CollectionChange) -> Collection:
    """Change a collection's description, or the language and entity types that it has of its own.

    Raises:
      NotFoundError: there is none of that name or id.
      UsageError: a value cannot be used.
    """
    given = {"language": request.language, "entity_types": request.entity_types}
    settings = {name: value for name, value in given.items() if name in request.model_fields_set}
    for name, value in settings.items():
        _check_own_setting(name, value)
    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        if request.description is not None:
            collection.description = request.description
        collection = storage.collections.change_settings(session, collection.id, settings)
        return Collection.of(storage.collections.summary(session, collection))


@operation(DELETE, "/collections/{collection}", right=Right.WRITER, errors=(404,))
def delete_collection(context: Context, request: OfCollection) -> Collection:
    """Delete a collection with its documents, tasks and index. Stored answers are kept.

    Raises:
      NotFoundError: there is none of that name or id.
      ActiveRunError: a run is at work on it.
    """
    from fileintel.runs.active_run import refuse_while_busy

    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        refuse_while_busy(session, collection)
        found = Collection.of(storage.collections.summary(session, collection))
        uploads = storage.runs.uploads(session, collection.id)
        storage.versions.locked_collection(session, collection.id)
        of_index = storage.versions.of_collection(session, collection.id)
        storage.versions.drop_all(session, [version.id for version in of_index])
        storage.vectors.drop_all(session, [one.id for one in storage.vectors.sets_of(session, collection.id)])
        storage.collections.remove(session, collection.id)
    with context.workspace.database.transaction() as session:
        storage.prompts.drop_unused(session)
    for folder in map(Path, uploads):  # of runs that will now never read them
        if folder.parent == context.spool:
            shutil.rmtree(folder, ignore_errors=True)
    return found


def _check_own_setting(name: str, value: Any) -> None:
    for text in [value] if isinstance(value, str) else value or ():
        if not text.strip() or len(text) > storage.collections.LONGEST_NAME or _FORBIDDEN_IN_PROMPTS.search(text):
            raise UsageError(f"{name}: {text!r} cannot be used: give a short text on one line, without commas")
