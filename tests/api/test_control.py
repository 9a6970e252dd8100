"""What a person does with tasks, gaps, versions and the answer store, over HTTP; workers hear of it."""

from itertools import pairwise
from typing import Any

import httpx
import pytest

from fileintel.storage.states import RunState, may_become
from tests.api.conftest import Unattended
from tests.api.installation import KEY, Caller, Installation, wait_for
from tests.api.test_following import follow
from tests.standin import StandIn
from tests.standin.settings import Fault

LETTERS = ("letters.md", b"# Letters\n\nAnton Haddouche wrote to Berit Halvane about the lighthouse of Kestervag.\n")
PEAR = ("pear.md", b"# The pear\n\nErna Sollid planted a pear tree in Kestervag. Lyder Brekkerud ate the pear.\n")
NOTHING = ("nothing.md", b"and so on, as it were, and then again.\n")


def start(service: Caller, collection: str, **order: Any) -> str:
    return str(service.ok("POST", "/graphrag/index", 202, json={"collection_id": collection, **order})["task_id"])


def build(service: Caller, collection: str, state: str = "succeeded", **order: Any) -> Any:
    return service.wait(start(service, collection, **order), state)


def asked(server: StandIn) -> set[str]:
    return {purpose for purpose, count in server.stats().asked.items() if count}


@pytest.fixture
def letters(service: Caller, fresh_name: str) -> str:
    """A collection with two documents."""
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, LETTERS, PEAR)["task_id"])
    return fresh_name


def states(service: Caller, task: str) -> list[str]:
    return [event.data["data"]["state"] for event in follow(service, task) if event.kind == "state"]


def reached(service: Caller, task: str, state: str, *, held: bool | None = None) -> Any:
    """Wait until a task is in a state (and somebody, or nobody, works on it)."""

    def found() -> Any:
        shown = service.task(task)
        return shown if shown["state"] == state and held in (None, shown["owner"] is not None) else None

    return wait_for(found, f"the state {state} of {task}")


def test_a_paused_run_keeps_what_is_under_way_and_goes_on_without_asking_twice(
    service: Caller, letters: str, model_server_process: StandIn
) -> None:
    model_server_process.pause(after=1, purpose="embeddings")  # the one that asks how long a vector is
    task = start(service, letters, fresh=True)
    model_server_process.wait_until(lambda stats: stats.asked["extract"] == 2)
    assert service.ok("POST", f"/tasks/{task}/pause")["state"] == "paused"
    assert service.ok("POST", f"/tasks/{task}/pause")["state"] == "paused"
    model_server_process.resume()
    reached(service, task, "paused", held=False)
    before = model_server_process.stats()
    assert before.asked["extract"] == before.answered["extract"] == 2

    refused = service.problem("POST", "/graphrag/index", 409, "run_paused", json={"collection_id": letters})
    assert task in refused["detail"]
    assert service.ok("POST", f"/tasks/{task}/resume")["state"] in ("queued", "running")
    service.wait(task)
    assert model_server_process.stats().repeated == 0
    passed = states(service, task)
    assert passed == ["queued", "running", "paused", "queued", "running", "succeeded"]
    assert all(may_become(RunState(one), RunState(other)) for one, other in pairwise(passed))
    service.problem("POST", f"/tasks/{task}/resume", 409, "conflict")
    service.problem("POST", f"/tasks/{task}/pause", 409, "conflict")


def test_a_queued_task_that_is_paused_waits_and_a_resumed_one_gets_its_message(
    unattended: Unattended, queueing: Caller, fresh_name: str
) -> None:
    queueing.collection(fresh_name)
    task = queueing.upload(fresh_name, LETTERS)["task_id"]
    sent = unattended.redis.messages("document_processing")
    assert queueing.ok("POST", f"/tasks/{task}/pause")["state"] == "paused"
    assert queueing.ok("POST", f"/tasks/{task}/resume")["state"] == "queued"
    assert unattended.redis.messages("document_processing") == sent + 1
    queueing.ok("POST", f"/tasks/{task}/pause")
    assert queueing.ok("POST", f"/tasks/{task}/cancel")["state"] == "cancelled"
    queueing.problem("POST", f"/tasks/{task}/retry", 409, "conflict")
    queueing.problem("POST", f"/tasks/{task}/resume", 409, "conflict")


def test_a_run_is_found_and_steered_under_its_former_path_too(queueing: Caller, fresh_name: str) -> None:
    queueing.collection(fresh_name)
    run = queueing.upload(fresh_name, LETTERS)["run_id"]
    assert queueing.ok("GET", f"/runs/{run}") == queueing.ok("GET", f"/tasks/{run}")
    for path in ("/runs", "/tasks"):
        assert [one["id"] for one in queueing.ok("GET", path, params={"collection": fresh_name})["items"]] == [run]
    assert queueing.ok("POST", f"/runs/{run}/pause")["state"] == "paused"
    assert queueing.ok("POST", f"/tasks/{run}/resume")["state"] == "queued"
    assert queueing.ok("POST", f"/runs/{run}/cancel")["state"] == "cancelled"
    for path in ("/runs", "/tasks"):
        queueing.problem("POST", f"{path}/{run}/retry", 409, "conflict")
        queueing.problem("GET", f"{path}/nothing/events", 404, "not_found")


def test_a_retry_asks_for_the_gaps_alone_and_publishes_a_new_version(
    service: Caller, letters: str, model_server_process: StandIn
) -> None:
    model_server_process.configure(faults=[Fault("context_length", purpose="extract", match="Erna Sollid")])
    holed = build(service, letters, "succeeded_with_gaps", fresh=True)
    service.problem("POST", f"/tasks/{holed['id']}/cancel", 409, "conflict")
    cover = service.ok("GET", f"/graphrag/{letters}/coverage")
    assert cover["text_units"] == {"text_units": 2, "extracted": 1, "empty": 0, "failed": 1}
    assert cover["gaps"] == [{"stage": "extract", "reason": "context_length", "items": 1}]

    model_server_process.configure(faults=[])
    model_server_process.reset()
    retried = service.ok("POST", f"/tasks/{holed['id']}/retry", 202)["task_id"]
    assert retried != holed["id"]
    service.wait(retried)
    texts = [question["body"] for question in model_server_process.questions() if question["purpose"] == "extract"]
    assert len(texts) == 1
    assert "Erna Sollid" in str(texts[0])
    versions = service.ok("GET", f"/graphrag/{letters}/versions")["items"]
    assert [(version["number"], version["current"]) for version in versions] == [(2, True), (1, False)]
    assert service.ok("GET", f"/graphrag/{letters}/coverage")["text_units"]["extracted"] == 2
    for task in (retried, holed["id"]):
        detail = service.problem("POST", f"/tasks/{task}/retry", 409, "nothing_to_retry")["detail"]
        assert detail.startswith("nothing to retry: ")


def test_a_question_that_failed_is_asked_again(service: Caller, indexed: str, model_server_process: StandIn) -> None:
    model_server_process.configure(faults=[{"kind": "unauthorized"}])
    failed = service.problem(
        "POST", f"/graphrag/{indexed}/query", 502, "model_server_refused", json={"question": "Who is asked for twice?"}
    )
    model_server_process.configure(faults=[])
    task = service.ok("POST", f"/tasks/{failed['job_id']}/retry", 202)["task_id"]
    assert service.wait(task)["result"]["question"] == "Who is asked for twice?"
    service.problem("POST", f"/tasks/{task}/retry", 409, "nothing_to_retry")


def test_a_question_at_work_is_cancelled_within_seconds(
    service: Caller, indexed: str, model_server_process: StandIn
) -> None:
    model_server_process.pause()
    body = {"question": f"Is {indexed} waited for?", "wait_seconds": 0}
    task = service.problem("POST", f"/graphrag/{indexed}/query", 504, "no_answer_yet", json=body)["job_id"]
    model_server_process.wait_until(lambda stats: stats.in_flight == 1)
    service.problem("POST", f"/tasks/{task}/pause", 409, "conflict")
    assert service.ok("POST", f"/tasks/{task}/cancel")["state"] == "cancelling"
    service.wait(task, "cancelled")  # although the server holds its answer


def test_a_rebuild_from_a_stage_asks_that_stage_and_later_ones_again(
    service: Caller, letters: str, model_server_process: StandIn
) -> None:
    build(service, letters)
    model_server_process.reset()
    build(service, letters, fresh_from="report")
    assert asked(model_server_process) == {"report"}  # the same reports have the same vectors
    model_server_process.reset()
    build(service, letters, fresh_from="embed")
    assert asked(model_server_process) == {"embeddings"}
    model_server_process.reset()
    build(service, letters, fresh_from="publish")
    assert asked(model_server_process) == set()
    order = {"collection_id": letters, "fresh_from": "reports"}
    assert "use one of" in service.problem("POST", "/graphrag/index", 422, "usage", json=order)["detail"]


@pytest.mark.parametrize("fault", [Fault("rate_limit", retry_after=0.2), Fault("bad_gateway")])
def test_a_run_shows_that_its_model_server_is_busy_or_away(
    service: Caller, letters: str, model_server_process: StandIn, fault: Fault
) -> None:
    model_server_process.configure(faults=[Fault(**{**vars(fault), "purpose": "extract"})])
    task = start(service, letters, fresh=True)
    reached(service, task, "throttled")
    assert service.ok("GET", f"/graphrag/{letters}/status")["state"] == "throttled"
    model_server_process.configure(faults=[])
    service.wait(task)
    passed = [event.data["data"] for event in follow(service, task) if event.kind == "state"]
    throttled = next(event for event in passed if event["state"] == "throttled")
    assert "does not answer" in throttled["reason"] or "is busy" in throttled["reason"]


def test_a_rollback_holds_until_something_changes(service: Caller, letters: str, model_server_process: StandIn) -> None:
    build(service, letters)
    service.wait(service.upload(letters, ("more.md", b"Berit Halvane sailed to Monte Arsone."))["task_id"])
    build(service, letters)
    path = f"/graphrag/{letters}"
    before = service.ok("GET", f"{path}/entities", params={"limit": 1000})["items"]
    compared = service.ok("GET", f"{path}/diff", params={"limit": 3})
    assert (compared["from"]["number"], compared["to"]["number"]) == (1, 2)
    assert compared["counts"]["documents"] == {"from": 2, "to": 3}
    assert compared["entities"]["totals"]["added"] > 0 == compared["entities"]["totals"]["removed"]
    assert {"change": "added", "name": "MONTE ARSONE"}.items() <= compared["entities"]["items"][0].items()

    moved = service.ok("POST", f"{path}/rollback", json={})
    assert (moved["from"]["number"], moved["to"]["number"]) == (2, 1)
    fewer = service.ok("GET", f"{path}/entities", params={"limit": 1000})["items"]
    assert len(fewer) < len(before)
    back = service.ok("GET", f"{path}/diff", params={"from": 2, "to": 1})
    assert back["entities"]["totals"]["removed"] == compared["entities"]["totals"]["added"]

    model_server_process.reset()
    assert build(service, letters)["result"] == {"up_to_date": True}, "nothing has changed since"
    service.wait(service.upload(letters, ("even more.md", b"Lyder Brekkerud sailed to Feldkirch."))["task_id"])
    build(service, letters)
    versions = service.ok("GET", f"{path}/versions")["items"]
    assert [version["number"] for version in versions if version["current"]] == [3]
    service.problem("POST", f"{path}/rollback", 404, "not_found", json={"version": 77})
    service.problem("GET", f"{path}/diff", 404, "not_found", params={"to": 1})
    service.problem("GET", f"{path}/coverage", 404, "not_found", params={"version": 77})
    service.problem("POST", f"{path}/rollback", 422, "validation", json={"version": 0})


def test_a_text_unit_in_which_nothing_was_found_is_empty_and_no_gap(service: Caller, fresh_name: str) -> None:
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, LETTERS, NOTHING)["task_id"])
    build(service, fresh_name)
    cover = service.ok("GET", f"/graphrag/{fresh_name}/coverage")
    assert cover["text_units"] == {"text_units": 2, "extracted": 1, "empty": 1, "failed": 0}
    assert cover["gaps"] == []
    assert cover["entities"]["without_community"] == cover["communities"]["without_report"] == 0
    assert {kind["kind"]: kind["missing"] for kind in cover["vectors"]} == {
        "text_unit_text": 0, "entity_description": 0, "community_full_content": 0
    }  # fmt: skip
    by_name = {document["name"]: document for document in cover["documents"]}
    assert by_name["nothing.md"]["empty"] == 1
    entities = cover["entities"]["entities"]
    assert by_name["letters.md"]["reach_a_report"] == by_name["letters.md"]["entities"] == entities > 0


def test_the_answer_store_is_shown_and_pruned(service: Caller, indexed: str) -> None:
    del indexed
    stats = service.ok("GET", "/cache")
    assert stats["answers"] == sum(group["answers"] for group in stats["groups"]) > 0
    assert {group["purpose"] for group in stats["groups"]} >= {"extract", "report", "embed"}
    order = {"model": "standin", "dry_run": True}
    would = service.ok("POST", "/cache/prune", json=order)
    assert would["answers"] + would["kept"] == sum(g["answers"] for g in stats["groups"] if g["model"] == "standin")
    assert service.ok("POST", "/cache/prune", json={"unused_for": "90d"})["answers"] == 0
    assert service.ok("GET", "/cache")["answers"] == stats["answers"]
    service.problem("POST", "/cache/prune", 422, "usage", json={})
    service.problem("POST", "/cache/prune", 422, "usage", json={"unused_for": "soon"})


def test_new_routes_want_a_key_and_know_what_there_is(attended: Installation, service: Caller) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for what in ("pause", "resume", "retry"):
        service.problem("POST", f"/tasks/{nobody}/{what}", 404, "not_found")
    assert KEY
    for path in ("/cache", "/graphrag/x/coverage", "/graphrag/x/diff"):
        assert httpx.get(f"{attended.url}/api/v2{path}").status_code == 401
