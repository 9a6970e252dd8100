"""Conversations: how much of them counts, and what is looked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.errors import UsageError
from fileintel.graphrag.query.conversation import Turn, messages, read_turns, recent, searched_for
from fileintel.graphrag.query.modes import MODES
from fileintel.graphrag.query.query_request import QueryRequest

TALK = (
    Turn("user", "Who designed the barrage?"),
    Turn("assistant", "Sigrid Halvane did [S3, R1]. It was late [S4]."),
    Turn("user", "When was it opened?"),
    Turn("assistant", "In 1981 [S9]."),
)
WORDS = st.text(st.characters(exclude_characters="\0"), max_size=20)
TURNS = st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), WORDS))


@given(TURNS, st.integers(0, 5), st.integers(0, 60))
def test_what_counts_is_an_end_of_the_conversation_within_both_bounds(
    history: list[Turn], turns: int, tokens: int
) -> None:
    kept = recent(history, turns, tokens, len)
    assert list(kept) == history[len(history) - len(kept) :]
    assert sum(turn.role == "user" for turn in kept) <= turns
    assert sum(len(turn.content) for turn in kept) <= tokens
    assert not kept or kept[0].role == "user"


def test_citations_of_earlier_answers_are_not_shown_again() -> None:
    assert [one["content"] for one in messages(TALK)][1::2] == ["Sigrid Halvane did. It was late.", "In 1981."]


def test_a_follow_up_is_looked_for_together_with_the_questions_before_it() -> None:
    assert searched_for("And why?", TALK) == "And why?\nWhen was it opened?\nWho designed the barrage?"


@pytest.mark.parametrize("given_", [{}, ["x"], [{"role": "system", "content": "x"}], [{"role": "user"}]])
def test_what_is_no_conversation_is_refused(given_: object) -> None:
    with pytest.raises(UsageError):
        read_turns(given_)


@given(
    st.text(min_size=1),
    st.sampled_from(MODES),
    TURNS,
    st.sampled_from(["default", "list"]),
    st.none() | st.text(),
    st.none() | st.booleans(),
    st.booleans(),
)
def test_an_inquiry_travels_whole(
    text: str, mode: str, history: list[Turn], form: str, language: str | None, dynamic: bool | None, stream: bool
) -> None:
    query_request = QueryRequest(text, mode, tuple(history), form, None, language, dynamic, stream)
    assert QueryRequest.of_parameters(query_request.parameters()) == query_request
