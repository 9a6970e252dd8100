"""A model server that takes a question and says nothing: who asks hears of one that hangs, and waits for a busy one."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fileintel.errors import ModelServerUnavailable, RunCancelled
from fileintel.graphrag.query.query_request import QueryRequest
from fileintel.llm import server
from fileintel.runs import questions
from fileintel.workspace import Workspace
from tests import doing
from tests.query.town import COLLECTION, AnswerListener, Meanwhile, Place, add, ask, build, model_of, opened
from tests.standin import StandIn

LOOKS = 3  # that find a busy server


def question_to_a_busy_server(place: Place, streamed: bool) -> dict[str, Any]:
    """The first word takes much longer than patience lasts, and the server says meanwhile which models it has."""
    model = model_of(place)
    with opened(place, query__patience=0.1) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 1)
        build(workspace)
        ask(workspace, "Is it there?")
        model.reset()
        model.gather(1_000, "local_answer")
        listener = AnswerListener() if streamed else None
        asked = Meanwhile(questions.ask, workspace, COLLECTION, QueryRequest("Who drew the sluice?"), listener)
        model.wait_until(lambda stats: stats.looks >= LOOKS)
        model.resume()
        reply: dict[str, Any] = asked.result()
        return {**reply, "asked": model.counts().asked["local_answer"], "heard": listener and listener.text}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_busy_server_is_waited_for_however_long_its_first_word_takes(
    perform: Callable[..., Any], place: Place, model_server: StandIn, streamed: bool
) -> None:
    reply = perform(question_to_a_busy_server, place, streamed)
    assert reply["citations"]
    assert reply["asked"] == 1  # and nothing was cut and asked again
    assert reply["heard"] == (reply["answer"] if streamed else None)


@pytest.fixture
def workspace(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An index, and little patience."""
    monkeypatch.setattr(server, "LOOK_SECONDS", 1.0)
    with opened(place, query__patience=1.0, llm__timeout=86_400.0, llm__patience=86_400.0) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 1)
        build(workspace)
        ask(workspace, "Is it there?")  # the servers are known to be there
        yield workspace


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_who_asks_hears_of_a_server_that_takes_the_question_and_hangs(
    workspace: Workspace, model_server: StandIn, streamed: bool
) -> None:
    model_server.gather(1_000, "local_answer")
    asked = Meanwhile(ask, workspace, "Who drew the sluice?", listener=AnswerListener() if streamed else None)
    model_server.wait_until(lambda stats: stats.asked["local_answer"] == 1)
    model_server.configure(silent=True)
    with pytest.raises(
        ModelServerUnavailable, match=r"model server http\S+, model standin: .*it hangs.*query\.patience"
    ):
        asked.result()
    before = model_server.counts().asked
    with pytest.raises(ModelServerUnavailable, match="model server"):
        ask(workspace, "And why?")
    assert model_server.counts().asked == before  # the next one is not sent to a server that does not say it is there
    model_server.configure(silent=False)
    model_server.resume()
    assert ask(workspace, "Who drew it, then?")["citations"]


def test_so_it_is_with_a_server_that_hangs_with_the_questions_vector(
    workspace: Workspace, model_server: StandIn
) -> None:
    model_server.configure(silent=True)
    with pytest.raises(ModelServerUnavailable, match=r"it hangs"):
        ask(workspace, "Who drew the sluice?")


def test_a_streamed_question_hears_before_its_first_word_that_it_is_to_stop(
    workspace: Workspace, model_server: StandIn
) -> None:
    cancelled = threading.Event()

    def stopping() -> bool:
        if cancelled.is_set():
            raise RunCancelled("it was cancelled")
        return False

    model_server.gather(1_000, "local_answer")
    query_request = QueryRequest("Who drew the sluice?")
    asked = Meanwhile(questions.ask, workspace, COLLECTION, query_request, AnswerListener(), stopping=stopping)
    model_server.wait_until(lambda stats: stats.asked["local_answer"] == 1)
    cancelled.set()
    with pytest.raises(RunCancelled):
        asked.result()
    model_server.resume()
