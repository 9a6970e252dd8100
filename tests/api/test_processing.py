"""Passages, vectors, metadata and questions over HTTP, and as plain Celery calls, with real workers."""

from collections.abc import Iterator

import pytest
from celery import Celery

from fileintel.celery_config import make_app
from tests.api.installation import Caller, Installation
from tests.conftest import SAMPLES
from tests.standin import StandIn
from tests.standin.settings import Fault

INTERVIEW, PEAR = "interview-erna-sollid-1991.md", "the-lost-pear-of-monte-arsone.md"
QUESTION = {"question": "Who was the ropemaker Erna Sollid?"}


@pytest.fixture
def uploaded(service: Caller, fresh_name: str) -> str:
    """A collection of two documents, read by the worker."""
    service.collection(fresh_name)
    files = [(name, (SAMPLES / name).read_bytes()) for name in (INTERVIEW, PEAR)]
    service.wait(service.upload(fresh_name, *files)["task_id"])
    return fresh_name


@pytest.fixture
def celery(attended: Installation) -> Iterator[Celery]:
    """The application as a program of somebody else uses it."""
    with make_app(attended.redis.url, attended.redis.url) as app:
        yield app


def test_documents_are_processed_asked_and_corrected(service: Caller, uploaded: str) -> None:
    where = f"/collections/{uploaded}"
    assert "documents process" in service.problem("POST", f"{where}/query", 409, "no_vectors", json=QUESTION)["detail"]

    made = service.ok("POST", f"{where}/process", 202, json={"embed": True, "metadata": True})["tasks"]
    assert [task["kind"] for task in made] == ["embedding", "metadata"]
    embedding, metadata = (service.wait(task["task_id"]) for task in made)
    assert embedding["result"]["with_vector"] == embedding["result"]["passages"] > 0
    assert [stage["name"] for stage in embedding["stages"]] == ["cut", "embed"]
    assert metadata["result"]["with_metadata"] == 2

    answer = service.ok("POST", f"{where}/query", json=QUESTION)
    assert (answer["mode"], answer["version"], answer["coverage"]["note"]) == ("vector", None, None)
    assert any(citation["document"] == INTERVIEW and citation["page"] == 1 for citation in answer["citations"])
    assert service.task(answer["task_id"])["kind"] == "passage_question"

    found = service.ok("GET", f"{where}/documents/{INTERVIEW}")
    assert found["metadata"]["authors"] == ["Ingeborg Thessen"]
    assert found["metadata_from"]["authors"] == "extracted"
    assert found["extraction"]["model"] == "standin"
    edited = service.ok("PATCH", f"{where}/documents/{INTERVIEW}", json={"authors": ["I. Thessen"], "title": "E. S."})
    assert (edited["title"], edited["metadata"]["authors"]) == ("E. S.", ["I. Thessen"])
    service.wait(service.ok("POST", f"{where}/process", 202, json={"metadata": True})["tasks"][0]["task_id"])
    found = service.ok("PATCH", f"{where}/documents/{INTERVIEW}", json={"title": None})
    assert found["metadata"]["title"] == "Interview with Erna Sollid, 22 May 1991"
    assert (found["metadata"]["authors"], found["metadata_from"]["authors"]) == (["I. Thessen"], "edited")


def test_every_task_can_be_called_through_celery_with_a_collection_alone(uploaded: str, celery: Celery) -> None:
    def call(name: str, **arguments: str) -> dict[str, object]:
        sent = celery.send_task(f"fileintel.tasks.{name}", kwargs={"collection_id": uploaded, **arguments})
        result: dict[str, object] = sent.get(timeout=60)
        return result

    assert call("documents.process_documents_task")["state"] == "succeeded"
    assert call("embedding.embed_documents_task")["state"] == "succeeded"
    assert call("metadata.extract_metadata_task")["state"] == "succeeded"
    assert call("questions.answer_question_task", **QUESTION)["citations"]
    cleaned = celery.send_task("fileintel.tasks.housekeeping.clean_up_task").get(timeout=60)
    assert cleaned.pop("pieces_deleted") >= 0
    assert cleaned == {"runs_sent_again": 0, "uploads_deleted": 0, "versions_deleted": 0, "vectors_deleted": 0}


def test_a_second_order_finds_the_run_that_is_under_way_which_can_be_cancelled(
    service: Caller, fresh_name: str, model_server_process: StandIn
) -> None:
    service.collection(fresh_name)
    files = [
        (f"{at}.md", f"# Note {at} of {fresh_name}\n\nNobody has asked about this one yet.".encode()) for at in (1, 2)
    ]
    service.wait(service.upload(fresh_name, *files)["task_id"])
    model_server_process.configure(faults=[Fault("hang", purpose="metadata")])
    where = f"/collections/{fresh_name}/process"
    response = service.http.post(f"/api/v2{where}", json={"metadata": True})
    (first,) = response.json()["data"]["tasks"]
    assert (response.headers["location"], first["is_new"]) == (first["status_url"], True)
    model_server_process.wait_until(lambda stats: stats.asked["metadata"] == 2)
    (second,) = service.ok("POST", where, 202, json={"metadata": True})["tasks"]
    assert (second["task_id"], second["is_new"]) == (first["task_id"], False)
    service.problem("DELETE", f"/collections/{fresh_name}", 409, "run_active")
    service.ok("POST", f"/tasks/{first['task_id']}/cancel")
    service.wait(first["task_id"], "cancelled")


def test_wrong_orders_edits_and_questions_are_refused(service: Caller, uploaded: str) -> None:
    where = f"/collections/{uploaded}"
    empty = service.collection(f"{uploaded}-empty")
    service.problem("POST", f"{where}/process", 422, "validation", json={"embed": "yes"})
    service.problem("POST", f"{where}/process", 422, "validation", json={"chunk": True})
    service.problem("POST", f"{where}/process", 415, "unsupported_media_type", content=b"{}")
    service.problem("POST", "/collections/nothing/process", 404, "not_found", json={})
    service.problem("POST", f"/collections/{empty}/process", 409, "empty_collection", json={"embed": True})
    service.problem("POST", f"/collections/{empty}/query", 409, "empty_collection", json=QUESTION)
    service.problem("POST", f"{where}/query", 422, "usage", json={"question": " "})
    service.problem("POST", "/collections/nothing/query", 404, "not_found", json=QUESTION)
    document = f"{where}/documents/{PEAR}"
    service.problem("PATCH", document, 422, "usage", json={})
    service.problem("PATCH", document, 422, "validation", json={"publisher": "x"})
    service.problem("PATCH", document, 422, "validation", json={"title": ["x"]})
    service.problem("PATCH", document, 422, "validation", json={"authors": ["x" * 501]})
    service.problem("PATCH", document, 400, "invalid_json", content=b"{", headers={"Content-Type": "application/json"})
    service.problem("PATCH", f"{where}/documents/nothing.md", 404, "not_found", json={"title": "x"})


def test_a_name_that_two_documents_have_is_a_conflict_that_names_their_ids(service: Caller, fresh_name: str) -> None:
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, ("a.md", b"one"), ("a.md", b"two"))["task_id"])
    ids = [row["id"] for row in service.ok("GET", f"/collections/{fresh_name}/documents")["items"]]
    assert len(ids) == 2
    for method in ("GET", "DELETE"):
        problem = service.problem(method, f"/collections/{fresh_name}/documents/a.md", 409, "ambiguous_name")
        assert all(identity in problem["detail"] for identity in ids)
    service.problem("GET", f"/collections/{fresh_name}/documents/a.md/text", 409, "ambiguous_name")
    service.ok("DELETE", f"/collections/{fresh_name}/documents/{ids[0]}")
    assert service.ok("GET", f"/collections/{fresh_name}/documents/a.md")["id"] == ids[1]
