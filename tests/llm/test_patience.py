"""Time limits, budgets of retries, pauses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.llm.faults import Cure, Fault
from fileintel.llm.patience import FULL_ANSWER_TOKENS, Patience, TimeLimits, Trail


def fault(reason: str, retry_after: float | None = None) -> Fault:
    return Fault(Cure.RETRY, reason, "words", retry_after)


def cut() -> Trail:
    trail = Trail()
    assert trail.may_retry(fault("timeout"), Patience())
    return trail


def test_the_whole_time_is_for_a_full_answer_and_for_one_without_a_bound() -> None:
    limits = TimeLimits(600.0)
    assert limits.seconds(10_000, FULL_ANSWER_TOKENS, Trail()) == 600.0
    assert limits.seconds(10_000, None, Trail()) == 600.0
    assert limits.seconds(10_000, 100_000, Trail()) == 600.0


@given(st.integers(0, 10**7), st.integers(0, 10**5), st.integers(0, 10**6), st.integers(0, 10**4))
def test_more_that_is_asked_for_never_gets_less_time(prompt: int, answer: int, more: int, longer: int) -> None:
    limits = TimeLimits(600.0)
    base = limits.seconds(prompt, answer, Trail())
    assert 0.2 * 600 <= base <= 600
    assert limits.seconds(prompt + more, answer + longer, Trail()) >= base


def test_a_yes_or_no_is_cut_long_before_a_report() -> None:
    limits = TimeLimits(600.0)
    assert limits.seconds(6_000, 10, Trail()) < 160
    assert limits.seconds(128_000, 0, Trail()) > 500, "a large batch of embeddings"


def test_a_first_attempt_that_takes_far_longer_than_all_others_is_cut_and_the_next_gets_the_full_time() -> None:
    limits = TimeLimits(600.0)
    assert limits.seconds(0, None, Trail()) == 600.0
    for _ in range(30):
        limits.took(20.0)
    assert limits.seconds(0, None, Trail()) == 100.0
    assert limits.seconds(0, None, cut()) == 600.0
    limits.took(200.0)  # others are as slow: it is not lost
    assert limits.seconds(0, None, Trail()) == 600.0


def test_fast_answers_do_not_make_the_limit_nervous() -> None:
    limits = TimeLimits(600.0)
    for _ in range(30):
        limits.took(0.01)
    assert limits.seconds(0, None, Trail()) == 60.0


def test_the_limit_is_never_above_the_configured_one() -> None:
    limits = TimeLimits(10.0)
    for _ in range(30):
        limits.took(9.0)
    assert limits.seconds(0, None, Trail()) == 10.0


def test_a_request_that_was_cut_is_repeated_less_often_than_one_that_failed_at_once() -> None:
    patience, trail = Patience(retries=5), Trail()
    assert [trail.may_retry(fault("timeout"), patience) for _ in range(3)] == [True, True, False]
    assert [trail.may_retry(fault("server_error"), patience) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.sampled_from(["timeout", "server_error", "connection", "malformed_response"]), max_size=30))
def test_whatever_happens_a_question_is_not_retried_for_ever(reasons: list[str]) -> None:
    patience, trail = Patience(retries=5), Trail()
    assert sum(trail.may_retry(fault(reason), patience) for reason in reasons) <= 5


@pytest.mark.parametrize("attempt", [0, 1, 5, 1000])
def test_pauses_grow_up_to_a_bound(attempt: int) -> None:
    pause = Patience(backoff=1.0).pause(attempt, fault("server_error"))
    assert 0 < pause <= min(20.0, 2.0 ** max(0, attempt - 1))


def test_a_pause_is_not_shorter_than_what_the_server_asks_for() -> None:
    assert 3.0 <= Patience(backoff=1.0).pause(1, fault("busy", retry_after=3.0)) <= 4.0
