"""What a model was asked with can be shown later, to the last character."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fileintel.config import load_settings
from fileintel.errors import NotFoundError
from fileintel.runs.add_documents import add_documents
from fileintel.runs.index import Indexer, IndexRequest
from fileintel.workspace import Workspace
from tests import doing
from tests.conftest import FOREIGN, SAMPLES
from tests.standin import StandIn

NAMES = ("interview-erna-sollid-1991.md", "the-lost-pear-of-monte-arsone.md", "travel-guide-kestervag.md")
BUDGET = 400  # tokens: too few for the larger communities


@pytest.fixture
def workspace(home: Path, database_url: str, model_server: StandIn) -> Iterator[Workspace]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)} | {
        "FILEINTEL_HOME": str(home),
        "DATABASE_URL": database_url,
        "OPENAI_BASE_URL": model_server.base_url,
        "FILEINTEL__LLM__MODEL": "standin",
        "FILEINTEL__EMBEDDING__MODEL": "standin",
        "FILEINTEL__GRAPHRAG__CLAIMS": "true",
        "FILEINTEL__GRAPHRAG__REPORT_MAX_INPUT_TOKENS": str(BUDGET),
    }
    with Workspace(load_settings(environ=environment)) as opened:
        doing.create_collection(opened, "town")
        assert all(added.document for added in add_documents(opened, "town", [str(SAMPLES / name) for name in NAMES]))
        yield opened


def asked(model_server: StandIn) -> list[str]:
    """The data that reports were asked for with."""
    bodies = [one["body"] for one in model_server.questions() if one["purpose"] == "report"]
    return [body["messages"][-1]["content"].removeprefix("<data>\n").removesuffix("\n</data>") for body in bodies]


def contexts(workspace: Workspace) -> list[dict[str, Any]]:
    listed = doing.list_communities(workspace, "town")
    return [doing.show_context(workspace, "town", row["community"]) for row in listed]


def with_settings(workspace: Workspace, **changes: Any) -> None:
    settings = workspace.settings
    workspace.settings = settings.model_copy(update={"graphrag": settings.graphrag.model_copy(update=changes)})


def test_contexts_are_shown_as_they_were_asked(workspace: Workspace, model_server: StandIn) -> None:
    model_server.configure(keep_bodies=True)
    Indexer(workspace).index(IndexRequest(collection="town"))
    shown = contexts(workspace)
    assert {context["text"] for context in shown} == set(asked(model_server))
    assert any(context["rows"].get("reports") for context in shown)
    assert any(context["rows"].get("claims") for context in shown)
    assert any(context["left_out"] for context in shown)
    assert all(context["tokens"] <= BUDGET for context in shown)
    with pytest.raises(NotFoundError):
        doing.show_context(workspace, "town", len(shown))

    model_server.reset()
    with_settings(workspace, report_context="text", report_max_input_tokens=2 * BUDGET)
    Indexer(workspace).index(IndexRequest(collection="town"))
    shown = contexts(workspace)
    assert {context["text"] for context in shown} == set(asked(model_server))
    assert any(context["rows"].get("sources") for context in shown)
    assert any(context["cut"].get("sources") for context in shown)
    assert model_server.stats().asked.keys() <= {"report", "embeddings"}

    model_server.reset()
    with_settings(workspace, report_context="graph", report_max_input_tokens=BUDGET // 3)
    Indexer(workspace).index(IndexRequest(collection="town"))
    shown = contexts(workspace)
    assert {context["text"] for context in shown if context["cut"]} <= set(asked(model_server))
    assert set(asked(model_server)) <= {context["text"] for context in shown}
    assert any(context["cut"].get("entities") for context in shown)
    assert all(context["tokens"] <= BUDGET // 3 for context in shown)
