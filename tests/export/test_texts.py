"""A document's text is what the version was built from, whatever has become of the document since."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from fileintel.graphrag.export import export_index
from fileintel.graphrag.export.documents import joined
from fileintel.storage import documents
from fileintel.storage.engine import Database
from fileintel.storage.models import DocumentPage, IndexVersion
from tests.export.example import Example, example, publish


def texts(database: Database, version: IndexVersion, folder: Path) -> dict[str, str]:
    """The exported texts by file name."""
    export_index(database, version, folder)
    rows = pq.read_table(folder / "documents.parquet").to_pylist()
    return {row["raw_data"]["name"]: row["text"] for row in rows}


def change_documents(database: Database, made: Example, change: Callable[[Database, str], None]) -> None:
    """Apply `change` to the id of each document."""
    for name in made.texts:
        change(database, made.document_id(name))


def delete(database: Database, document_id: str) -> None:
    """Delete a document and its pages."""
    with database.transaction() as session:
        documents.remove(session, document_id)


def rewrite(database: Database, document_id: str) -> None:
    """Let the pages hold another text, as after a better reader."""
    with database.transaction() as session:
        session.execute(update(DocumentPage).where(DocumentPage.document_id == document_id).values(text="Better!"))


def lengthen(database: Database, document_id: str) -> None:
    """Add a page, as a better reader may find one."""
    with database.transaction() as session:
        documents.add_pages(session, document_id, [(99, None, 5_000, 5_004, "More")])


def without_ends(text: str) -> str:
    """The text with a space for each white-space character, and without those at its end."""
    return "".join(" " if character.isspace() else character for character in text).rstrip()


def test_the_text_of_a_stored_document_is_exact_blank_stretches_included(
    database: Database, version: IndexVersion, made: Example, tmp_path: Path
) -> None:
    assert texts(database, version, tmp_path / "there") == dict(made.texts)


def test_a_deleted_document_keeps_its_text_with_the_same_words_at_the_same_places(
    database: Database, tmp_path: Path
) -> None:
    made = example("deleted")
    version = publish(database, made)
    change_documents(database, made, delete)
    found = texts(database, version, tmp_path / "there")
    assert found["harbour.txt"] == made.texts["harbour.txt"]
    assert {name: without_ends(text) for name, text in found.items()} == {
        name: without_ends(text) for name, text in made.texts.items()
    }
    rows = pq.read_table(tmp_path / "there" / "documents.parquet").to_pylist()
    assert [row["raw_data"]["pages"] for row in rows] == [[], [], []]  # nobody knows them any more


def test_pages_of_another_length_than_the_text_are_not_told(database: Database, tmp_path: Path) -> None:
    made = example("longer")
    version = publish(database, made)
    change_documents(database, made, lengthen)
    export_index(database, version, tmp_path / "there")
    rows = pq.read_table(tmp_path / "there" / "documents.parquet").to_pylist()
    assert [row["raw_data"]["pages"] for row in rows] == [[], [], []]


def test_a_document_that_reads_otherwise_now_keeps_the_text_of_the_version(database: Database, tmp_path: Path) -> None:
    made = example("rewritten")
    version = publish(database, made)
    change_documents(database, made, rewrite)
    found = texts(database, version, tmp_path / "there")
    assert found["harbour.txt"] == made.texts["harbour.txt"]
    assert {name: without_ends(text) for name, text in found.items()} == {
        name: without_ends(text) for name, text in made.texts.items()
    }


def test_spans_of_text_units_point_into_the_exported_text(exported: Path, made: Example) -> None:
    rows = pq.read_table(exported / "documents.parquet").to_pylist()
    by_id = {row["id"]: row["text"] for row in rows}
    assert all(by_id[unit.document_id][unit.start : unit.end] == unit.text for unit in made.units)


@given(st.text(max_size=300), st.integers(1, 40), st.integers(0, 39))
def test_overlapping_pieces_make_up_the_text_again(text: str, size: int, overlap: int) -> None:
    step = size - min(overlap, size - 1)
    pieces = [(start, text[start : start + size]) for start in range(0, len(text), step)]
    assert "".join(joined(pieces, lambda start, end: "?" * (end - start))) == text


@given(st.text(alphabet="ab \n", max_size=300), st.data())
def test_what_no_piece_covers_is_asked_for_once_and_in_its_place(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    spans = [(start, data.draw(st.integers(start, len(text)))) for start in cuts]
    asked: list[int] = []

    def blank(start: int, end: int) -> str:
        asked.extend(range(start, end))
        return text[start:end]

    reached = max((end for _, end in spans), default=0)
    assert "".join(joined(((start, text[start:end]) for start, end in spans), blank)) == text[:reached]
    covered = {place for start, end in spans for place in range(start, end)}
    assert asked == [place for place in range(reached) if place not in covered]
