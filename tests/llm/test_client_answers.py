"""What the client makes of answers that arrive: re-asked, repaired, refused."""

import json

import pytest

from fileintel.llm.client import Tally
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, Failed, InvalidAnswer, Sampling
from tests.llm.asking import chat, client_of, json_chat
from tests.llm.raw_server import completion, serving
from tests.standin import Fault, StandIn


@pytest.mark.parametrize("kind", ["truncated_json", "invalid_json", "empty", "prose", "fenced_json", "trailing_commas"])
def test_an_answer_that_does_not_parse_is_asked_for_once_more_with_the_reason(server: StandIn, kind: str) -> None:
    server.configure(faults=[Fault(kind, count=1)])
    tally = Tally()
    with client_of(server.base_url) as client:
        outcome = client.ask(json_chat("hello"), tally)
    assert isinstance(outcome, Answered)
    assert outcome.value == "hello"
    assert (tally.calls, tally.retries) == (2, 1)
    first, second = (question["body"]["messages"] for question in server.questions())
    assert second[: len(first)] == first
    bad, correction = second[len(first) :]
    assert (bad["role"], correction["role"]) == ("assistant", "user")
    assert (
        "it is empty" in correction["content"] if kind == "empty" else "no object with an echo" in correction["content"]
    )
    assert bad["content"]


@pytest.mark.parametrize("kind", ["truncated_json", "invalid_json", "empty", "prose"])
def test_an_answer_that_does_not_parse_twice_is_a_failure_with_both_reasons(server: StandIn, kind: str) -> None:
    server.configure(faults=[Fault(kind)])
    with client_of(server.base_url) as client:
        outcome = client.ask(json_chat("hello"), Tally())
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.attempts) == ("invalid_answer", 2)
    assert "the second answer" in outcome.last_error
    assert server.counts().asked.total() == 2


@pytest.mark.parametrize("kind", ["fenced_json", "trailing_commas", "think_tags", "no_usage"])
def test_an_answer_that_can_be_repaired_is_used_as_it_is(server: StandIn, kind: str) -> None:
    server.configure(faults=[Fault(kind)])
    with client_of(server.base_url) as client:
        outcome = client.ask(json_chat("hello", parse=read_object), Tally())
    assert isinstance(outcome, Answered)
    assert outcome.value["echo"] == "hello"
    assert server.counts().asked.total() == 1
    assert (outcome.prompt_tokens > 0) == (kind != "no_usage")


def test_attempts_before_an_invalid_answer_are_counted(server: StandIn) -> None:
    server.configure(faults=[Fault("server_error", count=2), Fault("prose")])
    with client_of(server.base_url) as client:
        outcome = client.ask(json_chat("hello"), Tally())
    assert isinstance(outcome, Failed)
    assert outcome.attempts == 4


def test_an_object_that_was_cut_off_is_asked_for_again_and_shorter(server: StandIn) -> None:
    server.configure(faults=[Fault("length", count=1)])
    with client_of(server.base_url) as client:
        outcome = client.ask(json_chat("hello", parse=read_object), Tally())
    assert isinstance(outcome, Answered)
    assert not outcome.truncated
    assert "shorter" in server.questions()[1]["body"]["messages"][-1]["content"]


def test_an_object_that_is_cut_off_twice_is_used_as_far_as_it_goes(server: StandIn) -> None:
    server.configure(faults=[Fault("length")])
    with client_of(server.base_url) as client:
        outcome = client.ask(json_chat("hello " * 20, parse=read_object), Tally())
    assert isinstance(outcome, Answered)
    assert outcome.truncated
    assert outcome.value["echo"].startswith("hello hello")
    assert server.counts().asked.total() == 2


def test_an_object_that_was_cut_off_is_used_when_there_is_no_room_for_a_second_try() -> None:
    def answer(number: int, _body: object) -> object:
        if number == 0:
            return completion(choices=[{"message": {"content": '{"echo": "hel'}, "finish_reason": "length"}])
        too_long = {"error": {"message": "maximum context length", "code": "context_length_exceeded"}}
        reply = completion()
        reply.status, reply.body = 400, json.dumps(too_long).encode()
        return reply

    with serving(answer) as server, client_of(server.base_url) as client:  # type: ignore[arg-type]
        outcome = client.ask(json_chat("hello", parse=read_object), Tally())
    assert isinstance(outcome, Answered)
    assert outcome.value == {"echo": "hel"}


def test_records_that_were_cut_off_are_used_and_marked(server: StandIn) -> None:
    server.configure(faults=[Fault("length")])
    with client_of(server.base_url) as client:
        outcome = client.ask(chat("hello"), Tally())
    assert isinstance(outcome, Answered)
    assert outcome.truncated
    assert server.counts().asked.total() == 1


def test_an_answer_that_goes_in_circles_is_asked_for_again_otherwise_and_is_not_shown_to_the_model(
    server: StandIn,
) -> None:
    server.configure(faults=[Fault("repetition", count=1)])
    with client_of(server.base_url) as client:
        outcome = client.ask(chat("hello", sampling=Sampling(0.0, None, 1000)), Tally())
    assert isinstance(outcome, Answered)
    assert not outcome.truncated
    first, second = (question["body"] for question in server.questions())
    assert [message["role"] for message in second["messages"]] == ["system", "user"]
    assert second["messages"][0] == first["messages"][0]
    assert second["messages"][1]["content"].startswith("hello")
    assert "once" in second["messages"][1]["content"]
    assert (first["temperature"], second["temperature"]) == (0.0, 0.4)
    assert (first["max_tokens"], second["max_tokens"]) == (1000, 500)


def test_an_answer_that_goes_in_circles_twice_is_used_as_far_as_it_goes(server: StandIn) -> None:
    server.configure(faults=[Fault("repetition")])
    with client_of(server.base_url) as client:
        outcome = client.ask(chat("hello"), Tally())
    assert isinstance(outcome, Answered)
    assert outcome.truncated
    assert server.counts().asked.total() == 2


def test_an_answer_in_a_script_that_the_question_does_not_have_is_asked_for_again(server: StandIn) -> None:
    server.configure(faults=[Fault("wrong_language", count=1)])
    with client_of(server.base_url) as client:
        outcome = client.ask(chat("hello"), Tally())
    assert isinstance(outcome, Answered)
    assert outcome.value.startswith("echo of hello")
    assert "Cjk script" in server.questions()[1]["body"]["messages"][-1]["content"]


def test_an_answer_that_is_in_a_foreign_script_twice_is_used(server: StandIn) -> None:
    server.configure(faults=[Fault("wrong_language")])
    with client_of(server.base_url) as client:
        outcome = client.ask(chat("hello"), Tally())
    assert isinstance(outcome, Answered)
    assert server.counts().asked.total() == 2


def test_thoughts_are_not_part_of_an_answer(server: StandIn) -> None:
    server.configure(faults=[Fault("think_tags")])
    with client_of(server.base_url) as client:
        outcome = client.ask(chat("hello"), Tally())
    assert isinstance(outcome, Answered)
    assert outcome.content == ("echo of hello " * 3).strip()


def test_nothing_but_thoughts_is_an_empty_answer() -> None:
    with serving(lambda *_: completion("<think>I wonder")) as server, client_of(server.base_url) as client:
        outcome = client.ask(chat("hello"), Tally())
    assert isinstance(outcome, Failed)
    assert outcome.reason == "invalid_answer"
    assert "it is empty" in outcome.last_error


def test_an_answer_nested_beyond_the_interpreters_depth_is_an_invalid_one() -> None:
    with serving(lambda *_: completion("[" * 50_000)) as server, client_of(server.base_url) as client:
        outcome = client.ask(json_chat("hello", parse=parse_json), Tally())
    assert isinstance(outcome, Failed)
    assert outcome.reason == "invalid_answer"


def parse_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidAnswer("no JSON") from None


def test_a_long_invalid_answer_is_quoted_in_part(server: StandIn) -> None:
    server.configure(faults=[Fault("repetition", count=1)])
    with client_of(server.base_url) as client:
        client.ask(json_chat("hello"), Tally())
    quoted = server.questions()[1]["body"]["messages"][-2]["content"]
    assert 0 < len(quoted) <= 4_000


def test_tokens_are_counted_for_every_answer_that_was_paid_for(server: StandIn) -> None:
    server.configure(faults=[Fault("prose", count=1)])
    tally = Tally()
    with client_of(server.base_url) as client:
        outcome = client.ask(json_chat("hello"), tally)
    assert isinstance(outcome, Answered)
    assert tally.calls == 2
    assert tally.prompt_tokens > outcome.prompt_tokens > 0
    assert tally.completion_tokens > outcome.completion_tokens > 0
    assert tally.in_flight == 0
