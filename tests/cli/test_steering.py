"""What a person does in a second terminal while a run is at work in the first, and afterwards."""

import io
import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from itertools import pairwise
from unittest import mock

from fileintel.cli.main import app
from fileintel.errors import FileIntelError
from fileintel.storage.states import RunState, may_become
from tests.conftest import CommandLine, Finished
from tests.standin import StandIn
from tests.standin.settings import Fault

from .conftest import COLLECTION, Town, Twins
from .tables import read_tables
from .test_interruption import LIMIT, caught_in_the_middle
from .watching import Watched

FEW = ("--set", f"graphrag.concurrency={LIMIT}")
Typed = Callable[..., Finished]


def typed(fileintel: CommandLine, *words: str, check: int | None = 0) -> Finished:
    """A command, typed in this process: a new one each time takes longer than most of them do."""
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, fileintel.environment, clear=True), redirect_stdout(out), redirect_stderr(err):
        try:
            app(list(words), prog_name="fileintel", standalone_mode=False)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        except FileIntelError as error:
            code = error.exit_code
            err.write(f"error: {error}\n")
    finished = Finished(code, out.getvalue(), err.getvalue())
    assert check is None or finished.code == check, finished
    return finished


def states(fileintel: CommandLine, task: str) -> list[str]:
    """The states that a task went through, as `tasks wait` tells them."""
    told = typed(fileintel, "tasks", "wait", task, check=None).err
    return [line.rpartition("state: ")[2].partition(" ")[0] for line in told.splitlines() if "state: " in line]


def test_a_rebuild_is_paused_from_a_second_terminal_and_resumed(
    indexed: CommandLine, model_server: StandIn, town: Town
) -> None:
    model_server.pause(after=5, purpose="report")
    run = Watched(indexed.start(*FEW, "graphrag", "rebuild", COLLECTION, "--from", "report"))
    model_server.wait_until(lambda stats: stats.answered["report"] >= 5 and stats.in_flight >= LIMIT)
    asked = typed(indexed, "graphrag", "pause", COLLECTION)
    assert asked.err.endswith(": paused, once what is under way has arrived\n")
    model_server.resume()
    code, out, err = run.end()
    assert (code, out) == (130, "")
    resume = f"`fileintel graphrag resume {COLLECTION}`"
    assert err.endswith(f"paused; every answer so far is kept: {resume} goes on from here\n")
    stats = model_server.stats()
    assert stats.abandoned == 0
    assert stats.answered == stats.asked

    shown = typed(indexed, "graphrag", "status", COLLECTION).out
    assert f"collection {COLLECTION}: paused" in shown
    assert f"{resume} lets the run go on" in shown
    assert resume in typed(indexed, "graphrag", "index", COLLECTION, check=1).err
    resumed = typed(indexed, *FEW, "graphrag", "resume", COLLECTION, "--json", "-q").json
    assert (resumed["state"], resumed["version"]["number"]) == ("succeeded", 2)
    stats = model_server.stats()
    assert max(question["asked"] for question in stats.questions.values()) == 1
    assert {purpose: count for purpose, count in stats.asked.items() if count} == {"report": town.answered["report"]}
    assert read_tables(indexed.environment["DATABASE_URL"]) == town.tables
    passed = states(indexed, resumed["run_id"])
    assert passed == ["queued", "running", "paused", "queued", "running", "succeeded"]
    assert all(may_become(RunState(one), RunState(other)) for one, other in pairwise(passed))


def test_a_run_that_is_cancelled_from_a_second_terminal_ends_within_seconds(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    run = caught_in_the_middle(prepared, model_server)
    assert typed(prepared, "graphrag", "cancel", COLLECTION).err.endswith(": cancelling\n")
    code, out, err = run.end()  # although the server holds its answers
    assert (code, out) == (4, "")
    assert err.endswith("error: the run was cancelled; its answers are kept\n")
    task = typed(prepared, "graphrag", "status", COLLECTION, "--json").json["run_id"]
    assert typed(prepared, "tasks", "wait", task, "-q", check=4).out.startswith(f"{task}: cancelled")
    assert "is over already" in typed(prepared, "graphrag", "pause", COLLECTION, check=1).err
    model_server.resume()
    assert typed(prepared, "graphrag", "retry", COLLECTION, "--json", "-q").json["state"] == "succeeded"
    assert model_server.stats().repeated == 0
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables


def test_a_retry_closes_the_gaps_and_asks_for_nothing_else(
    prepared: CommandLine, model_server: StandIn, town: Town
) -> None:
    faults = [Fault("context_length", purpose="report", share=0.2), Fault("context_length", purpose="glean", share=0.3)]
    model_server.configure(faults=faults)
    holed = typed(prepared, "graphrag", "index", COLLECTION, "--json", "-q", check=3).json
    failed = {question["id"] for question in model_server.questions() if not question["answered"]}
    cover = typed(prepared, "graphrag", "coverage", COLLECTION, "--json").json
    assert 0 < cover["text_units"]["failed"] < cover["text_units"]["text_units"]
    assert cover["text_units"]["failed"] == sum(document["failed"] for document in cover["documents"])
    assert cover["communities"]["without_report"] > 0
    shown = typed(prepared, "graphrag", "coverage", COLLECTION).out
    assert f"{cover['text_units']['failed']} failed, 0 empty" in shown

    model_server.configure(faults=[])
    model_server.reset()
    whole = typed(prepared, "graphrag", "retry", COLLECTION, "--json", "-q").json
    assert (whole["state"], whole["version"]["number"], whole["gaps"]) == ("succeeded", 2, [])
    asked = model_server.questions()
    # what was missing, and what rests on it: new gleanings bring new descriptions and reports
    assert {question["purpose"] for question in asked} <= {"glean", "describe", "report", "embeddings"}
    assert sum(question["purpose"] == "glean" for question in asked) == cover["text_units"]["failed"]
    assert failed & {question["id"] for question in asked}
    assert model_server.stats().repeated == 0
    assert read_tables(prepared.environment["DATABASE_URL"]) == town.tables

    nothing = typed(prepared, "graphrag", "retry", COLLECTION)
    assert (nothing.out, nothing.err) == ("", f"nothing to retry: task {whole['run_id']} has no gaps\n")
    detail = typed(prepared, "tasks", "retry", holed["run_id"], "--json").json["detail"]
    assert detail == f"nothing to retry: index version 2 has closed the gaps of task {holed['run_id']}"


def test_how_many_gaps_are_too_many_is_a_setting(prepared: CommandLine, model_server: StandIn) -> None:
    model_server.configure(faults=[Fault("context_length", purpose="report", share=0.7)])
    index = ("graphrag", "index", COLLECTION, "-q")
    assert "graphrag.max_gap_share=0.5 allows" in typed(prepared, *index, check=1).err
    typed(prepared, "--set", "graphrag.max_gap_share=0.99", *index, check=3)
    model_server.configure(faults=[Fault("context_length", purpose="claims")])
    lacking = typed(prepared, "--set", "graphrag.claims=true", *index, check=1)
    assert "stage claims" in lacking.err


def test_a_rebuild_asks_again_from_a_stage_on_and_can_be_compared_and_undone(
    indexed: CommandLine, model_server: StandIn
) -> None:
    rebuilt = typed(indexed, "graphrag", "rebuild", COLLECTION, "--from", "describe", "--json", "-q").json
    assert rebuilt["version"]["number"] == 2
    assert {purpose for purpose, count in model_server.stats().asked.items() if count} == {"describe", "report"}
    wrong = typed(indexed, "graphrag", "rebuild", COLLECTION, "--from", "reports", check=2)
    assert "there is no stage 'reports': use one of load" in wrong.err

    compared = typed(indexed, "graphrag", "diff", COLLECTION).out
    assert f"index versions 1 and 2 of {COLLECTION}" in compared
    assert "entities: 0 added, 0 removed, 0 changed" in compared
    moved = typed(indexed, "graphrag", "rollback", COLLECTION)
    assert (moved.out, moved.err) == ("", f"index version 1 of {COLLECTION} is in use, instead of 2\n")
    listed = typed(indexed, "graphrag", "versions", COLLECTION, "--json").json
    assert [(one["number"], one["current"]) for one in listed] == [(2, False), (1, True)]
    lines = typed(indexed, "graphrag", "versions", COLLECTION).out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["2", "published"], ["1", "published"]]
    assert lines[2].split()[2] == "yes"
    assert "in use         version 1 (rolled back from 2)" in typed(indexed, "graphrag", "status", COLLECTION).out
    assert "`--force` builds a new one" in typed(indexed, "graphrag", "index", COLLECTION).out
    assert typed(indexed, "graphrag", "rollback", COLLECTION, "5", check=1).err.endswith("kept are 1, 2\n")


def test_the_answer_store_is_shown_and_pruned(indexed: CommandLine, model_server: StandIn) -> None:
    stats = typed(indexed, "cache", "stats", "--json").json
    assert f"{stats['answers']:,} answers, " in typed(indexed, "cache", "stats").out
    assert "say what to remove" in typed(indexed, "cache", "prune", check=2).err
    would = typed(indexed, "cache", "prune", "--model", "standin", "--dry-run")
    assert would.err.startswith(f"{stats['answers']:,} answers (")
    assert would.err.endswith("would be removed\n")
    nothing = typed(indexed, "cache", "prune", "--unused-for", "1d").err
    assert nothing == "there is nothing to remove\n0 answers (0 bytes) removed\n"
    assert typed(indexed, "cache", "prune", "--model", "standin", "--json").json["answers"] == stats["answers"]
    assert typed(indexed, "cache", "stats").err == "no answers yet\n"
    model_server.reset()
    typed(indexed, "graphrag", "rebuild", COLLECTION, "-q")
    assert model_server.stats().asked["extract"] > 0


def test_with_a_service_the_workers_hear_of_it(twins: Twins, model_server: StandIn) -> None:
    there = twins.there
    model_server.pause(after=1, purpose="extract")
    task = typed(there, "graphrag", "index", COLLECTION, "--fresh").out.strip()
    model_server.wait_until(lambda stats: stats.in_flight > 1)
    assert f"{task}: paused" in typed(there, "graphrag", "pause", COLLECTION).err
    model_server.resume()
    done = typed(there, "graphrag", "resume", COLLECTION, "--wait", "--json", "-q").json
    assert (done["run_id"], done["state"]) == (task, "succeeded")
    assert model_server.stats().repeated == 0
    nothing = typed(there, "graphrag", "retry", COLLECTION, "--wait")
    assert nothing.err == f"nothing to retry: task {task} has no gaps\n"
    model_server.configure(faults=[Fault("context_length", purpose="report", share=0.2)])
    rebuild = ("graphrag", "rebuild", COLLECTION, "--from", "report", "--wait", "-q", "--json")
    holed = typed(there, *rebuild, check=3).json
    model_server.configure(faults=[])
    assert typed(there, "graphrag", "retry", COLLECTION, "--wait", "-q", "--json").json["gaps"] == []
    assert typed(there, "tasks", "retry", holed["run_id"]).err.startswith("nothing to retry: index version")
