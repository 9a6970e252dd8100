"""Server-sent events: nothing is missed, nothing is said twice, and the stream ends with `end`."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import pytest

from fileintel.api import follow_run
from fileintel.api.backend import Backend
from fileintel.config import load_settings
from fileintel.errors import DatabaseUnavailable
from fileintel.services.runs import News, RunWithStages
from tests.api.conftest import Unattended
from tests.api.installation import KEY, Caller, Installation, wait_for
from tests.standin import StandIn

TEXT = ("a.md", b"Anton Haddouche wrote to Berit Halvane about the lighthouse of Kestervag.")


@dataclass(frozen=True)
class Event:
    number: int | None
    kind: str
    data: Any


def events_of(lines: Iterator[str]) -> Iterator[Event]:
    """The events of a stream, read as browsers do; comments and `retry` are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            number = int(fields["id"]) if "id" in fields else None
            yield Event(number, fields.get("event", "message"), json.loads(fields["data"]))
        fields = {}


def follow(service: Caller, task: str, **more: Any) -> list[Event]:
    """A stream to its end."""
    with service.http.stream("GET", f"/api/v2/tasks/{task}/events", **more) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["x-accel-buffering"] == "no"
        return list(events_of(response.iter_lines()))


@pytest.fixture
def index_run(service: Caller, fresh_name: str, model_server_process: StandIn) -> str:
    """An index run that waits for the model."""
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, TEXT)["task_id"])
    model_server_process.pause(after=1, purpose="embeddings")
    order = {"collection_id": fresh_name, "fresh": True}
    return str(service.ok("POST", "/graphrag/index", 202, json=order)["task_id"])


def test_a_reader_that_reconnects_misses_nothing_and_hears_nothing_twice(
    service: Caller, index_run: str, model_server_process: StandIn
) -> None:
    heard: list[Event] = []
    with service.http.stream("GET", f"/api/v2/tasks/{index_run}/events") as response:
        for event in events_of(response.iter_lines()):
            heard.append(event)
            if event.kind == "progress" and any(e.data.get("data", {}).get("state") == "running" for e in heard):
                break  # the connection breaks off here
    assert heard[-1].kind == "progress"
    assert heard[-1].data["stages"]
    assert heard[-1].number is None
    model_server_process.resume()
    service.wait(index_run)
    last = max(event.number for event in heard if event.number)
    rest = follow(service, index_run, headers={"Last-Event-ID": str(last)}, params={"after": 0})
    whole = follow(service, index_run)
    numbered = [event for event in heard + rest if event.number]
    assert numbered == [event for event in whole if event.number]
    assert [event.number for event in numbered] == list(range(1, len(numbered) + 1))
    states = [event.data["data"]["state"] for event in numbered]
    assert (states[:2], states[-1]) == (["queued", "running"], "succeeded")
    assert set(states) <= {"queued", "running", "throttled", "succeeded"}, "the server is paused for a while"
    assert [event.kind for event in whole].count("end") == 1
    assert whole[-1].kind == "end"
    assert whole[-1].data["state"] == "succeeded"


def test_the_query_parameter_after_does_the_same_for_readers_without_headers(service: Caller, indexed: str) -> None:
    task = service.pages("/tasks", 100, collection=indexed)[-1]["id"]
    whole = follow(service, task)
    rest = follow(service, task, params={"after": 2})
    assert [event.number for event in rest if event.number] == [e.number for e in whole if e.number and e.number > 2]


def test_a_stream_outlives_the_deletion_of_its_task(queueing: Caller, fresh_name: str) -> None:
    queueing.collection(fresh_name)
    task = queueing.upload(fresh_name, TEXT)["task_id"]
    with queueing.http.stream("GET", f"/api/v2/tasks/{task}/events") as response:
        events = events_of(response.iter_lines())
        assert next(events).data["data"] == {"state": "queued", "reason": "submitted"}
        queueing.ok("DELETE", f"/collections/{fresh_name}")
        assert list(events) == [Event(None, "end", {"id": task, "state": "deleted"})]


def test_streams_hold_neither_threads_nor_connections(
    unattended: Unattended, queueing: Caller, fresh_name: str
) -> None:
    queueing.collection(fresh_name)
    task = queueing.upload(fresh_name, TEXT)["task_id"]
    open_streams = threading.Semaphore(0)

    def listen() -> None:
        url = f"{unattended.url}/api/v2/tasks/{task}/events"
        with httpx.stream("GET", url, headers={"X-API-Key": KEY}, timeout=30) as response:
            for event in events_of(response.iter_lines()):
                if event.number == 1:
                    open_streams.release()
                if event.kind == "end":
                    return

    listeners = [threading.Thread(target=listen) for _ in range(60)]  # more than threads and connections together
    for listener in listeners:
        listener.start()
    for _ in listeners:
        assert open_streams.acquire(timeout=20)
    assert queueing.task(task)["state"] == "queued"  # others are served meanwhile
    queueing.ok("POST", f"/tasks/{task}/cancel")
    for listener in listeners:
        listener.join(20)
        assert not listener.is_alive()


def test_a_service_that_stops_ends_its_streams_at_once(
    unattended: Unattended, queueing: Caller, fresh_name: str
) -> None:
    queueing.collection(fresh_name)
    task = queueing.upload(fresh_name, TEXT)["task_id"]
    heard: list[str] = []

    def listen(url: str) -> None:
        with httpx.stream("GET", f"{url}/api/v2/tasks/{task}/events", headers={"X-API-Key": KEY}) as response:
            heard.extend(event.kind for event in events_of(response.iter_lines()))

    with unattended.api() as url:
        listener = threading.Thread(target=listen, args=(url,))
        listener.start()
        wait_for(lambda: httpx.get(f"{url}/readyz").status_code == 200, "the second service")
    listener.join(10)
    assert not listener.is_alive()
    assert "end" not in heard


def test_an_unknown_task_has_no_stream(attended: Installation, service: Caller) -> None:
    for unknown in ("0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11", "no-id"):
        service.problem("GET", f"/tasks/{unknown}/events", 404, "not_found")
    service.problem("GET", "/tasks/no-id/events", 422, "validation", headers={"Last-Event-ID": "x"})


def run_in(state: str) -> RunWithStages:
    return RunWithStages.model_validate(
        dict.fromkeys(RunWithStages.model_fields)
        | {"id": "t", "kind": "index", "collection_id": "c", "state": state, "attempts": 1, "llm": {}}
        | {"created_at": "2026-01-01T00:00:00+00:00", "stages": [], "gaps": []}
    )


def test_a_silent_stream_has_heartbeats_and_outlives_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert follow_run.HEARTBEAT_SECONDS <= 15  # proxies lose patience after 30 s
    assert follow_run.POLL_SECONDS >= 1
    monkeypatch.setattr(follow_run, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(follow_run, "HEARTBEAT_SECONDS", 0.05)
    waiting = News(run_in("running"), [])
    looks = iter([DatabaseUnavailable("away")] * 20 + [waiting] * 20)

    def look(*_: object) -> News:
        found = next(looks, News(run_in("succeeded"), []))
        if isinstance(found, Exception):
            raise found
        return found

    async def listen() -> list[str]:
        backend = Backend(load_settings(environ={}))
        return [message async for message in follow_run.events(backend, "t", 0, waiting)]

    monkeypatch.setattr(follow_run, "_look", look)
    said = anyio.run(listen)
    assert said.count(": still here\n\n") >= 3
    assert said[-1].startswith("event: end\n")
