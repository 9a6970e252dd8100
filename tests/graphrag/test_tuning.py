"""Prompts that are fitted to a collection: whatever is found out, they are prompts that can be used."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.graphrag.prompt_kinds import KINDS
from fileintel.graphrag.prompts import PromptLibrary, check_template
from fileintel.graphrag.stages import json_records, tuple_records
from fileintel.graphrag.stages.extract_records import Extraction
from fileintel.graphrag.stages.formats import EXTRACT, EXTRACT_JSON
from fileintel.graphrag.stages.report import REPORT
from fileintel.graphrag.tuning import (
    EXCERPTS,
    TUNE_PROFILE,
    Example,
    Profile,
    example_questions,
    parse_profile,
    profile_question,
    spread,
    tuned_prompts,
)
from fileintel.llm.questions import InvalidAnswer, Sampling
from fileintel.storable import storable

from .samples import EXTRACTIONS, MODEL, units

SHIPPED = PromptLibrary()
PROFILE = Profile("Court files of the {port}.", ("German",), ("judge", "statute"))
PASSAGES = st.text(max_size=40) | st.just("a\0b") | st.just("</text> {input_text} {{x}} \nEntity types: none")
ANSWER = {"domain": "Court files.", "languages": ["German"], "entity_types": ["judge", "statute"]}


@settings(max_examples=60, deadline=None)
@given(passages=st.lists(PASSAGES, max_size=2), extraction=EXTRACTIONS, domain=PASSAGES)
def test_whatever_is_found_out_the_prompts_can_be_used(
    passages: list[str], extraction: Extraction, domain: str
) -> None:
    examples = [Example(passage, extraction) for passage in passages]
    made = tuned_prompts(SHIPPED, Profile(domain, ("German",), ("judge",)), examples)
    assert set(made) == {EXTRACT.file, EXTRACT_JSON.file, REPORT.file}
    for name, text in made.items():
        prompt = check_template(KINDS[name], text, name)
        fixed = {"entity_types": "judge"} if "entity_types" in KINDS[name].fixed else {"max_report_length": 9}
        system, user = prompt.messages(input_text="THE DATA", **fixed)
        assert "THE DATA" in user["content"]
        assert all(storable(passage) in system["content"] for passage in passages) or name == REPORT.file
        assert storable(domain) in system["content"]


def test_the_examples_stand_in_place_of_the_invented_one() -> None:
    found = tuple_records.parse_records(
        '("entity"<|>VOSS<|>JUDGE<|>Voss {sat}.)##("entity"<|>ACT<|>STATUTE<|>An act.)##'
        '("relationship"<|>VOSS<|>ACT<|>Voss cited it.<|>7)'
    )
    made = tuned_prompts(SHIPPED, PROFILE, [Example("Voss cited the act {1}.", found)])
    for kind, parse in ((EXTRACT, tuple_records.parse_gleaning), (EXTRACT_JSON, json_records.parse_gleaning)):
        system = check_template(kind, made[kind.file], kind.file).messages(input_text="x", entity_types="judge")[0]
        shown = system["content"]
        assert "Voss cited the act {1}.\nAnswer:\n" in shown
        assert "Court files of the {port}." in shown
        assert "Example Person" not in shown
        records = parse(shown)
        assert [entity for entity in records.entities if entity.type != "TYPE"] == found.entities
        assert [link for link in records.relationships if link.source != "SOURCE"] == found.relationships


def test_without_an_example_the_invented_one_stays() -> None:
    assert "EXAMPLE PERSON" in tuned_prompts(SHIPPED, PROFILE, [])[EXTRACT.file]


@pytest.mark.parametrize("count", [0, 1, 2, 11, 12, 13, 500])
def test_excerpts_are_spread_over_the_collection(count: int) -> None:
    chosen = spread(units(count), EXCERPTS)
    assert len(chosen) == min(count, EXCERPTS)
    numbers = [unit.number for unit in chosen]
    assert numbers == sorted(set(numbers))
    if count > 2 * EXCERPTS:
        assert numbers[0] < count / EXCERPTS
        assert numbers[-1] >= count * (EXCERPTS - 1) / EXCERPTS


def test_the_question_shows_excerpts_and_asks_for_json() -> None:
    question = profile_question(MODEL, SHIPPED, Sampling(), units(30), lambda text, _: text[:10])
    assert question.schema is not None
    assert question.messages[-1]["content"].count("Excerpt ") == EXCERPTS
    assert SHIPPED.load(TUNE_PROFILE).kind is TUNE_PROFILE


@pytest.mark.parametrize("lacking", ["domain", "languages", "entity_types"])
def test_an_answer_that_lacks_a_part_is_refused(lacking: str) -> None:
    for value in (None, "", [], {}):
        with pytest.raises(InvalidAnswer, match=lacking):
            parse_profile(json.dumps({**ANSWER, lacking: value}))


def test_two_languages_that_much_is_written_in_are_both_named_and_none_is_set() -> None:
    several = parse_profile(json.dumps({**ANSWER, "languages": ["English", "Finnish", "English"]}))
    assert (several.language, several.sole_language) == ("English and Finnish", None)
    made = tuned_prompts(SHIPPED, several, [])
    for name in (EXTRACT.file, EXTRACT_JSON.file, REPORT.file):
        assert "Court files. They are written in English and Finnish: write in the one" in made[name]
    ((_, question), *_) = example_questions(MODEL, SHIPPED, Sampling(), units(3), lambda text, _: text, several)
    assert "Write all text of your answer in" not in question.messages[0]["content"]
    sole = parse_profile(json.dumps({"domain": "x", "language": "German", "entity_types": ["y"]}))
    assert (sole.language, sole.sole_language) == ("German", "German")
    assert "They are written" not in tuned_prompts(SHIPPED, sole, [])[REPORT.file]


def test_types_that_a_list_could_not_hold_are_left_out() -> None:
    types = ["Judge", "judge", "a, b", "{x}", "", 7, "x" * 100, " statute "]
    assert parse_profile(json.dumps({**ANSWER, "entity_types": types})).entity_types == ("judge", "statute")


def test_a_passage_that_begins_with_a_heading_does_not_become_one() -> None:
    passages = [replace(units(1)[0], text="# The sluice\n\nIlse Brandt drew it.\n\n## The storm\n\nIt held.")]
    profile = Profile("a port", ("English",), ("person",))
    asked = example_questions(MODEL, PromptLibrary(), Sampling(), passages, lambda text, _: text, profile)
    assert [passage for passage, _ in asked] == ["The sluice Ilse Brandt drew it. The storm It held."]
