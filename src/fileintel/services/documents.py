"""Collections and documents: what a person puts in."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fileintel.documents import metadata
from fileintel.documents.document import shown
from fileintel.documents.kinds import is_supported, unsupported
from fileintel.errors import DocumentError, UsageError
from fileintel.runs.active_run import refuse_while_busy
from fileintel.runs.add_documents import describe_document
from fileintel.storage import collections, documents, prompts, runs, vectors, versions
from fileintel.storage.collections import CollectionSummary
from fileintel.storage.models import Document
from fileintel.workspace import Workspace

_FORBIDDEN_IN_PROMPTS = re.compile(r"[,\x00-\x1f\x7f]")  # types stand in a list that commas divide


def create_collection(workspace: Workspace, name: str, description: str = "") -> CollectionSummary:
    """A new, empty collection.

    Raises:
      UsageError, ConflictError: the name cannot be had.
    """
    with workspace.database.transaction() as session:
        return collections.summary(session, collections.create(session, collections.check_name(name), description))


def list_collections(workspace: Workspace) -> list[CollectionSummary]:
    """All collections, by name."""
    with workspace.database.transaction() as session:
        return collections.summaries(session)


def page_of_collections(workspace: Workspace, limit: int, after: str | None = None) -> list[CollectionSummary]:
    """Up to `limit` collections by name, behind the name `after`."""
    with workspace.database.transaction() as session:
        return collections.page(session, limit, after)


def show_collection(workspace: Workspace, name: str) -> CollectionSummary:
    """One collection.

    Raises:
      NotFoundError: there is none of that name or id.
    """
    with workspace.database.transaction() as session:
        return collections.summary(session, collections.find(session, name))


def change_collection(workspace: Workspace, name: str, changes: Mapping[str, Any]) -> CollectionSummary:
    """Change a collection's `description`, `language` or `entity_types`; the last two reach every prompt from the next
    index or question on, and None takes them away.

    Raises:
      NotFoundError: there is none of that name or id.
      UsageError: a value cannot be used.
    """
    settings = {key: value for key, value in changes.items() if key != "description"}
    for key, value in settings.items():
        _check_own_setting(key, value)
    with workspace.database.transaction() as session:
        collection = collections.find(session, name)
        if changes.get("description") is not None:
            collection.description = changes["description"]
        collection = collections.change_settings(session, collection.id, settings)
        return collections.summary(session, collection)


def _check_own_setting(key: str, value: Any) -> None:
    if value is None:
        return
    texts = [value] if key == "language" else value
    if key not in ("language", "entity_types") or not texts:
        raise UsageError("a collection can have a language and entity types of its own, one type at least")
    for text in texts:
        usable = isinstance(text, str) and text.strip() and len(text) <= collections.LONGEST_NAME
        if not usable or _FORBIDDEN_IN_PROMPTS.search(text):
            raise UsageError(f"{key}: {text!r} cannot be used: give a short text on one line, without commas")


def delete_collection(workspace: Workspace, name: str) -> CollectionSummary:
    """Delete a collection with its documents, runs and index versions. Answers stay in the store.

    Raises:
      NotFoundError: there is none of that name or id.
      ActiveRunError: a run is at work on it.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, name)
        refuse_while_busy(session, collection)
        summary = collections.summary(session, collection)
        uploads = runs.uploads(session, collection.id)
        versions.locked_collection(session, collection.id)
        versions.drop_all(session, [version.id for version in versions.of_collection(session, collection.id)])
        vectors.drop_all(session, [one.id for one in vectors.sets_of(session, collection.id)])
        collections.remove(session, collection.id)
    with workspace.database.transaction() as session:
        prompts.drop_unused(session)
    spool = workspace.home / "spool"
    for folder in map(Path, uploads):  # of runs that will now never read them
        if folder.parent == spool:
            shutil.rmtree(folder, ignore_errors=True)
    return summary


def check_file_name(name: str) -> None:
    """Whether a file of that name can be a document at all.

    Raises:
      DocumentError: its ending is of no supported kind.
    """
    if not is_supported(name):
        raise DocumentError(f"{shown(name)} {unsupported(name)}")


def list_documents(workspace: Workspace, collection_name: str) -> list[dict[str, Any]]:
    """The documents of a collection, by name."""
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        return [describe_document(document) for document in documents.in_collection(session, collection.id)]


def page_of_documents(
    workspace: Workspace, collection_name: str, limit: int, after: tuple[str, str] | None = None
) -> list[dict[str, Any]]:
    """Up to `limit` documents by name and content, behind that name and hash."""
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        return [describe_document(document) for document in documents.page(session, collection.id, limit, after)]


def show_document(workspace: Workspace, name: str, collection_name: str | None = None) -> dict[str, Any]:
    """One document, by id or by file name."""
    with workspace.database.transaction() as session:
        return describe_document(_find(session, name, collection_name))


def find_document(workspace: Workspace, name: str) -> dict[str, Any]:
    """One document of any collection, by id or by file name, with the collection's id."""
    with workspace.database.transaction() as session:
        found = _find(session, name, None)
        return {**describe_document(found), "collection_id": found.collection_id}


def document_text(
    workspace: Workspace, name: str, collection_name: str | None = None, page: int | None = None
) -> Iterator[str]:
    """A document's text, a batch of pages at a time, or that of one page.

    Raises:
      NotFoundError: there is no such document.
      UsageError: it has no such page.
    """
    with workspace.database.transaction() as session:
        document = _find(session, name, collection_name)
    if page is not None and not 1 <= page <= document.pages:
        raise UsageError(f"{document.name} has the pages 1 to {document.pages}, not {page}")
    number = page or 0
    while True:
        with workspace.database.transaction() as session:
            batch = documents.pages_from(session, document.id, number)
        for found in batch if page is None else batch[:1]:
            yield found.text
        if not batch or page is not None:
            return
        number = batch[-1].number + 1


def edit_document(
    workspace: Workspace, name: str, changes: Mapping[str, Any], collection_name: str | None = None
) -> dict[str, Any]:
    """Set a person's values for a document's metadata; None takes one away, so that the model's or the file's counts
    again.

    Raises:
      NotFoundError: there is no such document.
      UsageError: a field is unknown, or a value is not what it holds.
    """
    with workspace.database.transaction() as session:
        document = documents.locked(session, _find(session, name, collection_name).id)
        documents.set_edited(session, document, metadata.edited_with(document.edited, changes))
        return describe_document(document)


def delete_document(workspace: Workspace, name: str, collection_name: str | None = None) -> dict[str, Any]:
    """Delete a document, its pages and passages. Index versions that hold it stay whole until they are built anew."""
    with workspace.database.transaction() as session:
        document = _find(session, name, collection_name)
        vectors.forget_document(session, document)
        documents.remove(session, document.id)
        return describe_document(document)


def _find(session: Any, name: str, collection_name: str | None) -> Document:
    collection_id = collections.find(session, collection_name).id if collection_name else None
    return documents.find(session, name, collection_id)
