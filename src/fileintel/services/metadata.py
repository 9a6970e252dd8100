"""What is known about a document: shown as one, whoever said it, and edited by a person."""

from collections.abc import Mapping
from typing import Any

from fileintel.documents import metadata as fields
from fileintel.services.workspace import Workspace
from fileintel.storage import collections, documents
from fileintel.storage.models import Document, utc_now


def edit(
    workspace: Workspace, document_name: str, changes: Mapping[str, Any], collection_name: str | None = None
) -> Document:
    """Set a person's values for a document's metadata; None takes one away, so that the model's or the file's counts
    again.

    Raises:
      NotFoundError: there is no such document.
      UsageError: a field is unknown, or a value is not what it holds.
    """
    with workspace.database.transaction() as session:
        collection_id = collections.find(session, collection_name).id if collection_name else None
        document = documents.find(session, document_name, collection_id)
        document = documents.locked(session, document.id)
        document.edited = fields.edited_with(document.edited, changes)
        document.edited_at = utc_now()
        session.flush()
        return document


def describe(document: Document) -> dict[str, Any]:
    """A document's metadata as the command line and the API show it: what counts, and where each field is from."""
    file = fields.of_file(document.title, document.properties)
    shown, origins = fields.shown(file, document.extracted, document.edited)
    extraction = None
    if document.extracted is not None and document.extracted_at is not None:
        extraction = {"model": document.extracted_by, "at": document.extracted_at.isoformat()}
    return {"metadata": shown, "metadata_from": origins, "extraction": extraction}
