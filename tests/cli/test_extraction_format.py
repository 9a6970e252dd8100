"""In which format the model is asked: found out by one question, or as the settings say."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.standin import Fault, StandIn
from tests.standin.settings import Canned

AUTO = {"FILEINTEL__EXTRACTION__FORMAT": "auto"}
HONOURED = json.dumps({"probe": "schema honoured"})
RECORDS = {
    "entities": [
        {"name": "Ilse Brandt", "type": "PERSON", "description": "Ilse Brandt built the sluice."},
        {"name": "Harbour Board", "type": "ORGANIZATION", "description": "The Harbour Board runs the port."},
        {"name": "EXAMPLE WORKS", "type": "ORGANIZATION", "description": "A company that was given a charter."},
        {"type": "PERSON", "description": "Somebody without a name."},
    ],
    "relationships": [
        {"source": "ILSE BRANDT", "target": "Harbour Board", "description": "She worked for it.", "strength": "nine"}
    ],
}  # fmt: skip
ANSWERS = (Canned(HONOURED, purpose="probe"), Canned(json.dumps(RECORDS), purpose="extract"))
IN_JSON = Canned(json.dumps(RECORDS), purpose="extract", match='{"entities"')  # what only the prompt for JSON shows
NOTHING_MORE = Canned('{"entities": [], "relationships": []}', purpose="glean")


def test_a_server_that_honours_schemas_is_asked_for_json(
    fileintel: CommandLine, model_server: StandIn, write_document: Callable[[str, str], Path]
) -> None:
    model_server.configure(canned=(*ANSWERS, NOTHING_MORE))
    fileintel("collections", "create", "port")
    fileintel("documents", "add", "port", write_document("port.txt", "Ilse Brandt built the sluice."))
    built = fileintel("graphrag", "index", "port", "--json", **AUTO).json
    assert built["extraction_format"] == "json"
    assert built["records"] == {
        "kept": 3,
        "dropped": {"entity of the prompt's example": 1, "entity without a name": 1},
        "mended": {"strength that is no number": 1},
    }
    answered = model_server.stats().answered
    assert answered["probe"] == 1
    assert built["llm"]["calls"] == sum(answered.values())
    titles = [row["title"] for row in fileintel("graphrag", "entities", "port", "--json").json]
    assert titles == ["Ilse Brandt", "Harbour Board"]

    shown = fileintel("graphrag", "status", "port").out
    assert "dropped        2 " in shown
    assert "entity without a name (1)" in shown
    model_server.reset()
    assert fileintel("graphrag", "index", "port", "--json", **AUTO).json["up_to_date"]
    fileintel("graphrag", "index", "port", "--force", **AUTO)
    assert not model_server.stats().answered  # nor is the server asked again what it can do


def test_nul_characters_in_answers_are_counted_and_named_in_either_format_also_when_stored_answers_are_read(
    fileintel: CommandLine, model_server: StandIn, write_document: Callable[[str, str], Path]
) -> None:
    tuples = (
        '("ent\0ity"<|>Ilse Br\0andt<|>PERSON<|>Ilse Brandt built the sluice.)\n##\n'
        '("relationship"<|>ILSE BRANDT<|>Harbour Board<|>She worked for it.<|>\09)<|COMPLETE|>'
    )
    report = json.dumps({"title": "The \0port", "summary": "Ilse Brandt built it.", "rating": 5, "findings": []})
    more = (Canned("<|COMPLETE|>", purpose="glean"), Canned(report, purpose="report"))
    fileintel("collections", "create", "port")
    fileintel("documents", "add", "port", write_document("port.txt", "Ilse Brandt built the sluice."))
    read = {}
    for form, answer in (("tuple", tuples), ("json", json.dumps(RECORDS).replace("Ilse Brandt", "Ilse Br\0andt"))):
        setting = {"FILEINTEL__EXTRACTION__FORMAT": form}
        model_server.configure(canned=(Canned(answer, purpose="extract"), *more))
        built = fileintel("graphrag", "index", "port", "--json", **setting).json
        assert built["records"]["mended"]["answer with NUL characters, which were left out"] == 2
        assert "answer with NUL characters, which were left out (2)" in fileintel("graphrag", "status", "port").out
        titles = [row["title"] for row in fileintel("graphrag", "entities", "port", "--json").json]
        assert titles == ["Ilse Brandt", "Harbour Board"]
        model_server.reset()
        again = fileintel("graphrag", "index", "port", "--force", "--json", **setting).json
        assert again["records"] == built["records"]
        assert not model_server.stats().answered
        read[form] = built["records"]
    assert read["tuple"]["kept"] == 2


def test_a_server_that_does_not_honour_them_is_asked_for_tuples(
    fileintel: CommandLine, model_server: StandIn, write_document: Callable[[str, str], Path]
) -> None:
    model_server.configure(canned=(Canned("Hello!", purpose="probe"),), json_schema_support=False)
    fileintel("collections", "create", "port")
    text = "In 1904 Ilse Brandt joined the Harbour Board. Ilse Brandt built the sluice for the Harbour Board."
    fileintel("documents", "add", "port", write_document("port.txt", text))
    built = fileintel("graphrag", "index", "port", "--json", **AUTO).json
    assert built["extraction_format"] == "tuple"
    assert built["counts"]["entities"] > 0
    assert model_server.stats().answered["probe"] == 1
    assert "extract" in model_server.stats().answered


def test_where_the_server_promises_schemas_nothing_but_the_end_waits_for_the_proof(
    fileintel: CommandLine, model_server: StandIn, write_document: Callable[[str, str], Path]
) -> None:
    model_server.configure(owner="vllm", canned=(*ANSWERS, NOTHING_MORE))
    model_server.gather(2, "probe")  # there is one: it is held until it is let go
    fileintel("collections", "create", "port")
    fileintel("documents", "add", "port", write_document("port.txt", "Ilse Brandt built the sluice."))
    with fileintel.start("graphrag", "index", "port", "--json", **AUTO) as process:
        model_server.wait_until(lambda stats: stats.answered.get("report", 0) > 0)
        assert process.poll() is None
        model_server.resume()
        out, _ = process.communicate(timeout=60)
    built = json.loads(out)
    answered = model_server.stats().answered
    assert (built["state"], built["extraction_format"]) == ("succeeded", "json")
    assert answered["probe"] == 1
    assert built["llm"]["calls"] == sum(answered.values())
    model_server.reset()
    fileintel("graphrag", "index", "port", "--force", **AUTO)
    assert not model_server.stats().answered  # the proof is kept


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_broken_promise_costs_what_was_under_way_and_leaves_no_trace_in_the_index(
    fileintel: CommandLine, model_server: StandIn, write_document: Callable[[str, str], Path], interrupted: bool
) -> None:
    text = "In 1904 Ilse Brandt joined the Harbour Board. Ilse Brandt built the sluice for the Harbour Board."
    paths = [write_document(f"{number}.txt", f"{text} That was chapter {number}.") for number in range(3)]
    indexes = {}
    for owner in ("somebody", "vllm"):
        model_server.configure(owner=owner, canned=(Canned("Hello!", purpose="probe"), IN_JSON))
        fileintel("collections", "create", owner)
        fileintel("documents", "add", owner, *paths)
        if owner == "vllm":
            fileintel("cache", "prune", "--model", "standin")
            model_server.reset()
            model_server.gather(2, "probe")
            with fileintel.start("graphrag", "index", owner, "--json", **AUTO) as process:
                model_server.wait_until(lambda stats: stats.answered.get("extract", 0) == len(paths))
                if interrupted:  # before it could know
                    process.kill()
                model_server.resume()
                process.wait(60)
        built = fileintel("graphrag", "index", owner, "--json", **AUTO).json
        assert (built["state"], built["extraction_format"]) == ("succeeded", "tuple")
        names = fileintel("graphrag", "relationships", owner, "--json").json
        indexes[owner] = [(row["source"], row["target"], row["description"], row["weight"]) for row in names]
    assert indexes["vllm"] == indexes["somebody"]
    asked = model_server.stats().answered["extract"] / len(paths)  # once in JSON, once in tuples
    assert asked == 2 or (interrupted and asked <= 3)  # what was killed may have stored nothing yet
    twice = {question["purpose"] for question in model_server.questions() if question["repeated"]}
    assert not twice or interrupted  # what was answered to nobody


def test_a_run_whose_records_all_fail_waits_for_the_proof_before_it_gives_up(
    fileintel: CommandLine, model_server: StandIn, write_document: Callable[[str, str], Path]
) -> None:
    refusal = Canned("I would rather talk.", purpose="extract", match='{"entities"')
    model_server.configure(owner="vllm", canned=(Canned("Hello!", purpose="probe"), refusal))
    model_server.gather(2, "probe")
    fileintel("collections", "create", "port")
    text = "In 1904 Ilse Brandt joined the Harbour Board. Ilse Brandt built the sluice for the Harbour Board."
    fileintel("documents", "add", "port", write_document("port.txt", text))
    with fileintel.start("graphrag", "index", "port", "--json", **AUTO) as process:
        while not fileintel("graphrag", "status", "port", "--json", check=None).json.get("gaps"):
            assert process.poll() is None
        model_server.resume()
        out, _ = process.communicate(timeout=60)
    built = json.loads(out)
    assert (built["state"], built["extraction_format"]) == ("succeeded", "tuple")
    assert built["counts"]["entities"] > 0


def test_a_question_about_schemas_that_gets_no_answer_is_no_reason_to_ask_everything_again(
    fileintel: CommandLine, model_server: StandIn, write_document: Callable[[str, str], Path]
) -> None:
    faults = [Fault("context_length", purpose="probe")]
    model_server.configure(owner="vllm", canned=(*ANSWERS, NOTHING_MORE), faults=faults)
    fileintel("collections", "create", "port")
    fileintel("documents", "add", "port", write_document("port.txt", "Ilse Brandt built the sluice."))
    built = fileintel("graphrag", "index", "port", "--json", **AUTO).json
    assert (built["state"], built["extraction_format"]) == ("succeeded", "json")
    assert model_server.stats().answered["extract"] == 1
    model_server.configure(faults=[])
    fileintel("graphrag", "index", "port", "--force", **AUTO)  # asks once more
    assert model_server.stats().answered["probe"] == 1
    assert model_server.stats().answered["extract"] == 1
