"""Whatever a model writes: no exception, no good record lost, and records given = records kept + records dropped.

The same records, good and bad ones, in the tuple format and in JSON, in all the forms that models give them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fileintel.graphrag.stages import json_records, tuple_records
from fileintel.graphrag.stages.claims import parse_claims
from fileintel.graphrag.stages.extract_records import EntityRecord, Extraction, RelationshipRecord
from fileintel.graphrag.stages.records import LONGEST_NAME
from fileintel.llm.questions import InvalidAnswer

from .samples import ENTITIES, RELATIONSHIPS, format_entity, format_relationship

EXAMPLES = 60
LONG = "w" * 50_000


@dataclass(frozen=True)
class Given:
    """A record as an answer holds it; `kept` is what has to be made of it, None when it has to be dropped."""

    text: str
    kept: EntityRecord | RelationshipRecord | None = None


def entity_object(record: EntityRecord) -> dict[str, Any]:
    return {"name": record.title, "type": record.type, "description": record.description}


def relationship_object(record: RelationshipRecord) -> dict[str, Any]:
    return {
        "source": record.source,
        "target": record.target,
        "description": record.description,
        "strength": record.weight,
    }


def good(as_entity: Callable[[Any], str], as_relationship: Callable[[Any], str]) -> st.SearchStrategy[Given]:
    entities = ENTITIES.map(lambda record: Given(as_entity(record), record))
    return entities | RELATIONSHIPS.map(lambda link: Given(as_relationship(link), link))


BAD_TUPLES = st.sampled_from(
    [
        '("entity"<|>ADA)',
        '("entity"<|>ADA<|>PERSON)',
        '("entity"<|><|>PERSON<|>Without a name.)',
        '("entity"<|>""<|>PERSON<|>A name of quotes.)',
        f'("entity"<|>{"N" * (LONGEST_NAME + 1)}<|>PERSON<|>Too long a name.)',
        '("entity"|ADA|PERSON|Another delimiter.)',
        '("entity", "ADA", "PERSON", "Another delimiter.")',
        '("entity"<||>ADA<||>PERSON<||>Another delimiter.)',
        '("relationship"<|>ADA<|>BYRON)',
        '("relationship"<|>ADA<|>ada<|>With herself.<|>4)',
        '("relationship"<|>ADA<|><|>With nobody.<|>4)',
        '("relationship"\tADA\tBYRON\tAnother delimiter.\t4)',
        '("person"<|>ADA<|>PERSON<|>Of another kind.)',
    ]
).map(Given)
BAD_OBJECTS = st.sampled_from(
    [
        '{"name": "", "type": "PERSON", "description": "Without a name."}',
        '{"name": null, "type": "PERSON", "description": "Without a name."}',
        '{"type": "PERSON", "description": "Without a name."}',
        f'{{"name": "{"N" * (LONGEST_NAME + 1)}", "type": "PERSON", "description": "Too long a name."}}',
        '{"source": "ADA", "target": "ada", "description": "With herself.", "strength": 4}',
        '{"source": "ADA", "description": "With nobody.", "strength": 4}',
        '{"source": "ADA", "target": {"name": []}, "description": "With no name.", "strength": 4}',
    ]
).map(Given)
GOOD_TUPLES = good(format_entity, format_relationship)
GOOD_OBJECTS = good(lambda e: json.dumps(entity_object(e)), lambda r: json.dumps(relationship_object(r)))

BETWEEN = st.sampled_from(("\n##\n", "##", "\n", "\n\n", "\n- ", "\n##\n\n"))
AROUND = st.sampled_from(
    (
        ("", "\n<|COMPLETE|>"),
        ("", ""),
        ("Here are the records:\n\n", "\n\nI hope that this helps!"),
        ("```\n", "\n```"),
        ("- ", ""),
    )
)


def check(read: Extraction, records: list[Given]) -> None:
    kept = [record.kept for record in records if record.kept is not None]
    assert read.entities == [record for record in kept if isinstance(record, EntityRecord)]
    assert read.relationships == [record for record in kept if isinstance(record, RelationshipRecord)]
    assert read.kept + read.dropped.total() == len(records)


@settings(max_examples=EXAMPLES, deadline=None)
@given(records=st.lists(GOOD_TUPLES | BAD_TUPLES, max_size=8), between=BETWEEN, around=AROUND)
def test_of_tuples_the_good_ones_are_kept_and_the_others_counted(
    records: list[Given], between: str, around: tuple[str, str]
) -> None:
    text = around[0] + between.join(record.text for record in records) + around[1]
    check(tuple_records.parse_gleaning(text), records)


@settings(max_examples=EXAMPLES, deadline=None)
@given(records=st.lists(GOOD_OBJECTS | BAD_OBJECTS, max_size=8), around=AROUND)
def test_of_objects_the_good_ones_are_kept_and_the_others_counted(
    records: list[Given], around: tuple[str, str]
) -> None:
    links = [record for record in records if '"source"' in record.text]
    others = [record for record in records if record not in links]
    lists = (", ".join(record.text for record in part) for part in (others, links))
    text = around[0].replace("- ", "") + '{{"entities": [{}], "relationships": [{}]}}'.format(*lists) + around[1]
    check(json_records.parse_gleaning(text), [*others, *links])


DAMAGED = st.sampled_from(
    (
        '{"entities": [',  # never closed
        '{"entities": [}, ',
        '"entities": [',
        "[",
        '{"entities": oops [',
        '{"entities": "none", ',
    )
)
DIVIDED = st.sampled_from((", ", "\n", "]"))


@settings(max_examples=EXAMPLES, deadline=None)
@given(records=st.lists(GOOD_OBJECTS, min_size=1, max_size=8), opening=DAMAGED, between=DIVIDED)
def test_where_the_whole_is_damaged_each_object_is_read_by_itself(
    records: list[Given], opening: str, between: str
) -> None:
    check(json_records.parse_gleaning(opening + between.join(record.text for record in records)), records)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    records=st.lists(GOOD_OBJECTS, min_size=1, max_size=5),
    bad=st.sampled_from(
        (
            '{"name": "ADA" "type": "PERSON"',
            '{"name": "ADA", "type": "PERSON", "description": "She said "no" to it."}',
            '{"name": ADA, "type": PERSON, "description": bare}',
            "{'name': 'ADA'}",
            '{"name": "ADA", "description": "An end',
            '{"name": }',
            '{"source": "ADA", "target": "BYRON", "strength": 4, "description": "trailing",}',
        )
    ),
    place=st.integers(0, 5),
)
def test_a_damaged_object_costs_no_good_neighbour(records: list[Given], bad: str, place: int) -> None:
    texts = [record.text for record in records]
    texts.insert(place, bad)
    read = json_records.parse_gleaning('{"entities": [' + ", ".join(texts) + "]}")
    for record in records:
        assert record.kept in (*read.entities, *read.relationships)
    assert read.kept + read.dropped.total() in (len(records), len(records) + 1)  # "{'name'" is no record at all
    assert read.kept + read.dropped.total() == len(texts) or bad.startswith("{'")


@settings(max_examples=EXAMPLES, deadline=None)
@given(records=st.lists(GOOD_TUPLES, min_size=1, max_size=6), cut=st.integers(0, 10_000))
def test_an_answer_cut_in_the_middle_loses_no_tuple_that_was_whole(records: list[Given], cut: int) -> None:
    text = "\n##\n".join(record.text for record in records)
    cut = cut % (len(text) + 1)
    read = tuple_records.parse_gleaning(text[:cut])
    begun, whole, at = 0, 0, 0
    for record in records:
        begun += at < cut
        whole += at + len(record.text) <= cut
        at += len(record.text) + len("\n##\n")
    kept = [record.kept for record in records[:whole]]
    assert [e for e in kept if isinstance(e, EntityRecord)] == read.entities[: len(kept)][
        : sum(isinstance(e, EntityRecord) for e in kept)
    ]
    assert all(record in read.relationships for record in kept if isinstance(record, RelationshipRecord))
    assert read.kept + read.dropped.total() == begun


@settings(max_examples=EXAMPLES, deadline=None)
@given(records=st.lists(GOOD_OBJECTS, min_size=1, max_size=6), cut=st.integers(0, 10_000))
def test_an_answer_cut_in_the_middle_loses_no_object_that_was_whole(records: list[Given], cut: int) -> None:
    opening = '{"entities": ['
    text = opening + ", ".join(record.text for record in records)
    cut = len(opening) + cut % (len(text) - len(opening) + 1)
    read = json_records.parse_gleaning(text[:cut])
    whole, at = 0, len(opening)
    for record in records:
        whole += at + len(record.text) <= cut
        at += len(record.text) + len(", ")
    for record in records[:whole]:
        assert record.kept in (*read.entities, *read.relationships)
    assert whole <= read.kept + read.dropped.total() <= whole + 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("name", "type", "description", "source", "target", "strength", "entities", "relationships", "x")
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
PIECES = st.sampled_from(
    ('{"name":', '"ADA"', "{", "}", "[", "]", ",", ":", '"', "\\", "\\u0000", "\ud800", "\x00", "אדה", "```", "null",
     '{"entities":', '"relationships":', '{"source":', "1e999", "NaN", '\\"', "##", "<|>", '("entity"<|>', "((", LONG)
)  # fmt: skip
SCRAPS = st.lists(PIECES | st.text(max_size=6), max_size=20).map("".join)


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=SCRAPS | JSON_VALUES.map(json.dumps))
@example(text='{"entities": ' + "9" * 5000 + "}")
@example(text='{"entities": [{"name": "ADA", "description": "x", "strength": ' + "9" * 5000 + "}]}")
@example(text='{"name":' * 3000)
@example(text="[" * 100_000)
@pytest.mark.parametrize("form", [json_records, tuple_records])
def test_any_answer_is_read_or_refused(form: Any, text: str) -> None:
    read = form.parse_gleaning(text)
    "".join(repr(read)).encode()
    assert all(0 < link.weight <= 1000 and link.source != link.target for link in read.relationships)
    try:
        assert form.parse_records(text) == read
    except InvalidAnswer:
        assert not read.kept


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=SCRAPS)
def test_any_claims_are_read_or_refused(text: str) -> None:
    try:
        parse_claims(text)
    except InvalidAnswer:
        return
