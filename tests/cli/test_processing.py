"""`documents process`, `documents edit` and `query`: as a person goes through them."""

import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SAMPLES, CommandLine
from tests.standin import StandIn
from tests.standin.settings import Fault

from .conftest import DOCUMENTS, Twins
from .watching import Watched

NAME = "unlinked papers"
INTERVIEW = DOCUMENTS[0]


@pytest.fixture
def filled(either: CommandLine) -> Iterator[CommandLine]:
    """A command line with a collection that has documents and no index."""
    either("collections", "create", NAME)
    either("documents", "add", NAME, *(SAMPLES / name for name in DOCUMENTS))
    yield either
    either("collections", "delete", NAME, "--yes")


def test_documents_are_processed_corrected_and_asked(filled: CommandLine) -> None:
    refused = filled("query", NAME, "Who is Erna Sollid?", check=1)
    assert f"`fileintel documents process '{NAME}' --embed`" in refused.err
    made = filled("documents", "process", NAME, "--embed", "--metadata", "--wait")
    assert re.findall(r"^(\w+): (\w+)$", made.out, re.MULTILINE) == [
        ("embedding", "succeeded"),
        ("metadata", "succeeded"),
    ]
    assert made.err.count("task ") == 2
    again = filled("documents", "process", NAME, "--metadata", "--wait", "--json", "--quiet")
    assert [(task["kind"], task["llm"]["calls"]) for task in again.json] == [("metadata", 0)]

    answer = filled("query", NAME, "Who is Erna Sollid?")
    assert f"] {INTERVIEW}, page 1: “" in answer.out
    assert filled("query", NAME, "Who is Erna Sollid?", "--json").json["mode"] == "vector"

    edited = filled(
        "documents", "edit", INTERVIEW, "-c", NAME, "--title", "Ropes", "--author", "A B", "--author", "C D"
    )
    assert "title: Ropes (edited)\nauthors: A B, C D (edited)\ndate: 1991-05-22 (extracted)\n" in edited.out
    assert "title: Ropes (edited)" in filled("documents", "show", INTERVIEW, "-c", NAME).out
    assert "Ropes" in filled("documents", "list", NAME).out
    cleared = filled(
        "documents", "edit", INTERVIEW, "-c", NAME, "--clear", "title", "--clear", "authors", "--json"
    ).json
    assert cleared["metadata_from"]["title"] == cleared["metadata_from"]["authors"] == "extracted"


def test_it_says_what_it_could_not_find_and_shows_gaps(
    filled: CommandLine, model_server: StandIn, tmp_path: Path
) -> None:
    secret = f"The parrot of {uuid.uuid4().hex} spoke."  # new to the answer store
    (tmp_path / "parrot.txt").write_text(secret)
    filled("documents", "add", NAME, tmp_path / "parrot.txt")
    model_server.configure(faults=[Fault("context_length", match=secret)])
    done = filled("documents", "process", NAME, "--embed", "--wait", check=3)
    assert "embedding: succeeded_with_gaps" in done.out
    assert re.search(r"gap: embed [0-9a-f-]{36}: context_length", done.out)
    asked = filled("query", NAME, "Who travels on ferries?")
    assert re.search(r"Not everything could be found: 1 of \d+ passages have no vector yet", asked.out)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("documents", "edit", INTERVIEW), "there is nothing to change"),
        (("documents", "edit", INTERVIEW, "--clear", "pages"), "there is no field 'pages'"),
        (("documents", "edit", INTERVIEW, "--title", "x", "--clear", "title"), "set and cleared at once"),
        (("query", "", "Who?"), "an empty name"),
        (("query", "town", " "), "the question is empty"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(
    twins: Twins, model_server: StandIn, arguments: tuple[str, ...], problem: str
) -> None:
    refused = twins.there(*arguments, check=2)
    assert refused.out == ""
    assert refused.err.startswith("error: ")
    assert problem in refused.err
    assert refused.err.count("\n") == 1


def test_without_wait_the_tasks_of_a_service_are_named(twins: Twins, model_server: StandIn) -> None:
    handed = twins.there("documents", "process", "town", "--embed", "--metadata")
    tasks = handed.out.split()
    assert handed.err == "".join(
        f"{kind}: `fileintel tasks wait {task}` follows it\n"
        for kind, task in zip(("embedding", "metadata"), tasks, strict=True)
    )
    for task in tasks:
        assert twins.there("tasks", "wait", task).out == f"{task}: succeeded\n"


def test_ctrl_c_leaves_a_run_that_goes_on_with_the_same_command(prepared: CommandLine, model_server: StandIn) -> None:
    model_server.pause(after=1, purpose="metadata")
    watched = Watched(prepared.start("--set", "graphrag.concurrency=1", "documents", "process", "town", "--metadata"))
    model_server.wait_until(lambda stats: stats.asked["metadata"] == 2)
    watched.process.send_signal(signal.SIGINT)
    watched.wait_for("stopping: what is under way is awaited and kept")
    model_server.resume()
    code, _, err = watched.end()
    assert (code, "the same command goes on from here" in err) == (130, True)
    assert prepared("tasks", "list", "--json").json[0]["state"] == "queued"
    assert "metadata: succeeded" in prepared("documents", "process", "town", "--metadata").out
    assert model_server.stats().repeated == 0
