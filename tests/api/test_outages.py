"""Redis or PostgreSQL away: 503 with a word on when to try again, nothing half done, and back without help."""

import httpx

from fileintel.local import keeper
from tests.api.conftest import Unattended
from tests.api.installation import Caller, Installation, Redis, problem, remove, wait_for
from tests.conftest import short_folder
from tests.local.processes import kill

TEXT = ("a.md", b"Anton Haddouche wrote to Berit Halvane.")


def test_without_a_broker_nothing_is_queued_and_nothing_is_left(
    unattended: Unattended, queueing: Caller, fresh_name: str
) -> None:
    queueing.collection(fresh_name)
    spooled, queued = unattended.spooled, queueing.pages("/tasks", 1000)
    unattended.redis.stop()
    try:
        path = f"/api/v2/collections/{fresh_name}/documents"
        refused = queueing.http.post(path, files={"files": TEXT}, headers={"Idempotency-Key": fresh_name})
        assert "broker" in problem(refused, 503, "service_unavailable")["detail"]
        assert int(refused.headers["retry-after"]) > 0
        assert queueing.pages("/tasks", 1000) == queued
        assert unattended.spooled == spooled
        assert queueing.http.get("/healthz").status_code == 200
        parts = problem(queueing.http.get("/readyz"), 503, "not_ready")["parts"]
        assert [part["part"] for part in parts if part["state"] == "failed"] == ["broker"]
        assert "parts" not in problem(httpx.get(f"{unattended.url}/readyz"), 503, "not_ready")
    finally:
        unattended.redis.start()
    again = queueing.upload(fresh_name, TEXT, headers={"Idempotency-Key": fresh_name})
    assert again["is_new"]
    assert unattended.redis.messages("document_processing") == 1
    assert queueing.http.get("/readyz").status_code == 200


def test_a_database_that_is_restarted_is_found_again(unattended: Unattended, queueing: Caller) -> None:
    before = queueing.pages("/collections", 1000)
    server = keeper.server_pid(str(unattended.home / "db" / "postgres"))
    assert server is not None
    kill(server)
    refused = queueing.http.get("/api/v2/collections")
    problem(refused, 503, "database_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert queueing.http.get("/healthz").status_code == 200
    problem(queueing.http.get("/readyz"), 503, "not_ready")
    unattended.postgres.join()
    wait_for(lambda: queueing.http.get("/readyz").status_code == 200, "the way back to the database")
    assert queueing.pages("/collections", 1000) == before


def test_a_service_that_starts_without_a_database_finds_it_later(unattended: Unattended, queueing: Caller) -> None:
    server = keeper.server_pid(str(unattended.home / "db" / "postgres"))
    assert server is not None
    kill(server)
    with unattended.api() as url:
        assert httpx.get(f"{url}/healthz").status_code == 200
        problem(httpx.get(f"{url}/readyz"), 503, "not_ready")
        unattended.postgres.join()
        wait_for(lambda: httpx.get(f"{url}/readyz").status_code == 200, "the way to the database")


def test_an_embedded_database_that_was_killed_is_started_again_by_the_next_request() -> None:
    home = short_folder()
    with Installation(home, Redis(home)).api() as url:
        made = httpx.post(f"{url}/api/v2/collections", json={"name": "c"}, timeout=60)
        assert made.status_code == 201
        server = keeper.server_pid(str(home / "postgres"))
        assert server is not None
        kill(server)
        problem(httpx.get(f"{url}/api/v2/collections"), 503, "database_unavailable")
        found = httpx.get(f"{url}/api/v2/collections", timeout=60)
        assert [one["name"] for one in found.json()["data"]["items"]] == ["c"]
    remove(home)
