"""The key of a question: what decides the answer, and nothing else."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.llm.questions import ChatQuestion, EmbeddingQuestion, Message, Sampling, Schema
from tests.llm.asking import chat, embedding, json_chat

QUESTION = """
from fileintel.llm.questions import ChatQuestion, Message, Sampling, Schema
messages = (Message(role="user", content="Grüße, 世界"),)
question = ChatQuestion("p", "m", messages, str, Sampling(0.0, 0.5, 10), Schema("s", {"b": 1, "a": [2]}))
"""


def test_the_key_is_the_same_in_every_process_and_version() -> None:
    code = QUESTION + "print(question.key.hex())"
    keys = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    }
    # changing it makes all stored answers worthless
    assert keys == {"a8a205cd8a5b1994a682308da9fb43fc6c6f7629bed202503de9064ef38a019c"}
    assert (
        EmbeddingQuestion("p", "m", "Grüße, 世界", 3, 256).key.hex()
        == "c731e2ba4606b6c17bfcd5fa0cbf011c93cd0575750452d6b90aacdec16c59e0"
    )


def test_purpose_parser_and_schema_name_are_not_part_of_the_key() -> None:
    assert chat("hello").key == chat("hello", purpose="other", parse=str.upper).key
    body = {"type": "object"}
    assert json_chat("x", schema=Schema("a", body)).key == json_chat("x", schema=Schema("b", body)).key
    assert embedding("hello", tokens=1).key == EmbeddingQuestion("other", "stand-in-embedding", "hello", 2).key


def test_whole_numbers_and_fractions_of_the_same_value_are_the_same() -> None:
    whole, fraction = chat("x", sampling=Sampling(0, 1, 100)), chat("x", sampling=Sampling(0.0, 1.0, 100))
    assert whole.key == fraction.key


def test_a_conversation_that_goes_on_is_another_question() -> None:
    question = chat("hello")
    later = question.followed_by("an answer", "more?", purpose="glean")
    assert later.key != question.key
    assert [message["role"] for message in later.messages] == ["system", "user", "assistant", "user"]
    assert later.purpose == "glean"


parts: dict[str, st.SearchStrategy[Any]] = {
    "model": st.text(max_size=5),
    "messages": st.lists(
        st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=st.text(max_size=8)),
        max_size=3,
    ).map(tuple),
    "sampling": st.builds(
        Sampling,
        st.none() | st.floats(0, 2).map(lambda x: round(x, 2)),
        st.none() | st.floats(0.1, 1).map(lambda x: round(x, 2)),
        st.none() | st.integers(1, 99),
    ),
    "schema": st.none() | st.builds(Schema, st.just("s"), st.dictionaries(st.text(max_size=3), st.integers())),
}


@given(st.fixed_dictionaries(parts), st.fixed_dictionaries(parts))
def test_two_questions_have_one_key_exactly_when_all_that_decides_is_equal(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    mixed = {name: (one if len(repr(one[name])) % 2 else other)[name] for name in parts}
    for first, second in ((one, other), (one, mixed), (one, dict(one))):
        keys = [ChatQuestion(purpose="p", parse=str, **values).key for values in (first, second)]
        assert (keys[0] == keys[1]) == (first == second)


@given(st.text(), st.text())
def test_texts_to_embed_have_one_key_exactly_when_they_are_equal(one: str, other: str) -> None:
    assert (embedding(one).key == embedding(other).key) == (one == other)
    assert embedding(one).key == embedding(one).key
    assert chat(one).key != embedding(one).key


def test_lone_surrogates_have_a_key() -> None:
    assert chat("\ud800").key != chat("\ud801").key


@pytest.mark.parametrize(
    ("content", "has_schema", "holds"),
    [
        ("a\x1ab", False, True),
        ('{"a": "b\\u0000c"}', True, True),
        ('{"a": "b\\\\\\u0000c"}', True, True),
        ('{"a": "the escape \\\\u0000"}', True, False),
        ('{"a": "b\\u0000c"}', False, False),
        ("nothing", True, False),
    ],
)
def test_an_answer_shows_whether_it_came_with_nul_characters(content: str, has_schema: bool, holds: bool) -> None:
    schema = Schema("any", {"type": "object"}) if has_schema else None
    question = ChatQuestion("report", "model", (), len, schema=schema)
    assert question.holds_nul(content) is holds
    assert question.read("a\x1ab") == 2
    assert question.followed_by("a\x1ab", "more").messages[0]["content"] == "ab"
