"""Answers whose meaning is plain although they are not of the form that was asked for, and those that are not whole."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.graphrag.stages import json_records, tuple_records
from fileintel.graphrag.stages.extract_records import NAMELESS, Extraction
from fileintel.llm.json_answers import is_closed, read_object
from fileintel.llm.json_escapes import with_sound_escapes
from fileintel.llm.questions import InvalidAnswer

from .samples import EXTRACTIONS, format_extraction

PEOPLE = [("Ada Lind", "PERSON", "Ada Lind kept the light."), ("Skerry light", "BUILDING", "A lighthouse of 1880.")]
LINKS = [("Ada Lind", "Skerry light", "Ada Lind kept the Skerry light.", 8)]


def in_json(entities: Any, relationships: Any = ()) -> str:
    return json.dumps({"entities": entities, "relationships": list(relationships)})


def read(extraction: Extraction) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    entities = [(one.title, one.type, one.description) for one in extraction.entities]
    return entities, [(one.source, one.target) for one in extraction.relationships]


@pytest.mark.parametrize(
    "entities",
    [
        [{"label": name, "category": kind, "description": text} for name, kind, text in PEOPLE],
        [{"entity": name, "class": kind, "summary": text} for name, kind, text in PEOPLE],
        [{"id": name, "label": kind, "desc": text} for name, kind, text in PEOPLE],
        {name: {"type": kind, "description": text} for name, kind, text in PEOPLE},
    ],
    ids=["label and category", "entity and class", "id and label", "by name"],
)
def test_entities_are_read_under_other_names_of_their_fields(entities: Any) -> None:
    extraction = json_records.parse_records(in_json(entities))
    assert read(extraction)[0] == PEOPLE


@pytest.mark.parametrize(
    ("source", "target"), [("head", "tail"), ("subject", "object"), ("from", "to"), ("src", "dst")]
)
@pytest.mark.parametrize("section", ["relationships", "relations", "edges", "triples"])
def test_relationships_are_read_under_other_names(source: str, target: str, section: str) -> None:
    links = [{source: a, "relation": "kept", target: b} for a, b, _, _ in LINKS]
    extraction = json_records.parse_records(json.dumps({"entities": [], section: links}))
    assert read(extraction)[1] == [("Ada Lind", "Skerry light")]
    assert extraction.relationships[0].description == "kept"


def test_relationships_may_call_entities_by_their_ids() -> None:
    entities = [{"id": number, "name": name, "type": kind} for number, (name, kind, _) in enumerate(PEOPLE)]
    extraction = json_records.parse_records(in_json(entities, [{"source": 0, "target": 1, "description": "kept"}]))
    assert read(extraction)[1] == [("Ada Lind", "Skerry light")]


def test_lists_within_other_objects_are_found() -> None:
    inner = json.loads(in_json([{"name": "Ada Lind", "type": "PERSON", "description": "x"}]))
    assert json_records.parse_records(json.dumps({"result": {"graph": inner}})).entities[0].title == "Ada Lind"


def test_a_list_of_names_alone_is_no_answer_with_nothing_in_it() -> None:
    with pytest.raises(InvalidAnswer, match="no record that can be read"):
        json_records.parse_records(in_json(["Ada Lind", "Skerry light"]))
    links = [{"source": a, "target": b, "description": text, "strength": n} for a, b, text, n in LINKS]
    text = in_json(["Ada Lind", "Skerry light"], links)
    extraction = json_records.parse_records(text)
    assert read(extraction)[1] == [("Ada Lind", "Skerry light")]
    assert json_records.flaw(text, extraction) == 'no record of its list "entities" can be read'


@pytest.mark.parametrize("name", ["N/A", "None", "null", "-", "—", "...", "Unknown", "<ENTITY_NAME>", "[NAME]"])
def test_a_name_that_stands_for_nothing_makes_no_entity(name: str) -> None:
    entities = [{"name": one, "type": "PERSON", "description": "x"} for one in (name, "Ada Lind")]
    extraction = json_records.parse_records(
        in_json(entities, [{"source": name, "target": "Ada Lind", "description": "x", "strength": 1}])
    )
    assert read(extraction) == ([("Ada Lind", "PERSON", "x")], [])
    assert extraction.dropped == {NAMELESS: 2}


def test_an_answer_with_nothing_but_placeholders_is_whole() -> None:
    text = in_json([{"name": "N/A", "type": "PERSON", "description": "Not mentioned."}])
    extraction = json_records.parse_records(text)
    assert not extraction.kept
    assert json_records.flaw(text, extraction) is None


@pytest.mark.parametrize(
    "delimiter", ["<|#|>", "<||>", "&lt;|&gt;", "{tuple_delimiter}", "<tuple_delimiter>", "<SEP>", r"\<\|\>"]
)
def test_a_spoilt_delimiter_is_mended_where_it_is_the_same_throughout(delimiter: str) -> None:
    records = [f'("entity"{delimiter}{delimiter.join(fields)})' for fields in PEOPLE]
    records += [f'("relationship"{delimiter}{delimiter.join(map(str, fields))})' for fields in LINKS]
    text = "\n##\n".join(records) + "\n<|COMPLETE|>"
    extraction = tuple_records.parse_records(text)
    assert read(extraction) == (PEOPLE, [("Ada Lind", "Skerry light")])
    assert extraction.mended[tuple_records.OTHER_DELIMITER] == 3
    assert tuple_records.flaw(text, extraction) is None


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (r"\beta-amyloid", r"\beta-amyloid"),
        (r"$\frac{a}{b}$ and \tau", r"$\frac{a}{b}$ and \tau"),
        (r"\\beta", r"\beta"),
        (r"C:\new\temp", r"C:\new\temp"),
        (r"C:\\new\\temp", r"C:\new\temp"),
        (r"C:\Users\notes.txt", r"C:\Users\notes.txt"),
        (r"for $\nu \to 0$", r"for $\nu \to 0$"),
        (r"Roma\ne Milano", "Roma\ne Milano"),
        (r"A:\nBob\nCarl", "A:\nBob\nCarl"),
        (r"one\ttwo", "one\ttwo"),
        (r"caf\u00e9 \"x\" \/", 'café "x" /'),
        (r"it\'s \_so\_", r"it's \_so\_"),
    ],
)
def test_backslashes_are_read_as_they_were_meant(raw: str, meant: str) -> None:
    assert read_object('{"text": "' + raw + '"}') == {"text": meant}


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_properly_escaped_text_stays_as_it_is(text: str) -> None:
    sound = json.dumps({"text": text.replace("\b", "").replace("\f", "")})
    assert with_sound_escapes(sound) == sound


def whole_json(extraction: Extraction) -> str:
    return in_json(
        [{"name": one.title, "type": one.type, "description": one.description} for one in extraction.entities],
        [
            {"source": one.source, "target": one.target, "description": one.description, "strength": one.weight}
            for one in extraction.relationships
        ],
    )


@settings(max_examples=150, deadline=None)
@given(extraction=EXTRACTIONS.filter(lambda one: one.kept > 0), share=st.floats(0.05, 0.95))
def test_an_answer_in_json_is_whole_exactly_when_nothing_was_cut_off(extraction: Extraction, share: float) -> None:
    text = whole_json(extraction)
    assert json_records.flaw(text, json_records.parse_records(text)) is None
    cut = text[: int(len(text) * share)]
    assert not is_closed(cut)
    assert json_records.flaw(cut, json_records.parse_gleaning(cut)) is not None


@settings(max_examples=100, deadline=None)
@given(extraction=EXTRACTIONS.filter(lambda one: one.kept > 0), share=st.floats(0.05, 0.95))
def test_an_answer_in_tuples_is_whole_exactly_when_its_mark_is_there(extraction: Extraction, share: float) -> None:
    text = format_extraction(extraction)
    assert tuple_records.flaw(text, tuple_records.parse_records(text)) is None
    cut = text[: int((len(text) - len("\n<|COMPLETE|>")) * share)]
    found = tuple_records.parse_gleaning(cut)
    assert (tuple_records.flaw(cut, found) is not None) == bool(found.kept or found.dropped)


def test_damaged_json_that_comes_to_its_end_is_whole() -> None:
    record = '{"name": "Ada Lind", "type": "PERSON", "description": "She said "light" twice."}'
    text = '{"entities": [' + record + ',], "relationships": []}'
    assert json_records.flaw(text, json_records.parse_records(text)) is None


def test_a_gleaning_that_finds_nothing_in_its_own_words_is_whole() -> None:
    for records in (json_records, tuple_records):
        assert records.GLEANING.flaw("Nothing was missed.", records.parse_gleaning("Nothing was missed.")) is None
