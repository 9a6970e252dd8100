"""Questions that travel to another worker are the same there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.fanout.parsers import NamedParsers, packed
from fileintel.graphrag.pipeline import PARSERS, asked_afresh_from
from fileintel.llm.questions import ChatQuestion, Message, Sampling, Schema

NAMED = NamedParsers(PARSERS)

texts = st.text(st.characters(codec=None), max_size=40)
schemas = st.none() | st.builds(Schema, texts, st.dictionaries(texts, st.integers() | texts, max_size=3))
samplings = st.builds(
    Sampling, st.none() | st.floats(0, 2), st.none() | st.floats(0, 1), st.none() | st.integers(1, 10_000)
)
messages = st.lists(st.builds(lambda role, content: Message(role=role, content=content), texts, texts), min_size=1)


@given(st.sampled_from(sorted(PARSERS)), texts, messages.map(tuple), samplings, schemas, st.booleans())
def test_a_question_that_has_travelled_is_the_same(
    parser: str,
    purpose: str,
    said: tuple[Message, ...],
    sampling: Sampling,
    schema: Schema | None,
    parts_count: bool,
) -> None:
    question = ChatQuestion(purpose, "model", said, PARSERS[parser], sampling, schema, parts_count)
    name = NAMED.name_of(question)
    assert name is not None
    arrived = NAMED.unpacked(packed(question), name)
    assert arrived == question
    assert arrived.key == question.key


def test_every_chat_question_of_an_index_can_travel() -> None:
    asked = asked_afresh_from("load")
    assert {name.partition("/")[0] for name in PARSERS} == asked


def test_a_question_with_a_parser_of_its_own_stays_where_it_is() -> None:
    assert NAMED.name_of(ChatQuestion("any", "model", (Message(role="user", content="?"),), lambda text: text)) is None


def test_a_parser_of_another_version_is_not_taken_for_one_of_ours() -> None:
    body = packed(ChatQuestion("any", "model", (Message(role="user", content="?"),), str.strip))
    with pytest.raises(KeyError):
        NAMED.unpacked(body, "of tomorrow")
