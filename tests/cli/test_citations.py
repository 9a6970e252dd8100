"""Citations in answers: led back to a page and a passage, or taken out."""

import json
from typing import Any

from tests.conftest import CommandLine
from tests.standin import StandIn
from tests.standin.settings import Canned

from .conftest import COLLECTION, Town


def passages_read_as_quoted(fileintel: CommandLine, answer: dict[str, Any]) -> bool:
    texts: dict[str, str] = {}
    for citation in answer["citations"]:
        name = citation["document"]
        if name not in texts:
            texts[name] = fileintel("documents", "text", name).out
        if texts[name][citation["start"] : citation["end"]] != citation["quote"] or not citation["quote"].strip():
            return False
    first = answer["citations"][0]
    page = fileintel("documents", "text", first["document"], "--page", first["page"]).out
    return first["quote"].split()[0] in page


def test_each_citation_of_a_local_answer_leads_to_what_it_quotes(town: Town, model_server: StandIn) -> None:
    answer = town.fileintel("graphrag", "query", COLLECTION, "What did Erna Sollid see at the sluice?", "--json").json
    assert answer["mode"] == "local"
    assert all(f"{citation['id']}" in answer["answer"] for citation in answer["citations"])
    assert passages_read_as_quoted(town.fileintel, answer)


def test_ids_that_a_model_invents_are_taken_out_and_counted(town: Town, model_server: StandIn) -> None:
    said = "Erna Sollid was there [S0, S998]. Nobody else was [S999]. The town is old [E0][R77777]. See [R0; E1]."
    model_server.configure(canned=[Canned(said, purpose="local_answer")])
    answer = town.fileintel("graphrag", "query", COLLECTION, "Who was there, and who was not?", "--json").json
    assert answer["unknown_citations"] >= 3
    assert "998" not in answer["answer"]
    assert "999" not in answer["answer"]
    assert "77777" not in answer["answer"]
    assert "Nobody else was." in answer["answer"]
    assert passages_read_as_quoted(town.fileintel, answer)
    shown = town.fileintel("graphrag", "query", COLLECTION, "Who was there, and who was not?").out
    assert f"made up and that were left out: {answer['unknown_citations']}" in shown


def test_citations_of_a_global_answer_lead_through_reports_to_passages(town: Town, model_server: StandIn) -> None:
    points = {"points": [{"description": "The flood came at night [R0].", "score": 90}]}
    model_server.configure(
        canned=[
            Canned(json.dumps(points), purpose="global_map"),
            Canned("The flood came at night [R0, R4444].", purpose="global_reduce"),
        ]
    )
    question = ("graphrag", "query", COLLECTION, "When did the flood come?", "--mode", "global", "--json")
    answer = town.fileintel(*question).json
    assert answer["answer"] == "The flood came at night [R0]."
    assert answer["unknown_citations"] == 1
    assert {citation["id"] for citation in answer["citations"]} == {"R0"}
    assert passages_read_as_quoted(town.fileintel, answer)


def test_an_answer_that_was_given_before_needs_no_server(town: Town, model_server: StandIn) -> None:
    question = ("graphrag", "query", COLLECTION, "Is this asked twice?", "--json")
    first = town.fileintel(*question).json
    asked = model_server.stats().asked
    second = town.fileintel(*question, OPENAI_BASE_URL="http://127.0.0.1:9/v1").json
    assert second["answer"] == first["answer"]
    assert second["llm"]["calls"] == 0
    assert model_server.stats().asked == asked
