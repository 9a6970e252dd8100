"""Connections: kept, bounded, never used again with half an answer in them; proxies and TLS."""

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fileintel.errors import ModelServerUnavailable
from fileintel.llm.client import Tally
from fileintel.llm.questions import Answered
from fileintel.llm.transport import PooledTransport, proxy_for, trusting_context
from tests.llm.asking import chat, client_of
from tests.llm.raw_server import Reply, completion, refusal, serving
from tests.standin import StandIn

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _no_proxies_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_two_hundred_calls_open_no_more_connections_than_are_in_flight() -> None:
    with (
        serving(lambda *_: completion()) as server,
        client_of(server.base_url, ceiling=6) as client,
        ThreadPoolExecutor(20) as pool,
    ):
        outcomes = list(pool.map(lambda n: client.ask(chat(f"question {n}"), Tally()), range(200)))
    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    assert len(server.requests) == 200
    assert 1 <= server.connections <= 6


def test_a_connection_is_kept_after_an_error_status() -> None:
    with (
        serving(lambda number, _: completion() if number % 2 else refusal(500, "oh")) as server,
        client_of(server.base_url) as client,
    ):
        for number in range(5):
            assert isinstance(client.ask(chat(f"question {number}"), Tally()), Answered)
    assert server.connections == 1


def test_a_connection_with_half_an_answer_in_it_is_not_used_again() -> None:
    stop = threading.Event()

    def answer(number: int, _body: object) -> Reply:
        if number == 1:
            return Reply(body=b'{"half": ', promised=100, then=lambda: stop.wait(20))
        return completion(f"answer {number}")

    with serving(answer) as server, client_of(server.base_url, timeout=0.3) as client:
        values = [client.ask(chat(f"question {number}"), Tally()) for number in range(3)]
        stop.set()
    contents = [outcome.content for outcome in values if isinstance(outcome, Answered)]
    assert contents == ["answer 0", "answer 2", "answer 3"]
    assert server.connections == 2


def test_a_server_that_closes_after_each_answer_is_no_trouble() -> None:
    def answer(_number: int, _body: object) -> Reply:
        reply = completion()
        reply.headers["Connection"] = "close"
        return reply

    tally = Tally()
    with serving(answer) as server, client_of(server.base_url) as client:
        for number in range(5):
            assert isinstance(client.ask(chat(f"question {number}"), tally), Answered)
    assert server.connections == 5


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1", "http://localhost:8000/v1", "http://[::1]:8000/v1", "https://127.1.2.3/v1"]
)
def test_a_server_on_this_machine_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert proxy_for(url) is None


def test_the_proxy_of_the_environment_is_used_for_other_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example,other.example:8000")
    assert proxy_for("http://models.example/v1") == "http://proxy.example:3128"
    assert proxy_for("https://models.example/v1") is None
    assert proxy_for("http://inside.example/v1") is None
    assert proxy_for("http://other.example:8000/v1") is None
    assert proxy_for("http://other.example:8001/v1") == "http://proxy.example:3128"


def test_a_proxy_gets_the_request_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda *_: completion("through the proxy")) as proxy:
        place = proxy.base_url.removesuffix("/v1").removeprefix("http://")
        monkeypatch.setenv("HTTP_PROXY", f"http://user:p%40ss@{place}")
        with client_of("http://models.example/v1") as client:
            outcome = client.ask(chat("hello"), Tally())
    assert isinstance(outcome, Answered)
    assert outcome.content == "through the proxy"


def test_a_dead_proxy_does_not_keep_anybody_from_a_loopback_server(
    server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with client_of(server.base_url) as client:
        assert isinstance(client.ask(chat("hello"), Tally()), Answered)


def test_certificates_are_checked() -> None:
    context = trusting_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 0 or Path(ssl.get_default_verify_paths().capath or "/none").exists()


def test_a_transport_for_https_can_be_built() -> None:
    PooledTransport("https://models.example/v1", 4).close()


def test_tls_towards_a_server_without_it_says_so() -> None:
    with (
        serving(lambda *_: completion()) as server,
        client_of(server.base_url.replace("http", "https")) as client,
        pytest.raises(ModelServerUnavailable, match="SSL"),
    ):
        client.models()
