"""Cuts documents into text units: when they come in, and again when the settings have changed."""

from collections.abc import Iterator
from dataclasses import asdict

from fileintel.documents.text_units import cut, cut_name
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.storage import document_text_units, documents
from fileintel.workspace import Workspace


def check_encoding(workspace: Workspace) -> None:
    """Load what counts tokens, before anything is done that would end halfway.

    Raises:
      ConfigError: it is unknown, not installed, or cannot be read.
    """
    tokenizer_for(workspace.settings.chunking).load()


def cut_document(workspace: Workspace, document_id: str) -> int | None:
    """Cut a document with the present settings; returns the number of its text units, None where nothing was to do.

    Raises:
      ConfigError: the encoding or the tokenizer is missing.
    """
    chunking = workspace.settings.chunking
    name = cut_name(chunking)
    with workspace.database.transaction() as session:
        if not document_text_units.is_to_be_cut(session, document_id, name):
            return None
        pages = documents.all_pages(session, document_id)
        found = cut(document_id, pages, tokenizer_for(chunking), chunking)
        return document_text_units.replace(session, document_id, map(asdict, found), name)


def uncut(workspace: Workspace, collection_id: str) -> list[str]:
    """The ids of the documents that have no text units of the present settings."""
    with workspace.database.transaction() as session:
        return document_text_units.uncut(session, collection_id, cut_name(workspace.settings.chunking))


def cut_collection(workspace: Workspace, collection_id: str) -> Iterator[int]:
    """Cut what is not cut yet, a document at a time; gives the number of text units of each."""
    for document_id in uncut(workspace, collection_id):
        number = cut_document(workspace, document_id)
        if number is not None:
            yield number
