"""Answers that go in circles, or are in the wrong script."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import corpus
from fileintel.llm.answer_checks import foreign_script, goes_in_circles
from fileintel.llm.questions import IN_LANGUAGE, Message

ENGLISH = "The harbour was built in 1870 by the council of Kestervag."
CHINESE = "这个港口由市议会于一八七零年修建,并且一直使用到今天。"
RUSSIAN = "Гавань была построена городским советом в 1870 году."


def asked(text: str, system: str = "Describe the entity.") -> list[Message]:
    return [Message(role="system", content=system), Message(role="user", content=text)]


@pytest.mark.parametrize("unit", ["again and ", "a", "1. The same sentence once more, and then again.\n"])
def test_the_same_without_end_goes_in_circles(unit: str) -> None:
    assert goes_in_circles(ENGLISH + unit * (5_000 // len(unit)))


def test_counting_without_end_goes_in_circles() -> None:
    assert goes_in_circles("\n".join(f"- The year {year} was a year like any other." for year in range(1000, 1400)))


def test_prose_and_records_do_not() -> None:
    dice = random.Random(1)
    records = "\n##\n".join(
        f'("entity"<|>NAME {dice.randrange(10**6)}<|>PERSON<|>{corpus.text(150, seed=at)[:150]})' for at in range(60)
    )
    assert not goes_in_circles(corpus.text(20_000))
    assert not goes_in_circles(records)


@given(st.text(max_size=900))
def test_a_short_text_may_repeat_itself(text: str) -> None:
    assert not goes_in_circles(text[:200])


@pytest.mark.parametrize(("answer", "script"), [(CHINESE, "CJK"), (RUSSIAN, "CYRILLIC"), (ENGLISH, None)])
def test_a_script_that_the_question_does_not_have_is_noticed(answer: str, script: str | None) -> None:
    assert foreign_script(asked(ENGLISH), answer) == script


@pytest.mark.parametrize("answer", [CHINESE, RUSSIAN])
def test_a_script_of_the_question_is_not_foreign(answer: str) -> None:
    assert foreign_script(asked(f"{ENGLISH} It is called {answer[:4]}."), answer) is None


def test_a_few_foreign_words_are_no_foreign_answer() -> None:
    assert foreign_script(asked(ENGLISH), f"{ENGLISH} In Chinese it is 港口.") is None


def test_a_language_that_was_asked_for_is_not_foreign() -> None:
    assert foreign_script(asked(ENGLISH, IN_LANGUAGE.format(language="Chinese")), CHINESE) is None
