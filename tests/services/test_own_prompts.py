"""A collection's own prompts, language and entity types: where they come from, and what they reach."""

import hashlib
import json
from typing import Any

import pytest

from fileintel.errors import ModelServerRefused, NotFoundError, PromptError, UsageError
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.graphrag.stages.formats import EXTRACT, LOOP
from fileintel.graphrag.stages.report import REPORT
from fileintel.runs import questions
from fileintel.runs.index import Indexer, IndexRequest
from fileintel.services import prompts
from fileintel.workspace import Workspace
from tests import doing
from tests.standin import StandIn
from tests.standin.settings import Canned

from .conftest import COLLECTION, Opened

MARKED = PromptLibrary().text(EXTRACT).replace("You build", "As they say in Altona: you build")


def index(workspace: Workspace, **wanted: Any) -> dict[str, Any]:
    """Bring the index up to date; the status after it."""
    Indexer(workspace).index(IndexRequest(collection=COLLECTION, **wanted))
    return doing.index_status(workspace, COLLECTION)


def asked(model_server: StandIn, purpose: str) -> list[str]:
    """What the model server was asked for a purpose, each question as one text."""
    return [
        "\n".join(message["content"] for message in question["body"]["messages"])
        for question in model_server.questions()
        if question["purpose"] == purpose
    ]


def origins(workspace: Workspace) -> dict[str, str]:
    return {one["name"]: one["origin"] for one in doing.list_prompts(workspace, COLLECTION)}


def test_a_prompt_of_ones_own_is_asked_with_and_the_run_knows_it(workspace: Workspace, model_server: StandIn) -> None:
    before = index(workspace)
    assert doing.set_prompts(workspace, COLLECTION, {EXTRACT.file: MARKED}) == [EXTRACT.file]
    assert origins(workspace)[EXTRACT.file] == "collection"
    assert set(origins(workspace).values()) == {"collection", "shipped"}
    after = index(workspace)
    assert any("As they say in Altona" in text for text in asked(model_server, "extract"))
    assert after["version"]["number"] == 2
    assert after["prompts"][EXTRACT.file] == hashlib.sha256(MARKED.encode()).hexdigest()
    assert {name for name in before["prompts"] if before["prompts"][name] != after["prompts"][name]} == {EXTRACT.file}
    assert prompts.of_run(workspace, after["prompts"])[EXTRACT.file] == MARKED
    assert prompts.of_run(workspace, before["prompts"])[EXTRACT.file] == PromptLibrary().text(EXTRACT)

    assert doing.reset_prompts(workspace, COLLECTION) == [EXTRACT.file]
    model_server.reset()
    assert index(workspace)["prompts"] == before["prompts"]
    assert not asked(model_server, "extract")  # the answers to the shipped one are still there


def test_a_prompt_that_no_question_uses_changes_nothing(workspace: Workspace) -> None:
    index(workspace)
    doing.set_prompts(workspace, COLLECTION, {"extract_graph_json.txt": "{input_text}"})
    assert Indexer(workspace).index(IndexRequest(collection=COLLECTION)) is None


@pytest.mark.parametrize(
    ("name", "text", "error", "complaint"),
    [
        ("extract.txt", "{input_text}", UsageError, "there is no prompt 'extract.txt'"),
        (EXTRACT.file, "no placeholder", PromptError, "{input_text} is missing"),
        (EXTRACT.file, "{input_text} {typo}", PromptError, "unknown placeholder {typo}"),
        (EXTRACT.file, "{input_text} \0", PromptError, "NUL"),
    ],
)
def test_a_prompt_with_a_mistake_is_refused_and_none_is_set(
    workspace: Workspace, name: str, text: str, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint.replace("{", r"\{").replace("}", r"\}")):
        doing.set_prompts(workspace, COLLECTION, {LOOP.file: "Y or N?", name: text})
    assert set(origins(workspace).values()) == {"shipped"}


def test_a_collection_that_is_not_there_has_no_prompts(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        doing.list_prompts(workspace, "nobody")
    with pytest.raises(NotFoundError):
        doing.set_prompts(workspace, "nobody", {LOOP.file: "Y or N?"})


def test_language_and_entity_types_of_a_collection_reach_every_prompt(
    opened: Opened, workspace: Workspace, model_server: StandIn
) -> None:
    claiming = opened(FILEINTEL__GRAPHRAG__CLAIMS="true")
    changed = doing.change_collection(
        claiming, COLLECTION, {"language": "German", "entity_types": ["sluice", "person"]}
    )
    assert (changed.language, changed.entity_types) == ("German", ["sluice", "person"])
    index(claiming)
    questions.ask(claiming, COLLECTION, QueryRequest("Who drew the sluice?", "local"))
    questions.ask(claiming, COLLECTION, QueryRequest("Who drew the sluice?", "global"))
    for purpose in (
        "extract",
        "glean",
        "claims",
        "claims_glean",
        "report",
        "local_answer",
        "global_map",
        "global_reduce",
    ):
        texts = asked(model_server, purpose)
        assert texts, purpose
        assert all("Write all text of your answer in German." in text for text in texts), purpose
    for purpose in ("extract", "claims"):
        assert all("sluice, person" in text for text in asked(model_server, purpose))

    doing.change_collection(claiming, COLLECTION, {"language": None})
    model_server.reset()
    index(claiming)
    assert all("in German" not in text for text in asked(model_server, "extract"))
    assert asked(model_server, "extract")  # another language makes another index


@pytest.mark.parametrize(
    "changes",
    [
        {"language": ""},
        {"language": "a\nb"},
        {"entity_types": []},
        {"entity_types": ["a, b"]},
        {"entity_types": [""]},
        {"x": "y"},
    ],
)
def test_what_no_prompt_could_say_is_refused(workspace: Workspace, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        doing.change_collection(workspace, COLLECTION, changes)


PROFILE = {
    "domain": "Letters and minutes about the {port} of Altona.",
    "language": "English",
    "entity_types": ["Engineer", "board", "sluice", "board", "a, b"],
}  # fmt: skip


def test_prompts_are_tuned_to_what_the_model_says_of_the_collection(
    workspace: Workspace, model_server: StandIn
) -> None:
    model_server.configure(canned=(Canned(json.dumps(PROFILE), purpose="tune_profile"),))
    tuned = doing.tune(workspace, COLLECTION)
    assert (tuned["language"], tuned["entity_types"]) == ("English", ["engineer", "board", "sluice"])
    assert (tuned["examples"], tuned["llm"]["calls"]) == (2, 3)
    texts = {one["name"]: one["text"] for one in doing.list_prompts(workspace, COLLECTION)}
    for name in (EXTRACT.file, "extract_graph_json.txt", REPORT.file):
        assert "Letters and minutes about the {{port}} of Altona." in texts[name]
    for name in (EXTRACT.file, "extract_graph_json.txt"):
        assert "Ilse Brandt" in texts[name] or "ILSE BRANDT" in texts[name]
        assert "EXAMPLE WORKS" not in texts[name].upper()
    shown = doing.show_collection(workspace, COLLECTION)
    assert (shown.language, shown.entity_types) == ("English", ["engineer", "board", "sluice"])

    model_server.reset()
    status = index(workspace)
    assert all("engineer, board, sluice" in text for text in asked(model_server, "extract"))
    assert status["counts"]["entities"] > 2  # what the examples name is in the texts as well
    assert not status["records"]["dropped"]
    model_server.reset()
    assert doing.tune(workspace, COLLECTION)["llm"]["calls"] == 0  # what was asked before is not asked again


def test_tuned_prompts_can_be_looked_at_before_they_are_set(workspace: Workspace, model_server: StandIn) -> None:
    model_server.configure(canned=(Canned(json.dumps(PROFILE), purpose="tune_profile"),))
    tuned = doing.tune(workspace, COLLECTION, keep=False)
    assert set(origins(workspace).values()) == {"shipped"}
    assert doing.show_collection(workspace, COLLECTION).language is None
    doing.set_prompts(workspace, COLLECTION, tuned["prompts"])
    assert index(workspace)["state"] == "succeeded"


def test_the_built_in_model_tells_what_names_and_words_tell(opened: Opened, workspace: Workspace) -> None:
    nothing = dict.fromkeys(("OPENAI_BASE_URL", "FILEINTEL__LLM__MODEL", "FILEINTEL__EMBEDDING__MODEL"), "")
    builtin = opened(**nothing)
    tuned = doing.tune(builtin, COLLECTION)
    assert "Ilse Brandt" in tuned["domain"]
    assert (tuned["language"], tuned["entity_types"]) == ("English", ["organization", "person", "geo", "event"])


def test_a_model_that_tells_nothing_is_a_model_that_refused(workspace: Workspace, model_server: StandIn) -> None:
    model_server.configure(canned=(Canned("I like these letters.", purpose="tune_profile"),))
    with pytest.raises(ModelServerRefused, match="what 'port' is about"):
        doing.tune(workspace, COLLECTION)
    assert set(origins(workspace).values()) == {"shipped"}


def test_the_fast_method_asks_the_model_for_reports_only(workspace: Workspace, model_server: StandIn) -> None:
    status = index(workspace, method="fast")
    assert status["method"] == "fast"
    assert status["counts"]["entities"] > 3
    assert status["counts"]["reports"] == status["counts"]["communities"] > 0
    assert set(model_server.stats().answered) == {"report", "embeddings"}
    assert set(status["prompts"]) == {REPORT.file}
    assert Indexer(workspace).index(IndexRequest(collection=COLLECTION, method="fast")) is None
    assert index(workspace)["method"] == "standard"  # another method makes another index
