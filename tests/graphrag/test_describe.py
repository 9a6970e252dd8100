"""Descriptions: one stays, several are merged, many are folded."""

import json
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.graphrag.model import Entity, Graph, Relationship
from fileintel.graphrag.stages.describe import DESCRIBE, STAGE, DescribeStage
from fileintel.llm.questions import Sampling

from .driver import NO_ANSWER, Answer, Driver, answered, counts, data_of
from .samples import MODEL, graph, prompt

BUDGET = 10  # words of descriptions in one question


class Describing:
    """A graph, the stage that describes it, and what became of it."""

    def __init__(
        self,
        built: Graph,
        budget: int = BUDGET,
        count_tokens: Callable[[str], int] = lambda text: len(text.split()),
    ) -> None:
        self.graph = built
        self.progress = Progress([STAGE])
        self.settled: list[Entity | Relationship] = []
        self.stage = DescribeStage(
            MODEL,
            prompt(DESCRIBE),
            Sampling(),
            self.progress,
            count_tokens=count_tokens,
            max_input_tokens=budget,
            max_words=50,
            language=None,
            described=self._described,
        )

    def _described(self, thing: Entity | Relationship) -> list[Request]:
        self.settled.append(thing)
        return []

    def run(self, driver: Driver) -> "Describing":
        driver.run(self.stage.requests(self.stage.undescribed(self.graph)))
        return self

    def descriptions(self) -> dict[object, str]:
        things = {**self.graph.entities, **self.graph.relationships}
        return {key: thing.description for key, thing in things.items()}


def texts_of(request: Request) -> list[str]:
    listed: list[str] = json.loads(data_of(request).partition("Descriptions:")[2])
    return listed


def join(request: Request) -> str:
    """The answer that says everything: the texts, in brackets."""
    return "[" + " ".join(texts_of(request)) + "]"


def shorten(request: Request) -> str:
    """An answer of three words that tells which texts it was made of."""
    return "made of " + "+".join(text.replace(" ", "_") for text in texts_of(request))


def hub(count: int, words: int = 4) -> Graph:
    return graph([("HUB", "B", 1.0)], {"HUB": [f"{'w ' * (words - 1)}text{n}" for n in range(count)]})


def test_one_description_asks_nothing() -> None:
    describing = Describing(graph([("ADA", "BYRON", 1.0)], {"NOBODY": [""]}))
    driver = Driver(join)
    describing.run(driver)
    assert driver.asked == []
    assert describing.descriptions() == {
        "ADA": "ADA is here.",
        "BYRON": "BYRON is here.",
        "NOBODY": "",
        ("ADA", "BYRON"): "ADA knows BYRON.",
    }
    assert counts(describing.progress, STAGE).total == 0


def test_several_descriptions_are_merged_by_one_question() -> None:
    describing = Describing(graph([("ADA", "BYRON", 1.0)], {"ADA": ["She wrote.", "She rode.", "She won."]}))
    driver = Driver(join)
    describing.run(driver)
    assert [request.item for request in driver.asked] == ["ADA"]
    assert describing.descriptions()["ADA"] == "[She wrote. She rode. She won.]"
    assert [thing.id for thing in describing.settled] == [describing.graph.entities["ADA"].id]


def test_more_than_fit_are_folded_until_one_is_left() -> None:
    driver = Driver(shorten)
    describing = Describing(hub(5)).run(driver)  # 2 + 2 + 1 texts; then their results
    assert len(driver.asked) == 3
    first, second, last = (texts_of(request) for request in driver.asked)
    assert [len(first), len(second)] == [2, 2]
    assert last == [shorten(driver.asked[0]), shorten(driver.asked[1]), "w w w text4"]
    description = describing.descriptions()["HUB"].replace("_", " ").replace("+", " ")
    assert [word for word in description.split() if word.startswith("text")] == [f"text{n}" for n in range(5)]


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 3 * BUDGET), min_size=2, max_size=60), random=st.randoms(use_true_random=False))
def test_every_text_reaches_the_description_and_questions_keep_to_the_budget(sizes: list[int], random: Random) -> None:
    texts = [" ".join([f"t{n}", *["w"] * (size - 1)]) for n, size in enumerate(sizes)]
    driver = Driver(shorten, random)
    describing = Describing(graph([], {"HUB": texts})).run(driver)
    description = describing.descriptions()["HUB"].replace("_", " ").replace("+", " ")
    assert [word for word in description.split() if word.startswith("t")] == [f"t{n}" for n in range(len(sizes))]
    for request in driver.asked:
        asked = texts_of(request)
        assert len(asked) >= 2
        assert sum(len(text.split()) for text in asked) <= BUDGET


@pytest.mark.parametrize(
    "text", ["A sentence of six words here. " * 10_000, "word " * 60_000, "א" * 50_000, "a" * 50_000]
)
def test_a_description_that_fills_a_question_is_asked_about_in_parts_even_alone(text: str) -> None:
    describing = Describing(graph([], {"HUB": [text.strip()]}), budget=4000, count_tokens=lambda part: len(part) // 4)
    driver = Driver(lambda _: "A short one.")
    describing.run(driver)
    assert describing.descriptions() == {"HUB": "A short one."}
    asked = [part for request in driver.asked for part in texts_of(request) if part != "A short one."]
    assert "".join("".join(asked).split()) == "".join(text.split())
    assert all(sum(len(part) // 4 for part in texts_of(request)) <= 4000 for request in driver.asked)
    if "." in text:
        assert all(part.endswith(".") for part in asked)


def test_what_differs_only_in_case_accents_and_punctuation_is_said_once() -> None:
    said = ["Ada wrote programs.", "ADA wrote  programs", "“Ada” wrote programs!", "Ada wrote prógrams."]
    driver = Driver(join)
    describing = Describing(graph([], {"ADA": said, "BOB": ["He sang.", "he sang", "He rode."]})).run(driver)
    assert describing.descriptions() == {"ADA": "Ada wrote programs.", "BOB": "[He sang. He rode.]"}
    assert [request.item for request in driver.asked] == ["BOB"]


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 40), random=st.randoms(use_true_random=False), failing=st.sets(st.integers(0, 40)))
def test_the_order_of_answers_does_not_matter(count: int, random: Random, failing: set[int]) -> None:
    def answer(request: Request) -> Answer:
        return NO_ANSWER if len(data_of(request)) % 41 in failing else shorten(request)

    in_order = Describing(hub(count)).run(Driver(answer))
    shuffled = Describing(hub(count)).run(Driver(answer, random))
    assert in_order.descriptions() == shuffled.descriptions()
    assert counts(in_order.progress, STAGE).failed == counts(shuffled.progress, STAGE).failed


def test_an_answer_that_is_far_too_long_is_cut_for_the_next_question() -> None:
    driver = Driver(lambda _: "word " * 100)
    Describing(hub(9)).run(driver)
    assert len(driver.asked) < 9
    assert all(sum(len(text.split()) for text in texts_of(request)) <= BUDGET for request in driver.asked)


@pytest.mark.parametrize("failing", ["text0", "text4", "made of"])  # in the first round, and a later one
def test_a_failed_question_keeps_the_words_of_the_passages_and_is_one_gap(failing: str) -> None:
    def answer(request: Request) -> Answer:
        return NO_ANSWER if failing in data_of(request) else shorten(request)

    describing = Describing(hub(9)).run(Driver(answer))
    description = describing.descriptions()["HUB"].replace("_", " ").replace("+", " ")
    assert [word for word in description.split() if word.startswith("text")] == [f"text{n}" for n in range(9)]
    counted = counts(describing.progress, STAGE)
    assert (counted.total, counted.done, counted.cached, counted.failed) == (1, 1, 0, 1)
    assert len(describing.settled) == 1


def test_a_thing_counts_as_cached_when_all_its_answers_were() -> None:
    built = graph([], {name: [f"{'w ' * 4}{n}" for n in range(4)] for name in ("OLD", "NEW")})

    def answer(request: Request) -> Answer:
        fresh = request.item == "NEW" and texts_of(request)[0].startswith("[")
        return answered(request, join(request), cached=not fresh)

    describing = Describing(built).run(Driver(answer))
    counted = counts(describing.progress, STAGE)
    assert (counted.total, counted.done, counted.cached, counted.failed) == (2, 2, 1, 0)


def test_the_most_urgent_are_things_that_were_begun_and_then_those_with_the_most_descriptions() -> None:
    built = graph([], {"SMALL": ["a", "b"], "HUB": [f"{'w ' * 3}{n}" for n in range(20)]})
    describing = Describing(built)
    things = describing.stage.undescribed(built)
    assert [thing.title for thing in things if isinstance(thing, Entity)] == ["HUB", "SMALL"]
    driver = Driver(shorten).run(describing.stage.requests(things))
    first_round = [request for request in driver.asked if "made of" not in data_of(request)]
    later = [request for request in driver.asked if "made of" in data_of(request)]
    small = next(request for request in first_round if request.item == "SMALL")
    assert all(request.priority < small.priority for request in first_round if request.item == "HUB")
    assert later
    assert max(request.priority for request in later) < min(request.priority for request in first_round)


def test_relationships_are_described_under_both_names() -> None:
    built = graph([("ADA", "BYRON", 1.0)])
    built.relationships["ADA", "BYRON"].descriptions = ("ADA knows BYRON.", "They wrote.")
    driver = Driver(join)
    Describing(built).run(driver)
    assert "Name: ADA — BYRON\n" in data_of(driver.asked[0])
