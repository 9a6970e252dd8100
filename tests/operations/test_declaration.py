"""An operation is declared once: a route, its text in the OpenAPI document, a call from the command line and, if it is
asked for, a tool follow from the declaration. And what holds for all that are declared."""

import json
import pkgutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
import uvicorn
from pydantic import BaseModel, Field

from fileintel import services
from fileintel.api.application import create_app
from fileintel.api.backend import Backend
from fileintel.config import load_settings
from fileintel.errors import ConflictError, FileIntelError
from fileintel.installation import open_installation
from fileintel.installation.contract import Installation, rows
from fileintel.mcp.server import Server
from fileintel.operations import (
    GET,
    PATCH,
    Context,
    Operation,
    Page,
    PageRequest,
    Result,
    Right,
    declaration,
    operation,
)
from fileintel.operations.paging import page, place_of
from fileintel.operations.types import Moment, Request
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.services import all_operations
from fileintel.storable import Text

OPERATIONS = {one.name: one for one in all_operations()}


class Tree(Result):
    """A tree of an orchard."""

    name: str
    height: float = Field(description="Metres.")
    planted: Moment | None = None
    within: int | None = Field(default=None, validation_alias="from", serialization_alias="from")


class WhichTree(Request):
    """Which tree."""

    orchard: Annotated[Text, Field(max_length=20, description="Name of an orchard.")]
    older: int | None = Field(default=None, validation_alias="from", ge=0, description="Years.")


class Pruning(Request):
    """How to cut a tree."""

    orchard: Annotated[Text, Field(max_length=20)]
    height: float | None = Field(default=None, gt=0)
    name: Text | None = None


class Trees(PageRequest):
    """Which trees."""

    orchard: Text


@pytest.fixture(scope="module")
def throw_away() -> Iterator[dict[str, Operation[Any, Any]]]:
    """Three operations that are there while this module is tested."""

    @operation(GET, "/orchards/{orchard}/tree", right=Right.READER, errors=(404,), tool="The oldest tree.")
    def show_tree(context: Context, request: WhichTree) -> Tree:
        """The oldest tree of an orchard.

        Raises:
          ConflictError: it was felled.
        """
        if request.orchard == "felled":
            raise ConflictError("the tree was felled")
        return Tree(name=request.orchard, height=4.5, within=request.older)

    @operation(PATCH, "/orchards/{orchard}", right=Right.WRITER, errors=(409,), tag="trees")
    def cut_tree(context: Context, request: Pruning) -> Tree:
        """Cut a tree."""
        return Tree(name=", ".join(sorted(request.model_fields_set)), height=request.height or 0.0)

    @operation(GET, "/orchards/{orchard}/trees", right=Right.READER)
    def list_trees(context: Context, request: Trees) -> Page[Tree]:
        """The trees of an orchard."""
        place = place_of(request.cursor, int)
        first = place[0] + 1 if place else 0
        heights = list(range(first, 7))[: request.limit + 1]
        return page(heights, request.limit, lambda one: [one], lambda one: Tree(name=request.orchard, height=one))

    made = {one.name: one for one in (show_tree, cut_tree, list_trees)}
    yield made
    for name in made:
        del declaration._DECLARED[name]


@pytest.fixture(scope="module")
def document(throw_away: dict[str, Operation[Any, Any]]) -> Any:
    """The OpenAPI document."""
    return create_app(Backend(load_settings(environ={}))).openapi()


@pytest.fixture(scope="module")
def url(throw_away: dict[str, Operation[Any, Any]]) -> Iterator[str]:
    """A service in a thread of this process; it opens no database."""
    app = create_app(Backend(load_settings(environ={})))
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(params=["here", "by a service"])
def installation(request: pytest.FixtureRequest, url: str) -> Iterator[Installation]:
    environment = {"FILEINTEL_API_URL": url} if request.param == "by a service" else {}
    with open_installation(load_settings(environ=environment)) as opened:
        yield opened


def test_a_declared_operation_is_a_route_with_its_text(document: Any) -> None:
    route = document["paths"]["/api/v2/orchards/{orchard}/tree"]["get"]
    assert (route["operationId"], route["tags"]) == ("show_tree", ["orchards"])
    assert route["description"] == "The oldest tree of an orchard."
    assert {"200", "401", "404", "422", "503"} == set(route["responses"]) - {"413"}
    parameters = {one["name"]: one for one in route["parameters"]}
    assert {name: one["in"] for name, one in parameters.items()} == {"orchard": "path", "from": "query"}
    assert parameters["orchard"]["schema"]["maxLength"] == 20
    data = document["components"]["schemas"]["Envelope_Tree_"]["properties"]["data"]
    assert data == {"$ref": "#/components/schemas/Tree"}


def test_what_does_not_stand_in_the_path_is_the_body_of_a_change(document: Any) -> None:
    route = document["paths"]["/api/v2/orchards/{orchard}"]["patch"]
    assert route["tags"] == ["trees"]
    assert {"400", "409", "415"} <= set(route["responses"])
    schema = route["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Pruning"} or "Pruning" in str(schema)
    assert [one["name"] for one in route["parameters"]] == ["orchard"]


def test_the_call_is_the_same_here_and_by_a_service(
    installation: Installation, throw_away: dict[str, Operation[Any, Any]]
) -> None:
    show_tree, cut_tree = throw_away["show_tree"], throw_away["cut_tree"]
    found = installation.do(show_tree, WhichTree(orchard="a?b#c ü", older=7))
    assert found == Tree(name="a?b#c ü", height=4.5, within=7)
    # what was not given is told from what was given as nothing
    assert installation.do(cut_tree, Pruning(orchard="x")).name == "orchard"
    assert installation.do(cut_tree, Pruning(orchard="x", name=None)).name == "name, orchard"
    assert installation.do(cut_tree, Pruning(orchard="x", height=2.5)).height == 2.5
    with pytest.raises(ConflictError, match="the tree was felled"):
        installation.do(show_tree, WhichTree(orchard="felled"))


@pytest.mark.parametrize(("limit", "expected"), [(None, 7), (1, 1), (3, 3), (100, 7)])
def test_lists_are_read_page_by_page(
    installation: Installation, throw_away: dict[str, Operation[Any, Any]], limit: int | None, expected: int
) -> None:
    found = rows(installation, throw_away["list_trees"], Trees(orchard="x", limit=2), limit)
    assert [tree.height for tree in found] == list(range(expected))


def test_a_cursor_of_another_list_is_refused(
    installation: Installation, throw_away: dict[str, Operation[Any, Any]]
) -> None:
    with pytest.raises(FileIntelError, match="not one of this list") as refused:
        installation.do(throw_away["list_trees"], Trees(orchard="x", cursor="bm9uZQ"))
    assert (refused.value.code, refused.value.http_status) == ("bad_cursor", 422)


def test_an_operation_becomes_a_tool_only_where_it_says_so(installation: Installation) -> None:
    def answer(method: str, **parameters: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        return (Server(installation).answer(json.dumps(message)) or {})["result"]

    tools = {tool["name"]: tool for tool in answer("tools/list")["tools"]}
    assert "cut_tree" not in tools
    assert tools["show_tree"]["description"] == "The oldest tree."
    assert tools["show_tree"]["inputSchema"]["required"] == ["orchard"]
    called = answer("tools/call", name="show_tree", arguments={"orchard": "north", "from": 3})
    assert called["structuredContent"] == {"name": "north", "height": 4.5, "planted": None, "from": 3}
    refused = answer("tools/call", name="show_tree", arguments={"orchard": 7})
    assert refused["isError"] is True
    assert "orchard" in refused["content"][0]["text"]


def test_a_former_path_keeps_working_and_says_that_it_is_one(document: Any) -> None:
    formerly = [one for one in OPERATIONS.values() if one.formerly is not None]
    assert {one.name for one in formerly} == {
        "list_runs", "show_run", "cancel_run", "pause_run", "resume_run", "retry_run"
    }  # fmt: skip
    for one in formerly:
        assert one.formerly is not None
        name, path = one.formerly
        route = document["paths"][f"/api/v2{path}"][one.verb.lower()]
        assert (route["operationId"], route["deprecated"]) == (name, True)
        assert "deprecated" not in document["paths"][f"/api/v2{one.path}"][one.verb.lower()]


def test_a_name_is_given_once_and_a_path_names_fields() -> None:
    def show_cache(context: Context, request: WhichTree) -> Tree:
        raise NotImplementedError

    with pytest.raises(ValueError, match="there is an operation show_cache already"):
        operation(GET, "/other", right=Right.READER)(show_cache)
    show_cache.__name__ = "show_nothing"
    with pytest.raises(ValueError, match="no field place"):
        operation(GET, "/other/{place}", right=Right.READER)(show_cache)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_a_right_a_text_and_a_typed_result(name: str) -> None:
    declared_one = OPERATIONS[name]
    assert isinstance(declared_one.right, Right)
    assert declared_one.right is not Right.READER or declared_one.verb == GET
    assert declared_one.description
    assert issubclass(declared_one.request, Request)
    kinds = get_args(declared_one.result) or (declared_one.result,)
    assert all(issubclass(kind, BaseModel) for kind in kinds)


def test_the_modules_of_services_are_light() -> None:
    """Every command imports some of them, also one that only speaks HTTP."""
    modules = [module.name for module in pkgutil.iter_modules(services.__path__, "fileintel.services.")]
    heavy = ("sqlalchemy", "fastapi", "openai", "numpy")
    command = f"import sys, {', '.join(modules)}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_help_waits_for_no_declaration() -> None:
    command = "import sys, fileintel.cli.main; print([name for name in ('pydantic', 'httpx') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_process_without_a_service_has_no_dispatcher() -> None:
    settings = load_settings(environ={})
    assert Context(settings, lambda: pytest.fail("not opened")).dispatcher is None
    dispatcher = CeleryDispatcher(None)
    assert Context(settings, lambda: pytest.fail("not opened"), lambda: dispatcher).dispatcher is dispatcher
