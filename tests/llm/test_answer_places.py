"""Answers and refusals in the places where servers put them, besides those of the protocol."""

from typing import Any

import pytest

from fileintel.llm.json_answers import strip_reasoning
from fileintel.llm.responses import read_completion, read_vectors


def said(message: dict[str, Any], finish_reason: str = "stop") -> str:
    return read_completion({"choices": [{"message": message, "finish_reason": finish_reason}]}).text


def test_an_answer_that_is_whole_in_the_field_for_reasoning_is_the_answer() -> None:
    assert said({"content": None, "reasoning_content": "The mill is old."}) == "The mill is old."
    assert said({"content": "", "reasoning": "The mill is old."}) == "The mill is old."
    assert said({"content": "An answer.", "reasoning_content": "Hm."}) == "An answer."
    assert said({"content": None, "reasoning_content": "It was cut off while it"}, "length") == ""


def test_an_answer_in_the_arguments_of_a_tool_is_the_answer() -> None:
    call = {"function": {"name": "extraction", "arguments": '{"entities": []}'}}
    assert said({"content": None, "tool_calls": [call]}, "tool_calls") == '{"entities": []}'


@pytest.mark.parametrize(
    "text",
    [
        "[THINK]Perhaps.[/THINK]The mill is old.",
        "[THINK]\nPerhaps.\n[/THINK]\nThe mill is old.",
        "<|channel|>analysis<|message|>Perhaps.<|end|><|start|>assistant<|channel|>final<|message|>The mill is old.",
        "<|channel|>final<|message|>The mill is old.<|return|>",
        "<thought>Perhaps.</thought>The mill is old.",
    ],
)
def test_reasoning_in_other_marks_is_left_out(text: str) -> None:
    assert strip_reasoning(text) == "The mill is old."


def test_an_error_with_status_200_is_told_in_the_words_of_the_server() -> None:
    refused = {"error": {"message": "Provider returned error", "code": 502}}
    for read in (read_completion, lambda response: read_vectors(response, 1)):
        with pytest.raises(ValueError, match=r"Provider returned error \(code 502\)"):
            read(refused)
