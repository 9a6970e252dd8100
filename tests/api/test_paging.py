"""Lists in pages: every row once, whatever the size of a page; cursors are ours or refused."""

import base64
import json
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fileintel.operations.paging import LARGEST_PAGE, BadCursor, page, place_of
from tests.api.installation import Caller

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LISTS = ("entities", "relationships", "communities", "reports", "versions")


@pytest.fixture(scope="module")
def many() -> str:
    return f"many-{uuid.uuid4().hex[:8]}-"


@FEW
@given(limit=st.integers(1, LARGEST_PAGE), which=st.sampled_from(LISTS))
def test_pages_of_the_graph_hold_every_row_once(service: Caller, indexed: str, limit: int, which: str) -> None:
    path = f"/graphrag/{indexed}/{which}"
    whole = service.ok("GET", path, params={"limit": LARGEST_PAGE})
    assert whole["next_cursor"] is None
    limit = max(limit, len(whole["items"]) // 20 + 1)  # twenty requests are enough
    assert service.pages(path, limit) == whole["items"]


@FEW
@given(limit=st.integers(1, 40))
def test_pages_of_collections_and_tasks_hold_every_row_once(queueing: Caller, many: str, limit: int) -> None:
    names = [f"{many}{number:02}-ä Z" for number in range(12)]
    if many not in str(queueing.pages("/collections", LARGEST_PAGE)):
        for name in names:
            queueing.collection(name)
        for _ in range(5):
            queueing.upload(names[0], ("a.md", b"text"))
    for path in ("/collections", "/tasks"):
        size = len(queueing.pages(path, LARGEST_PAGE))
        limit = max(limit, size // 10)
        rows = queueing.pages(path, limit)
        assert rows == queueing.pages(path, LARGEST_PAGE)
        assert len({row["id"] for row in rows}) == len(rows)
    assert [row["name"] for row in queueing.pages("/collections", limit) if row["name"].startswith(many)] == names


@FEW
@given(limit=st.integers(1, 40))
def test_pages_of_documents_hold_every_row_once(service: Caller, indexed: str, limit: int) -> None:
    path = f"/collections/{indexed}/documents"
    rows = service.pages(path, limit)
    assert rows == service.pages(path, LARGEST_PAGE)
    assert len({row["id"] for row in rows}) == len(rows) > 1


@pytest.mark.parametrize("which", LISTS)
def test_a_cursor_of_another_list_of_the_graph_is_refused(service: Caller, indexed: str, which: str) -> None:
    for other in {*LISTS[:4]} - {which}:
        cursor = service.ok("GET", f"/graphrag/{indexed}/{other}", params={"limit": 1})["next_cursor"]
        service.problem("GET", f"/graphrag/{indexed}/{which}", 422, "bad_cursor", params={"cursor": cursor})


def test_pages_of_tasks_are_of_one_collection_if_asked_for(service: Caller, indexed: str) -> None:
    identity = service.ok("GET", f"/collections/{indexed}")["id"]
    tasks = service.pages("/tasks", 1, collection=indexed)
    assert {task["collection_id"] for task in tasks} == {identity}


@given(st.lists(st.integers(0, 2**31 - 1) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_a_cursor_holds_what_was_put_into_it(values: list[Any]) -> None:
    cursor = page([values, values], 1, lambda row: row, lambda row: row).next_cursor
    assert place_of(cursor, *[type(value) for value in values]) == values


@given(st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_other_cursors_are_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        place_of(cursor, str, int)


@pytest.mark.parametrize(
    "values", [["x"], [2**31], [-1], [True], [1.0], [None], ["a\0"], ["\ud800"], [[1]], {"a": 1}, 7, "x", [1, 2]]
)
def test_cursors_of_other_lists_and_forged_ones_are_422(queueing: Caller, values: Any) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    for path in ("/tasks", "/collections"):
        if values == ["x"] and path == "/collections":
            continue  # a name like any other
        queueing.problem("GET", path, 422, "bad_cursor", params={"cursor": cursor})


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=1001", "limit=x", "cursor=%00", f"cursor={'x' * 5000}"]
)
def test_odd_page_sizes_are_422(queueing: Caller, query: str) -> None:
    assert queueing.http.get(f"/api/v2/collections?{query}").status_code == 422
