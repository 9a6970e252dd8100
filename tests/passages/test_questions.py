"""Questions to the passages of a collection: no index, checked citations, and a word about what is missing."""

from typing import Any

import pytest

from fileintel.errors import ConfigError, EmptyCollectionError, NotFoundError, NoVectorsError, UsageError
from fileintel.runs import execute, questions, submission
from fileintel.runs.add_documents import add_documents
from fileintel.services import documents
from fileintel.workspace import Workspace
from tests import doing
from tests.conftest import SAMPLES
from tests.standin import StandIn
from tests.standin.settings import Canned

from .conftest import COLLECTION, Opener
from .working import EMBED, done, passages

QUESTION = "Who was the ropemaker Erna Sollid?"


def ask(workspace: Workspace, question: str = QUESTION) -> Any:
    return questions.ask_passages(workspace, COLLECTION, question)


def test_an_answer_rests_on_the_nearest_passages_and_leads_to_the_page(workspace: Workspace) -> None:
    done(workspace, EMBED)
    reply = ask(workspace)
    assert (reply["mode"], reply["version"], reply["gaps"]) == ("vector", None, 0)
    assert reply["coverage"]["note"] is None
    assert reply["citations"]
    assert any(citation["document"] == "interview-erna-sollid-1991.md" for citation in reply["citations"])
    for citation in reply["citations"]:
        text = "".join(documents.document_text(workspace, citation["document_id"]))
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        page = "".join(documents.document_text(workspace, citation["document_id"], page=citation["page"]))
        assert citation["quote"][:40] in page
        assert f"[{citation['id']}" in reply["answer"] or f", {citation['id']}" in reply["answer"]


def test_the_nearest_passages_come_first_and_as_many_as_fit(workspace: Workspace, model_server: StandIn) -> None:
    done(workspace, EMBED)
    model_server.reset()
    reply = ask(workspace, passages(workspace)[5].text)
    (asked,) = [one["body"] for one in model_server.questions() if one["purpose"] == "passage_answer"]
    data = asked["messages"][-1]["content"]
    first = next(line for line in data.split("\n") if line.startswith("S1,"))
    assert " ".join(passages(workspace)[5].text.split())[:60].replace('"', '""') in first
    assert 0 < reply["context"]["sources"] <= workspace.settings.query.vector_top_k


def test_the_same_question_costs_nothing_the_second_time(workspace: Workspace, model_server: StandIn) -> None:
    done(workspace, EMBED)
    first = ask(workspace)
    asked = model_server.stats().asked
    assert ask(workspace) == {**first, "llm": {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0}}
    assert model_server.stats().asked == asked


def test_citations_that_the_model_makes_up_are_taken_out_and_counted(
    workspace: Workspace, model_server: StandIn
) -> None:
    done(workspace, EMBED)
    model_server.configure(canned=[Canned("She made rope [S1]. She flew [S77, R3].", purpose="passage_answer")])
    reply = ask(workspace)
    assert reply["answer"] == "She made rope [S1]. She flew."
    assert reply["unknown_citations"] == 2
    assert [citation["id"] for citation in reply["citations"]] == ["S1"]


def test_the_title_that_a_person_gave_stands_in_the_citations(workspace: Workspace, model_server: StandIn) -> None:
    done(workspace, EMBED)
    for one in doing.list_documents(workspace, COLLECTION):
        doing.edit_document(workspace, one["id"], {"title": f"My {one['name']}"})
    model_server.configure(canned=[Canned("Rope [S1].", purpose="passage_answer")])
    (citation,) = ask(workspace)["citations"]
    assert citation["title"] == f"My {citation['document']}"


def test_it_says_how_many_passages_it_could_not_find_and_how_to_change_that(workspace: Workspace) -> None:
    done(workspace, EMBED)
    before = len(passages(workspace))
    list(add_documents(workspace, COLLECTION, [str(SAMPLES / "halvane-feldkirch-letters.txt")]))
    total = len(passages(workspace))
    coverage = ask(workspace)["coverage"]
    assert (coverage["passages"], coverage["with_vector"]) == (total, before)
    what, _, cure = coverage["note"].partition(": ")
    assert what == f"{total - before} of {total} passages have no vector yet"
    assert cure == "`fileintel documents process town --embed` sees to it"
    done(workspace, EMBED)
    assert ask(workspace)["coverage"]["note"] is None


def test_it_says_when_documents_are_cut_with_settings_that_have_changed(workspace: Workspace, opened: Opener) -> None:
    done(workspace, EMBED)
    coverage = ask(opened(chunking__size=300))["coverage"]
    assert coverage["uncut_documents"] == 3
    assert "3 documents are not cut with the present settings" in coverage["note"]


def test_without_vectors_the_question_is_refused_with_what_to_do(workspace: Workspace, opened: Opener) -> None:
    with pytest.raises(NoVectorsError, match=r"have no vectors yet: make them with .*process town --embed"):
        ask(workspace)
    with pytest.raises(NoVectorsError, match="no vectors yet"):
        submission.submit_passage_question(workspace, None, COLLECTION, QUESTION)
    doing.create_collection(workspace, "empty")
    with pytest.raises(EmptyCollectionError):
        questions.ask_passages(workspace, "empty", QUESTION)
    with pytest.raises(NotFoundError):
        questions.ask_passages(workspace, "nothing", QUESTION)
    with pytest.raises(UsageError):
        ask(workspace, "  ")
    done(workspace, EMBED)
    with pytest.raises(NoVectorsError, match="have vectors of standin, and none of another"):
        ask(opened(embedding__model="another"))
    with pytest.raises(ConfigError, match=r"vector_max_context_tokens=50 has no room for a passage of \d+ tokens"):
        ask(opened(query__vector_max_context_tokens=50))


def test_a_queued_question_is_answered_once_and_keeps_its_reply(workspace: Workspace, model_server: StandIn) -> None:
    done(workspace, EMBED)
    run_id = submission.submit_passage_question(workspace, None, COLLECTION, QUESTION).run_id
    reply = execute.answer(workspace, run_id)
    asked = model_server.stats().asked
    assert execute.answer(workspace, run_id)["answer"] == reply["answer"]
    assert model_server.stats().asked == asked
    shown = doing.show_run(workspace, run_id)
    assert (shown["kind"], shown["state"]) == ("passage_question", "succeeded")
    assert shown["result"]["citations"] == reply["citations"]
