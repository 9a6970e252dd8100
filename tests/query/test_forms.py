"""Forms of answers: what is accepted as one, and what is sent back."""

import pytest

from fileintel.errors import UsageError
from fileintel.graphrag.query.forms import form
from fileintel.llm.questions import InvalidAnswer

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "born": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list", "- one [S1]\n- two [S2]\n  and more of it"),
        ("list", "The causes were:\n1. one\n2) two"),
        ("list", "```markdown\n- one\n```"),
        ("list", "The data do not tell."),
        ("table", "| who | when |\n|---|:--:|\n| Erna | 1962 [S1] |"),
        ("table", "The data do not tell."),
        ("paragraph", "One sentence [S1].\nAnother one."),
        ("markdown", "# Heading\n\n- item"),
        ("default", "Anything\n\nat all."),
    ],
)
def test_an_answer_of_the_form_is_accepted(name: str, text: str) -> None:
    assert form(name).parse(text).text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list", "One thing [S1].\n\nAnother thing [S2]."),
        ("list", "It was Erna [S1]."),
        ("table", "- one\n- two"),
        ("table", "| who | when |\n| Erna | 1962 |"),
        ("paragraph", "One.\n\nTwo."),
        ("paragraph", "- one"),
        ("json", "no JSON at all"),
    ],
)
def test_an_answer_of_another_form_is_sent_back(name: str, text: str) -> None:
    with pytest.raises(InvalidAnswer):
        form(name).parse(text)


def test_json_is_held_against_its_schema() -> None:
    wanted = form("json", PERSON)
    assert wanted.parse('```json\n{"name": "Erna [S1]", "born": 1931}\n```').data == {"name": "Erna [S1]", "born": 1931}
    for wrong in ('{"born": 1931}', '{"name": "Erna", "born": "1931"}', '{"name": "Erna", "age": 3}', "[1]"):
        with pytest.raises(InvalidAnswer):
            wanted.parse(wrong)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nothing"},
        {"type": "string", "pattern": "(a+)+$"},
        {"type": "object", "properties": {"a": {"patternProperties": {"x": {}}}}},
        {"enum": ["x" * 30_000]},
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        form("json", schema)


def test_a_schema_never_leads_to_another_server() -> None:
    with pytest.raises(InvalidAnswer, match="not part of it"):
        form("json", {"$ref": "http://127.0.0.1:9/schema"}).parse('{"a": 1}')


def test_an_unknown_form_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="paragraph, list, table, markdown, json"):
        form("poem")
