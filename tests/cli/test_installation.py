"""Whether the work is done here or by a service: every ability gives the same data and raises the same errors."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fileintel.cli.documents import located
from fileintel.cli.output import fields_of
from fileintel.config import load_settings
from fileintel.errors import FileIntelError, UsageError
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.installation import open_installation
from fileintel.installation.contract import Installation, WaitOptions, rows
from fileintel.installation.remote.runs import Silent
from fileintel.operations import Nothing, PageRequest
from fileintel.operations.types import OfCollection
from fileintel.runs.index_request import IndexRequest
from fileintel.services.cache import Pruning, prune_cache
from fileintel.services.collections import (
    NewCollection,
    create_collection,
    delete_collection,
    list_collections,
    show_collection,
)
from fileintel.services.documents import Documents, MetadataChanges, edit_document, list_documents, show_document
from fileintel.services.graph import (
    LevelRows,
    NamedRows,
    OfCommunity,
    list_communities,
    list_entities,
    list_relationships,
    list_reports,
    show_community,
    show_context,
)
from fileintel.services.health import check_system
from fileintel.services.processing import ProcessingOrder
from fileintel.services.runs import OfRun, Runs, cancel_run, list_runs, pause_run, retry_run, show_run
from fileintel.services.status import IndexRun, show_index_status
from fileintel.services.versions import (
    BothVersions,
    OfVersion,
    Rollback,
    Versions,
    compare_versions,
    list_index_versions,
    roll_back_index,
    show_coverage,
)
from tests.conftest import SAMPLES, CommandLine
from tests.standin import StandIn

from .conftest import COLLECTION, DOCUMENTS, Twins

EVERYTHING = 10_000
named = partial(NamedRows, collection=COLLECTION)
of_level = partial(LevelRows, collection=COLLECTION)
numbered = partial(OfCommunity, collection=COLLECTION)
both_versions = partial(BothVersions, collection=COLLECTION, limit=5)
Ability = Callable[[Installation], object]


def edit(one: Installation, document: str, collection: str | None, **changes: Any) -> object:
    place = located(one, document, collection)
    return one.do(edit_document, MetadataChanges(collection=place.collection, document=place.document, **changes))


ABILITIES: dict[str, Ability] = {
    "collections": lambda one: rows(one, list_collections, PageRequest()),
    "collection": lambda one: one.do(show_collection, OfCollection(collection=COLLECTION)),
    "documents": lambda one: rows(one, list_documents, Documents(collection=COLLECTION)),
    "document": lambda one: one.do(show_document, located(one, DOCUMENTS[0], COLLECTION)),
    "document of any collection": lambda one: one.do(show_document, located(one, DOCUMENTS[0], None)),
    "text": lambda one: "".join(one.documents.text(DOCUMENTS[2], COLLECTION, None)),
    "page": lambda one: "".join(one.documents.text(DOCUMENTS[2], None, 1)),
    "status": lambda one: one.do(show_index_status, IndexRun(collection=COLLECTION)),
    "entities": lambda one: rows(one, list_entities, named(), EVERYTHING),
    "some entities": lambda one: rows(one, list_entities, named(after=4), 3),
    "entities with a name": lambda one: rows(one, list_entities, named(matching="sollid"), 50),
    "relationships": lambda one: rows(one, list_relationships, named(), EVERYTHING),
    "communities": lambda one: rows(one, list_communities, of_level(), EVERYTHING),
    "communities of a level": lambda one: rows(one, list_communities, of_level(after=0, level=1), 50),
    "reports": lambda one: rows(one, list_reports, of_level(level=0), EVERYTHING),
    "community": lambda one: one.do(show_community, numbered(number=0)),
    "context": lambda one: one.do(show_context, numbered(number=0)),
    "no such context": lambda one: one.do(show_context, numbered(number=4711)),
    "versions": lambda one: rows(one, list_index_versions, Versions(collection=COLLECTION)),
    "a comparison": lambda one: one.do(
        compare_versions, BothVersions(collection=COLLECTION, older=1, newer=1, limit=5)
    ),
    "coverage": lambda one: one.do(show_coverage, OfVersion(collection=COLLECTION)),
    "what would be pruned": lambda one: one.do(prune_cache, Pruning(model="standin", dry_run=True)),
    "local answer": lambda one: one.graph.ask(COLLECTION, QueryRequest("Who is Erna Sollid?", "local")),
    "global answer": lambda one: one.graph.ask(COLLECTION, QueryRequest("What happened in the flood?", "global")),
    "no vectors": lambda one: one.documents.ask(COLLECTION, "Who is Erna Sollid?"),
    "an edit": lambda one: edit(one, DOCUMENTS[1], None, title="A pear", keywords=["pear"]),
    "an edit taken back": lambda one: edit(one, DOCUMENTS[1], COLLECTION, title=None, keywords=None),
    "an edit of nothing": lambda one: edit(one, "nothing.md", COLLECTION, title="x"),
    "no collection": lambda one: one.do(show_collection, OfCollection(collection="nowhere")),
    "a name with signs": lambda one: one.do(show_collection, OfCollection(collection="a?b#c%d&e=f ü")),
    "a name of dots": lambda one: one.do(show_collection, OfCollection(collection="..")),
    "a taken name": lambda one: one.do(create_collection, NewCollection(name=COLLECTION)),
    "an impossible name": lambda one: one.do(create_collection, NewCollection(name=" x")),
    "no document": lambda one: located(one, "nothing.pdf", None),
    "no such page": lambda one: "".join(one.documents.text(DOCUMENTS[0], None, 99)),
    "no such path": lambda one: list(one.documents.add(COLLECTION, ["/nowhere/at-all.pdf"])),
    "no such community": lambda one: one.do(show_community, numbered(number=4711)),
    "an empty question": lambda one: one.graph.ask(COLLECTION, QueryRequest(" ", "local")),
    "an unknown mode": lambda one: one.graph.ask(COLLECTION, QueryRequest("Who?", "sideways")),
    "an export to nowhere": lambda one: one.graph.export(COLLECTION, Path("/proc/nowhere")),
    "no version": lambda one: one.do(show_coverage, OfVersion(collection=COLLECTION, version=4711)),
    "no version before": lambda one: one.do(compare_versions, both_versions(newer=1)),
    "no version to go back to": lambda one: one.do(roll_back_index, Rollback(collection=COLLECTION, version=4711)),
    "the version in use": lambda one: one.do(roll_back_index, Rollback(collection=COLLECTION, version=1)),
    "no condition": lambda one: one.do(prune_cache, Pruning()),
    "no age": lambda one: one.do(prune_cache, Pruning(unused_for="soon")),
    "no such stage": lambda one: one.graph.index(IndexRequest(collection=COLLECTION, fresh_from="nowhere"), Silent()),
    "nothing to retry": lambda one: one.graph.retry(COLLECTION, Silent()),
    "nothing to resume": lambda one: one.graph.resume(COLLECTION, Silent()),
    "no task to pause": lambda one: one.do(pause_run, OfRun(run="4711")),
    "no task to retry": lambda one: one.do(retry_run, OfRun(run="4711")),
    "no task": lambda one: one.do(show_run, OfRun(run="4711")),
}


@dataclass(frozen=True)
class Both:
    here: Installation
    there: Installation


@pytest.fixture(scope="module")
def both(twins: Twins) -> Iterator[Both]:
    here, there = (open_installation(load_settings(environ=one.environment)) for one in (twins.here, twins.there))
    with here, there:
        yield Both(here, there)


def outcome(ability: Ability, installation: Installation) -> str:
    """What comes of it, to the last byte; of an error, how it ends a command."""
    try:
        return json.dumps(ability(installation), ensure_ascii=False, default=fields_of)
    except FileIntelError as error:
        return f"exit code {error.exit_code}: {error}"


@pytest.mark.parametrize("ability", ABILITIES.values(), ids=ABILITIES.keys())
def test_the_data_and_the_errors_are_the_same(both: Both, ability: Ability, model_server: StandIn) -> None:
    outcome(ability, both.here)  # questions are then answered from the store, on either side
    assert outcome(ability, both.there) == outcome(ability, both.here)


def test_tasks_are_the_same_from_both_sides(both: Both, model_server: StandIn) -> None:
    both.there.graph.ask(COLLECTION, QueryRequest("Which task is this?", "local"))
    listed = rows(both.there, list_runs, Runs(collection=COLLECTION), 2)
    assert listed == rows(both.here, list_runs, Runs(collection=COLLECTION), 2)
    task = listed[0].id

    def shown(one: Installation) -> object:
        return one.do(show_run, OfRun(run=task))

    assert outcome(shown, both.there) == outcome(shown, both.here)
    assert outcome(lambda one: one.do(cancel_run, OfRun(run=task)), both.there) == outcome(
        lambda one: one.do(cancel_run, OfRun(run=task)), both.here
    )


def test_an_answer_from_passages_is_the_same_wherever_their_vectors_were_made(
    both: Both, model_server: StandIn, request: pytest.FixtureRequest
) -> None:
    name = "passages of two"
    both.here.do(create_collection, NewCollection(name=name))
    request.addfinalizer(lambda: both.here.do(delete_collection, OfCollection(collection=name)))
    assert all(one["document"] for one in both.here.documents.add(name, [str(SAMPLES / DOCUMENTS[0])]))
    order = ProcessingOrder(collection=name, embed=True, metadata=True)
    there, here = (one.documents.process(order, Silent(), WaitOptions(wait=True)) for one in (both.there, both.here))
    assert [run.kind for run in there] == [run.kind for run in here] == ["embedding", "metadata"]
    assert [json.dumps(run.result) for run in there] == [json.dumps(run.result) for run in here]

    def asked(one: Installation) -> object:
        return one.documents.ask(name, "Who is Erna Sollid?")

    outcome(asked, both.here)  # from the store then, on either side
    assert outcome(asked, both.there) == outcome(asked, both.here)
    shown = [
        outcome(lambda one: one.do(show_document, located(one, DOCUMENTS[0], name)), one)
        for one in (both.there, both.here)
    ]
    assert shown[0] == shown[1]
    assert '"extracted"' in shown[0]


def test_an_export_has_the_same_files(both: Both, tmp_path: Path) -> None:
    rows = [one.graph.export(COLLECTION, tmp_path / name) for one, name in ((both.here, "h"), (both.there, "t"))]
    assert json.dumps(rows[0]) == json.dumps(rows[1])
    files = {path.name: path.read_bytes() for path in (tmp_path / "h").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "t").iterdir()} == files
    assert files.keys() == rows[0].keys()


def test_the_parts_of_a_service_are_those_of_this_machine_and_more(both: Both, model_server: StandIn) -> None:
    here, there = (one.do(check_system, Nothing()) for one in (both.here, both.there))
    assert [part for part in there if part in here] == here
    assert [part.part for part in there if part not in here] == ["broker", "workers"]
    assert {part.state for part in there} == {"ok"}
    assert "gevent@" in there[2].detail


def test_settings_of_the_service_cannot_be_set_from_here(twins: Twins) -> None:
    settings = load_settings(environ=twins.there.environment)
    with pytest.raises(UsageError, match=r"chunking\.size.*FILEINTEL_API_URL"):
        open_installation(settings, ["client.patience", "chunking.size"])


def test_the_command_line_chooses_by_the_url(twins: Twins, home: Path) -> None:
    unset = CommandLine({**twins.here.environment, "FILEINTEL_API_URL": ""})
    assert unset("collections", "list").out == twins.there("collections", "list").out
    assert not list(home.parent.glob("nothing"))
