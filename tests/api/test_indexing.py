"""From an upload to an answer, over HTTP only: the API sends, workers do."""

import io
import zipfile
from typing import Any

import httpx
import pytest

from tests.api.installation import Caller, Installation, wait_for
from tests.standin import StandIn

PEAR = ("pear.md", b"# The pear\n\nErna Sollid planted a pear tree in Kestervag. Lyder Brekkerud ate the pear.\n")


def test_a_gevent_worker_builds_an_index_that_was_asked_for_over_http(service: Caller, indexed: str) -> None:
    status = service.ok("GET", f"/graphrag/{indexed}/status")
    assert status["state"] == "succeeded"
    assert status["version"]["number"] == 1
    assert status["counts"]["entities"] > 0
    assert status["gaps"] == []
    tasks = service.pages("/tasks", 10, collection=indexed)
    owners = {task["kind"]: task for task in tasks if task["kind"] in ("index", "documents")}
    assert owners["index"]["state"] == owners["documents"]["state"] == "succeeded"


def test_a_prefork_worker_reads_what_was_uploaded(attended: Installation, service: Caller, indexed: str) -> None:
    found = service.pages(f"/collections/{indexed}/documents", 100)
    assert len(found) == service.ok("GET", f"/collections/{indexed}")["documents"] > 1
    one = service.ok("GET", f"/collections/{indexed}/documents/{found[0]['id']}")
    assert one == service.ok("GET", f"/collections/{indexed}/documents/{found[0]['name']}") == found[0]
    assert one["source"] == "upload"
    text = service.http.get(f"/api/v2/collections/{indexed}/documents/{one['id']}/text")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(text.text) == one["characters"]
    first = service.http.get(f"/api/v2/collections/{indexed}/documents/{one['id']}/text", params={"page": 1})
    assert first.text
    assert text.text.startswith(first.text)
    wait_for(lambda: not list((attended.home / "spool").glob("*")), "the end of the uploaded files")


def test_a_file_that_cannot_be_read_is_a_gap_of_its_task(service: Caller, fresh_name: str) -> None:
    service.collection(fresh_name)
    task = service.upload(fresh_name, PEAR, ("broken.pdf", b"no pdf at all"))["task_id"]
    found = service.wait(task, "succeeded_with_gaps")
    assert found["stages"][0]["failed"] == 1
    assert [one["name"] for one in found["result"]["documents"]] == ["pear.md"]


def test_a_question_is_answered_with_citations_that_lead_to_pages(service: Caller, indexed: str) -> None:
    for mode in ("local", "global"):
        body = {"question": "Who is Erna Sollid?", "mode": mode}
        reply = service.ok("POST", f"/graphrag/{indexed}/query", json=body)
        assert reply["answer"]
        assert reply["mode"] == mode
        assert service.task(reply["task_id"])["kind"] == "question"
    body = {"question": "Who is Erna Sollid?"}
    citations = service.ok("POST", f"/graphrag/{indexed}/query", json=body)["citations"]
    assert citations
    for citation in citations:
        assert citation["page"] >= 1
        assert citation["quote"]


def test_a_question_that_takes_too_long_is_504_and_its_task_goes_on(
    service: Caller, indexed: str, model_server_process: StandIn
) -> None:
    model_server_process.pause()
    body = {"question": "What takes so long?", "wait_seconds": 0.3}
    late = service.problem("POST", f"/graphrag/{indexed}/query", 504, "no_answer_yet", json=body)
    assert late["job_url"] == f"/api/v2/tasks/{late['job_id']}"
    model_server_process.resume()
    assert service.wait(late["job_id"])["result"]["answer"]


def test_a_question_that_fails_says_why_with_a_status_and_a_code(
    service: Caller, indexed: str, model_server_process: StandIn
) -> None:
    model_server_process.configure(faults=[{"kind": "unauthorized"}])
    body = {"question": "Will this be refused?"}
    response = service.http.post(f"/api/v2/graphrag/{indexed}/query", json=body)
    assert response.status_code == 502
    refused = response.json()
    assert refused["code"] == "model_server_refused"
    assert service.task(refused["job_id"])["error"] == refused["detail"]


def test_lists_show_the_index(service: Caller, indexed: str) -> None:
    for what, field in (("entities", "title"), ("relationships", "source"), ("reports", "summary")):
        rows = service.pages(f"/graphrag/{indexed}/{what}", 1000)
        assert rows
        assert all(row[field] for row in rows)
    title = service.ok("GET", f"/graphrag/{indexed}/entities", params={"limit": 1})["items"][0]["title"]
    matching = service.ok("GET", f"/graphrag/{indexed}/entities", params={"matching": title.lower()})["items"]
    assert title in [row["title"] for row in matching]
    for what in ("entities", "relationships"):
        for sign in ("%", "_", "E%A", "\\"):
            assert service.pages(f"/graphrag/{indexed}/{what}", 10, matching=sign) == [], "signs stand for themselves"
    top = service.ok("GET", f"/graphrag/{indexed}/communities", params={"level": 0})["items"]
    shown = service.ok("GET", f"/graphrag/{indexed}/communities/{top[0]['community']}")
    assert len(shown["entities"]) == shown["size"]
    assert shown["report"]["community"] == shown["community"]
    service.problem("GET", f"/graphrag/{indexed}/communities/100000", 404, "not_found")
    versions = service.pages(f"/graphrag/{indexed}/versions", 1)
    assert [version["current"] for version in versions] == [True]


def test_the_export_is_a_zip_of_the_tables(attended: Installation, service: Caller, indexed: str) -> None:
    pytest.importorskip("fileintel.graphrag.export")
    response = service.http.get(f"/api/v2/graphrag/{indexed}/export")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert {"entities.parquet", "relationships.parquet"} <= set(archive.namelist())
    assert not list((attended.home / "spool").glob("*.part"))


def test_an_index_that_is_up_to_date_is_not_built_again_unless_forced(
    service: Caller, fresh_name: str, model_server_process: StandIn
) -> None:
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, PEAR)["task_id"])
    order = {"collection_id": fresh_name}
    service.wait(service.ok("POST", "/graphrag/index", 202, json=order)["task_id"])
    again = service.wait(service.ok("POST", "/graphrag/index", 202, json=order)["task_id"])
    assert again["result"] == {"up_to_date": True}
    forced = service.ok("POST", "/graphrag/index", 202, json={**order, "force_rebuild": True})
    service.wait(forced["task_id"])
    numbers = [version["number"] for version in service.pages(f"/graphrag/{fresh_name}/versions", 1)]
    assert numbers == [2, 1]
    assert service.ok("DELETE", f"/graphrag/{fresh_name}/index") == {"versions": 2}
    service.problem("GET", f"/graphrag/{fresh_name}/entities", 409, "no_index")


def test_a_list_goes_on_in_the_version_that_it_began_with(service: Caller, fresh_name: str) -> None:
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, PEAR)["task_id"])
    order = {"collection_id": fresh_name, "force_rebuild": True}
    service.wait(service.ok("POST", "/graphrag/index", 202, json=order)["task_id"])
    path = f"/graphrag/{fresh_name}/entities"
    whole = service.pages(path, 1000)
    first = service.ok("GET", path, params={"limit": 1})
    document = service.pages(f"/collections/{fresh_name}/documents", 10)[0]["id"]
    service.ok("DELETE", f"/collections/{fresh_name}/documents/{document}")
    service.wait(service.upload(fresh_name, ("x.md", b"Haddouche met Halvane in Feldkirch."))["task_id"])
    service.wait(service.ok("POST", "/graphrag/index", 202, json=order)["task_id"])
    rest = service.ok("GET", path, params={"limit": 1000, "cursor": first["next_cursor"]})
    assert first["items"] + rest["items"] == whole
    service.ok("DELETE", f"/graphrag/{fresh_name}/index")
    service.wait(service.ok("POST", "/graphrag/index", 202, json=order)["task_id"])
    gone = {"limit": 1000, "cursor": first["next_cursor"]}
    told = service.problem("GET", path, 409, "index_gone", params=gone)
    assert told["detail"].endswith("is gone: start from the first page")


def test_a_running_task_is_cancelled_and_a_second_start_is_refused_meanwhile(
    service: Caller, fresh_name: str, model_server_process: StandIn
) -> None:
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, ("a.md", b"Anton Haddouche wrote to Berit Halvane."))["task_id"])
    model_server_process.pause(after=1, purpose="embeddings")  # the one that asks how long a vector is
    order = {"collection_id": fresh_name, "fresh": True}
    task = service.ok("POST", "/graphrag/index", 202, json=order)["task_id"]
    model_server_process.wait_until(lambda stats: stats.asked["extract"] > 0)
    busy = service.problem("POST", "/graphrag/index", 409, "run_active", json=order)
    assert busy["job_id"] == task
    service.problem("DELETE", f"/graphrag/{fresh_name}/index", 409, "run_active")
    assert service.ok("POST", f"/tasks/{task}/cancel")["state"] == "cancelling"
    service.wait(task, "cancelled")
    service.problem("POST", f"/tasks/{task}/cancel", 409, "conflict")


def test_metrics_and_readiness_show_what_is_there(attended: Installation, service: Caller, indexed: str) -> None:
    metrics = service.http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'fileintel_graphrag_jobs{kind="index",status="succeeded"}' in metrics.text
    answers = [line for line in metrics.text.splitlines() if line.startswith("fileintel_graphrag_answers ")]
    assert float(answers[0].split()[1]) > 0
    assert "\nfileintel_graphrag_hub_stalls " in metrics.text
    parts = {part["part"]: part["state"] for part in service.http.get("/readyz").json()["parts"]}
    expected = {"database": "ok", "broker": "ok", "chat model": "configured", "embedding model": "configured"}
    assert parts == expected
    stranger: Any = httpx.get(f"{attended.url}/readyz").json()
    assert stranger == {"status": "ready"}
    assert httpx.get(f"{attended.url}/healthz").json() == {"status": "alive"}
