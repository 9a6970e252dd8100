"""Runs that do not get to their end: Ctrl-C, kill -9, a second command in the way."""

import signal

from tests.conftest import CommandLine
from tests.standin import StandIn

from .conftest import COLLECTION, Town
from .tables import read_tables
from .watching import Watched

LIMIT = 4  # chat questions at once
INDEX = ("--set", f"graphrag.concurrency={LIMIT}", "graphrag", "index", COLLECTION)


def caught_in_the_middle(
    fileintel: CommandLine, server: StandIn, *options: str, purpose: str = "report", after: int = 5, **settings: str
) -> Watched:
    """An index run, held by its server: some questions are answered, as many as may be are under way."""
    server.pause(after=after, purpose=purpose)
    run = Watched(fileintel.start(*INDEX, *options, **settings))
    server.wait_until(lambda stats: stats.answered[purpose] >= after and stats.in_flight >= LIMIT)
    return run


def test_a_run_that_was_interrupted_goes_on_and_asks_no_question_twice(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    run = caught_in_the_middle(prepared, model_server)
    run.process.send_signal(signal.SIGINT)
    run.wait_for("stopping")
    model_server.resume()
    code, out, err = run.end()
    assert (code, out) == (130, "")
    assert f"`fileintel graphrag index {COLLECTION}` goes on from here" in err
    assert "Traceback" not in err
    assert "waits to go on" in prepared("graphrag", "status", COLLECTION).out

    done = prepared(*INDEX, "--json", "-q").json
    stats = model_server.stats()
    assert stats.repeated == 0
    assert max(question["asked"] for question in stats.questions.values()) == 1
    assert done["llm"]["calls"] == sum(stats.answered.values())
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_ctrl_c_cancels_the_run_where_that_was_asked_for(prepared: CommandLine, model_server: StandIn) -> None:
    run = caught_in_the_middle(prepared, model_server, "--cancel-on-interrupt", purpose="extract", after=2)
    run.process.send_signal(signal.SIGINT)
    run.wait_for("stopping")
    model_server.resume()
    code, out, err = run.end()
    assert (code, out) == (4, "")
    assert err.endswith("error: the run was cancelled; its answers are kept\n")
    assert prepared("graphrag", "status", COLLECTION, "--json").json["state"] == "cancelled"
    prepared(*INDEX, "-q")
    assert model_server.stats().repeated == 0


def test_the_second_ctrl_c_ends_at_once(prepared: CommandLine, model_server: StandIn, town: Town) -> None:
    run = caught_in_the_middle(prepared, model_server, purpose="extract", after=2)
    run.process.send_signal(signal.SIGINT)
    run.wait_for("stopping")
    run.process.send_signal(signal.SIGINT)
    code, out, err = run.end()  # although the server holds its answers
    assert (code, out) == (130, "")
    assert "goes on from here" in err
    assert "Traceback" not in err
    model_server.resume()
    prepared(*INDEX, "-q")
    repeated = [question for question in model_server.stats().questions.values() if question["repeated"]]
    # no answer of a chat model was lost; a batch of vectors that was on its way may have been: it ended at once
    assert [question["purpose"] for question in repeated] in ([], ["embeddings"])
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_a_killed_run_is_taken_over_at_once_and_asks_again_only_what_was_under_way(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    run = caught_in_the_middle(prepared, model_server)
    run.process.kill()
    run.end()
    model_server.wait_until(lambda stats: stats.in_flight == 0)
    model_server.resume()
    status = prepared("graphrag", "status", COLLECTION, "--json").json
    assert status["state"] == "running"

    done = prepared(*INDEX, "--json", "-q").json
    assert done["run_id"] == status["run_id"]
    twice = [question for question in model_server.stats().questions.values() if question["asked"] > 1]
    assert len(twice) <= LIMIT
    assert all(question["asked"] == 2 for question in twice)
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_a_second_command_is_refused_while_the_first_one_works(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    run = caught_in_the_middle(prepared, model_server)
    for command in (INDEX, ("graphrag", "delete", COLLECTION, "--yes"), ("collections", "delete", COLLECTION, "--yes")):
        refused = prepared(*command, check=1)
        assert refused.out == ""
        assert refused.err.startswith("error: ")
        assert refused.err.count("\n") == 1
    model_server.resume()
    code, out, _ = run.end()
    assert code == 0
    assert "succeeded" in out
    assert model_server.stats().repeated == 0
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_a_fresh_build_that_was_interrupted_is_gone_on_with_by_a_plain_one(
    indexed: CommandLine, model_server: StandIn
) -> None:
    run = caught_in_the_middle(indexed, model_server, "--fresh", purpose="extract", after=2)
    run.process.send_signal(signal.SIGTERM)
    run.wait_for("stopping")
    model_server.resume()
    assert run.end()[0] == 130
    done = indexed(*INDEX, "--json", "-q").json
    assert (done["state"], done["version"]["number"], done["up_to_date"]) == ("succeeded", 2, False)
    assert model_server.stats().repeated == 0


def test_a_run_left_on_other_documents_is_ended_once_it_is_of_no_use(
    indexed: CommandLine, model_server: StandIn
) -> None:
    smaller = {"FILEINTEL__CHUNKING__SIZE": "400"}
    run = caught_in_the_middle(indexed, model_server, purpose="extract", after=2, **smaller)
    run.process.kill()
    run.end()
    model_server.resume()
    back = indexed(*INDEX, "--json").json
    assert (back["up_to_date"], back["state"]) == (True, "succeeded")
    assert indexed("graphrag", "status", COLLECTION, "--json").json["state"] == "cancelled"


def test_ctrl_c_while_waiting_for_an_answer_ends_the_command(indexed: CommandLine, model_server: StandIn) -> None:
    model_server.pause()
    asking = Watched(indexed.start("graphrag", "query", COLLECTION, "Who waits?"))
    model_server.wait_until(lambda stats: stats.in_flight == 1)
    asking.process.send_signal(signal.SIGINT)
    assert asking.end() == (130, "", "error: interrupted\n")
