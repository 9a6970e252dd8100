"""What is around and inside the JSON that models send."""

import contextlib
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fileintel.llm.json_answers import read_object, strip_fence, strip_reasoning
from fileintel.llm.questions import InvalidAnswer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",)), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("answer", "answer"),
        ("<think>hm</think>answer", "answer"),
        ("  <THINK>\nhm\n</THINK>\n\nanswer\n", "answer"),
        ("<thinking>a</thinking>\n<reasoning>b</reasoning>\nanswer", "answer"),
        ("I was thinking.\n</think>\n\nanswer", "answer"),  # the template of the server opened it
        ("first\n<think>hm</think>\nsecond", "first\n\nsecond"),
        ("<think>never closed", ""),
        ("answer\n<think>never closed", "answer"),
        ("the <think> tag opens, </think> closes", "the <think> tag opens, </think> closes"),
        ("a < b and <b>bold</b>", "a < b and <b>bold</b>"),
        ("\x00answer\ud800", "answer\ufffd"),
    ],
)
def test_reasoning_is_left_out(text: str, answer: str) -> None:
    assert strip_reasoning(text) == answer


def test_a_record_about_tags_is_not_taken_for_reasoning() -> None:
    text = '("entity"<|>R1<|>MODEL<|>R1 reasons between <think> and </think> tags.)\n<|COMPLETE|>'
    assert strip_reasoning(text) == text


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("```json\n{}\n```", "{}"),
        ("```\n{}\n```\n", "{}"),
        ("```json\n{}", "{}"),
        ("{}", "{}"),
        ("see ```x``` there", "see ```x``` there"),
        ("", ""),
    ],
)
def test_a_fence_around_the_whole_text_is_left_out(text: str, content: str) -> None:
    assert strip_fence(text) == content


def without_nul(value: object) -> object:
    if isinstance(value, dict):
        return {without_nul(key): without_nul(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_nul(inner) for inner in value]
    return value.replace("\0", "") if isinstance(value, str) else value


@settings(max_examples=150, deadline=None)
@example(value={"": "\\u0000"}, before="")  # the letters, not the character
@given(value=st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=3), before=st.sampled_from(("", "{x} ")))
def test_an_object_is_read_back_wherever_it_stands(value: dict[str, object], before: str) -> None:
    text = json.dumps(value)
    expected = without_nul(value)
    assert read_object(text) == expected
    assert read_object(f"```json\n{json.dumps(value, indent=1)}\n```") == expected
    assert read_object(f"{before}Here: {text} Bye {{y}}") == expected


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from('{}[]":,\\ \nab1é\x00\ud800'), max_size=60))
def test_any_text_is_an_object_or_refused(text: str) -> None:
    try:
        found = read_object(text)
    except InvalidAnswer:
        return
    assert found
    json.dumps(found, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "piece",
    [
        "{",
        '{"',
        '{"a":',
        '{"a":[',
        "[",
        '"',
        "\n",
        "<think>",
        "<think>\n",
        "</think>",
        "```\n",
        '{"a" ',
        '{"a":1} ',
        "\\",
    ],
)
@pytest.mark.parametrize("before", ["", '{"title": "'])
def test_a_model_that_repeats_itself_to_the_end_is_read_to_the_end(piece: str, before: str) -> None:
    text = before + piece * (150_000 // len(piece))  # in quadratic time it would take longer than a test may
    strip_reasoning(text)
    with contextlib.suppress(InvalidAnswer):
        assert read_object(text)
