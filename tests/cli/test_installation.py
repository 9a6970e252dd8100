"""Whether the work is done here or by a service: every ability gives the same data and raises the same errors."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from fileintel.cli.installation import open_installation
from fileintel.cli.installation.contract import Installation, ProcessingOrder, rows
from fileintel.cli.installation.remote.tasks import Silent
from fileintel.cli.output import fields_of
from fileintel.config import load_settings
from fileintel.errors import FileIntelError, UsageError
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.runs.index_request import IndexRequest
from fileintel.services.cache import Pruning, prune_cache
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
both_versions = partial(BothVersions, collection=COLLECTION, limit=5)
Ability = Callable[[Installation], object]

ABILITIES: dict[str, Ability] = {
    "collections": lambda one: one.collections.all(),
    "collection": lambda one: one.collections.show(COLLECTION),
    "documents": lambda one: one.documents.all(COLLECTION),
    "document": lambda one: one.documents.show(DOCUMENTS[0], COLLECTION),
    "document of any collection": lambda one: one.documents.show(DOCUMENTS[0], None),
    "text": lambda one: "".join(one.documents.text(DOCUMENTS[2], COLLECTION, None)),
    "page": lambda one: "".join(one.documents.text(DOCUMENTS[2], None, 1)),
    "status": lambda one: one.graph.status(COLLECTION),
    "entities": lambda one: one.graph.entities(COLLECTION, EVERYTHING, None, None),
    "some entities": lambda one: one.graph.entities(COLLECTION, 3, 4, None),
    "entities with a name": lambda one: one.graph.entities(COLLECTION, 50, None, "sollid"),
    "relationships": lambda one: one.graph.relationships(COLLECTION, EVERYTHING, None, None),
    "communities": lambda one: one.graph.communities(COLLECTION, EVERYTHING, None, None),
    "communities of a level": lambda one: one.graph.communities(COLLECTION, 50, 0, 1),
    "reports": lambda one: one.graph.reports(COLLECTION, EVERYTHING, None, 0),
    "community": lambda one: one.graph.community(COLLECTION, 0),
    "context": lambda one: one.graph.context(COLLECTION, 0),
    "no such context": lambda one: one.graph.context(COLLECTION, 4711),
    "versions": lambda one: rows(one, list_index_versions, Versions(collection=COLLECTION)),
    "a comparison": lambda one: one.do(
        compare_versions, BothVersions(collection=COLLECTION, older=1, newer=1, limit=5)
    ),
    "coverage": lambda one: one.do(show_coverage, OfVersion(collection=COLLECTION)),
    "what would be pruned": lambda one: one.do(prune_cache, Pruning(model="standin", dry_run=True)),
    "local answer": lambda one: one.graph.ask(COLLECTION, QueryRequest("Who is Erna Sollid?", "local")),
    "global answer": lambda one: one.graph.ask(COLLECTION, QueryRequest("What happened in the flood?", "global")),
    "no vectors": lambda one: one.documents.ask(COLLECTION, "Who is Erna Sollid?"),
    "an edit": lambda one: one.documents.edit(DOCUMENTS[1], None, {"title": "A pear", "keywords": ["pear"]}),
    "an edit taken back": lambda one: one.documents.edit(DOCUMENTS[1], COLLECTION, {"title": None, "keywords": None}),
    "an edit of nothing": lambda one: one.documents.edit("nothing.md", COLLECTION, {"title": "x"}),
    "no collection": lambda one: one.collections.show("nowhere"),
    "a name with signs": lambda one: one.collections.show("a?b#c%d&e=f ü"),
    "a name of dots": lambda one: one.collections.show(".."),
    "a taken name": lambda one: one.collections.create(COLLECTION, ""),
    "an impossible name": lambda one: one.collections.create(" x", ""),
    "no document": lambda one: one.documents.show("nothing.pdf", None),
    "no such page": lambda one: "".join(one.documents.text(DOCUMENTS[0], None, 99)),
    "no such path": lambda one: list(one.documents.add(COLLECTION, ["/nowhere/at-all.pdf"])),
    "no such community": lambda one: one.graph.community(COLLECTION, 4711),
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
    "no task to pause": lambda one: one.tasks.pause("4711"),
    "no task to retry": lambda one: one.tasks.retry("4711"),
    "no task": lambda one: one.tasks.show("4711"),
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
    listed = both.there.tasks.all(2, COLLECTION)
    assert json.dumps(listed) == json.dumps(both.here.tasks.all(2, COLLECTION))
    task = listed[0]["id"]
    assert json.dumps(both.there.tasks.show(task)) == json.dumps(both.here.tasks.show(task))
    assert outcome(lambda one: one.tasks.cancel(task), both.there) == outcome(
        lambda one: one.tasks.cancel(task), both.here
    )


def test_an_answer_from_passages_is_the_same_wherever_their_vectors_were_made(
    both: Both, model_server: StandIn, request: pytest.FixtureRequest
) -> None:
    name = "passages of two"
    both.here.collections.create(name, "")
    request.addfinalizer(lambda: both.here.collections.delete(name))
    assert all(one["document"] for one in both.here.documents.add(name, [str(SAMPLES / DOCUMENTS[0])]))
    order = ProcessingOrder(name, embed=True, metadata=True, wait=True)
    there, here = (one.documents.process(order, Silent()) for one in (both.there, both.here))
    assert [task["kind"] for task in there] == [task["kind"] for task in here] == ["embedding", "metadata"]
    assert [json.dumps(task["result"]) for task in there] == [json.dumps(task["result"]) for task in here]

    def asked(one: Installation) -> object:
        return one.documents.ask(name, "Who is Erna Sollid?")

    outcome(asked, both.here)  # from the store then, on either side
    assert outcome(asked, both.there) == outcome(asked, both.here)
    shown = [outcome(lambda one: one.documents.show(DOCUMENTS[0], name), one) for one in (both.there, both.here)]
    assert shown[0] == shown[1]
    assert '"extracted"' in shown[0]


def test_an_export_has_the_same_files(both: Both, tmp_path: Path) -> None:
    rows = [one.graph.export(COLLECTION, tmp_path / name) for one, name in ((both.here, "h"), (both.there, "t"))]
    assert json.dumps(rows[0]) == json.dumps(rows[1])
    files = {path.name: path.read_bytes() for path in (tmp_path / "h").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "t").iterdir()} == files
    assert files.keys() == rows[0].keys()


def test_the_parts_of_a_service_are_those_of_this_machine_and_more(both: Both, model_server: StandIn) -> None:
    here, there = both.here.check(), both.there.check()
    assert [part for part in there if part in here] == here
    assert [part["part"] for part in there if part not in here] == ["broker", "workers"]
    assert {part["state"] for part in there} == {"ok"}
    assert "gevent@" in there[2]["detail"]


def test_settings_of_the_service_cannot_be_set_from_here(twins: Twins) -> None:
    settings = load_settings(environ=twins.there.environment)
    with pytest.raises(UsageError, match=r"chunking\.size.*FILEINTEL_API_URL"):
        open_installation(settings, ["client.patience", "chunking.size"])


def test_the_command_line_chooses_by_the_url(twins: Twins, home: Path) -> None:
    unset = CommandLine({**twins.here.environment, "FILEINTEL_API_URL": ""})
    assert unset("collections", "list").out == twins.there("collections", "list").out
    assert not list(home.parent.glob("nothing"))
