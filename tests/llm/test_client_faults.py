"""The client against a server that fails in every way the stand-in knows: retried, given up, or the end of the run."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fileintel.errors import ModelServerRefused, ModelServerUnavailable
from fileintel.llm.caller import Caller, CallerCancelled
from fileintel.llm.client import ModelClient, Tally
from fileintel.llm.questions import Answered, Failed
from tests.llm.asking import chat, client_of
from tests.llm.raw_server import Reply, completion, refusal, serving
from tests.standin import Fault, StandIn

TRANSIENT = [
    "server_error",
    "bad_gateway",
    "unavailable",
    "rate_limit",
    "reset_before",
    "reset_mid_body",
    "half_body",
    "broken_envelope",
]


def ask(client: ModelClient, text: str = "a question", tally: Tally | None = None) -> Answered | Failed:
    return client.ask(chat(text), tally or Tally())


@pytest.mark.parametrize("kind", TRANSIENT)
def test_a_fault_that_passes_is_asked_again(server: StandIn, kind: str) -> None:
    server.configure(faults=[Fault(kind, count=2)])
    tally = Tally()
    with client_of(server.base_url) as client:
        outcome = ask(client, tally=tally)
    assert isinstance(outcome, Answered)
    assert outcome.value.startswith("echo of a question")
    assert (tally.calls, tally.retries, tally.in_flight) == (1, 2, 0)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("server_error", "server_error"),
        ("reset_before", "connection"),
        ("half_body", "connection"),
        ("broken_envelope", "malformed_response"),
        ("hang", "timeout"),
    ],
)
def test_a_fault_that_stays_gives_up_the_item_with_its_reason(server: StandIn, kind: str, reason: str) -> None:
    server.configure(faults=[Fault(kind, match="unlucky")])
    with client_of(server.base_url, timeout=0.2, retries=2) as client:
        outcome = ask(client, "unlucky")
        assert isinstance(ask(client, "lucky"), Answered)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.attempts) == (reason, 3)
    assert outcome.last_error


def test_a_text_that_is_too_long_is_given_up_at_once(server: StandIn) -> None:
    server.configure(faults=[Fault("context_length")])
    with client_of(server.base_url) as client:
        outcome = ask(client)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.attempts) == ("context_length", 1)
    assert "maximum context length is 4096" in outcome.last_error


@pytest.mark.parametrize("kind", ["unauthorized", "unknown_model"])
def test_a_server_that_will_answer_nothing_gives_up_the_run(server: StandIn, kind: str) -> None:
    server.configure(faults=[Fault(kind)])
    with client_of(server.base_url) as client, pytest.raises(ModelServerRefused) as refused:
        ask(client)
    assert server.base_url in str(refused.value)
    assert "stand-in" in str(refused.value)
    assert server.counts().asked.total() == 1


@pytest.mark.parametrize("kind", ["rate_limit", "unavailable", "bad_gateway"])
def test_a_server_that_stays_busy_or_away_is_waited_for_as_long_as_patience_lasts(server: StandIn, kind: str) -> None:
    server.configure(faults=[Fault(kind)])
    started = time.monotonic()
    with client_of(server.base_url, waiting=0.3) as client, pytest.raises(ModelServerUnavailable):
        ask(client)
    assert time.monotonic() - started >= 0.3


def test_a_server_that_is_restarted_is_waited_for() -> None:
    with StandIn.start(answers="tests.llm.echo:echo") as first:
        port = first.port
    with client_of(f"http://127.0.0.1:{port}/v1", waiting=30.0, backoff=0.05) as client, ThreadPoolExecutor(1) as pool:
        tally = Tally()
        asked = pool.submit(ask, client, tally=tally)
        while tally.retries < 2:
            time.sleep(0.01)
        assert not asked.done()
        with StandIn.start(port=port, answers="tests.llm.echo:echo"):
            assert isinstance(asked.result(30), Answered)
        assert client.gate.reading().limit == 8, "a server that is away is not too busy"


def test_when_a_server_is_back_all_go_on_at_once() -> None:
    with StandIn.start(answers="tests.llm.echo:echo") as first:
        port = first.port
    with (
        client_of(f"http://127.0.0.1:{port}/v1", ceiling=20, waiting=60.0, backoff=30.0) as client,
        ThreadPoolExecutor(20) as pool,
    ):
        asked = [pool.submit(ask, client, f"question {number}") for number in range(20)]
        while client.gate.reading().state != "away":
            time.sleep(0.01)
        assert client.gate.reading().throttled
        with StandIn.start(port=port, answers="tests.llm.echo:echo") as second:
            # a pause of each of them would have been half a minute
            assert all(isinstance(each.result(20), Answered) for each in asked)
            assert second.counts().asked.total() == 20
        assert client.gate.reading().state == "open"


def test_whoever_does_not_wait_long_gives_up_early_and_the_others_go_on_waiting() -> None:
    with StandIn.start(answers="tests.llm.echo:echo") as first:
        port = first.port
    with client_of(f"http://127.0.0.1:{port}/v1", waiting=60.0) as client, ThreadPoolExecutor(1) as pool:
        patient = pool.submit(ask, client)
        with pytest.raises(ModelServerUnavailable):
            client.ask(chat("a person waits"), Tally(), Caller(urgent=True, patience=0.3))
        assert not patient.done()
        with StandIn.start(port=port, answers="tests.llm.echo:echo"):
            assert isinstance(patient.result(20), Answered)


def test_a_host_that_has_no_address_is_a_server_that_is_away() -> None:
    with (
        client_of("http://no-such-host.invalid/v1", waiting=0.3) as client,
        pytest.raises(ModelServerUnavailable, match=r"no-such-host\.invalid"),
    ):
        ask(client)


def test_questions_that_fail_together_are_not_to_blame(server: StandIn) -> None:
    server.configure(faults=[Fault("server_error", count=16)])  # more than four times what one may be retried
    with client_of(server.base_url, retries=2, waiting=20.0) as client, ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda number: ask(client, f"question {number}"), range(4)))
    assert all(isinstance(outcome, Answered) for outcome in outcomes)


def test_questions_that_fail_together_for_ever_are_given_up_one_by_one(server: StandIn) -> None:
    server.configure(faults=[Fault("server_error")])
    with client_of(server.base_url, retries=2, waiting=0.5) as client, ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda number: ask(client, f"question {number}"), range(4)))
    assert all(isinstance(outcome, Failed) and outcome.reason == "server_error" for outcome in outcomes)


def test_a_503_for_everybody_means_away_and_one_among_answers_means_busy(server: StandIn) -> None:
    server.configure(faults=[Fault("unavailable", match="unlucky", first_n_attempts=2)])
    with client_of(server.base_url, ceiling=10) as client:
        assert isinstance(ask(client, "unlucky"), Answered)
        assert client.gate.reading().limit == 10
        assert isinstance(ask(client, "unlucky again"), Answered)
        assert client.gate.reading().limit < 10


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from([*TRANSIENT, "hang", "empty", "repetition", "context_length"]), st.integers(1, 4)),
        max_size=5,
    )
)
def test_whatever_fails_every_slot_comes_back(server: StandIn, plan: list[tuple[str, int]]) -> None:
    server.configure(faults=[Fault(kind, count=count) for kind, count in plan])
    with client_of(server.base_url, ceiling=3, timeout=0.3) as client, ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda number: ask(client, f"question {number}"), range(8)))
        assert len(outcomes) == 8
        assert client.gate.reading().peak <= 3
        server.configure(faults=[])
        assert isinstance(ask(client, "afterwards"), Answered)
        assert client.gate.reading().state != "away"
    # that nobody is left inside or waiting is what `client_of` looks at


def test_a_question_that_gets_no_turn_while_others_do_is_given_up_alone(server: StandIn) -> None:
    server.configure(faults=[Fault("rate_limit", match="unlucky")])
    with client_of(server.base_url, waiting=0.3) as client, ThreadPoolExecutor(1) as pool:
        unlucky = pool.submit(ask, client, "unlucky")
        number = 0
        while not unlucky.done():
            assert isinstance(ask(client, f"lucky {number}"), Answered)
            number += 1
        outcome = unlucky.result()
    assert isinstance(outcome, Failed)
    assert outcome.reason == "busy"


def test_a_request_that_hangs_is_cut_and_asked_again_alone(server: StandIn) -> None:
    server.configure(faults=[Fault("hang", match="7", first_n_attempts=1)])
    with client_of(server.base_url, ceiling=10, timeout=1.0) as client, ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda number: ask(client, f"question {number}"), range(10)))
    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    asked = sorted(question["asked"] for question in server.stats().questions.values())
    assert asked == [1] * 9 + [2]
    assert server.wait_until(lambda stats: stats.in_flight == 0).abandoned == 1


def test_an_answer_that_trickles_beyond_the_deadline_is_cut(server: StandIn) -> None:
    server.configure(faults=[Fault("trickle", count=1, seconds=20.0)])
    started = time.monotonic()
    with client_of(server.base_url, timeout=0.5) as client:
        assert isinstance(ask(client), Answered)
    assert 0.5 <= time.monotonic() - started < 5
    assert server.counts().asked.total() == 2


def test_an_answer_that_stalls_after_its_first_bytes_is_cut_at_the_same_deadline() -> None:
    stop = threading.Event()

    def stalling(number: int, _body: object) -> Reply:
        return completion() if number else Reply(body=b'{"choices": [', promised=1000, then=lambda: stop.wait(20))

    started = time.monotonic()
    with serving(stalling) as server, client_of(server.base_url, timeout=0.5) as client:
        assert isinstance(ask(client), Answered)
        stop.set()
    assert time.monotonic() - started < 0.95, "the second read waited as long as a whole answer may take"


def test_an_answer_that_trickles_within_the_deadline_is_used(server: StandIn) -> None:
    server.configure(faults=[Fault("trickle", seconds=0.2)])
    with client_of(server.base_url) as client:
        assert isinstance(ask(client), Answered)
    assert server.counts().asked.total() == 1


@pytest.mark.parametrize("seconds", [1.0, 0.3])
def test_retry_after_holds_everyone(server: StandIn, seconds: float) -> None:
    server.configure(faults=[Fault("rate_limit", count=1, retry_after=seconds)])
    started = time.monotonic()
    with client_of(server.base_url, ceiling=1) as client, ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(ask, client, f"question {number}") for number in range(5)]
        assert all(isinstance(each.result(), Answered) for each in asked)
    # one slot: whoever was refused first, nobody was let in before the time was over
    assert time.monotonic() - started >= seconds
    assert sorted(server.stats().statuses) == [200] * 5 + [429]


def test_retry_after_as_a_date_is_understood(server: StandIn) -> None:
    server.configure(faults=[Fault("unavailable", count=1, retry_after=2, retry_after_date=True)])
    started = time.monotonic()
    with client_of(server.base_url) as client:
        assert isinstance(ask(client), Answered)
    assert time.monotonic() - started >= 0.9, "a date has whole seconds"


def test_a_server_that_wants_to_be_left_alone_for_longer_than_patience_ends_the_run_at_once(server: StandIn) -> None:
    server.configure(faults=[Fault("rate_limit", count=1, retry_after=86_400)])
    with client_of(server.base_url) as client:
        with pytest.raises(ModelServerUnavailable, match="left alone for 86400 s"):
            ask(client)
        assert isinstance(ask(client), Answered), "the next run must not find the gate shut for a day"


def test_a_refusal_shrinks_the_limit_and_successes_let_it_grow_again(server: StandIn) -> None:
    server.configure(faults=[Fault("rate_limit", count=1)])
    with client_of(server.base_url, ceiling=10) as client:
        assert isinstance(ask(client), Answered)
        assert client.gate.reading().limit == 7
        for number in range(40):
            ask(client, str(number))
        assert client.gate.reading().limit == 10


def test_a_caller_that_is_cancelled_ends_the_waiting_for_a_server(server: StandIn) -> None:
    server.configure(faults=[Fault("unavailable")])
    caller, tally = Caller(), Tally()
    with client_of(server.base_url, backoff=30.0) as client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.ask, chat("a question"), tally, caller)
        while not tally.retries:
            time.sleep(0.005)
        caller.cancel()
        with pytest.raises(CallerCancelled):
            asked.result(5)


def test_text_that_cannot_be_sent_is_given_up_without_asking(server: StandIn) -> None:
    with client_of(server.base_url) as client:
        outcome = ask(client, "a lone \ud800")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.attempts) == ("unsendable", 1)


def test_an_unreadable_envelope_is_a_malformed_response() -> None:
    envelopes = [
        Reply(body=b"[]"),
        Reply(body=b'{"choices": []}'),
        Reply(body=b'{"choices": ["text"]}'),
        Reply(body=b'{"choices": [{"message": null}]}'),
        Reply(body=b'{"choices": [{"message": {"content": 7}}]}'),
        Reply(body=b'{"a":' * 20_000),
    ]
    with (
        serving(lambda number, _body: envelopes[number]) as server,
        client_of(server.base_url, retries=len(envelopes) - 1) as client,
    ):
        outcome = ask(client)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.attempts) == ("malformed_response", len(envelopes))


def test_content_in_parts_and_odd_usage_are_read() -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "two "}, {"type": "text", "text": "parts"}]
    with serving(lambda _number, _body: completion(parts, usage=[])) as server, client_of(server.base_url) as client:
        outcome = ask(client)
    assert isinstance(outcome, Answered)
    assert (outcome.content, outcome.prompt_tokens) == ("two parts", 0)


def test_what_postgresql_cannot_hold_is_taken_out_of_an_answer_before_it_is_parsed_and_nul_leaves_a_mark() -> None:
    with serving(lambda *_: completion("nul \x00 and \ud83d lone")) as server, client_of(server.base_url) as client:
        outcome = ask(client)
    assert isinstance(outcome, Answered)
    assert outcome.value == "nul  and \ufffd lone"
    assert outcome.content == "nul \x1a and \ufffd lone"


def test_a_redirect_is_not_followed_and_names_the_place() -> None:
    with (
        serving(lambda *_: Reply(308, headers={"Location": "https://elsewhere/v1"})) as server,
        client_of(server.base_url) as client,
        pytest.raises(ModelServerRefused, match="https://elsewhere/v1"),
    ):
        ask(client)


def test_an_input_that_was_flagged_does_not_end_the_run() -> None:
    with (
        serving(lambda *_: refusal(403, "Your input was flagged by moderation")) as server,
        client_of(server.base_url) as client,
    ):
        outcome = ask(client)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "rejected"
