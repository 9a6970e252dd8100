"""Adding files to a collection: each is read, kept with its pages, and cut into passages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fileintel.documents import metadata
from fileintel.documents.document import DocumentInfo, Limits, Page
from fileintel.documents.find import find_documents
from fileintel.documents.load import DocumentReader
from fileintel.errors import DocumentError
from fileintel.identity import content_id
from fileintel.runs.cut_text_units import check_encoding, cut_document
from fileintel.storable import storable
from fileintel.storage import collections, documents
from fileintel.storage.models import Document
from fileintel.workspace import Workspace

MOST_GAPS = 1_000  # of one document that are kept; neighbouring pages with the same reason are one


@dataclass(frozen=True)
class Addition:
    """What became of one file: `document` is None when `problem` says why it could not be added."""

    path: str
    document: dict[str, Any] | None
    already_there: bool = False
    problem: str | None = None


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
        "properties": {name: value for name, value in document.properties.items() if name != documents.GAPS},
        "gaps": document.properties.get(documents.GAPS, []),
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


def _add(
    workspace: Workspace, collection_id: str, reader: DocumentReader, path: Path, source: str | None
) -> tuple[Document, bool]:
    info, pages = reader.read(path)
    with workspace.database.transaction() as session:
        found = documents.with_content(session, collection_id, info.sha256)
        if found is not None:
            return found, True
        document = _new_document(collection_id, info, path, source or str(path.absolute()))
        documents.add(session, document)
        extent = _Extent()
        documents.add_pages(session, document.id, extent.measured(pages))
        document.pages, document.characters = extent.pages, extent.characters
        if extent.gaps:
            document.properties = {**document.properties, documents.GAPS: extent.gaps}
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
        properties=dict(info.metadata),  # what could not be read of it follows as "gaps"
    )


class _Extent:
    """Counts pages and characters while they pass by, and notes what of them could not be read."""

    def __init__(self) -> None:
        self.pages = 0
        self.characters = 0
        self.gaps: list[dict[str, Any]] = []

    def measured(self, pages: Iterator[Page]) -> Iterator[tuple[int, str | None, int, int, str]]:
        for page in pages:
            self.pages += 1
            self.characters = page.end
            if page.gap:
                self._note(page, storable(page.gap))
            yield page.number, page.label, page.start, page.end, page.text

    def _note(self, page: Page, reason: str) -> None:
        last = self.gaps[-1] if self.gaps else None
        if last and last["last_page"] == page.number - 1 and last["reason"] == reason:
            last["last_page"] = page.number
        elif len(self.gaps) < MOST_GAPS:
            self.gaps.append({"first_page": page.number, "last_page": page.number, "reason": reason})


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
