"""Several servers of one model: shared out by weight, and without one of them."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from fileintel.config import Endpoint
from fileintel.errors import ModelServerUnavailable
from fileintel.llm.client import ModelClient, Patience, Tally
from fileintel.llm.gate import Gate
from fileintel.llm.questions import Answered
from tests.llm.asking import QUICK, chat
from tests.standin import Fault, StandIn

ECHO = "tests.llm.echo:echo"


@pytest.fixture(scope="module")
def second_process() -> Iterator[StandIn]:
    with StandIn.start() as server:
        yield server


@pytest.fixture
def second(second_process: StandIn) -> StandIn:
    """Another server of the same model."""
    second_process.configure(answers=ECHO, faults=[], latency=0.0)
    second_process.reset()
    return second_process


@contextmanager
def client_of(*servers: tuple[str, int], **options: float) -> Iterator[ModelClient]:
    """A client of several servers, each with a limit."""
    patience = Patience(**{**QUICK, **options})  # type: ignore[arg-type]
    (first, gate), *others = [(Endpoint(url, "key", "stand-in"), Gate(limit)) for url, limit in servers]
    client = ModelClient(first, gate, patience, others=others)
    try:
        yield client
        reading = client.gate.reading()
        assert (reading.in_flight, reading.waiting) == (0, 0)
    finally:
        client.close()


def ask_many(client: ModelClient, count: int, at_once: int) -> list[bool]:
    with ThreadPoolExecutor(at_once) as pool:
        outcomes = pool.map(lambda n: client.ask(chat(f"question {n}"), Tally()), range(count))
        return [isinstance(outcome, Answered) for outcome in outcomes]


def test_requests_are_shared_out_by_weight_and_no_server_gets_more_than_its_limit(
    server: StandIn, second: StandIn
) -> None:
    for each in (server, second):
        each.configure(latency=0.02)
    with client_of((server.base_url, 6), (second.base_url, 2)) as client:
        assert all(ask_many(client, 120, 12))
        assert client.gate.reading().ceiling == 8
    one, other = server.counts(), second.counts()
    assert one.asked.total() + other.asked.total() == 120
    assert (one.peak_in_flight, other.peak_in_flight) == (6, 2)
    assert 70 <= one.asked.total() <= 105


def test_when_one_is_away_the_other_takes_over_and_it_is_used_again_when_it_is_back(second: StandIn) -> None:
    with StandIn.start(answers=ECHO) as first:
        port = first.port
    url = f"http://127.0.0.1:{port}/v1"
    with client_of((url, 3), (second.base_url, 3), waiting=60.0) as client:
        assert all(ask_many(client, 20, 6))
        assert second.counts().asked.total() == 20
        reading = client.gate.reading()
        assert reading.state == "throttled", "one of two is there"
        with StandIn.start(port=port, answers=ECHO) as back:
            give_up = time.monotonic() + 20
            while not back.counts().asked and time.monotonic() < give_up:
                assert all(ask_many(client, 6, 6))
            assert back.counts().asked.total() > 0
        assert client.gate.reading().state == "open"


def test_those_who_wait_for_a_server_that_goes_away_move_to_the_other(server: StandIn, second: StandIn) -> None:
    server.configure(faults=[Fault("bad_gateway")])
    with client_of((server.base_url, 1), (second.base_url, 1), waiting=60.0) as client:
        assert all(ask_many(client, 12, 12))
    assert second.counts().asked.total() == 12


def test_only_when_all_are_away_for_too_long_it_is_over(server: StandIn, second: StandIn) -> None:
    for each in (server, second):
        each.configure(faults=[Fault("bad_gateway")])
    with client_of((server.base_url, 2), (second.base_url, 2), waiting=0.5) as client:
        started = time.monotonic()
        with pytest.raises(ModelServerUnavailable):
            client.ask(chat("anybody there?"), Tally())
        assert time.monotonic() - started >= 0.5


def test_models_are_those_that_all_of_them_have(server: StandIn, second: StandIn) -> None:
    server.configure(models=["a", "b"])
    second.configure(models=["b", "c"])
    with client_of((server.base_url, 2), (second.base_url, 2)) as client:
        assert client.models() == ["b"]
    second.configure(models=[])


def test_a_server_that_wants_to_be_left_alone_is_not_waited_for_while_another_has_room(
    server: StandIn, second: StandIn
) -> None:
    with client_of((server.base_url, 4), (second.base_url, 4)) as client:
        server.configure(faults=[Fault("rate_limit", count=1, retry_after=8.0)])
        assert all(ask_many(client, 12, 1))
        assert server.counts().answered.total() == 0  # it was asked once
        assert second.counts().answered.total() == 12
