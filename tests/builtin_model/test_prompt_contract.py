"""The marks by which the built-in model finds in the shipped prompts what it is given: see its package's docstring.

An edited prompt that loses one would be answered from its own instructions, and nothing else would tell.
"""

import re
from pathlib import Path
from string import Formatter

import pytest

from fileintel import builtin_model
from fileintel.builtin_model import engine, questions, sections
from fileintel.graphrag.query import forms
from fileintel.resources import shipped

TEXT = "Ilse Brandt designed the sluice."
DATA = '-----Sources-----\nid,text\nS1,"Ilse Brandt designed the sluice."\n'
READ_TEXT = ("extract_graph.txt", "extract_graph_json.txt", "extract_claims.txt", "extract_metadata.txt")
READ_DATA = (
    "community_report_graph.txt",
    "community_report_text.txt",
    "drift_search_local_system_prompt.txt",
    "drift_search_primer_system_prompt.txt",
    "drift_search_reduce_system_prompt.txt",
    "global_search_map_system_prompt.txt",
    "global_search_rate_system_prompt.txt",
    "global_search_reduce_system_prompt.txt",
    "local_search_system_prompt.txt",
    "passage_search_system_prompt.txt",
    "tune_profile.txt",
)
CONTINUE = re.compile(r"_(?:continue|loop)\.txt$")  # later turns of a conversation, known by their purpose


def shipped_prompts() -> dict[str, Path]:
    return {path.name: path for path in shipped("prompts").glob("*/*.txt")}


def filled(name: str, placeholder: str, value: str, **others: str) -> list[dict[str, str]]:
    template = shipped_prompts()[name].read_text(encoding="utf-8")
    names = {field for _, field, _, _ in Formatter().parse(template) if field}
    assert {placeholder, *others} <= names
    given = {**dict.fromkeys(names, "something else"), **others, placeholder: value}
    return [{"role": "user", "content": template.format(**given)}]


def data_placeholder(name: str) -> str:
    template = shipped_prompts()[name].read_text(encoding="utf-8")
    found = re.search(r"<(text|data)>\s*\{(\w+)\}\s*</\1>", template)
    assert found, f"{name}: no placeholder stands between the tags"
    return found.group(2)


def test_each_shipped_prompt_is_looked_at() -> None:
    names = {name for name in shipped_prompts() if not CONTINUE.search(name)}
    assert names == {*READ_TEXT, *READ_DATA, "summarize_descriptions.txt"}


@pytest.mark.parametrize("name", READ_TEXT)
def test_the_text_is_found_in_the_prompt(name: str) -> None:
    (message,) = filled(name, data_placeholder(name), TEXT)
    assert sections.tagged(message["content"], "text").strip() == TEXT


@pytest.mark.parametrize("name", READ_DATA)
def test_the_data_is_found_in_the_prompt(name: str) -> None:
    (message,) = filled(name, data_placeholder(name), DATA)
    assert sections.tagged(message["content"], "data").strip() == DATA.strip()
    assert [row["text"] for row in sections.sections(message["content"])["sources"]] == [TEXT]


@pytest.mark.parametrize("name", ["extract_graph.txt", "extract_graph_json.txt"])
def test_the_entity_types_are_found_in_the_prompt(name: str) -> None:
    messages = filled(name, data_placeholder(name), TEXT, entity_types="ship, captain")
    assert sections.entity_types(messages) == ["ship", "captain"]
    assert '("entity"<|>ILSE BRANDT<|>SHIP<|>' in engine.answer("extract", messages)


def test_the_name_and_the_descriptions_are_found_in_the_prompt() -> None:
    name = "summarize_descriptions.txt"
    (message,) = filled(name, "description_list", '["She drew a sluice.", "She was born."]', entity_name="BRANDT")
    assert sections.name_and_descriptions(message["content"]) == ("BRANDT", ["She drew a sluice.", "She was born."])


def test_the_question_is_found_behind_the_data() -> None:
    (message,) = filled("local_search_system_prompt.txt", "context_data", DATA + "\nQuestion: not this one\n")
    assert sections.question_of(f"{message['content']}\n\nQuestion: Who was it?") == "Who was it?"


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        (forms.form("list"), "- One.\n- Two."),
        (forms.form("paragraph"), "One. Two."),
        (forms.form("table"), "| Statement |\n| --- |\n| One. |\n| Two. |"),
        (forms.form("json"), '{"answer": ["One.", "Two."]}'),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@pytest.mark.parametrize(
    "name",
    [name for name in READ_DATA if "{response_type}" in shipped_prompts()[name].read_text(encoding="utf-8")],
)
def test_the_form_of_the_answer_is_found_in_the_prompt(name: str, form: forms.Form, answer: str) -> None:
    (message,) = filled(name, data_placeholder(name), DATA, response_type=form.words)
    assert questions.formed(message["content"], "One.\n\nTwo.") == answer


def test_what_is_written_down_is_what_is_looked_for() -> None:
    written = str(builtin_model.__doc__)
    for mark in ("<text>", "<data>", "Entity types:", "Name:", "Descriptions:", "Question:", "Form of the answer:"):
        assert f"`{mark}" in written
    assert all(name.capitalize() in written for name in sections.COLUMNS)
