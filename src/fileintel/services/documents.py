"""Collections and documents: what a person puts in."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, tuple_

from fileintel.documents import metadata
from fileintel.documents.document import DocumentInfo, Limits, Page, shown
from fileintel.documents.find import find_documents
from fileintel.documents.kinds import is_supported, unsupported
from fileintel.documents.load import DocumentReader
from fileintel.errors import DocumentError, UsageError
from fileintel.identity import content_id
from fileintel.runs.active_run import refuse_while_busy
from fileintel.runs.cut import check_encoding, cut_document
from fileintel.storable import storable
from fileintel.storage import collections, documents, prompts, runs, vectors, versions
from fileintel.storage.collections import CollectionSummary
from fileintel.storage.models import Collection, Document, utc_now
from fileintel.workspace import Workspace

LONGEST_NAME = 200  # characters
_FORBIDDEN_IN_PROMPTS = re.compile(r"[,\x00-\x1f\x7f]")  # types stand in a list that commas divide
_FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # the last ones turn text around


def check_name(name: str) -> str:
    """The name, if a collection can have it.

    Raises:
      UsageError: it is empty, too long, holds a slash or a control character, or is a dot or two (names stand in URLs,
        where dots mean folders); or it reads as the id of a collection.
    """
    if not name.strip() or name != name.strip():
        raise UsageError(f"{name!r} cannot be the name of a collection: give a name without space around it")
    if name in {".", ".."}:
        raise UsageError(f"{name!r} cannot be the name of a collection: give one with more than dots")
    if collections.as_id(name) is not None:
        raise UsageError(f"{name!r} cannot be the name of a collection: it reads as an id, by which another one may go")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"the collection's name has {len(name)} characters: {LONGEST_NAME} are allowed")
    if _FORBIDDEN.search(name):
        raise UsageError(f"{name!r} cannot be the name of a collection: no slashes and no control characters, please")
    return name


def create_collection(workspace: Workspace, name: str, description: str = "") -> CollectionSummary:
    """A new, empty collection.

    Raises:
      UsageError, ConflictError: the name cannot be had.
    """
    with workspace.database.transaction() as session:
        return collections.summary(session, collections.create(session, check_name(name), description))


def list_collections(workspace: Workspace) -> list[CollectionSummary]:
    """All collections, by name."""
    with workspace.database.transaction() as session:
        return collections.summaries(session)


def page_of_collections(workspace: Workspace, limit: int, after: str | None = None) -> list[CollectionSummary]:
    """Up to `limit` collections by name, behind the name `after`."""
    statement = (
        select(Collection, func.count(Document.id))
        .outerjoin(Document, Document.collection_id == Collection.id)
        .group_by(Collection.id)
        .order_by(Collection.name)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Collection.name > after)
    with workspace.database.transaction() as session:
        return [collections.summarize(collection, count) for collection, count in session.execute(statement)]


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
        usable = isinstance(text, str) and text.strip() and len(text) <= LONGEST_NAME
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


@dataclass(frozen=True)
class Addition:
    """What became of one file: `document` is None when `problem` says why it could not be added."""

    path: str
    document: dict[str, Any] | None
    already_there: bool = False
    problem: str | None = None


def check_file_name(name: str) -> None:
    """Whether a file of that name can be a document at all.

    Raises:
      DocumentError: its ending is of no supported kind.
    """
    if not is_supported(name):
        raise DocumentError(f"{shown(name)} {unsupported(name)}")


def add_documents(
    workspace: Workspace, collection_name: str, paths: Sequence[str], *, source: str | None = None
) -> Iterator[Addition]:
    """Add files, folders and globs to a collection, one after the other, and cut each into passages. A file that
    cannot be read does not stop the others; nothing of it is stored. `source` says where they are from, by default
    the path of each.

    Raises:
      NotFoundError, DocumentError: there is no such collection, or no such path.
      ConfigError: the token encoding is missing.
    """
    check_encoding(workspace)
    with workspace.database.transaction() as session:
        collection_id = collections.find(session, collection_name).id
    files = find_documents(paths)
    with DocumentReader(_limits(workspace)) as reader:
        for path in files:
            try:
                document, already_there = _add(workspace, collection_id, reader, path, source)
                cut_document(workspace, document.id)
                yield Addition(str(path), describe_document(document), already_there)
            except DocumentError as problem:
                yield Addition(str(path), None, problem=str(problem))


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
        statement = select(Document).where(Document.collection_id == collection.id)
        if after is not None:
            statement = statement.where(tuple_(Document.name, Document.sha256) > after)
        found = session.execute(statement.order_by(Document.name, Document.sha256).limit(limit)).scalars()
        return [describe_document(document) for document in found]


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
        document.edited = metadata.edited_with(document.edited, changes)
        document.edited_at = utc_now()
        session.flush()
        return describe_document(document)


def delete_document(workspace: Workspace, name: str, collection_name: str | None = None) -> dict[str, Any]:
    """Delete a document, its pages and passages. Index versions that hold it stay whole until they are built anew."""
    with workspace.database.transaction() as session:
        document = _find(session, name, collection_name)
        vectors.forget_document(session, document)
        documents.remove(session, document.id)
        return describe_document(document)


def describe_document(document: Document) -> dict[str, Any]:
    """A document as the command line and the API show it."""
    described = _describe_metadata(document)
    return {
        "id": document.id,
        "name": document.name,
        "title": described["metadata"]["title"] or document.title,
        "media_type": document.media_type,
        "pages": document.pages,
        "characters": document.characters,
        "size": document.size,
        "sha256": document.sha256,
        "encoding": document.encoding,
        "properties": document.properties,
        "source": document.source,
        "created_at": document.created_at.isoformat(),
        **described,
    }


def _describe_metadata(document: Document) -> dict[str, Any]:
    """What counts, where each field of it is from, and what the model's part is from."""
    file = metadata.of_file(document.title, document.properties)
    valid, origins = metadata.shown(file, document.extracted, document.edited)
    extraction = None
    if document.extracted is not None and document.extracted_at is not None:
        extraction = {"model": document.extracted_by, "at": document.extracted_at.isoformat()}
    return {"metadata": valid, "metadata_from": origins, "extraction": extraction}


def _find(session: Any, name: str, collection_name: str | None) -> Document:
    collection_id = collections.find(session, collection_name).id if collection_name else None
    return documents.find(session, name, collection_id)


def _add(
    workspace: Workspace, collection_id: str, reader: DocumentReader, path: Path, source: str | None
) -> tuple[Document, bool]:
    info, pages = reader.read(path)
    with workspace.database.transaction() as session:
        found = documents.with_content(session, collection_id, info.sha256)
        if found is not None:
            return found, True
        document = _new_document(collection_id, info, path, source or str(path.absolute()))
        session.add(document)
        session.flush()
        extent = _Extent()
        documents.add_pages(session, document.id, extent.measured(pages))
        document.pages, document.characters = extent.pages, extent.characters
    return document, False


def _new_document(collection_id: str, info: DocumentInfo, path: Path, source: str) -> Document:
    return Document(
        id=content_id("document", collection_id, info.sha256),
        collection_id=collection_id,
        sha256=info.sha256,
        name=storable(path.name),
        title=info.title or storable(path.stem),
        source=storable(source),
        media_type=info.media_type,
        encoding=info.encoding,
        size=info.size,
        pages=0,
        characters=0,
        properties=dict(info.metadata),
    )


class _Extent:
    """Counts pages and characters while they pass by."""

    def __init__(self) -> None:
        self.pages = 0
        self.characters = 0

    def measured(self, pages: Iterator[Page]) -> Iterator[tuple[int, str | None, int, int, str]]:
        for page in pages:
            self.pages += 1
            self.characters = page.end
            yield page.number, page.label, page.start, page.end, page.text


def _limits(workspace: Workspace) -> Limits:
    settings = workspace.settings.documents
    mebibyte = 1024 * 1024
    return Limits(
        max_bytes=settings.max_file_mb * mebibyte,
        max_seconds=settings.max_seconds,
        max_memory_bytes=settings.max_memory_mb * mebibyte,
        max_pages=settings.max_pages,
        max_expanded_bytes=settings.max_expanded_mb * mebibyte,
    )
