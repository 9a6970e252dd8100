"""Documents: the files of a collection."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from fileintel import storage
from fileintel.documents import metadata
from fileintel.documents.document import shown
from fileintel.documents.find import passed_over as passed_over
from fileintel.documents.kinds import SUPPORTED as SUPPORTED
from fileintel.documents.kinds import is_supported, unsupported
from fileintel.documents.metadata import LONGEST_ENTRY, LONGEST_TEXT, MOST_ENTRIES
from fileintel.errors import DocumentError, UsageError
from fileintel.operations import (
    DELETE,
    GET,
    PATCH,
    Context,
    Page,
    PageRequest,
    Request,
    Result,
    Right,
    operation,
    paging,
)
from fileintel.operations.types import CollectionName, Moment, OfCollection
from fileintel.storable import Text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from fileintel.storage import models
    from fileintel.workspace import Workspace

DocumentName = Annotated[
    Text, Field(min_length=1, max_length=1000, description="Id or file name of a document.", examples=["paper.pdf"])
]
Entry = Annotated[Text, Field(max_length=LONGEST_ENTRY)]


class Metadata(Result):
    """What is known about a document; null, or an empty list, where nobody knows."""

    title: str | None = Field(examples=["On the flood"])
    authors: list[str] = Field(examples=[["Anna Berg"]])
    date: str | None = Field(examples=["1964-03-04"])
    language: str | None = Field(examples=["en"])
    document_type: str | None = Field(examples=["report"])
    abstract: str | None
    keywords: list[str]


class Extraction(Result):
    """Which model was asked for the metadata, and when it said what it says."""

    model: str
    at: Moment


class PagesGap(Result):
    """Pages of a document that could not be read, or only in part."""

    first_page: int
    last_page: int
    reason: str = Field(examples=["has no text (a scan, or a drawing?); run OCR on it"])


class Document(Result):
    """A file of a collection. `metadata_from` says of each field whether a person has `edited` it, a model has
    `extracted` it, or the `file` says it of itself."""

    id: str
    name: str = Field(examples=["paper.pdf"])
    title: str
    media_type: str = Field(examples=["application/pdf"])
    pages: int
    characters: int
    size: int = Field(description="Bytes of the file.")
    sha256: str
    encoding: str | None
    properties: dict[str, Any]
    gaps: list[PagesGap]
    source: str
    created_at: Moment
    metadata: Metadata
    metadata_from: dict[str, Literal["edited", "extracted", "file"]] = Field(examples=[{"title": "edited"}])
    extraction: Extraction | None


class FoundDocument(Document):
    """A document, and the collection that it is in."""

    collection_id: str


class Documents(PageRequest):
    """Which page of the documents of a collection."""

    collection: CollectionName


class OfDocument(OfCollection):
    """Which document of a collection."""

    document: DocumentName


class DocumentAnywhere(Request):
    """Which document, of any collection."""

    document: DocumentName


class MetadataChanges(OfDocument):
    """Values of a person, which win over those of a model and of the file; null takes a person's value away."""

    title: Text | None = Field(default=None, max_length=LONGEST_TEXT, examples=["On the flood"])
    authors: list[Entry] | None = Field(default=None, max_length=MOST_ENTRIES, examples=[["Anna Berg"]])
    date: Text | None = Field(default=None, max_length=LONGEST_TEXT, examples=["1964-03-04"])
    language: Text | None = Field(default=None, max_length=LONGEST_TEXT, examples=["en"])
    document_type: Text | None = Field(default=None, max_length=LONGEST_TEXT, examples=["report"])
    abstract: Text | None = Field(default=None, max_length=LONGEST_TEXT)
    keywords: list[Entry] | None = Field(default=None, max_length=MOST_ENTRIES)


@operation(GET, "/collections/{collection}/documents", right=Right.READER, errors=(404,), tag="documents")
def list_documents(context: Context, request: Documents) -> Page[Document]:
    """The documents of a collection, by name."""
    place = paging.place_of(request.cursor, str, str)
    after = (place[0], place[1]) if place else None
    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        found = storage.documents.page(session, collection.id, request.limit + 1, after)
    return paging.page(found, request.limit, lambda one: [one.name, one.sha256], _shown)


@operation(
    GET, "/collections/{collection}/documents/{document}", right=Right.READER, errors=(404, 409), tag="documents"
)
def show_document(context: Context, request: OfDocument) -> Document:
    """One document."""
    with context.workspace.database.transaction() as session:
        return _shown(_found(session, request.document, request.collection))


@operation(GET, "/documents/{document}", right=Right.READER, errors=(404, 409))
def find_document(context: Context, request: DocumentAnywhere) -> FoundDocument:
    """One document, whatever collection it is in. A name that several documents have is refused with their ids."""
    with context.workspace.database.transaction() as session:
        found = _found(session, request.document, None)
        return FoundDocument(**_described(found), collection_id=found.collection_id)


@operation(
    PATCH, "/collections/{collection}/documents/{document}", right=Right.WRITER, errors=(404, 409), tag="documents"
)
def edit_document(context: Context, request: MetadataChanges) -> Document:
    """Set what a person knows better about a document. It wins over what a model extracted or the file says, and a
    later extraction leaves it alone; null falls back to those.

    Raises:
      NotFoundError: there is no such document.
      UsageError: nothing is to be changed.
    """
    changes = request.model_dump(exclude_unset=True, exclude={"collection", "document"})
    with context.workspace.database.transaction() as session:
        found = _found(session, request.document, request.collection)
        document = storage.documents.locked(session, found.id)
        storage.documents.set_edited(session, document, metadata.edited_with(document.edited, changes))
        return _shown(document)


@operation(
    DELETE, "/collections/{collection}/documents/{document}", right=Right.WRITER, errors=(404, 409), tag="documents"
)
def delete_document(context: Context, request: OfDocument) -> Document:
    """Delete a document. Its traces leave the index when that is built again."""
    with context.workspace.database.transaction() as session:
        document = _found(session, request.document, request.collection)
        storage.vectors.forget_document(session, document)
        storage.documents.remove(session, document.id)
        return _shown(document)


def document_text(
    workspace: "Workspace", name: str, collection_name: str | None = None, page: int | None = None
) -> Iterator[str]:
    """A document's text, a batch of pages at a time, or that of one page.

    Raises:
      NotFoundError: there is no such document.
      UsageError: it has no such page.
    """
    with workspace.database.transaction() as session:
        document = _found(session, name, collection_name)
    if page is not None and not 1 <= page <= document.pages:
        raise UsageError(f"{document.name} has the pages 1 to {document.pages}, not {page}")
    number = page or 0
    while True:
        with workspace.database.transaction() as session:
            batch = storage.documents.pages_from(session, document.id, number)
        for found in batch if page is None else batch[:1]:
            yield found.text
        if not batch or page is not None:
            return
        number = batch[-1].number + 1


def check_file_name(name: str) -> None:
    """Whether a file of that name can be a document at all.

    Raises:
      DocumentError: its ending is of no supported kind.
    """
    if not is_supported(name):
        raise DocumentError(f"{shown(name)} {unsupported(name)}")


def _found(session: "Session", name: str, collection_name: str | None) -> "models.Document":
    collection_id = storage.collections.find(session, collection_name).id if collection_name else None
    return storage.documents.find(session, name, collection_id)


def _shown(document: "models.Document") -> Document:
    return Document(**_described(document))


def _described(document: "models.Document") -> Any:
    from fileintel.runs.add_documents import describe_document

    return describe_document(document)
