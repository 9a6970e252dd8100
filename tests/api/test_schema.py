"""The OpenAPI document: what client generators rely on, and a fuzzer that takes it at its word."""

import time
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.installation import KEY, Caller, Installation

SECONDS = 200.0  # for all routes together; it takes about fifteen on a machine with nothing else to do
EXAMPLES = 8  # for each route, of fitting requests and of others
CHECKS = (
    not_a_server_error,
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
OPERATIONS = {
    "ask_passages", "ask_question", "cancel_task", "change_collection", "check_system", "compare_versions",
    "complete_chat", "create_collection", "delete_collection", "delete_document", "delete_index", "edit_document",
    "export_index", "find_document", "follow_task", "import_index", "is_alive", "is_ready", "list_collections",
    "list_communities", "list_documents", "list_entities", "list_index_versions", "list_models", "list_prompts",
    "list_relationships", "list_reports", "list_tasks", "pause_task", "process_documents", "prune_cache",
    "read_document_text", "read_metrics", "reset_prompt", "reset_prompts", "resume_task", "retry_task",
    "roll_back_index", "set_prompt", "set_prompts", "show_cache", "show_collection", "show_community", "show_context",
    "show_coverage", "show_document", "show_index_status", "show_model", "show_task", "start_index", "tune_prompts",
    "upload_documents",
    "cancel_run", "check_cache", "follow_run", "list_runs", "pause_run", "resume_run", "retry_run", "show_run",
}  # fmt: skip


@pytest.fixture(scope="module")
def api_schema(attended: Installation, indexed: str) -> Any:
    with attended.client() as client:
        caller = Caller(client)
        caller.collection("thesis")  # the example of the document
        caller.wait(
            caller.upload("thesis", ("paper.pdf", b"no pdf"), ("a.md", b"Erna met Lyder."))["task_id"],
            "succeeded_with_gaps",
        )
        caller.wait(caller.ok("POST", "/graphrag/index", 202, json={"collection_id": "thesis"})["task_id"])
    return schemathesis.openapi.from_url(f"{attended.url}/openapi.json")


def cases(operation: Any, mode: GenerationMode) -> list[Any]:
    """Requests to an operation that fit the document, or that do not."""
    found: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    try:
        collect()
    except Unsatisfiable:  # nothing can be wrong with a request that has no parts
        return found
    return found


def test_no_request_that_fits_or_nearly_fits_the_document_breaks_the_service(api_schema: Any) -> None:
    key = {"X-API-Key": KEY}
    give_up = time.monotonic() + SECONDS
    tried = set()
    for result in sorted(api_schema.get_all_operations(), key=lambda found: found.ok().method == "delete"):
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for case in cases(operation, mode):
                if isinstance(case.body, dict):
                    case.body.pop("wait_seconds", None)
                response = case.call(headers=key, timeout=30)
                case.validate_response(response, checks=CHECKS, headers=key)
                tried.add(operation.definition.raw["operationId"])
        assert time.monotonic() < give_up, f"the time is over, tried were {len(tried)} of {len(OPERATIONS)} routes"
    assert tried == OPERATIONS


def test_the_document_is_openapi_3_1_with_stable_operation_ids(service: Caller) -> None:
    document = service.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert sorted(operation["operationId"] for operation in operations) == sorted(OPERATIONS)
    assert document["components"]["securitySchemes"]["APIKeyHeader"]["name"] == "X-API-Key"


def test_every_route_below_the_prefix_wants_a_key_and_declares_its_problems(service: Caller) -> None:
    document = service.http.get("/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        if not path.startswith("/api/"):
            continue
        for operation in operations.values():
            assert operation["security"] == [{"APIKeyHeader": []}, {"HTTPBearer": []}]
            assert {"401", "422", "503"} <= set(operation["responses"])
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    media = response["content"]["application/problem+json"]
                    assert media["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_parameters_and_bodies_have_descriptions_or_examples(service: Caller) -> None:
    document = service.http.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            for parameter in operation.get("parameters", ()):
                assert "description" in parameter, (path, parameter["name"])
    for body in ("NewCollection", "IndexRequest", "Question"):
        properties = document["components"]["schemas"][body]["properties"]
        assert any("examples" in one for one in properties.values())
