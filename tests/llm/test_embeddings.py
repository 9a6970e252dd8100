"""Vectors in batches: in order, to the last bit, and a bad text costs no good one."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from fileintel.llm.client import Tally, embedding_answer
from fileintel.llm.questions import Answered, Failed
from tests.llm.asking import client_of, embedding
from tests.llm.raw_server import Reply, serving
from tests.standin import Fault, StandIn

BATCH = [embedding(f"text {number}") for number in range(8)]
WITH_A_BAD_ONE = [*BATCH[:5], embedding("unlucky"), *BATCH[5:]]


def test_vectors_come_in_the_order_of_the_texts_whatever_the_server_does(server: StandIn) -> None:
    with client_of(server.base_url) as client:
        plain = client.embed(BATCH, Tally())
        server.configure(faults=[Fault("shuffled_vectors")])
        shuffled = client.embed(BATCH, Tally())
    assert plain == shuffled
    assert len({outcome.vector for outcome in plain if isinstance(outcome, Answered)}) == 8


def test_a_new_vector_equals_its_stored_self(server: StandIn) -> None:
    with client_of(server.base_url) as client:
        (outcome,) = client.embed(BATCH[:1], Tally())
    assert isinstance(outcome, Answered)
    assert outcome.vector is not None
    assert embedding_answer(outcome.vector).value == outcome.value
    assert len(outcome.value) == 384


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("context_length", "context_length"),
        ("fewer_vectors", "malformed_response"),
        ("server_error", "server_error"),
        ("broken_envelope", "malformed_response"),
    ],
)
def test_a_bad_text_fails_alone(server: StandIn, kind: str, reason: str) -> None:
    server.configure(faults=[Fault(kind, match="unlucky")])
    tally = Tally()
    with client_of(server.base_url, retries=2) as client:
        outcomes = client.embed(WITH_A_BAD_ONE, tally)
    assert [isinstance(outcome, Answered) for outcome in outcomes] == [True] * 5 + [False] + [True] * 3
    failed = outcomes[5]
    assert isinstance(failed, Failed)
    assert failed.reason == reason
    assert tally.in_flight == 0
    answered = [question for question in server.stats().inputs.values() if question["answered"]]
    assert len(answered) == 8
    assert not any(question["repeated"] for question in answered), "what was answered must not be asked again"


def test_a_fault_that_passes_does_not_divide_the_batch(server: StandIn) -> None:
    server.configure(faults=[Fault("server_error", count=1)])
    with client_of(server.base_url) as client:
        outcomes = client.embed(BATCH, Tally())
    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    assert server.counts().asked.total() == 2


@pytest.mark.parametrize("number", [math.nan, math.inf, None, "0.1", 1e39])
def test_a_vector_that_cannot_be_stored_fails_alone(number: object) -> None:
    with (
        serving(vectors(lambda text: [0.5, number] if text == "unlucky" else [0.5, 0.25])) as server,
        client_of(server.base_url, retries=0) as client,
    ):
        outcomes = client.embed(WITH_A_BAD_ONE, Tally())
    assert [isinstance(outcome, Answered) for outcome in outcomes] == [True] * 5 + [False] + [True] * 3


def test_entries_without_an_index_are_taken_in_their_order() -> None:
    with (
        serving(vectors(lambda text: [float(len(text)), 1.0], indexed=False)) as server,
        client_of(server.base_url) as client,
    ):
        outcomes = client.embed([embedding("a"), embedding("abc")], Tally())
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Answered)] == [[1.0, 1.0], [3.0, 1.0]]


def test_tokens_are_shared_among_the_texts_and_counted_once(server: StandIn) -> None:
    tally = Tally()
    with client_of(server.base_url) as client:
        outcomes = client.embed(BATCH, tally)
    shares = sum(outcome.prompt_tokens for outcome in outcomes if isinstance(outcome, Answered))
    assert 0 < shares <= tally.prompt_tokens
    assert tally.calls == 1


def vectors(vector_of: Callable[[str], list[Any]], indexed: bool = True) -> Callable[[int, dict[str, Any]], Reply]:
    def answer(_number: int, body: dict[str, Any]) -> Reply:
        data = [
            {"embedding": vector_of(text), **({"index": at} if indexed else {})}
            for at, text in enumerate(body["input"])
        ]
        return Reply(body=json.dumps({"data": data}).encode())

    return answer
