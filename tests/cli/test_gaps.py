"""Questions that could not be answered: recorded, told, and asked again by the next run, they alone."""

from tests.conftest import CommandLine
from tests.standin import StandIn
from tests.standin.settings import Fault

from .conftest import COLLECTION, Town
from .tables import read_tables


def test_gaps_are_recorded_and_the_next_run_asks_only_for_them(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    model_server.configure(
        faults=[
            Fault("context_length", purpose="report", share=0.2),
            Fault("context_length", purpose="describe", share=0.1),
        ]
    )
    holed = prepared("graphrag", "index", COLLECTION, "--json", check=3).json
    assert holed["state"] == "succeeded_with_gaps"
    missing = [gap["item"] for gap in holed["gaps"] if gap["stage"] == "report"]
    assert len(missing) == holed["counts"]["communities"] - holed["counts"]["reports"] > 0
    assert {gap["reason"] for gap in holed["gaps"]} == {"context_length"}
    assert holed["llm"]["failed"] == len(holed["gaps"])
    assert holed["llm"]["calls"] == sum(model_server.stats().answered.values())

    shown = prepared("graphrag", "status", COLLECTION).out
    assert f"gaps           {len(holed['gaps'])}" in shown
    answer = prepared("graphrag", "query", COLLECTION, "Who is Erna Sollid?", "--json").json
    assert answer["gaps"] == len(holed["gaps"])

    model_server.configure(faults=[])
    model_server.reset()
    whole = prepared("graphrag", "index", COLLECTION, "--json").json
    assert (whole["state"], whole["gaps"]) == ("succeeded", [])
    asked = model_server.stats().asked
    assert "extract" not in asked
    assert asked["describe"] == sum(gap["stage"] == "describe" for gap in holed["gaps"]) > 0
    assert asked["report"] < whole["counts"]["reports"]
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_a_passage_that_cannot_be_read_is_a_gap_and_healed_later(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    model_server.configure(faults=[Fault("invalid_json", purpose="extract", match="Monte Arsone")])
    holed = prepared("graphrag", "index", COLLECTION, "-q", check=3).out
    assert "gap: extract" in holed
    assert f"fileintel graphrag index {COLLECTION}" in holed
    model_server.configure(faults=[])
    prepared("graphrag", "index", COLLECTION, "-q")
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_a_run_that_lacks_most_of_a_stage_fails_and_publishes_nothing(
    indexed: CommandLine, model_server: StandIn
) -> None:
    model_server.configure(faults=[Fault("context_length", purpose="extract")])
    failed = indexed("graphrag", "index", COLLECTION, "--fresh", "-q", check=1)
    assert failed.err.startswith("error: stage extract:")
    assert failed.err.count("\n") == 1
    status = indexed("graphrag", "status", COLLECTION, "--json").json
    assert (status["state"], status["version"]["number"]) == ("failed", 1)
    assert f"`fileintel tasks show {status['run_id']} --json` lists why" in failed.err
