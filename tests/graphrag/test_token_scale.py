"""The scale between the model's tokens and ours: from the answers' own counts, the same in any order."""

from collections.abc import Iterable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fileintel.fanout.request import Outcome, Request
from fileintel.graphrag.token_scale import LARGEST, TokenScale
from fileintel.llm.questions import Answered, ChatQuestion, Message

from .driver import NO_ANSWER


def words(text: str) -> int:
    return len(text.split())


def request(number: int, length: int) -> Request:
    messages = Message(role="system", content="Read this."), Message(role="user", content="word " * length)

    def deliver(outcome: Outcome) -> Iterable[Request]:
        return [request(number + 1000, length)] if isinstance(outcome, Answered) else []

    return Request("extract", str(number), ChatQuestion("extract", "m", messages, str), deliver)


def scaled(counts: list[tuple[int, int]]) -> TokenScale:
    """After answers to questions of so many words, which the server counted as so many tokens."""
    scale = TokenScale(words)
    watched = list(scale.watching(request(number, ours) for number, (ours, _) in enumerate(counts)))
    for one, (_, theirs) in zip(watched, counts, strict=True):
        followed = one.deliver(Answered("", "", prompt_tokens=theirs))
        assert [follow_up.item for follow_up in followed or ()] == [str(int(one.item) + 1000)]
    return scale


def test_without_counts_a_token_is_a_token() -> None:
    scale = TokenScale(words)
    (one,) = scale.watching([request(0, 10)])
    one.deliver(NO_ANSWER)
    one.deliver(Answered("", "", prompt_tokens=0))
    assert (scale.scale(), scale.ours(8000)) == (1.0, 8000)


def test_a_model_that_needs_more_tokens_gets_fewer_rows() -> None:
    scale = scaled([(98, 150)])
    assert (scale.scale(), scale.ours(6000)) == (1.5, 4000)


def test_counts_that_cannot_be_tokens_are_not_believed() -> None:
    assert scaled([(98, 3)]).scale() == 1.0
    assert scaled([(98, 10_000)]).scale() == LARGEST


def test_answers_do_not_wait_for_what_counts_tokens_and_are_counted_all_the_same() -> None:
    counted: list[str] = []
    loaded = False

    def count(text: str) -> int:
        counted.append(text)
        return words(text)

    scale = TokenScale(count, lambda: loaded)
    first, second, third = scale.watching(request(number, 98) for number in range(3))
    first.deliver(Answered("", "", prompt_tokens=150))
    second.deliver(Answered("", "", prompt_tokens=150))
    assert not counted
    loaded = True
    third.deliver(Answered("", "", prompt_tokens=150))
    assert len(counted) == 1 + 3  # the instructions once
    assert scale.scale() == 1.5
    loaded = False
    (fourth,) = scale.watching([request(3, 298)])
    fourth.deliver(Answered("", "", prompt_tokens=150))
    assert scale.scale() == 1.0  # whatever is asked for is counted by then


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 2000)), max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter_and_the_scale_is_never_too_small(
    counts: list[tuple[int, int]], random: Random
) -> None:
    scale = scaled(counts).scale()
    assert scale == scaled(random.sample(counts, len(counts))).scale()
    told = [(ours + 2, theirs) for ours, theirs in counts if theirs]
    exact = sum(t for _, t in told) / sum(o for o, _ in told) if told else 1.0
    assert scale >= min(exact, LARGEST) - 1e-9
    assert 1.0 <= scale <= max(1.0, exact + 0.0500001)
