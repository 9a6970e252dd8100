"""What an index run asks when it is run again: nothing, unless something has changed."""

from pathlib import Path

from tests.conftest import SAMPLES, CommandLine
from tests.standin import StandIn

from .conftest import COLLECTION, DOCUMENTS, Town
from .tables import read_tables

ADDED = "the-lost-pear-of-monte-arsone.md"


def asked(server: StandIn) -> dict[str, int]:
    return {purpose: count for purpose, count in server.stats().asked.items() if count}


def test_an_index_that_is_up_to_date_is_left_alone(indexed: CommandLine, model_server: StandIn) -> None:
    again = indexed("graphrag", "index", COLLECTION)
    assert "nothing was asked" in again.out
    assert "index version 1" in again.out
    assert asked(model_server) == {}


def test_force_builds_a_new_version_out_of_the_stored_answers(
    indexed: CommandLine, model_server: StandIn, town: Town
) -> None:
    forced = indexed("graphrag", "index", COLLECTION, "--force", "--json").json
    assert forced["version"]["number"] == 2
    assert forced["llm"]["calls"] == 0
    assert asked(model_server) == {}
    assert read_tables(indexed.environment["DATABASE_URL"]) == town.tables


def test_fresh_asks_everything_again(indexed: CommandLine, model_server: StandIn, town: Town) -> None:
    fresh = indexed("graphrag", "index", COLLECTION, "--fresh", "--json").json
    chat = {purpose: count for purpose, count in town.answered.items() if purpose != "embeddings"}
    assert {purpose: count for purpose, count in asked(model_server).items() if purpose != "embeddings"} == chat
    assert fresh["llm"]["calls"] == sum(model_server.stats().answered.values())
    assert read_tables(indexed.environment["DATABASE_URL"]) == town.tables


def test_a_new_document_costs_only_what_is_new_and_its_removal_nothing(
    indexed: CommandLine, model_server: StandIn, town: Town
) -> None:
    indexed("documents", "add", COLLECTION, SAMPLES / "vikse-memoir-twelve-turbines.epub")
    grown = indexed("graphrag", "index", COLLECTION, "--json", "-q").json
    new_units = grown["counts"]["text_units"] - town.status["counts"]["text_units"]
    assert new_units > 0
    assert asked(model_server)["extract"] == new_units
    assert model_server.stats().repeated == 0
    model_server.reset()

    indexed("documents", "delete", "vikse-memoir-twelve-turbines.epub")
    indexed("graphrag", "index", COLLECTION, "-q")
    assert asked(model_server) == {}
    assert read_tables(indexed.environment["DATABASE_URL"]) == town.tables


def test_another_chunk_size_model_or_prompt_builds_anew(
    indexed: CommandLine, model_server: StandIn, tmp_path: Path
) -> None:
    smaller = indexed("--set", "chunking.size=600", "graphrag", "index", COLLECTION, "--json", "-q").json
    assert asked(model_server)["extract"] == smaller["counts"]["text_units"]
    model_server.reset()

    model_server.configure(models=["standin", "other"])
    other = indexed("graphrag", "index", COLLECTION, "--json", "-q", FILEINTEL__LLM__MODEL="other").json
    assert other["model"] == "other"
    assert asked(model_server)["extract"] == other["counts"]["text_units"]
    model_server.reset()

    (tmp_path / "community_report_graph.txt").write_text("Report on this as JSON.\n\n{input_text}", encoding="utf-8")
    prompted = indexed("--set", f"prompts.directory={tmp_path}", "graphrag", "index", COLLECTION, "--json", "-q").json
    assert "extract" not in asked(model_server)
    assert asked(model_server)["report"] == prompted["counts"]["reports"]


def test_settings_that_change_only_the_pace_build_nothing(indexed: CommandLine, model_server: StandIn) -> None:
    slower = indexed("--set", "graphrag.concurrency=3", "graphrag", "index", COLLECTION, "--json").json
    assert slower["up_to_date"] is True
    assert asked(model_server) == {}


def test_an_index_that_is_up_to_date_says_so_even_after_a_run_that_failed(
    indexed: CommandLine, model_server: StandIn
) -> None:
    model_server.configure(api_key="secret")
    indexed("--set", "chunking.size=500", "graphrag", "index", COLLECTION, check=1)
    back = indexed("graphrag", "index", COLLECTION)
    assert f"collection {COLLECTION}: succeeded, index version 1" in back.out


def test_documents_are_named_in_the_index_as_they_were_added(town: Town) -> None:
    assert [any(name in row for row in town.tables["indexed_documents"]) for name in DOCUMENTS] == [True] * 3
