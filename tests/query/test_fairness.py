"""Questions while an index is built: they do not wait for it, nor for a model server that has gone away."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from fileintel.errors import ModelServerUnavailable
from tests import doing
from tests.query.town import COLLECTION, AnswerListener, Meanwhile, Place, add, ask, build, model_of, opened, wait_for
from tests.standin import StandIn
from tests.standin.settings import Fault

SLOTS = 4  # of the gate
MORE = 14  # text units that the index run has to ask about


def extract_by_hand(place: Place) -> None:
    """A question like those of the index run, from outside of the gate."""
    body = json.dumps({"model": "standin", "messages": [{"role": "user", "content": "by hand"}]}).encode()
    headers = {"Content-Type": "application/json", "X-FileIntel-Purpose": "extract"}
    urllib.request.urlopen(urllib.request.Request(f"{place[2]}/chat/completions", body, headers)).read()


def question_during_an_index_run(place: Place, streamed: bool) -> dict[str, Any]:
    """All slots are held by an index run that has more to ask, others wait for each of them, and then a question: which
    goes first?"""
    from fileintel.graphrag.query.query_request import QueryRequest
    from fileintel.runs import questions

    model = model_of(place)
    with opened(place, graphrag__concurrency=SLOTS) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 2)
        build(workspace)
        add(workspace, 2, MORE)
        for number in range(SLOTS):
            doing.create_collection(workspace, f"other-{number}")
            add(workspace, 100 + number, 1, f"other-{number}")
        model.reset()
        model.gather(SLOTS + 1, "extract", in_waves=True)
        indexing = Meanwhile(build, workspace)
        model.wait_until(lambda stats: stats.peaks["extract"] == SLOTS)
        gate = workspace.chat.gate
        others = [Meanwhile(build, workspace, f"other-{number}") for number in range(SLOTS)]
        wait_for(lambda: gate.reading().waiting == SLOTS, "the other runs wait at the gate")
        listener = AnswerListener() if streamed else None
        asked = Meanwhile(questions.ask, workspace, COLLECTION, QueryRequest("Who drew the sluice?"), listener)
        wait_for(lambda: gate.reading().waiting == SLOTS + 1, "the question waits at the gate")
        before = model.counts().asked["local_answer"]
        extract_by_hand(place)  # it completes the wave: the slots come free, and the next wave is held again
        reply = asked.result()
        counts = model.counts()
        seen = {
            "version": reply["version"],
            "cited": len(reply["citations"]),
            "before": before,
            "some_run_is_over": any(run.is_over for run in (indexing, *others)),
            "asked_about": counts.asked["extract"] - 1,
            "answered_about": counts.answered["extract"] - 1,
            "heard": listener.text == reply["answer"] if listener else True,
        }
        model.resume()
        for run in (indexing, *others):
            run.result()
        seen["next"] = ask(workspace, "And who paid?")["version"]
        return seen


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_question_goes_before_what_an_index_run_has_still_to_ask(
    perform: Callable[..., Any], place: Place, streamed: bool
) -> None:
    seen = perform(question_during_an_index_run, place, streamed)
    assert (seen["before"], seen["answered_about"], seen["some_run_is_over"]) == (0, SLOTS, False)
    assert seen["asked_about"] <= 2 * SLOTS < MORE
    assert (seen["version"], seen["next"]) == (1, 2)
    assert seen["cited"]
    assert seen["heard"]


def test_who_asks_hears_soon_that_the_model_server_is_away(place: Place, model_server: StandIn) -> None:
    patience = {"llm__patience": 86_400.0, "query__patience": 0.5}
    with opened(place, **patience) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 1)
        build(workspace)
        for kind in ("unavailable", "bad_gateway"):
            model_server.configure(faults=[Fault(kind, purpose="local_answer")])
            with pytest.raises(ModelServerUnavailable, match="model server"):
                ask(workspace, f"Who drew the sluice ({kind})?")
        model_server.configure(faults=[])
        assert ask(workspace, "Who drew it, then?")["citations"]


def test_whether_the_servers_are_ready_is_asked_once_and_not_with_each_question(
    place: Place, model_server: StandIn
) -> None:
    with opened(place) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 1)
        build(workspace)
    with opened(place) as workspace:
        looks = []
        original = workspace.check_model
        workspace.check_model = lambda *given: (looks.append(given), original(*given))[1]  # type: ignore[method-assign]
        for number in range(3):
            ask(workspace, f"Who drew sluice {number}?")
        assert len(looks) == 2  # one for each server
