"""In which format the model is asked: found out by one question, or as the settings say."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import CommandLine
from tests.standin import StandIn
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
