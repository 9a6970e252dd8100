"""Documents are cut into passages when they come in, and again when the settings have changed."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.config import load_settings
from fileintel.documents.text_units import cut
from fileintel.graphrag.stages import load
from fileintel.llm.tokens import Tokenizer
from fileintel.runs.cut_text_units import cut_collection, uncut
from fileintel.storage import collections
from fileintel.storage import documents as stored_documents
from fileintel.workspace import Workspace
from tests import doing

from .conftest import COLLECTION, Opener
from .working import EMBED, done, passages, vectors

WORDS = st.text(alphabet="ab é世\n .", max_size=60)


@dataclass(frozen=True)
class Page:
    number: int
    start: int
    text: str


def paged(texts: list[str]) -> list[Page]:
    starts = [sum(map(len, texts[:place])) for place in range(len(texts))]
    return [Page(7 + place, starts[place], text) for place, text in enumerate(texts)]


@settings(deadline=None)  # the first one loads the encoding
@given(texts=st.lists(WORDS, max_size=8), size=st.integers(1, 20), data=st.data())
def test_a_passage_is_the_text_between_its_offsets_on_its_pages(
    texts: list[str], size: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    chunking = load_settings({"chunking.size": size, "chunking.overlap": overlap}, {}).chunking
    pages, whole = paged(texts), "".join(texts)
    found = list(cut("d", pages, Tokenizer(chunking.encoding), chunking))
    assert [passage.number for passage in found] == list(range(len(found)))
    for passage in found:
        assert passage.text == whole[passage.start : passage.end]
        on = [p.number for p in pages if p.start < passage.end and p.start + len(p.text) > passage.start]
        assert (passage.first_page, passage.last_page) == (on[0], on[-1])
    covered = {place for passage in found for place in range(passage.start, passage.end)}
    assert all(whole[place].isspace() for place in set(range(len(whole))) - covered)


def test_a_document_is_cut_as_it_comes_in_exactly_as_the_index_would_cut_it(
    workspace: Workspace, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workspace.database.transaction() as session:
        collection = collections.find(session, COLLECTION)
        sources = stored_documents.in_collection(session, collection.id)
    chunking = workspace.settings.chunking
    monkeypatch.setattr(load, "UNITS_PER_QUERY", 7)
    assert load.are_cut(sources, chunking)
    assert uncut(workspace, collection.id) == []
    read = load.text_units(workspace.database, sources, chunking)
    assert len(read) > 20
    assert [(one.id, one.text) for one in passages(workspace)] == [(unit.id, unit.text) for unit in read]

    list(cut_collection(opened(chunking__size=400), collection.id))  # the index does not know of it yet
    assert load.text_units(workspace.database, sources, chunking) == read
    for document in sources:
        document.cut_with = None
    assert not load.are_cut(sources, chunking)
    assert load.text_units(workspace.database, sources, chunking) == read


def test_what_was_cut_with_other_settings_is_cut_again_and_nothing_else(workspace: Workspace, opened: Opener) -> None:
    before = passages(workspace)
    coarser = opened(chunking__size=400)
    with coarser.database.transaction() as session:
        collection_id = collections.find(session, COLLECTION).id
    assert len(uncut(coarser, collection_id)) == 3
    assert len(list(cut_collection(coarser, collection_id))) == 3
    after = passages(workspace)
    assert 0 < len(after) < len(before)
    assert list(cut_collection(coarser, collection_id)) == []
    assert len(list(cut_collection(workspace, collection_id))) == 3
    assert [one.id for one in passages(workspace)] == [one.id for one in before]


def test_a_deleted_document_leaves_no_passage_and_no_vector(workspace: Workspace) -> None:
    done(workspace, EMBED)
    gone = doing.delete_document(workspace, "the-lost-pear-of-monte-arsone.md", COLLECTION)
    left = passages(workspace)
    assert left
    assert gone["id"] not in {one.document_id for one in left}
    assert vectors(workspace) == {"standin": len(left)}


def test_a_deleted_collection_leaves_no_table_of_vectors(workspace: Workspace) -> None:
    done(workspace, EMBED)
    doing.delete_collection(workspace, COLLECTION)
    assert passages(workspace) == []
    assert vectors(workspace) == {}
