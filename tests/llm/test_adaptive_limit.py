"""Finding what a server can use: from its own metrics, and from how long its answers take."""

import math

import pytest

from fileintel.llm.adaptive_limit import FLOOR, AdaptiveLimit, Knee, NoMetrics
from fileintel.llm.gate import Gate
from fileintel.llm.server_metrics import Load, metrics_url, read_load
from tests.llm.test_gate import Clock

VLLM = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="big"} 20.0
vllm:num_requests_running{engine="1",model_name="big"} 3.0
vllm:num_requests_running{engine="0",model_name="small"} 7.0
vllm:num_requests_waiting{engine="0",model_name="big"} 1.5e1
vllm:num_requests_waiting{engine="1",model_name="big"} 0.0
vllm:num_requests_waiting{engine="0",model_name="small"} 9.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="big",reason="capacity"} 99.0
"""


class Server:
    """A server that runs so many requests at once; all that come are ours."""

    def __init__(self, gate: Gate, slots: int) -> None:
        self.gate = gate
        self.slots = slots
        self.asked = 0

    def load(self) -> Load:
        self.asked += 1
        sent = self.sent
        return Load(min(sent, self.slots), max(0, sent - self.slots))

    @property
    def sent(self) -> int:
        return self.gate.reading().limit


class Full(Gate):
    """A gate before which there are always enough."""

    def reading(self):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        found = super().reading()
        return replace(found, in_flight=found.limit)


def looked(slots: int, ceiling: int = 50, looks: int = 60) -> list[int]:
    clock = Clock()
    gate = Full(ceiling, clock)
    adaptive_limit = AdaptiveLimit(gate, Server(gate, slots).load, clock)
    limits = []
    for _ in range(looks):
        clock.now += 2.0
        adaptive_limit.answered(1, 1.0, 0, 0)
        adaptive_limit.look()
        limits.append(gate.reading().limit)
    return limits


@pytest.mark.parametrize("slots", [10, 20, 33])
def test_the_limit_comes_to_rest_where_the_server_has_few_waiting(slots: int) -> None:
    limits = looked(slots)
    assert limits[1] == 50, "two looks are not enough"
    rest = limits[10:]
    assert slots <= sum(rest) / len(rest) <= 1.25 * slots + 2
    assert min(rest) >= slots


def test_a_server_that_can_use_all_gets_all() -> None:
    assert set(looked(64)) == {50}


def test_the_limit_does_not_go_below_the_floor_nor_above_the_configured_one() -> None:
    assert min(looked(1)) == FLOOR
    assert max(looked(1)) == 50


def test_a_server_without_metrics_is_asked_once() -> None:
    clock = Clock()
    asked = []

    def none() -> Load:
        asked.append(clock.now)
        raise NoMetrics

    adaptive_limit = AdaptiveLimit(Gate(50, clock), none, clock)
    for _ in range(100):
        clock.now += 1
        adaptive_limit.answered(1, 1.0, 0, 0)
        adaptive_limit.look()
    assert len(asked) == 1


def test_looks_are_rare() -> None:
    clock = Clock()
    gate = Full(50, clock)
    server = Server(gate, 64)
    adaptive_limit = AdaptiveLimit(gate, server.load, clock)
    for _ in range(1000):
        clock.now += 0.01
        adaptive_limit.answered(1, 1.0, 0, 0)
        adaptive_limit.look()
    assert server.asked <= 5


def test_the_load_is_that_of_the_model_over_all_engines() -> None:
    assert read_load(VLLM, "big") == Load(23.0, 15.0)
    assert read_load(VLLM, "small") == Load(7.0, 9.0)
    assert read_load(VLLM, "an adapter") == Load(30.0, 24.0)
    assert read_load("tgi_batch_current_size 3\ntgi_queue_size 4\n", "m") == Load(3.0, 4.0)
    assert read_load("vllm:num_requests_running 3\n", "m") is None
    assert read_load("<html>", "m") is None


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://gpu:8000/v1", "http://gpu:8000/metrics"),
        ("http://gpu:8000/v1/", "http://gpu:8000/metrics"),
        ("https://host/llm/v1", "https://host/llm/metrics"),
        ("https://host", "https://host/metrics"),
    ],
)
def test_metrics_are_beside_the_interface(base_url: str, url: str) -> None:
    assert metrics_url(base_url) == url


def noted(seconds_at: dict[int, float]) -> Knee:
    knee = Knee()
    for in_flight, seconds in seconds_at.items():
        for _ in range(20):
            knee.note(in_flight, seconds, 0, 100)
    return knee


def test_a_queue_is_seen_by_answers_that_take_longer_in_proportion() -> None:
    # ten slots: whoever comes as the 40th waits three rounds
    knee = noted({1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0, 16: 1.8, 32: 3.5})
    assert knee.bound(0.0) == 16.0


def test_a_batch_that_slows_its_members_but_brings_more_is_left_alone() -> None:
    assert noted({1: 1.0, 2: 1.1, 4: 1.2, 8: 1.4, 16: 1.8, 32: 2.4}).bound(0.0) == math.inf


def test_without_evidence_there_is_no_bound() -> None:
    knee = Knee()
    assert knee.bound(0.0) == math.inf
    for _ in range(100):
        knee.note(50, 30.0, 1000, 100)
    assert knee.bound(0.0) == math.inf
    knee.note(1, 1.0, 1000, 100)
    assert knee.bound(0.0) == math.inf, "one answer is no evidence"


def test_after_some_time_more_is_tried_again() -> None:
    knee = noted({8: 1.0, 16: 2.0})
    assert knee.bound(100.0) == 16.0
    assert knee.bound(150.0) == 16.0
    assert knee.bound(221.0) == math.inf
    assert knee.bound(222.0) == math.inf


def test_answers_of_a_few_tokens_tell_nothing() -> None:
    knee = Knee()
    for in_flight, seconds in ((1, 0.1), (2, 9.0)):
        for _ in range(20):
            knee.note(in_flight, seconds, 1000, 1)
    assert knee.bound(0.0) == math.inf


def test_small_numbers_with_an_exponent_are_read() -> None:
    text = "vllm:num_requests_running 1e-05\nvllm:num_requests_waiting 2.5e+1\n"
    assert read_load(text, None) == Load(1e-05, 25.0)


def test_the_server_is_looked_at_before_a_request_and_never_while_an_answer_waits_to_be_stored() -> None:
    clock = Clock()
    gate = Full(50, clock)
    server = Server(gate, 12)
    adaptive_limit = AdaptiveLimit(gate, server.load, clock)
    clock.now += 10.0
    adaptive_limit.answered(1, 1.0, 0, 0)
    assert server.asked == 0
    adaptive_limit.look()
    assert server.asked == 1
