"""What is refused, and how: problem documents for every wrong request, keys, idempotency, conflicts."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from fileintel.errors import EXIT_CANCELLED
from fileintel.runs.add_documents import add_documents
from tests.api.conftest import Unattended
from tests.api.installation import KEY, Caller, problem
from tests.cli.watching import Watched
from tests.conftest import FOREIGN, CommandLine

TEXT = ("a.md", b"Anton Haddouche wrote to Berit Halvane.")
NOBODY = "0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"


@pytest.fixture
def filled(unattended: Unattended, queueing: Caller, fresh_name: str) -> str:
    """A collection with a document, which no worker was needed for."""
    from fileintel.config import load_settings
    from fileintel.workspace import Workspace

    queueing.collection(fresh_name)
    path = unattended.home / f"{fresh_name}.md"
    path.write_bytes(TEXT[1])
    with Workspace(load_settings(environ=unattended.environment)) as workspace:
        list(add_documents(workspace, fresh_name, [str(path)]))
    return fresh_name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/collections/none"),
        ("DELETE", "/collections/none"),
        ("GET", "/collections/none/documents"),
        ("GET", f"/collections/none/documents/{NOBODY}/text"),
        ("GET", f"/tasks/{NOBODY}"),
        ("GET", "/tasks/no-id"),
        ("POST", f"/tasks/{NOBODY}/cancel"),
        ("GET", "/tasks?collection=none"),
        ("GET", "/graphrag/none/status"),
        ("GET", "/graphrag/none/entities"),
        ("GET", "/graphrag/none/communities/1"),
        ("GET", "/graphrag/none/export"),
        ("GET", "/graphrag/none/versions"),
        ("DELETE", "/graphrag/none/index"),
        ("GET", "/no-such-route"),
    ],
)
def test_what_is_not_there_is_404(queueing: Caller, method: str, path: str) -> None:
    queueing.problem(method, path, 404, "not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/collections", {"name": "x", "nmae": "y"}),
        ("/collections", {}),
        ("/collections", {"name": 7}),
        ("/collections", ["x"]),
        ("/collections", {"name": "a\0b"}),
        ("/graphrag/index", {"collection_id": "x", "force": True}),
        ("/graphrag/index", {"collection_id": "x", "force_rebuild": "yes"}),
        ("/graphrag/x/query", {"question": "q", "wait_seconds": 1e9}),
    ],
)
def test_bodies_with_unknown_or_wrong_fields_are_422_and_say_where(queueing: Caller, path: str, body: Any) -> None:
    refused = queueing.problem("POST", path, 422, "validation", json=body)
    assert refused["errors"]
    assert all(fault["location"].startswith("body") and fault["message"] for fault in refused["errors"])


def test_what_is_no_json_is_400_and_what_is_not_declared_as_json_is_415(queueing: Caller) -> None:
    json = {"Content-Type": "application/json"}
    for body in (b"{", b'{"name": }', b"\xff\xfe"):
        response = queueing.http.post("/api/v2/collections", content=body, headers=json)
        assert response.status_code == 400, response.text
    queueing.problem("POST", "/collections", 400, "invalid_json", content=b"{", headers=json)
    queueing.problem("POST", "/collections", 422, "validation", content=b'{"name": "\\ud800"}', headers=json)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", ""):
        queueing.problem(
            "POST",
            "/collections",
            415,
            "unsupported_media_type",
            content=b'{"name": "x"}',
            headers={"Content-Type": kind},
        )
    queueing.problem(
        "POST", "/collections/x/documents", 404, "not_found", content=b"x", headers={"Content-Type": "text/plain"}
    )


def test_a_body_that_is_too_large_is_413(queueing: Caller) -> None:
    body = b'{"name": "' + b"x" * 2_000_000 + b'"}'
    json = {"Content-Type": "application/json"}
    queueing.problem("POST", "/collections", 413, "too_large", content=body, headers=json)
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    queueing.problem("POST", "/collections", 413, "too_large", content=chunks, headers=json)


def test_a_wrong_method_is_405_with_the_right_ones(queueing: Caller) -> None:
    response = queueing.http.put("/api/v2/collections")
    problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["allow"] or "POST" in response.headers["allow"]


def test_names_that_no_collection_can_have_are_422(queueing: Caller) -> None:
    for name in ("", " ", "a/b", "..", "x" * 201, "a\nb", NOBODY, NOBODY.replace("-", ""), f"{{{NOBODY.upper()}}}"):
        queueing.problem("POST", "/collections", 422, "usage", json={"name": name})
    dots = queueing.problem("POST", "/collections", 422, "usage", json={"name": ".."})
    assert dots["detail"].endswith("give one with more than dots")


def test_a_collection_is_made_once_and_lives_under_its_name_and_its_id(queueing: Caller) -> None:
    name = "Lucía's 100 % notes? #1 – Ångström"
    response = queueing.http.post("/api/v2/collections", json={"name": name, "description": "d"})
    assert response.status_code == 201
    made = response.json()["data"]
    assert made["documents"] == 0
    assert made["indexed"] is False
    assert queueing.http.get(response.headers["location"]).json()["data"] == made
    assert queueing.ok("GET", f"/collections/{quote(name)}") == made
    queueing.problem("POST", "/collections", 409, "conflict", json={"name": name})
    assert queueing.ok("DELETE", f"/collections/{made['id']}") == made
    queueing.problem("GET", f"/collections/{made['id']}", 404, "not_found")


def test_an_unknown_mode_and_an_empty_question_are_422_with_a_code(queueing: Caller, filled: str) -> None:
    path = f"/graphrag/{filled}/query"
    queueing.problem("POST", path, 422, "unknown_mode", json={"question": "Who?", "mode": "psychic"})
    queueing.problem("POST", path, 422, "usage", json={"question": " "})
    queueing.problem("POST", path, 409, "no_index", json={"question": "Who?"})


def test_an_empty_collection_cannot_be_indexed(queueing: Caller, fresh_name: str) -> None:
    queueing.collection(fresh_name)
    queueing.problem("POST", "/graphrag/index", 409, "empty_collection", json={"collection_id": fresh_name})


def test_a_start_is_202_with_the_place_of_its_task(queueing: Caller, filled: str) -> None:
    response = queueing.http.post("/api/v2/graphrag/index", json={"collection_id": filled})
    assert response.status_code == 202
    data = response.json()["data"]
    assert data["task_id"] == data["run_id"]
    assert response.headers["location"] == data["status_url"] == f"/api/v2/tasks/{data['task_id']}"
    assert int(response.headers["retry-after"]) > 0
    assert queueing.task(data["task_id"])["state"] == "queued"


def test_of_a_run_that_waits_for_a_worker_nothing_is_told_that_nobody_knows(
    unattended: Unattended, queueing: Caller, filled: str
) -> None:
    queueing.ok("POST", "/graphrag/index", 202, json={"collection_id": filled})
    status = queueing.ok("GET", f"/graphrag/{filled}/status")
    assert (status["state"], status["model"], status["method"]) == ("queued", None, None)
    shown = remote(unattended)("graphrag", "status", filled).out
    assert "model          not known\n" in shown
    assert shown.endswith("note: the run waits to go on: a worker of the service takes it\n")


def test_who_waits_for_a_paused_task_is_told_how_it_goes_on(
    unattended: Unattended, queueing: Caller, fresh_name: str
) -> None:
    queueing.collection(fresh_name)
    task = queueing.upload(fresh_name, TEXT)["task_id"]
    queueing.ok("POST", f"/tasks/{task}/pause")
    waits = Watched(remote(unattended).start("tasks", "wait", task))
    waits.wait_for(f"the task is paused: `fileintel tasks resume {task}` lets it go on")
    queueing.ok("POST", f"/tasks/{task}/cancel")
    assert waits.end()[0] == EXIT_CANCELLED


def remote(unattended: Unattended) -> CommandLine:
    """A command line that knows only the URL of the service, and its key."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    own = {"FILEINTEL_HOME": str(unattended.home / "nothing"), "FILEINTEL_API_URL": unattended.url}
    return CommandLine({**clean, **own, "FILEINTEL_API_KEY": KEY})


def test_commands_in_problems_can_be_copied_whatever_the_name(queueing: Caller, fresh_name: str) -> None:
    name = queueing.collection(f"{fresh_name} Übung Größe")
    refused = queueing.problem("GET", f"/graphrag/{quote(name)}/entities", 409, "no_index")
    assert f"`fileintel graphrag index '{name}'`" in refused["detail"]


def test_the_built_in_models_are_named_for_what_they_are(queueing: Caller) -> None:
    parts = {part["part"]: part["detail"] for part in queueing.http.get("/readyz").json()["parts"]}
    assert parts["chat model"] == "built-in extractive, no language model"
    assert re.fullmatch(r"fileintel-\S+ \(built in\)", parts["embedding model"])


def test_a_second_start_is_409_with_the_task_that_is_at_work(queueing: Caller, filled: str) -> None:
    task = queueing.ok("POST", "/graphrag/index", 202, json={"collection_id": filled})["task_id"]
    response = queueing.http.post("/api/v2/graphrag/index", json={"collection_id": filled})
    busy = problem(response, 409, "run_active")
    assert busy["job_id"] == task
    assert queueing.http.get(busy["job_url"]).json()["data"]["id"] == task
    assert f"<{busy['job_url']}>" in response.headers["link"]


def test_many_starts_at_once_make_one_task(queueing: Caller, filled: str) -> None:
    def start(_: int) -> httpx.Response:
        return queueing.http.post("/api/v2/graphrag/index", json={"collection_id": filled})

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(start, range(8)))
    taken = [r.json()["data"]["task_id"] for r in responses if r.status_code == 202]
    assert len(taken) == 1
    refused = [problem(r, 409, "run_active")["job_id"] for r in responses if r.status_code != 202]
    assert set(refused) == set(taken)


def test_the_same_key_makes_the_same_task_also_at_the_same_time(queueing: Caller, filled: str) -> None:
    def start(_: int) -> Any:
        key = {"Idempotency-Key": f"key of {filled}"}
        return queueing.ok("POST", "/graphrag/index", 202, json={"collection_id": filled}, headers=key)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(start, range(8)))
    assert len({one["task_id"] for one in found}) == 1
    assert [one["is_new"] for one in found].count(True) == 1
    queueing.ok("POST", f"/tasks/{found[0]['task_id']}/cancel")
    assert start(0)["task_id"] == found[0]["task_id"]


def test_a_key_is_for_one_request_only(queueing: Caller, filled: str) -> None:
    key = {"Idempotency-Key": f"key of {filled}"}
    queueing.ok("POST", "/graphrag/index", 202, json={"collection_id": filled}, headers=key)
    other = {"collection_id": filled, "force_rebuild": True}
    queueing.problem("POST", "/graphrag/index", 422, "idempotency_key_reused", json=other, headers=key)
    queueing.problem(
        "POST", f"/collections/{filled}/documents", 422, "idempotency_key_reused", files={"files": TEXT}, headers=key
    )


def test_a_queued_task_is_cancelled_at_once_and_its_files_go(
    unattended: Unattended, queueing: Caller, fresh_name: str
) -> None:
    queueing.collection(fresh_name)
    before = unattended.spooled
    task = queueing.upload(fresh_name, TEXT)["task_id"]
    assert unattended.spooled != before
    assert queueing.ok("POST", f"/tasks/{task}/cancel")["state"] == "cancelled"
    assert unattended.spooled == before
    over = queueing.problem("POST", f"/tasks/{task}/cancel", 409, "conflict")
    assert over["title"].startswith("How things stand does not allow it")


def test_every_route_wants_a_key_and_health_does_not(unattended: Unattended) -> None:
    with httpx.Client(base_url=unattended.url) as stranger:
        for wrong in ({}, {"X-API-Key": ""}, {"X-API-Key": KEY[:-1]}, {"X-API-Key": f"{KEY}x"}, {"X-API-Key": b"\xff"}):
            refused = problem(stranger.get("/api/v2/collections", headers=wrong), 401, "unauthorized")
            assert KEY not in refused["detail"]
        as_bearer = stranger.get("/api/v2/collections", headers={"Authorization": "Bearer wrong"})
        detail = problem(as_bearer, 401, "unauthorized")["detail"]
        assert detail == "the key in Authorization is not one of this service's"
        assert "WWW-Authenticate" in stranger.get("/api/v2/collections").headers
        document = stranger.get("/openapi.json").json()
        for path, operations in document["paths"].items():
            for method in operations:
                url = path.replace("{", "").replace("}", "")
                expected = 200 if path in ("/healthz", "/readyz") else 401
                assert stranger.request(method, url).status_code == expected, (method, path)


def test_the_request_id_of_the_caller_is_echoed_if_it_is_sound(queueing: Caller) -> None:
    sound = queueing.http.get("/api/v2/collections", headers={"X-Request-ID": "job-7.a:b"})
    assert sound.headers["x-request-id"] == "job-7.a:b"
    for odd in ("a b", "x" * 200, "é".encode("latin-1"), "<script>"):
        response = queueing.http.get("/api/v2/collections", headers={"X-Request-ID": odd})
        assert response.headers["x-request-id"].isalnum()
