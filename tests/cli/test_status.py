"""`graphrag status --json`: the document that programs read, and whether its numbers are true."""

from .conftest import COLLECTION, DOCUMENTS, Town

KEYS = {"collection", "state", "run_id", "method", "model", "stages", "counts", "llm", "gaps", "started_at"}
KEYS |= {"finished_at"}
STAGE_KEYS = {"name", "total", "done", "cached", "failed", "seconds"}
LLM_KEYS = {"calls", "cached", "failed", "retries", "prompt_tokens", "completion_tokens", "peak_in_flight"}
LLM_KEYS |= {"longest_unsaved_ms", "workers"}
TABLE_OF = {
    "documents": "indexed_documents",
    "text_units": "text_units",
    "entities": "entities",
    "relationships": "relationships",
    "communities": "communities",
    "reports": "community_reports",
    "covariates": "covariates",
}


def test_the_status_has_the_keys_that_programs_rely_on(town: Town) -> None:
    status = town.fileintel("graphrag", "status", COLLECTION, "--json").json
    assert status.keys() >= KEYS
    assert status["state"] == "succeeded"
    assert status["model"] == "standin"
    assert all(stage.keys() == STAGE_KEYS for stage in status["stages"])
    assert status["counts"].keys() == TABLE_OF.keys()
    assert status["llm"].keys() == LLM_KEYS
    assert status["gaps"] == []
    assert status["started_at"] < status["finished_at"]


def test_the_counts_are_those_of_the_tables(town: Town) -> None:
    assert town.status["counts"] == {name: len(town.tables[table]) for name, table in TABLE_OF.items()}
    assert town.status["counts"]["documents"] == len(DOCUMENTS)
    assert town.status["counts"]["entities"] > 0


def test_the_calls_are_those_that_the_server_answered(town: Town) -> None:
    assert town.status["llm"]["calls"] == sum(town.answered.values())
    assert town.status["llm"]["retries"] == 0
    assert 1 <= town.status["llm"]["peak_in_flight"] <= 58
    assert town.peak_in_flight <= town.status["llm"]["peak_in_flight"]


def test_each_stage_has_done_what_there_was_to_do(town: Town) -> None:
    stages = {stage["name"]: stage for stage in town.status["stages"]}
    counts = town.status["counts"]
    assert all(stage["done"] == stage["total"] and stage["failed"] == 0 for stage in stages.values())
    assert stages["load"]["done"] == counts["documents"]
    assert stages["extract"]["done"] == counts["text_units"]
    assert stages["report"]["done"] == counts["reports"] == counts["communities"]
    assert stages["embed"]["done"] == len(town.tables["embeddings"])


def test_the_status_for_people_tells_the_same(town: Town) -> None:
    shown = town.fileintel("graphrag", "status", COLLECTION).out
    assert f"collection {COLLECTION}: succeeded" in shown
    assert town.status["run_id"] in shown
    assert f"model calls    {town.status['llm']['calls']}," in shown


def test_a_task_for_people_has_no_signs_of_a_programming_language(town: Town) -> None:
    shown = town.fileintel("tasks", "show", town.status["run_id"]).out
    assert f"llm: calls {town.status['llm']['calls']}, " in shown
    assert not any(sign in shown for sign in ("None", "{", "[", "'"))


def test_runs_are_listed_and_shown_under_their_former_name_too(town: Town) -> None:
    listed = town.fileintel("runs", "list", "--json")
    assert [one["id"] for one in listed.json] == [town.status["run_id"]]
    assert town.fileintel("tasks", "list", "--json").out == listed.out
    shown = town.fileintel("runs", "show", town.status["run_id"])
    assert town.fileintel("tasks", "show", town.status["run_id"]).out == shown.out
    assert "runs" in town.fileintel("--help").out
