"""An index that graphrag made becomes a version of a collection: all of it, in every version's form, or nothing."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import delete, select

from fileintel.errors import (
    FileIntelError,
    IndexFolderError,
    ModelServerRefused,
    ModelServerUnavailable,
    NotFoundError,
    NothingToRetry,
    NoVectorsError,
    UsageError,
)
from fileintel.graphrag.export.columns import EMBEDDED
from fileintel.graphrag.query.modes import GLOBAL, MODES
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.runs import questions
from fileintel.runs.import_index import import_index, import_uploaded
from fileintel.runs.index import Indexer, IndexRequest
from fileintel.runs.retry import request_for_gaps
from fileintel.runs.submission import submit_import
from fileintel.services import documents, graph, versions
from fileintel.storage import collections, runs
from fileintel.storage.models import Answer, TextUnit
from fileintel.workspace import Workspace
from tests import doing
from tests.doing import do
from tests.export.example import LINKS, TITLES, Example
from tests.standin import StandIn

from .folders import Rows, before_the_first, changed, first_version, read, renamed, second_version, without, write

VERSIONS = {"2": second_version, "1": first_version, "0": before_the_first}


def of_import(rows: Rows) -> Rows:
    """Rows without what a new collection has of its own: ids of documents and text units, and the day."""
    own = {"document_id", "text_unit_ids", "raw_data", "creation_date", "period", "text_unit_id"}
    return [{name: value for name, value in row.items() if name not in own} for row in rows]


def test_what_is_exported_again_is_what_was_imported(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    taken = import_index(workspace, "town", folder)
    assert taken["put_right"] == {}
    graph.export(workspace, "town", tmp_path / "again")
    for name in ("entities", "relationships", "communities", "community_reports", "covariates"):
        assert of_import(read(tmp_path / "again", name)) == of_import(read(folder, name)), name
    ours, theirs = read(tmp_path / "again", "text_units"), read(folder, "text_units")
    for kind in ("entity_ids", "relationship_ids", "covariate_ids", "text", "n_tokens", "human_readable_id"):
        assert [row[kind] for row in ours] == [row[kind] for row in theirs], kind
    texts = [row["text"] for row in read(folder, "documents")]
    assert sorted(row["text"] for row in read(tmp_path / "again", "documents")) == sorted(filter(str.strip, texts))


def test_units_stand_where_they_stood(workspace: Workspace, folder: Path, made: Example) -> None:
    import_index(workspace, "town", folder, vectors=False)
    with workspace.database.transaction() as session:
        found = session.execute(select(TextUnit).order_by(TextUnit.human_readable_id)).scalars().all()
    assert [(unit.start, unit.end, unit.text) for unit in found] == [(u.start, u.end, u.text) for u in made.units]


@pytest.mark.parametrize("version", VERSIONS)
def test_older_folders_give_the_same_graph(workspace: Workspace, folder: Path, tmp_path: Path, version: str) -> None:
    old = VERSIONS[version](folder, tmp_path / "project" / "output").parent
    import_index(workspace, "new", folder, vectors=False)
    import_index(workspace, "old", old, vectors=False)
    for name in ("new", "old"):
        graph.export(workspace, name, tmp_path / name)
    new_texts = {row["id"]: row["text"] for row in read(tmp_path / "new", "text_units")}
    old_texts = {row["id"]: row["text"] for row in read(tmp_path / "old", "text_units")}
    assert list(new_texts.values()) == list(old_texts.values())
    open_ends = {"degree", "frequency", "findings", "full_content_json", "id"}
    for table in ("entities", "relationships", "communities", "community_reports"):
        for ours, theirs in zip(read(tmp_path / "old", table), read(tmp_path / "new", table), strict=True):
            left = {name for name, value in of_import([ours])[0].items() if value != theirs[name]}
            assert left <= open_ends, (table, ours, theirs)
            if "text_unit_ids" in ours:
                assert [old_texts[i] for i in ours["text_unit_ids"]] == [new_texts[i] for i in theirs["text_unit_ids"]]


def test_degrees_that_a_table_does_not_tell_are_counted(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    import_index(workspace, "town", first_version(folder, tmp_path / "old"), vectors=False)
    neighbours: dict[str, set[str]] = {}
    for one, other in LINKS:
        neighbours.setdefault(TITLES[one], set()).add(TITLES[other])
        neighbours.setdefault(TITLES[other], set()).add(TITLES[one])
    for entity in doing.list_entities(workspace, "town"):
        assert entity["degree"] == len(neighbours.get(entity["title"], ()))
        assert entity["frequency"] == len(entity["text_unit_ids"])


def test_questions_are_answered_with_citations_that_lead_to_pages(workspace: Workspace, folder: Path) -> None:
    import_index(workspace, "town", folder)
    reply = questions.ask(workspace, "town", QueryRequest("Who kept a diary at the lighthouse?"))
    assert reply["citations"]
    for citation in reply["citations"]:
        assert citation["page"] >= 1
        text = "".join(documents.document_text(workspace, citation["document_id"], "town"))
        assert citation["quote"] in text[citation["start"] : citation["end"]]
    assert questions.ask(workspace, "town", QueryRequest("What is it all about?", GLOBAL))["answer"]
    assert doing.index_status(workspace, "town")["state"] == "succeeded"


def test_vectors_are_asked_for_once(workspace: Workspace, folder: Path, model_server: StandIn) -> None:
    import_index(workspace, "town", folder)
    model_server.reset()
    assert import_index(workspace, "town", folder)["version"] == 2
    assert len(doing.list_documents(workspace, "town")) == 2
    assert set(model_server.stats().asked) <= {"embeddings"}
    assert sum(model_server.stats().asked.values()) <= 1  # how long a vector is


def test_vectors_of_the_same_model_are_taken_over(
    workspace: Workspace, folder: Path, model_server: StandIn, tmp_path: Path
) -> None:
    import_index(workspace, "town", folder)
    graph.export(workspace, "town", tmp_path / "again")
    with workspace.database.transaction() as session:
        session.execute(delete(Answer))
    model_server.reset()
    import_index(workspace, "copy", tmp_path / "again")
    assert model_server.stats().asked == {"embeddings": 1}  # how long a vector is
    graph.export(workspace, "copy", tmp_path / "copy")
    for kind in EMBEDDED:
        one, other = (
            sorted(row["embedding"] for row in read(tmp_path / name, f"embeddings.{kind}"))
            for name in ("again", "copy")
        )
        assert one == other


def test_a_later_index_run_builds_from_the_documents(workspace: Workspace, folder: Path) -> None:
    import_index(workspace, "town", folder, vectors=False)
    Indexer(workspace).index(IndexRequest(collection="town"))
    status = doing.index_status(workspace, "town")
    assert (status["version"]["number"], status["counts"]["documents"]) == (2, 2)
    assert doing.show_context(workspace, "town", 0)["text"]


def test_without_vectors_a_question_is_refused_and_the_context_is_not_known(workspace: Workspace, folder: Path) -> None:
    import_index(workspace, "town", folder, vectors=False)
    for mode in MODES:
        with pytest.raises(NoVectorsError, match="without --no-embed"):
            questions.ask(workspace, "town", QueryRequest("Who?", mode))
    with pytest.raises(NotFoundError, match="not asked for here"):
        doing.show_context(workspace, "town", 0)


def test_text_units_alone_are_documents_too(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    bare = changed(folder, tmp_path / "bare", {"text_units": without("document_id")})
    (bare / "documents.parquet").unlink()
    (bare / "covariates.parquet").unlink()
    taken = import_index(workspace, "town", bare, vectors=False)
    assert taken["counts"]["documents"] == 1
    assert taken["counts"]["covariates"] == 0
    (document,) = doing.list_documents(workspace, "town")
    text = "".join(documents.document_text(workspace, document["id"]))
    assert all(row["text"] in text for row in read(bare, "text_units"))


def test_contradictions_are_put_right_and_counted(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    def one_more(rows: Rows) -> Rows:
        return [*rows, {**rows[0], "id": "another", "human_readable_id": 99}]

    def elsewhere(rows: Rows) -> Rows:
        return [{**rows[0], "target": "NOWHERE"}, *rows[1:]]

    odd = changed(
        folder,
        tmp_path / "odd",
        {
            "entities": lambda rows: [{**row, "text_unit_ids": ["gone"]} for row in one_more(rows)],
            "relationships": elsewhere,
            "text_units": lambda rows: [{**rows[0], "text": "Not in the document."}, *rows[1:]],
            "community_reports": lambda rows: [*rows, {**rows[0], "community": 77}],
        },
    )
    taken = import_index(workspace, "town", odd, vectors=False)
    assert taken["put_right"] == {
        "entities without a title, or with one that another has": 1,
        "references to text units that do not exist": len(TITLES) + 1,
        "ends of relationships that are no entities": 1,
        "reports on no community, or on one that has another": 1,
        "text units that are not in their document word for word": 1,
    }
    titles = [row["title"] for row in doing.list_entities(workspace, "town")]
    assert sorted(titles) == sorted({*titles})
    assert "NOWHERE" in titles


def _nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _no_reports(folder: Path) -> None:
    (folder / "community_reports.parquet").unlink()


def _damaged(folder: Path) -> None:
    data = (folder / "entities.parquet").read_bytes()
    (folder / "entities.parquet").write_bytes(data[: len(data) // 2])


def _other_columns(folder: Path) -> None:
    write(folder, "relationships", renamed(source="from_node")(read(folder, "relationships")))


def _no_rows(folder: Path) -> None:
    table = pq.read_table(folder / "text_units.parquet")
    pq.write_table(table.slice(0, 0), folder / "text_units.parquet")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_nothing, "there is no folder"),
        (_empty, "holds no index of graphrag"),
        (_no_reports, "community_reports.parquet is missing"),
        (_damaged, "cannot be read as a parquet file"),
        (_other_columns, "the column 'source' is missing"),
        (_no_rows, "is empty"),
    ],
)
def test_a_bad_folder_is_one_clear_error_and_leaves_nothing(
    workspace: Workspace, folder: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    bad = shutil.copytree(folder, tmp_path / "bad")
    spoil(bad)
    with pytest.raises(IndexFolderError, match=message) as raised:
        import_index(workspace, "town", bad)
    assert "\n" not in str(raised.value)
    assert doing.list_collections(workspace) == []


def test_an_import_whose_process_died_is_not_gone_on_with_as_an_index_run(workspace: Workspace) -> None:
    doing.create_collection(workspace, "town")
    with workspace.database.transaction() as session:
        collection = collections.find(session, "town")
        run = runs.create(session, collection.id, method="import", fingerprint="import:x")
    with pytest.raises(IndexFolderError):
        import_uploaded(workspace, run.id)
    status = doing.index_status(workspace, "town")
    assert (status["state"], "import the folder again" in status["error"]) == ("failed", True)


def test_an_import_goes_into_a_collection_by_its_id_and_makes_none_that_is_named_as_one(
    workspace: Workspace, folder: Path
) -> None:
    town = doing.create_collection(workspace, "town")
    assert import_index(workspace, town.id, folder, vectors=False)["collection"] == "town"
    nobody = "0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"
    with pytest.raises(UsageError, match="reads as an id"):
        import_index(workspace, nobody, folder, vectors=False)
    with pytest.raises(UsageError, match="reads as an id"):
        submit_import(workspace, None, nobody, folder)
    assert [one.name for one in doing.list_collections(workspace)] == ["town"]


@pytest.fixture
def failing(model_server: StandIn) -> Iterator[StandIn]:
    yield model_server
    model_server.configure(faults=[])


def test_the_folder_of_an_import_stays_the_users_own(workspace: Workspace, folder: Path) -> None:
    import_index(workspace, "town", folder, vectors=False)
    with pytest.raises(NothingToRetry):
        request_for_gaps(workspace, str(doing.index_status(workspace, "town")["run_id"]))
    doing.delete_collection(workspace, "town")
    assert (folder / "entities.parquet").exists()


def test_when_vectors_fail_the_collection_is_as_before(workspace: Workspace, folder: Path, failing: StandIn) -> None:
    failing.configure(api_key="another")
    with pytest.raises((ModelServerRefused, ModelServerUnavailable)):
        import_index(workspace, "town", folder)
    assert doing.list_collections(workspace) == []
    failing.configure(api_key=None)

    doing.create_collection(workspace, "town")
    failing.configure(faults=[{"kind": "unauthorized", "purpose": "embeddings"}])
    with pytest.raises(FileIntelError):
        import_index(workspace, "town", folder)
    assert doing.list_documents(workspace, "town") == []
    status: dict[str, Any] = doing.index_status(workspace, "town")
    assert (status["state"], status["version"]) == ("failed", None)
    assert do(workspace, versions.list_index_versions, collection="town").items == []


def test_an_uploaded_index_that_cannot_be_taken_over_says_what_to_do_about_the_empty_collection(
    workspace: Workspace, folder: Path, tmp_path: Path, failing: StandIn
) -> None:
    failing.configure(faults=[{"kind": "unauthorized", "purpose": "embeddings"}])
    left = "collection 'a town' is empty: import again, or `fileintel collections delete 'a town'`"
    for spoil in (lambda _: None, _no_rows):  # the worker finds out about the one late, about the other at once
        upload = shutil.copytree(folder, tmp_path / "upload")
        spoil(upload)
        queued = submit_import(workspace, None, "a town", upload)
        with pytest.raises(FileIntelError) as raised:
            import_uploaded(workspace, queued.run_id)
        status = doing.index_status(workspace, "a town")
        assert (status["state"], status["error"]) == ("failed", str(raised.value))
        assert str(raised.value).endswith(left)
        assert "\n" not in str(raised.value)
    failing.configure(faults=[])

    queued = submit_import(workspace, None, "a town", shutil.copytree(folder, tmp_path / "upload"))
    import_uploaded(workspace, queued.run_id)
    assert doing.list_documents(workspace, "a town")
    _no_rows(shutil.copytree(folder, tmp_path / "upload"))
    queued = submit_import(workspace, None, "a town", tmp_path / "upload")
    with pytest.raises(IndexFolderError) as refused:
        import_uploaded(workspace, queued.run_id)
    assert left not in str(refused.value)
