"""The stand-in as a model server that fails as it is told."""

import json
import socket
from email.utils import parsedate_to_datetime

import httpx
import pytest

from . import Fault, StandIn, faults
from .test_standin_answers import ask, content

REPORT = '<data>\n-----Entities-----\nid,title,description\n1,ILSE BRANDT,"Ilse Brandt built a lock."\n</data>'


@pytest.mark.parametrize(("kind", "status"), sorted(faults.STATUS.items()))
def test_a_status_fault_is_an_answer_with_that_status(standin: StandIn, kind: str, status: int) -> None:
    standin.configure(faults=[Fault(kind, count=1)])
    assert ask(standin).status_code == status
    assert ask(standin).status_code == 200
    stats = standin.stats()
    assert stats.statuses == [status, 200]
    assert stats.faults == {kind: 1}
    assert (stats.asked["extract"], stats.answered["extract"], stats.repeated) == (2, 1, 0)


def test_a_rate_limit_can_say_when_to_come_back(standin: StandIn) -> None:
    standin.configure(faults=[Fault("rate_limit", count=1)])
    assert "retry-after" not in ask(standin).headers
    standin.configure(faults=[Fault("rate_limit", count=1, retry_after=2.5)])
    assert ask(standin).headers["retry-after"] == "2.5"
    standin.configure(faults=[Fault("unavailable", count=1, retry_after=60, retry_after_date=True)])
    assert parsedate_to_datetime(ask(standin).headers["retry-after"]).tzinfo is not None


@pytest.mark.parametrize("kind", ["reset_before", "reset_mid_body", "half_body"])
def test_a_connection_can_break_off(standin: StandIn, kind: str) -> None:
    standin.configure(faults=[Fault(kind, count=1)])
    with pytest.raises(httpx.TransportError):
        ask(standin)
    assert ask(standin).status_code == 200
    stats = standin.stats()
    assert stats.statuses == [200]
    assert stats.repeated == 0


def test_a_hanging_request_ends_when_the_client_cuts_it(standin: StandIn) -> None:
    standin.configure(faults=[Fault("hang", count=1)])
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{standin.base_url}/chat/completions", json={"messages": [{"role": "user"}]}, timeout=0.2)
    assert standin.wait_until(lambda stats: stats.in_flight == 0).abandoned == 1


def test_a_trickle_is_whole_in_the_end(standin: StandIn) -> None:
    whole = content(ask(standin))
    standin.configure(faults=[Fault("trickle", seconds=0.2)])
    assert content(ask(standin)) == whole
    assert standin.stats().answered["extract"] == 2


def test_a_broken_envelope_is_no_json(standin: StandIn) -> None:
    standin.configure(faults=[Fault("broken_envelope")])
    with pytest.raises(json.JSONDecodeError):
        ask(standin).json()


def test_content_faults_spoil_what_was_asked_for(standin: StandIn) -> None:
    sound = content(ask(standin, REPORT, "report"))
    assert json.loads(sound)
    spoiled = {}
    for kind in faults.CONTENT:
        standin.configure(faults=[Fault(kind)])
        spoiled[kind] = ask(standin, REPORT, "report")
    for kind in ("truncated_json", "invalid_json", "empty", "prose", "fenced_json", "think_tags", "trailing_commas"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(content(spoiled[kind]))
    assert sound in content(spoiled["fenced_json"])
    assert content(spoiled["think_tags"]).endswith(sound)
    assert content(spoiled["empty"]) == ""
    assert "标题" in json.loads(content(spoiled["wrong_language"]))
    assert "usage" not in spoiled["no_usage"].json()
    for kind in ("length", "repetition"):
        assert spoiled[kind].json()["choices"][0]["finish_reason"] == "length"
    assert len(content(spoiled["repetition"])) == faults.REPETITION_LENGTH


def test_only_answers_that_a_careful_client_can_use_count_as_answered(standin: StandIn) -> None:
    for kind in faults.CONTENT:
        standin.reset()
        standin.configure(faults=[Fault(kind)])
        ask(standin, REPORT, "report")
        assert standin.stats().answered["report"] == (kind in faults.HARMLESS)


def test_vectors_can_be_of_another_size_too_few_or_shuffled(standin: StandIn) -> None:
    def embed() -> list[dict[str, object]]:
        answer = httpx.post(f"{standin.base_url}/embeddings", json={"model": "m", "input": ["a", "b", "c"]})
        found: list[dict[str, object]] = answer.json()["data"]
        return found

    sound = embed()
    standin.configure(faults=[Fault("wrong_size")])
    assert {len(str(item["embedding"])) for item in embed()}.isdisjoint({len(str(item["embedding"])) for item in sound})
    standin.configure(faults=[Fault("fewer_vectors")])
    assert len(embed()) == 2
    standin.configure(faults=[Fault("shuffled_vectors")])
    shuffled = embed()
    assert [item["index"] for item in shuffled] == [2, 1, 0]
    assert list(reversed(shuffled)) == sound
    assert ask(standin).status_code == 200, "a fault of vectors must not meet a chat"


def test_a_fault_can_be_limited_to_a_purpose_a_text_and_the_first_attempts(standin: StandIn) -> None:
    standin.configure(faults=[Fault("unavailable", purpose="report", match="Brandt", first_n_attempts=2)])
    assert ask(standin, "Brandt is not reported", "extract").status_code == 200
    assert ask(standin, "Krohn", "report").status_code == 200
    assert [ask(standin, "Brandt", "report").status_code for _ in range(4)] == [503, 503, 200, 200]
    assert [ask(standin, "Brandt again", "report").status_code for _ in range(3)] == [503, 503, 200]


def test_a_share_of_the_requests_fails_whatever_their_order(standin: StandIn) -> None:
    texts = [f"text {number}" for number in range(60)]
    standin.configure(faults=[Fault("unavailable", share=0.3)])
    forward = {text: ask(standin, text).status_code for text in texts}
    standin.reset()
    backward = {text: ask(standin, text).status_code for text in reversed(texts)}
    assert forward == backward
    assert 5 < sum(status == 503 for status in forward.values()) < 35
    standin.configure(seed=1)
    standin.reset()
    assert {text: ask(standin, text).status_code for text in texts} != forward


def test_a_connection_can_be_used_again_after_a_fault(standin: StandIn) -> None:
    standin.configure(faults=[Fault("unavailable", count=1), Fault("prose", count=1)])
    with httpx.Client() as client, socket.socket():
        for status in (503, 200, 200):
            answer = client.post(
                f"{standin.base_url}/chat/completions", json={"messages": [{"role": "user", "content": "x"}]}
            )
            assert answer.status_code == status
