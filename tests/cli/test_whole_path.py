"""A collection's whole life, as a person at the command line goes through it."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import SAMPLES, CommandLine, Finished
from tests.standin import StandIn
from tests.standin.settings import Settings

from .conftest import COLLECTION, DOCUMENTS, Town

LISTS = ("entities", "relationships", "communities", "reports")
LOOKING = (
    ("collections", "list"),
    ("collections", "show", COLLECTION),
    ("documents", "list", COLLECTION),
    ("documents", "show", DOCUMENTS[0]),
    *(("graphrag", name, COLLECTION) for name in (*LISTS, "status")),
    ("graphrag", "community", COLLECTION, "0"),
    ("graphrag", "system-status"),
    ("graphrag", "query", COLLECTION, "Who is Erna Sollid?"),
    ("graphrag", "query", COLLECTION, "What happened in the flood?", "--mode", "global"),
    ("config", "show"),
    ("tasks", "list"),
)


def test_a_collection_is_made_filled_indexed_asked_and_deleted(either: CommandLine, tmp_path: Path) -> None:
    fileintel = either
    folder = tmp_path / "sources" / "deep"
    folder.mkdir(parents=True)
    shutil.copy(SAMPLES / DOCUMENTS[0], folder)
    shutil.copy(SAMPLES / "travel-guide-kestervag.md", tmp_path / "one.md")
    (tmp_path / "two.txt").write_text("Karen Myhrvold met Nils Tangvald in Stokkenes.", encoding="utf-8")

    assert "life" in fileintel("collections", "create", "life").out
    added = fileintel("documents", "add", "life", folder.parent, tmp_path / "one.md", tmp_path / "*.txt")
    assert [line.partition(":")[0] for line in added.out.splitlines()] == [DOCUMENTS[0], "one.md", "two.txt"]
    assert added.err == ""
    (folder / "table.csv").write_text("year,height\n1904,3\n", encoding="utf-8")
    again = fileintel("documents", "add", "life", folder, tmp_path / "one.md")
    assert again.out.count("already there") == 2
    assert "left alone: 1 file of other kinds (1 .csv); supported are .docx" in again.err
    assert len(fileintel("documents", "list", "life", "--json").json) == 3

    built = fileintel("graphrag", "index", "life", "--wait")
    assert "collection life: succeeded, index version 1" in built.out
    assert "entities" in built.out
    assert "publish: 1/1 done" in built.err
    assert "[" in fileintel("graphrag", "query", "life", "Who met Nils Tangvald?").out

    fileintel("documents", "delete", "two.txt", "--collection", "life")
    assert len(fileintel("documents", "list", "life", "--json").json) == 2
    assert fileintel("graphrag", "delete", "life", "--yes").out == ""
    assert fileintel("graphrag", "status", "life", "--json").json["state"] == "not_indexed"
    fileintel("collections", "delete", "life", "--yes")
    assert "life" not in [row["name"] for row in fileintel("collections", "list", "--json").json]


@pytest.fixture(scope="module")
def printed(town: Town, model_server_process: StandIn) -> dict[tuple[str, ...], Finished]:
    """What commands that only look print with --json."""
    model_server_process.configure(**vars(Settings()))  # whatever the test before this one has made of it
    model_server_process.reset()
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(LOOKING, pool.map(lambda command: town.fileintel(*command, "--json"), LOOKING), strict=True))


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_json_is_one_document_and_nothing_else_on_stdout(
    printed: dict[tuple[str, ...], Finished], command: tuple[str, ...]
) -> None:
    assert isinstance(json.loads(printed[command].out), dict | list)
    assert printed[command].err == ""


def test_commands_that_change_things_print_one_json_document_too(indexed: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    assert indexed("collections", "create", "other", "--json").json["name"] == "other"
    refused = indexed("documents", "add", "other", tmp_path / "empty.txt", "--json", check=1)
    assert refused.json[0]["problem"] == refused.err.strip().removeprefix("error: ")
    rebuilt = indexed("graphrag", "rebuild", COLLECTION, "--json", "--quiet")
    assert (rebuilt.json["version"]["number"], rebuilt.json["up_to_date"], rebuilt.err) == (2, False, "")
    assert indexed("graphrag", "delete", COLLECTION, "--yes", "--json").json["versions"] == 2
    assert indexed("documents", "delete", DOCUMENTS[0], "--json").json["name"] == DOCUMENTS[0]
    assert indexed("collections", "delete", "other", "--yes", "--json").json["name"] == "other"


def test_tables_are_aligned_and_long_cells_are_cut(town: Town) -> None:
    heading, *lines = town.fileintel("graphrag", "entities", COLLECTION, "--limit", "20").out.splitlines()
    assert heading.split() == ["ID", "TITLE", "TYPE", "DEGREE", "FREQUENCY", "DESCRIPTION"]
    place = heading.index("DESCRIPTION")
    assert len(lines) == 20
    assert all(line[place - 2 : place] == "  " and line[place] != " " for line in lines)
    assert any(line.endswith("…") for line in lines)


def test_lists_go_on_behind_an_id_and_can_be_searched(town: Town) -> None:
    first = town.fileintel("graphrag", "entities", COLLECTION, "--limit", "3", "--json").json
    assert [row["human_readable_id"] for row in first] == [0, 1, 2]
    second = town.fileintel("graphrag", "entities", COLLECTION, "--limit", "2", "--after", "2", "--json").json
    assert [row["human_readable_id"] for row in second] == [3, 4]
    title = first[1]["title"]
    found = town.fileintel("graphrag", "entities", COLLECTION, "--matching", title.lower(), "--json").json
    assert title in [row["title"] for row in found]
    assert town.fileintel("graphrag", "entities", COLLECTION, "--matching", "100%_", "--json").json == []


def test_pages_put_together_are_the_text(town: Town) -> None:
    document = town.fileintel("documents", "show", DOCUMENTS[0], "--json").json
    whole = town.fileintel("documents", "text", DOCUMENTS[0]).out
    pages = [
        town.fileintel("documents", "text", DOCUMENTS[0], "--page", page + 1).out[:-1]
        for page in range(document["pages"])
    ]
    assert "".join(pages) + "\n" == whole
    assert len(whole) - 1 == document["characters"]


def test_every_entity_is_in_a_community_and_every_community_has_a_report(town: Town) -> None:
    entities, communities, reports = (
        town.fileintel("graphrag", name, COLLECTION, "--limit", "10000", "--json").json
        for name in ("entities", "communities", "reports")
    )
    held = {identity for community in communities if community["level"] == 0 for identity in community["entity_ids"]}
    assert held == {entity["id"] for entity in entities}
    assert {report["community"] for report in reports} == {community["community"] for community in communities}


def test_a_community_is_shown_with_its_members_and_its_report(town: Town) -> None:
    found = town.fileintel("graphrag", "community", COLLECTION, "0", "--json").json
    assert {entity["id"] for entity in found["entities"]} == set(found["entity_ids"])
    shown = town.fileintel("graphrag", "community", COLLECTION, "0").out
    assert shown.startswith(f"community 0, level 0, {found['size']} entities\n")
    assert found["report"]["title"] in shown
