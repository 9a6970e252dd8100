"""Every kind of bad answer has a name under which it is counted, in both formats, and costs no good neighbour."""

import json
from typing import Any

import pytest

from fileintel.graphrag.stages import json_records, tuple_records
from fileintel.graphrag.stages.extract_records import Extraction
from fileintel.llm.questions import InvalidAnswer

ADA = '("entity"<|>ADA<|>PERSON<|>Ada wrote programs.)'
LINK = '("relationship"<|>ADA<|>BABBAGE<|>Ada wrote to Babbage.<|>7)'
ADA_OBJECT = {"name": "ADA", "type": "PERSON", "description": "Ada wrote programs."}
LINK_OBJECT = {"source": "ADA", "target": "BABBAGE", "description": "Ada wrote to Babbage.", "strength": 7}
LONG = "a" * 50_000


def tuples(*records: str) -> Extraction:
    return tuple_records.parse_records("\n##\n".join([ADA, *records, LINK]) + "\n<|COMPLETE|>")


def objects(*entities: Any, links: tuple[Any, ...] = ()) -> Extraction:
    answer = {"entities": [ADA_OBJECT, *entities], "relationships": [*links, LINK_OBJECT]}
    return json_records.parse_records(json.dumps(answer))


@pytest.mark.parametrize(
    ("read", "dropped"),
    [
        (tuples('("entity"<|>BYRON)'), "entity with too few fields"),
        (objects({"type": "PERSON", "description": "Nobody."}), "entity without a name"),
        (tuples('("entity"|BYRON|PERSON|Of another form.)'), "record with wrong delimiters"),
        (objects("BYRON | PERSON | Of another form."), "record that is no JSON object"),
        (tuples('("relationship"<|>Ada<|>ADA<|>Herself.<|>3)'), "relationship of an entity with itself"),
        (
            objects(links=({"source": "Ada", "target": "ADA", "description": "Herself.", "strength": 3},)),
            "relationship of an entity with itself",
        ),
    ],
)
def test_what_cannot_be_kept_is_dropped_under_its_name(read: Extraction, dropped: str) -> None:
    assert (read.kept, read.dropped, read.mended) == (2, {dropped: 1}, {})


def entity(description: str) -> Extraction:
    return objects({"name": "BYRON", "type": "PERSON", "description": description})


def worded(strength: str) -> Extraction:
    return objects(links=({"source": "BYRON", "target": "ADA", "description": "Letters.", "strength": strength},))


@pytest.mark.parametrize(
    ("read", "mended"),
    [
        (tuples('("relationship"<|>BYRON<|>ADA<|>Letters.<|>seven)'), "strength that is no number"),
        (worded("seven"), "strength that is no number"),
        (tuples(f'("entity"<|>BYRON<|>PERSON<|>{LONG})'), "description of more than 10,000 characters"),
        (entity(LONG), "description of more than 10,000 characters"),
        (tuples('("entity"<|>BYRON<|>PERSON<|>A \x01poet.)'), "control characters in a record"),
        (entity("A \x00poet."), "control characters in a record"),
        (tuples('("entity"<|>\u202eביירון\u202c<|>PERSON<|>משורר.)'), "marks of the text direction in a record"),
        (entity("\u200fמשורר."), "marks of the text direction in a record"),
    ],
)
def test_what_is_put_right_is_counted_under_its_name(read: Extraction, mended: str) -> None:
    assert (read.kept, read.dropped, read.mended) == (3, {}, {mended: 1})


def test_right_to_left_text_is_kept_as_it_is() -> None:
    read = (tuples('("entity"<|>ביירון<|>PERSON<|>משורר אנגלי.)'), entity("משורר אנגלי."))
    assert [one.entities[-1].description for one in read] == ["משורר אנגלי."] * 2
    assert read[0].entities[-1].title == "ביירון"
    assert not any(one.mended or one.dropped for one in read)


def test_nested_quotes_cost_nothing() -> None:
    said = 'He said "no, "never"" twice.'
    assert tuples(f'("entity"<|>"BYRON"<|>"PERSON"<|>{said})').entities[-1].description == said
    byron = f'{{"name": "BYRON", "type": "PERSON", "description": "{said}"}}'
    damaged = json.dumps({"entities": [ADA_OBJECT]}).replace("}]", "}, " + byron + "]")
    read = json_records.parse_records(damaged)
    assert [record.title for record in read.entities] == ["ADA", "BYRON"]
    assert read.mended == {json_records.REPAIRED: 1}


def test_code_fences_and_cut_ends_are_counted() -> None:
    whole = json.dumps({"entities": [ADA_OBJECT], "relationships": [LINK_OBJECT]}, indent=1)
    assert tuple_records.parse_records(f"```\n{ADA}\n##\n{LINK}\n```").mended == {"answer in a code fence": 1}
    assert json_records.parse_records(f"```json\n{whole}\n```").mended == {"answer in a code fence": 1}
    cut = (tuple_records.parse_records(f"{ADA}\n##\n{LINK[:-12]}"), json_records.parse_records(whole[:-40]))
    for read in cut:
        assert (read.kept, read.mended) == (2, {"record without its end, kept": 1, "strength missing": 1})


@pytest.mark.parametrize("parse", [tuple_records.parse_records, json_records.parse_records])
def test_an_answer_in_prose_is_asked_for_again_with_what_was_wrong(parse: Any) -> None:
    with pytest.raises(InvalidAnswer, match="it holds no "):
        parse("The passage is about Ada Lovelace, who wrote programs for Charles Babbage.")
