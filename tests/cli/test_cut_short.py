"""Answers that were cut short while the server says that they came to their end: used as far as they go, and told."""

import pytest

from tests.conftest import CommandLine
from tests.standin import StandIn
from tests.standin.settings import Fault

from .conftest import COLLECTION, Town
from .tables import read_tables


def test_answers_that_are_all_cut_short_are_kept_as_gaps_and_made_whole_later(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    model_server.configure(faults=[Fault("truncated_json", purpose=one) for one in ("extract", "describe", "report")])
    holed = prepared("graphrag", "index", COLLECTION, "--json", check=3).json
    assert holed["state"] == "succeeded_with_gaps"
    assert {gap["reason"] for gap in holed["gaps"]} == {"cut_short"}
    units = holed["counts"]["text_units"]
    assert sum(gap["stage"] == "extract" for gap in holed["gaps"]) == units
    assert sum(gap["stage"] == "report" for gap in holed["gaps"]) > 0
    kept, all_of_them = (one["counts"]["relationships"] for one in (holed, town.status))
    assert 0 < kept < all_of_them
    coverage = prepared("graphrag", "coverage", COLLECTION, "--json").json["text_units"]
    assert (coverage["failed"], coverage["extracted"]) == (units, 0)
    asked = model_server.stats().asked
    assert asked["extract"] == 2 * units  # each once more, and no more than that

    model_server.configure(faults=[])
    model_server.reset()
    whole = prepared("graphrag", "index", COLLECTION, "--json").json
    assert (whole["state"], whole["gaps"]) == ("succeeded", [])
    assert model_server.stats().asked["extract"] == units
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


@pytest.mark.parametrize("purpose", ["extract", "describe", "report"])
def test_one_answer_that_is_cut_short_once_leaves_no_trace(
    prepared: CommandLine, model_server: StandIn, town: Town, purpose: str
) -> None:
    model_server.configure(faults=[Fault("truncated_json", purpose=purpose, count=1)])
    built = prepared("graphrag", "index", COLLECTION, "--json").json
    assert built["state"] == "succeeded"
    assert built["llm"]["retries"] > 0
    assert built["counts"] == town.status["counts"]


def test_retry_asks_again_for_what_was_cut_short(prepared: CommandLine, model_server: StandIn, town: Town) -> None:
    model_server.configure(faults=[Fault("truncated_json", purpose="extract", match="Monte Arsone")])
    prepared("graphrag", "index", COLLECTION, "-q", check=3)
    model_server.configure(faults=[])
    prepared("graphrag", "retry", COLLECTION, "-q")
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_stored_answers_that_are_not_whole_are_found_and_marked(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    model_server.configure(faults=[Fault("truncated_json", purpose="report")])
    prepared("graphrag", "index", COLLECTION, "-q", check=3)
    reports = town.answered["report"]
    for arguments in (("--dry-run",), (), ()):
        found = prepared("cache", "check", *arguments, "--json").json
        assert found["cut_short"] == reports
        assert {one["purpose"]: one["cut_short"] for one in found["groups"] if one["cut_short"]} == {"report": reports}
    assert f"{reports} of {found['answers']} answers are not whole" in prepared("cache", "check").err
    model_server.configure(faults=[])
    prepared("graphrag", "index", COLLECTION, "-q")
    assert prepared("cache", "check", "--json").json["cut_short"] == 0
