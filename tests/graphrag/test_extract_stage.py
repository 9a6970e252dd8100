"""The extraction stage: one question for each text unit, then gleanings."""

import heapq
import math
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.graphrag.stages.extract import STAGE, ExtractStage
from fileintel.graphrag.stages.formats import CONTINUE, EXTRACT, LOOP
from fileintel.llm.questions import Failed, Sampling

from .driver import NO_ANSWER, Answer, Driver, answered, counts, question
from .samples import MODEL, prompt, units

UNITS = units(4)


def stage(max_gleanings: int = 1, slots: int = 0) -> tuple[ExtractStage, Progress]:
    progress = Progress([STAGE])
    prompts = (prompt(EXTRACT), prompt(CONTINUE), prompt(LOOP))
    sampling = Sampling()
    return (
        ExtractStage(
            MODEL,
            prompts,
            sampling,
            progress,
            entity_types=["person"],
            language=None,
            max_gleanings=max_gleanings,
            slots=lambda: slots,
        ),
        progress,
    )


def record(request: Request) -> str:
    """An entity that names the text unit and the turn of the conversation."""
    number, turn = request.item.removeprefix("unit-"), len(question(request).messages)
    return f'("entity"<|>E{number} T{turn}<|>PERSON<|>Said in turn {turn}.)\n<|COMPLETE|>'


def yes(request: Request) -> Answer:
    return "Y" if question(request).purpose == "glean_check" else record(request)


def purposes(driver: Driver, item: str) -> list[str]:
    return [question(request).purpose for request in driver.asked if request.item == item]


def test_every_text_unit_is_asked_about_and_then_gleaned() -> None:
    extract, progress = stage()
    driver = Driver(record).run(extract.requests(UNITS))
    assert extract.finished()
    assert all(purposes(driver, unit.id) == ["extract", "glean"] for unit in UNITS)
    assert [[e.title for e in extract.extractions[n].entities] for n in range(4)] == [
        [f"E{n} T2", f"E{n} T4"] for n in range(4)
    ]
    counted = counts(progress, STAGE)
    assert (counted.total, counted.done, counted.cached, counted.failed) == (4, 4, 0, 0)


def test_without_gleanings_one_question_is_enough() -> None:
    extract, _ = stage(max_gleanings=0)
    assert purposes(Driver(record).run(extract.requests(UNITS)), "unit-0") == ["extract"]
    assert extract.finished()


def test_between_gleanings_the_model_is_asked_whether_something_is_missing() -> None:
    extract, _ = stage(max_gleanings=3)
    driver = Driver(yes).run(extract.requests(UNITS))
    assert purposes(driver, "unit-1") == ["extract", "glean", "glean_check", "glean", "glean_check", "glean"]

    def no(request: Request) -> Answer:
        return "N" if question(request).purpose == "glean_check" else record(request)

    extract, _ = stage(max_gleanings=3)
    assert purposes(Driver(no).run(extract.requests(UNITS)), "unit-1") == ["extract", "glean", "glean_check"]
    assert extract.finished()


def test_a_gleaning_continues_the_conversation() -> None:
    extract, _ = stage()
    driver = Driver(record).run(extract.requests(UNITS[:1]))
    first, second = (question(request).messages for request in driver.asked)
    assert second[: len(first)] == first
    assert second[len(first)] == {"role": "assistant", "content": record(driver.asked[0])}
    assert second[-1] == {"role": "user", "content": prompt(CONTINUE).text()}


def test_an_answer_cut_off_at_the_limit_is_continued_even_without_gleanings() -> None:
    def cut_off(request: Request) -> Answer:
        return answered(request, record(request), finish_reason="length")

    extract, _ = stage(max_gleanings=0)
    assert purposes(Driver(cut_off).run(extract.requests(UNITS)), "unit-0") == ["extract", "glean"]


def test_a_text_unit_without_an_answer_is_a_gap() -> None:
    def answer(request: Request) -> Answer:
        return NO_ANSWER if request.item == "unit-2" else record(request)

    extract, progress = stage()
    Driver(answer).run(extract.requests(UNITS))
    assert sorted(extract.extractions) == [0, 1, 3]
    assert extract.finished()
    assert counts(progress, STAGE).failed == 1


def test_a_failed_gleaning_or_check_is_a_gap_and_keeps_what_was_found() -> None:
    for failing in ("glean", "glean_check"):

        def answer(request: Request, failing: str = failing) -> Answer:
            return NO_ANSWER if question(request).purpose == failing else yes(request)

        extract, progress = stage(max_gleanings=2)
        Driver(answer).run(extract.requests(UNITS))
        assert all(extract.extractions[number].entities for number in range(4))
        assert counts(progress, STAGE).failed == 4
        assert counts(progress, STAGE).done == 4


def test_a_text_unit_counts_as_cached_when_all_its_answers_were() -> None:
    def answer(request: Request) -> Answer:
        fresh = request.item == "unit-0" or (request.item == "unit-1" and question(request).purpose == "glean")
        return answered(request, record(request), cached=not fresh)

    extract, progress = stage()
    Driver(answer).run(extract.requests(UNITS))
    assert counts(progress, STAGE).cached == 2


@settings(max_examples=30, deadline=None)
@given(random=st.randoms(use_true_random=False), failing=st.sets(st.integers(0, 20)))
def test_the_order_of_answers_does_not_matter(random: Random, failing: set[int]) -> None:
    def answer(request: Request) -> Answer:
        number = int(request.item.removeprefix("unit-"))
        failed = number * 5 + len(question(request).messages) // 2 in failing
        return Failed("timeout", 1, "") if failed else yes(request)

    in_order, shuffled = stage(max_gleanings=2)[0], stage(max_gleanings=2)[0]
    Driver(answer).run(in_order.requests(UNITS))
    Driver(answer, random).run(shuffled.requests(UNITS))
    assert in_order.extractions == shuffled.extractions


def rounds(texts: int, slots: int) -> list[list[Request]]:
    """What is asked together where every answer takes as long: the most urgent requests, as many as there are slots."""
    extract, _ = stage(slots=slots)
    order = count()
    waiting = [(request.priority, next(order), request) for request in extract.requests(units(texts))]
    asked = []
    while waiting:
        heapq.heapify(waiting)
        asked.append([heapq.heappop(waiting)[2] for _ in range(min(slots, len(waiting)))])
        for request in asked[-1]:
            follow_ups = request.deliver(answered(request, record(request))) or ()
            waiting += [(one.priority, next(order), one) for one in follow_ups]
    assert extract.finished()
    return asked


@pytest.mark.parametrize("texts", [1, 50, 51, 75, 99, 130, 320])
def test_the_slots_are_full_until_the_last_text_is_finished(texts: int) -> None:
    assert len(rounds(texts, 50)) == max(2, math.ceil(texts * 2 / 50))


def test_a_text_that_was_begun_is_finished_first_while_many_are_unread() -> None:
    asked = [(request.item, question(request).purpose) for together in rounds(300, 50) for request in together]
    place = {each: at for at, each in enumerate(asked)}
    assert all(place[f"unit-{n}", "glean"] == place[f"unit-{n}", "extract"] + 50 for n in range(100))
