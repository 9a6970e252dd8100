"""Servers understand different parts of the protocol: the client finds out, and remembers what has worked."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fileintel.llm.client import Tally
from fileintel.llm.dialect import Dialect
from fileintel.llm.faults import Cure, Fault
from fileintel.llm.questions import Answered, Failed, Sampling
from tests.llm.asking import chat, client_of, json_chat
from tests.llm.raw_server import Reply, completion, refusal, serving
from tests.standin import Fault as StandInFault
from tests.standin import StandIn


def formats(server: StandIn) -> list[str | None]:
    return [question["body"].get("response_format", {}).get("type") for question in server.questions()]


def test_a_server_without_schemas_is_found_out_once(server: StandIn) -> None:
    server.configure(json_schema_support=False)
    with client_of(server.base_url) as client:
        for number in range(3):
            assert isinstance(client.ask(json_chat(f"question {number}"), Tally()), Answered)
    assert formats(server) == ["json_schema", "json_object", None, None, None]
    assert server.stats().statuses == [400, 400, 200, 200, 200]


def test_a_server_with_plain_objects_only_gets_these(server: StandIn) -> None:
    server.configure(json_schema_support="json_object")
    with client_of(server.base_url) as client:
        for number in range(3):
            assert isinstance(client.ask(json_chat(f"question {number}"), Tally()), Answered)
    assert formats(server) == ["json_schema", "json_object", "json_object", "json_object"]


def test_fifty_requests_that_meet_the_refusal_at_once_all_get_through(server: StandIn) -> None:
    server.configure(json_schema_support=False)
    server.pause()
    with client_of(server.base_url, ceiling=50) as client, ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(client.ask, json_chat(f"question {number}"), Tally()) for number in range(50)]
        server.wait_until(lambda stats: stats.in_flight == 50)
        server.resume()
        assert all(isinstance(each.result(), Answered) for each in asked)
        server.reset()
        assert isinstance(client.ask(json_chat("one more"), Tally()), Answered)
    assert server.stats().statuses == [200]


def test_one_question_that_is_refused_without_a_word_changes_nothing_for_the_others() -> None:
    def answer(_number: int, body: dict[str, Any]) -> Reply:
        refused = "forbidden" in body["messages"][-1]["content"]
        return refusal(400, "I will not talk about that") if refused else completion('{"echo": "fine"}')

    with serving(answer) as server, client_of(server.base_url) as client:
        outcome = client.ask(json_chat("something forbidden"), Tally())
        assert isinstance(outcome, Failed)
        assert outcome.reason == "rejected"
        assert isinstance(client.ask(json_chat("harmless"), Tally()), Answered)
    assert server.requests[-1]["response_format"]["type"] == "json_schema"


def test_the_newer_name_of_the_token_limit_is_found_and_remembered(server: StandIn) -> None:
    server.configure(faults=[StandInFault("unsupported_parameter", count=1, param="max_tokens")])
    with client_of(server.base_url) as client:
        for number in range(2):
            assert isinstance(client.ask(chat(f"question {number}"), Tally()), Answered)
    bodies = [question["body"] for question in server.questions()]
    assert ["max_tokens" in body for body in bodies] == [True, False, False]
    assert ["max_completion_tokens" in body for body in bodies] == [False, True, True]


def test_a_server_that_takes_no_token_limit_gets_none(server: StandIn) -> None:
    server.configure(faults=[StandInFault("unsupported_parameter", count=2, param="max_tokens")])
    with client_of(server.base_url) as client:
        assert isinstance(client.ask(chat("hello"), Tally()), Answered)
    assert not {"max_tokens", "max_completion_tokens"} & set(server.questions()[-1]["body"])


def test_a_temperature_that_is_not_supported_is_left_out(server: StandIn) -> None:
    server.configure(faults=[StandInFault("unsupported_parameter", count=1, param="temperature")])
    with client_of(server.base_url) as client:
        for number in range(2):
            assert isinstance(client.ask(chat(f"question {number}"), Tally()), Answered)
    assert ["temperature" in question["body"] for question in server.questions()] == [True, False, False]


def test_a_parameter_of_the_users_own_that_is_refused_is_no_endless_loop(server: StandIn) -> None:
    server.configure(faults=[StandInFault("unsupported_parameter", param="temperature")])
    with client_of(server.base_url, extra_body={"temperature": 1.0, "response_format": {"type": "text"}}) as client:
        outcome = client.ask(json_chat("hello"), Tally())
    assert isinstance(outcome, Failed)
    assert outcome.reason == "rejected"
    assert server.counts().asked.total() <= 5


def test_a_text_that_mentions_a_parameter_does_not_take_it_away() -> None:
    dialect = Dialect()
    body = dialect.body(chat("hello"), [])
    told = Fault(Cure.GIVE_UP_ITEM, "rejected", "HTTP 400: flagged: 'the temperature rose'", status=400)
    assert dialect.adapted(told, body) is None


words = st.sampled_from(
    ["max_tokens", "max_completion_tokens", "temperature", "top_p", "response_format", "unsupported", "is", "unknown"]
)


@given(st.lists(st.tuples(st.lists(words), st.none() | words), min_size=12, max_size=12), st.booleans())
def test_whatever_a_server_refuses_asking_comes_to_an_end(
    refusals: list[tuple[list[str], str | None]], with_schema: bool
) -> None:
    question = (json_chat if with_schema else chat)("hello", sampling=Sampling(0.5, 0.9, 100))
    dialect, steps = Dialect(), 0
    for told, parameter in refusals:
        fault = Fault(Cure.GIVE_UP_ITEM, "rejected", " ".join(told), status=400, parameter=parameter)
        body = dialect.body(question, question.messages)
        poorer = dialect.adapted(fault, body)
        if poorer is not None:
            steps += 1
            assert set(map(repr, poorer.body(question, question.messages).items())) != set(map(repr, body.items()))
            assert dialect.joined(poorer) == poorer
            dialect = poorer
    assert steps <= 6
