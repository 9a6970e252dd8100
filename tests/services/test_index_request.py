"""One type says what may be asked of an index, at every door."""

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest

from fileintel.errors import UsageError
from fileintel.runs.index_request import GapRequest, IndexRequest
from fileintel.storage.models import Run
from fileintel.tasks.graphrag import build_graphrag_index_task

ASKED: dict[str, Any] = {"force": True, "fresh": True, "method": "fast", "fresh_from": "report"}
REQUEST = IndexRequest(collection="thesis", **ASKED)


def run_for(request: IndexRequest) -> Run:
    return Run(collection_id=request.collection, fresh=request.fresh, parameters=request.parameters)


def test_the_example_asks_for_every_option() -> None:
    assert set(ASKED) == set(IndexRequest.model_fields) - {"collection"}
    assert all(getattr(REQUEST, name) != field.default for name, field in IndexRequest.model_fields.items())


def test_a_request_comes_out_of_its_http_body_and_of_its_run_as_it_went_in() -> None:
    assert IndexRequest.of_options(**REQUEST.body()) == REQUEST
    assert IndexRequest.of(run_for(REQUEST)) == REQUEST


def test_the_celery_task_takes_every_option() -> None:
    taken = set(inspect.signature(build_graphrag_index_task.run).parameters)
    assert taken == set(REQUEST.body()) | {"run_id"}


def test_a_body_has_the_names_of_the_api() -> None:
    plain = IndexRequest(collection="thesis")
    assert plain.body() == {"collection_id": "thesis", "force_rebuild": False, "fresh": False}


def test_a_request_for_gaps_comes_out_of_its_run_as_it_went_in() -> None:
    since = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    request = GapRequest(collection="thesis", **ASKED, fresh_since=since, retry_of="4711")
    assert IndexRequest.of(run_for(request)) == request


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"collection_id": "thesis", "fresh_form": "report"}, "fresh_form"),
        ({"collection_id": "thesis", "force_rebuild": "perhaps"}, "force_rebuild"),
        ({"collection_id": "thesis", "retry_of": "4711"}, "retry_of"),
        ({"collection_id": ""}, "collection_id"),
        ({}, "collection_id"),
    ],
)
def test_options_that_cannot_be_used_are_named_in_one_line(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}: [^\n]+$"):
        IndexRequest.of_options(**options)


def test_a_stage_that_is_not_there_is_refused_before_a_run_is_made() -> None:
    with pytest.raises(UsageError, match="no stage 'nowhere'"):
        _ = IndexRequest(collection="thesis", fresh_from="nowhere").parameters
