"""What was exported and imported again is about the same files and the same pages as before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from fileintel.graphrag.imports.texts import SourceFile, SourceText
from fileintel.runs.add_documents import add_documents
from fileintel.runs.import_index import import_index
from fileintel.runs.index import Indexer, IndexRequest
from fileintel.services import graph
from fileintel.storage import collections
from fileintel.storage.models import DocumentPage, TextUnit
from fileintel.workspace import Workspace
from tests import doing
from tests.conftest import SAMPLES

from .folders import Rows, changed, read

FILES = ("halvane-biography.epub", "travel-guide-kestervag.md")
OF_THE_FILE = ("name", "title", "sha256", "media_type", "size", "pages", "characters")
NOT_FOUND = "text units that are not in their document word for word"


@pytest.fixture
def exported(workspace: Workspace, tmp_path: Path) -> Path:
    """The index of two files in the collection `town`."""
    doing.create_collection(workspace, "town")
    add(workspace, "town")
    Indexer(workspace).index(IndexRequest(collection="town"))
    graph.export(workspace, "town", tmp_path / "exported")
    return tmp_path / "exported"


def add(workspace: Workspace, collection: str) -> list[bool]:
    """Add the files; returns which were there already."""
    added = list(add_documents(workspace, collection, [str(SAMPLES / name) for name in FILES]))
    assert not any(addition.problem for addition in added)
    return [addition.already_there for addition in added]


def files(workspace: Workspace, collection: str) -> list[dict[str, Any]]:
    """What a collection knows of its files."""
    found = doing.list_documents(workspace, collection)
    return [{name: document[name] for name in OF_THE_FILE} for document in found]


def pages(workspace: Workspace, collection: str) -> list[list[tuple[Any, ...]]]:
    """Number, label and text of all pages, by document."""
    columns = DocumentPage.number, DocumentPage.label, DocumentPage.start, DocumentPage.end, DocumentPage.text
    found = []
    for document in doing.list_documents(workspace, collection):
        statement = select(*columns).where(DocumentPage.document_id == document["id"]).order_by(DocumentPage.number)
        with workspace.database.transaction() as session:
            found.append([tuple(row) for row in session.execute(statement)])
    return found


def places(workspace: Workspace, collection: str) -> list[tuple[Any, ...]]:
    """Where the text units of the version in use stand."""
    with workspace.database.transaction() as session:
        version_id = collections.find(session, collection).current_version_id
        statement = select(TextUnit).where(TextUnit.version_id == version_id).order_by(TextUnit.human_readable_id)
        units = session.execute(statement).scalars().all()
    return [(unit.start, unit.end, unit.first_page, unit.last_page, unit.text) for unit in units]


def all_of(workspace: Workspace, collection: str) -> tuple[Any, ...]:
    """Files, pages and places."""
    return files(workspace, collection), pages(workspace, collection), places(workspace, collection)


def test_an_import_into_the_collection_that_was_exported_uses_the_documents_there(
    workspace: Workspace, exported: Path
) -> None:
    before = all_of(workspace, "town")
    for version in (2, 3):
        assert import_index(workspace, "town", exported, vectors=False)["version"] == version
        assert all_of(workspace, "town") == before
    assert [document["name"] for document in before[0]] == sorted(FILES)
    assert max(last for _, _, _, last, _ in before[2]) > 3


def test_an_import_into_an_empty_collection_restores_the_files_and_their_pages(
    workspace: Workspace, exported: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        assert import_index(workspace, "other", exported, vectors=False)["put_right"] == {}
        assert all_of(workspace, "other") == all_of(workspace, "town")
    assert add(workspace, "other") == [True, True]
    graph.export(workspace, "other", tmp_path / "again")
    assert [row["raw_data"] for row in read(tmp_path / "again", "documents")] == [
        row["raw_data"] for row in read(exported, "documents")
    ]


def without_pages(rows: Rows) -> Rows:
    return [{**row, "raw_data": {**row["raw_data"], "pages": []}} for row in rows]


def pages_of_another_text(rows: Rows) -> Rows:
    return [{**row, "raw_data": {**row["raw_data"], "pages": row["raw_data"]["pages"][1:]}} for row in rows]


@pytest.mark.parametrize("change", [without_pages, pages_of_another_text])
def test_a_file_whose_pages_are_not_known_keeps_its_name_and_can_still_be_added(
    workspace: Workspace, exported: Path, tmp_path: Path, change: Callable[[Rows], Rows]
) -> None:
    folder = changed(exported, tmp_path / "changed", {"documents": change})
    for _ in range(2):
        assert import_index(workspace, "other", folder, vectors=False)["put_right"] == {}
        assert [document["name"] for document in files(workspace, "other")] == sorted(FILES)
    assert add(workspace, "other") == [False, True]  # the second file is its text, byte for byte

    before = all_of(workspace, "town")
    import_index(workspace, "town", folder, vectors=False)
    assert all_of(workspace, "town") == before  # the files are known by their hashes


def test_a_text_unit_that_the_stored_document_does_not_have_is_counted_and_stands_where_the_last_one_did(
    workspace: Workspace, exported: Path
) -> None:
    before = places(workspace, "town")
    with workspace.database.transaction() as session:  # as a better reader would have it
        session.execute(update(DocumentPage).where(DocumentPage.text.contains("Halvane")).values(text="Better!"))
    put_right = import_index(workspace, "town", exported, vectors=False)["put_right"]
    assert 0 < put_right[NOT_FOUND] <= len(before)
    assert [text for *_, text in places(workspace, "town")] == [text for *_, text in before]
    assert len(files(workspace, "town")) == len(FILES)


def test_two_texts_that_are_said_to_be_one_file_are_two_documents(
    workspace: Workspace, exported: Path, tmp_path: Path
) -> None:
    def one_file(rows: Rows) -> Rows:
        return [{**row, "raw_data": {**row["raw_data"], "sha256": "0" * 64}} for row in rows]

    folder = changed(exported, tmp_path / "changed", {"documents": one_file})
    assert import_index(workspace, "other", folder, vectors=False)["put_right"] == {}
    assert len(files(workspace, "other")) == len(FILES)


def test_a_blank_page_is_a_page() -> None:
    file = SourceFile("a.pdf", "0" * 64, "application/pdf", 3, [("i", 3), ("", 0), ("iii", 2)])
    source = SourceText("A", "onetw", None, file)
    assert list(source.pages()) == [(1, "i", 0, 3, "one"), (2, None, 3, 3, ""), (3, "iii", 3, 5, "tw")]
