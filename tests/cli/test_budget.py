"""A run pauses when it has paid for as many tokens as it may, and goes on under a higher limit."""

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from fileintel.errors import EXIT_BUDGET
from tests.conftest import CommandLine
from tests.standin import StandIn

from .conftest import COLLECTION, Town, Twins
from .tables import read_tables
from .test_steering import typed

LIMIT = 4  # questions at once
FEW = ("--set", f"graphrag.concurrency={LIMIT}")


def within(tokens: int) -> tuple[str, ...]:
    return (*FEW, "--set", f"graphrag.max_run_tokens={tokens}")


def test_a_run_pauses_at_its_limit_and_goes_on_under_a_higher_one(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    whole = town.status["llm"]["prompt_tokens"] + town.status["llm"]["completion_tokens"]
    limit = whole // 3
    stopped = typed(prepared, *within(limit), "graphrag", "index", COLLECTION, "-q", check=EXIT_BUDGET)
    assert stopped.out == ""
    assert f"graphrag.max_run_tokens is {limit}: the run is paused" in stopped.err
    assert stopped.err.count("\n") == 1
    status = typed(prepared, "graphrag", "status", COLLECTION, "--json").json
    assert (status["state"], status["version"]) == ("paused", None)
    paid = status["llm"]["prompt_tokens"] + status["llm"]["completion_tokens"]
    assert limit <= paid < whole
    stats = model_server.stats()
    assert stats.abandoned == 0
    assert stats.answered == stats.asked

    again = typed(prepared, *within(limit), "graphrag", "resume", COLLECTION, "-q", check=EXIT_BUDGET)
    assert f"{paid:,} tokens are paid for" in again.err
    assert model_server.stats().asked == stats.asked

    done = typed(prepared, *within(2 * whole), "graphrag", "resume", COLLECTION, "--json", "-q").json
    assert (done["state"], done["run_id"]) == ("succeeded", status["run_id"])
    assert model_server.stats().repeated == 0
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_whoever_waits_for_a_run_hears_that_it_has_paused_itself(twins: Twins) -> None:
    engine = create_engine(twins.here.environment["DATABASE_URL"], poolclass=NullPool)
    run_id = typed(twins.here, "graphrag", "status", COLLECTION, "--json").json["run_id"]
    reason = "9,999 tokens are paid for: set more and resume it"

    def put(state: str, error: str | None) -> None:
        with engine.begin() as connection:
            values = {"id": run_id, "state": state, "error": error}
            connection.execute(text("UPDATE runs SET state = :state, error = :error WHERE id = :id"), values)

    put("paused", reason)
    for fileintel in (twins.here, twins.there):
        waited = typed(fileintel, "tasks", "wait", run_id, "-q", check=EXIT_BUDGET)
        assert waited.err == f"error: {reason}\n"
    put("succeeded", None)
