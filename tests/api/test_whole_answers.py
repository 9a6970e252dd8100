"""An answer rests on one index version, whole: whatever is built, rolled back or deleted while it is being given."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.api.installation import Caller, problem
from tests.api.test_control import PEAR, build, start
from tests.standin import StandIn


def question(collection: str) -> dict[str, str]:
    """A question that only the test of this collection asks: what is stored is answered at once."""
    return {"question": f"Who planted the pear tree of {collection}?"}


@pytest.fixture
def pear(service: Caller, fresh_name: str) -> str:
    """An indexed collection."""
    service.collection(fresh_name)
    service.wait(service.upload(fresh_name, PEAR)["task_id"])
    build(service, fresh_name)
    return fresh_name


@pytest.fixture
def held(service: Caller, pear: str, model_server_process: StandIn) -> Iterator["Future[httpx.Response]"]:
    """A question that has read its context, and waits for the model's answer."""
    model_server_process.reset()
    model_server_process.pause(after=1, purpose="embeddings")  # the vector of the question
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(service.http.post, f"/api/v2/graphrag/{pear}/query", json=question(pear))
        model_server_process.wait_until(lambda stats: stats.asked["local_answer"] == 1)
        yield asking
        model_server_process.resume()


def test_during_a_build_the_version_in_use_answers(service: Caller, pear: str, model_server_process: StandIn) -> None:
    answer = service.ok("POST", f"/graphrag/{pear}/query", json=question(pear))
    model_server_process.reset()
    model_server_process.pause()
    task = start(service, pear, fresh_from="extract")
    model_server_process.wait_until(lambda stats: stats.asked["extract"] == 1)
    assert service.ok("GET", f"/graphrag/{pear}/entities")["items"]
    whole = service.ok("GET", f"/graphrag/{pear}/coverage")
    assert (whole["version"], whole["communities"]["without_report"]) == (1, 0)
    again = service.ok("POST", f"/graphrag/{pear}/query", json=question(pear))
    assert (again["answer"], again["citations"]) == (answer["answer"], answer["citations"])
    model_server_process.resume()
    service.wait(task)


def test_a_question_goes_on_with_its_version_after_a_rollback(
    service: Caller, pear: str, held: "Future[httpx.Response]", model_server_process: StandIn
) -> None:
    build(service, pear, force_rebuild=True)
    service.ok("POST", f"/graphrag/{pear}/rollback", json={})
    model_server_process.resume()
    reply = held.result().json()["data"]
    assert (reply["version"], bool(reply["citations"])) == (1, True)


def test_a_question_whose_version_was_dropped_is_asked_again_of_the_one_in_use(
    service: Caller, pear: str, held: "Future[httpx.Response]", model_server_process: StandIn
) -> None:
    for _ in range(3):  # as many as are kept
        build(service, pear, force_rebuild=True)
    numbers = [version["number"] for version in service.ok("GET", f"/graphrag/{pear}/versions")["items"]]
    assert numbers == [4, 3, 2]
    model_server_process.resume()
    reply = held.result().json()["data"]
    assert (reply["version"], bool(reply["citations"])) == (4, True)


def test_a_question_whose_index_was_deleted_says_so(
    service: Caller, pear: str, held: "Future[httpx.Response]", model_server_process: StandIn
) -> None:
    service.ok("DELETE", f"/graphrag/{pear}/index")
    model_server_process.resume()
    assert "was deleted" in problem(held.result(), 409, "index_gone")["detail"]
