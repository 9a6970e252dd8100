"""The formats in which records are asked for: graphrag's tuples, which every model can write, or JSON under a schema,
which some servers make sure of. The records that come out are the same."""

from collections.abc import Callable
from dataclasses import dataclass

from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.stages import json_records, tuple_records
from fileintel.graphrag.stages.extract_records import Extraction
from fileintel.llm.questions import Schema

FAST = "fast"  # the value of `graphrag.method` with which no records are asked for
EXTRACT = PromptKind("extract_graph.txt", data=("input_text",), fixed=("entity_types",))
CONTINUE = PromptKind("extract_graph_continue.txt")
LOOP = PromptKind("extract_graph_loop.txt")
EXTRACT_JSON = PromptKind("extract_graph_json.txt", data=("input_text",), fixed=("entity_types",))
CONTINUE_JSON = PromptKind("extract_graph_json_continue.txt")


@dataclass(frozen=True)
class Format:
    """How records are asked for and read.

    Parameters:
      prompts: of the first question, of a gleaning, and of the check between two gleanings.
      schema: that the server is to keep an answer to; None where it is free text.
      parse, parse_gleaning: read an answer to the first question and to a gleaning.
    """

    name: str
    prompts: tuple[PromptKind, PromptKind, PromptKind]
    schema: Schema | None
    parse: Callable[[str], Extraction]
    parse_gleaning: Callable[[str], Extraction]


TUPLE = Format("tuple", (EXTRACT, CONTINUE, LOOP), None, tuple_records.RECORDS, tuple_records.GLEANING)
JSON = Format(
    "json",
    (EXTRACT_JSON, CONTINUE_JSON, LOOP),
    json_records.SCHEMA,
    json_records.RECORDS,
    json_records.GLEANING,
)
FORMATS = {form.name: form for form in (TUPLE, JSON)}
