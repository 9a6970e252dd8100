"""The report stage: every community is asked about once, at the moment when its evidence is complete."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.graphrag.contexts.graph_context import GraphContexts
from fileintel.graphrag.model import Community, Entity, Graph, Relationship, Report
from fileintel.graphrag.stages import describe, report
from fileintel.graphrag.stages.cluster import cluster, repeated
from fileintel.graphrag.stages.describe import DESCRIBE, DescribeStage
from fileintel.graphrag.stages.report import REPORT, SCHEMA, ReportStage
from fileintel.llm.questions import ChatQuestion, Sampling

from .driver import NO_ANSWER, Answer, Driver, answered, counts, data_of, question
from .samples import LINKS, MODEL, Link, graph, prompt

ROOMY, TIGHT = 100_000, 60  # words of evidence


class Writing:
    """A graph of which some things are still undescribed, its communities, and the two stages on it."""

    def __init__(self, links: list[Link], budget: int, communities: list[Community] | None = None) -> None:
        self.graph: Graph = graph(links, {"ADA": ["She counts.", "She rides."], "BYRON": ["He writes.", "He swims."]})
        found = cluster(self.graph, max_cluster_size=3, use_lcc=False, seed=7)
        self.communities = communities if communities is not None else found
        self.progress = Progress([describe.STAGE, report.STAGE])
        self.written: list[Report] = []
        self.describe = DescribeStage(
            MODEL,
            prompt(DESCRIBE),
            Sampling(),
            self.progress,
            count_tokens=lambda text: len(text.split()),
            max_input_tokens=100,
            max_words=50,
            language=None,
            described=self._described,
        )
        self.undescribed = self.describe.undescribed(self.graph)
        self.report = ReportStage(
            MODEL,
            prompt(REPORT),
            Sampling(),
            self.progress,
            contexts=GraphContexts(self.graph, [], budget, lambda text: len(text.split())),
            communities=self.communities,
            undescribed=self.undescribed,
            max_words=200,
            language=None,
            written=self._written,
        )

    def _described(self, thing: Entity | Relationship) -> Iterable[Request]:
        return self.report.described(thing)

    def _written(self, written: Report) -> Iterable[Request]:
        self.written.append(written)
        return ()

    def run(self, driver: Driver) -> "Writing":
        driver.run([*self.describe.requests(self.undescribed), *self.report.requests()])
        return self


def reply(request: Request) -> str:
    """A report that depends on all that was asked, and nothing else."""
    if request.stage == describe.STAGE:
        return "Merged: " + " ".join(data_of(request).split()[-4:])
    content = {"title": request.item, "summary": f"{hash_of(request)} is the evidence.", "rating": 7, "findings": []}
    return json.dumps(content)


def hash_of(request: Request) -> str:
    return question(request).key.hex()


def asked_communities(driver: Driver) -> Counter[str]:
    return Counter(request.item for request in driver.asked if request.stage == report.STAGE)


@settings(max_examples=60, deadline=None)
@given(
    links=LINKS,
    budget=st.sampled_from((0, 30, TIGHT, 150, ROOMY)),
    random=st.randoms(use_true_random=False),
    failing=st.sets(st.integers(0, 8)),
)
def test_any_order_of_answers_gives_the_same_reports(
    links: list[Link], budget: int, random: Random, failing: set[int]
) -> None:
    def answer(request: Request) -> Answer:
        # some reports and descriptions fail, whenever they are asked for
        return NO_ANSWER if sum(map(ord, request.item)) % 9 in failing else reply(request)

    drivers = Driver(answer), Driver(answer, random)
    first, second = (Writing(links, budget).run(driver) for driver in drivers)
    assert first.report.reports == second.report.reports
    assert first.report.contexts == second.report.contexts
    assert {hash_of(request) for request in drivers[0].asked} == {hash_of(request) for request in drivers[1].asked}
    for writing, driver in zip((first, second), drivers, strict=True):
        titles = [community.title for community in writing.communities]
        assert asked_communities(driver) == Counter(titles)
        counted = counts(writing.progress, report.STAGE)
        failed = sum(sum(map(ord, title)) % 9 in failing for title in titles)
        assert (counted.total, counted.done, counted.failed) == (len(titles), len(titles), failed)
        assert len(writing.written) == len(writing.report.reports) == len(titles) - failed


@settings(max_examples=60, deadline=None)
@given(links=LINKS, random=st.randoms(use_true_random=False))
def test_no_report_is_asked_for_before_its_evidence_is_described(links: list[Link], random: Random) -> None:
    driver = Driver(reply, random)
    Writing(links, ROOMY).run(driver)
    for request in driver.asked:
        if request.stage == report.STAGE:
            for told in ("She counts.", "He writes."):
                assert told not in data_of(request) or "Merged:" in data_of(request)


@settings(max_examples=60, deadline=None)
@given(links=LINKS, random=st.randoms(use_true_random=False))
def test_only_a_community_that_does_not_fit_waits_for_its_children(links: list[Link], random: Random) -> None:
    driver = Driver(reply, random)
    writing = Writing(links, TIGHT).run(driver)
    order = [request.item for request in driver.asked if request.stage == report.STAGE]
    by_number = {community.number: community for community in writing.communities}
    for community in writing.communities:
        context = writing.report.contexts[community.number]
        assert set(context.reports) <= set(community.children)
        if context.reports or any(context.left_out.values()):
            before = order[: order.index(community.title)]
            assert {by_number[number].title for number in community.children} <= set(before)


def nested() -> list[Community]:
    """A community of four and its two halves."""
    pairs = [("ADA", "BYRON"), ("CURIE", "DARWIN")]
    halves = [Community(f"h{n}", n, 1, 0, [], list(pair), [pair]) for n, pair in enumerate(pairs, start=1)]
    everybody = [title for pair in pairs for title in pair]
    return [Community("all", 0, 0, -1, [1, 2], everybody, [*pairs, ("BYRON", "CURIE")]), *halves]


NESTED_LINKS = [("ADA", "BYRON", 1.0), ("CURIE", "DARWIN", 1.0), ("BYRON", "CURIE", 1.0)]


def test_a_parent_that_fits_does_not_wait() -> None:
    writing = Writing(NESTED_LINKS, ROOMY, nested())
    driver = Driver(reply)
    writing.run(driver)
    assert asked_communities(driver) == {"Community 0": 1, "Community 1": 1, "Community 2": 1}
    assert writing.report.contexts[0].reports == []


def test_a_parent_that_does_not_fit_holds_the_reports_of_its_children() -> None:
    writing = Writing(NESTED_LINKS, 25, nested())
    driver = Driver(reply)
    writing.run(driver)
    assert next(request.item for request in reversed(driver.asked)) == "Community 0"
    assert writing.report.contexts[0].reports
    assert "-----Reports-----" in data_of(driver.asked[-1])


@pytest.mark.parametrize(("budget", "is_waited_for"), [(ROOMY, False), (25, True)])
def test_a_report_that_others_wait_for_goes_before_the_descriptions(budget: int, is_waited_for: bool) -> None:
    driver = Driver(reply)
    Writing(NESTED_LINKS, budget, nested()).run(driver)
    priorities = {request.item: request.priority for request in driver.asked if request.stage == report.STAGE}
    descriptions = [request.priority for request in driver.asked if request.stage == describe.STAGE]
    assert all((priorities[half] < min(descriptions)) == is_waited_for for half in ("Community 1", "Community 2"))
    assert priorities["Community 0"] > max(descriptions)


@pytest.mark.parametrize("budget", [ROOMY, 60, 25])
def test_a_community_that_repeats_its_only_child_asks_the_same_question(budget: int) -> None:
    """The fan-out asks it once, and the answer store knows it."""
    top, *halves = nested()
    between = replace(top, id="between", number=3, level=1, parent=0, relationships=list(top.relationships))
    top.children = [3]
    for half in halves:
        half.level, half.parent = 2, 3
    communities = [top, between, *halves]
    assert repeated(communities) == {0: 3}
    driver = Driver(reply)
    writing = Writing(NESTED_LINKS, budget, communities).run(driver)
    keys = {request.item: hash_of(request) for request in driver.asked if request.stage == report.STAGE}
    assert len(keys) == 4
    assert keys["Community 0"] == keys["Community 3"]
    assert writing.report.contexts[0] == writing.report.contexts[3]
    assert bool(writing.report.contexts[0].reports) == (budget == 25)


def test_a_community_whose_children_failed_still_gets_its_report() -> None:
    def answer(request: Request) -> Answer:
        return NO_ANSWER if request.item in ("Community 1", "Community 2") else reply(request)

    writing = Writing(NESTED_LINKS, 25, nested()).run(Driver(answer))
    assert list(writing.report.reports) == [0]
    assert counts(writing.progress, report.STAGE).failed == 2
    assert writing.report.contexts[0].reports == []


def test_a_failed_description_does_not_keep_a_report_back() -> None:
    def answer(request: Request) -> Answer:
        return NO_ANSWER if request.stage == describe.STAGE else reply(request)

    writing = Writing(NESTED_LINKS, ROOMY, nested())
    driver = Driver(answer)
    writing.run(driver)
    assert len(writing.report.reports) == 3
    top = next(request for request in driver.asked if request.item == "Community 0")
    assert "She counts. She rides." in data_of(top)


def test_deeper_communities_go_first_and_cached_reports_are_counted() -> None:
    def answer(request: Request) -> Answer:
        return answered(request, reply(request), cached=True)

    writing = Writing(NESTED_LINKS, ROOMY, nested())
    driver = Driver(answer)
    writing.run(driver)
    priorities = {request.item: request.priority for request in driver.asked}
    assert priorities["Community 1"] < priorities["Community 0"]
    assert counts(writing.progress, report.STAGE).cached == 3


def test_a_report_is_asked_for_with_its_schema_and_the_same_instructions_for_all() -> None:
    driver = Driver(reply)
    Writing(NESTED_LINKS, ROOMY, nested()).run(driver)
    asked = [question(request) for request in driver.asked if request.stage == report.STAGE]
    assert all(one.schema is SCHEMA for one in asked)
    assert len({one.messages[0]["content"] for one in asked}) == 1
    assert len({one.key for one in asked}) == 3


def test_without_communities_nothing_is_asked() -> None:
    writing = Writing([], ROOMY, [])
    assert writing.report.requests() == []


def test_a_context_is_laid_out_when_its_question_is_looked_at_and_not_before() -> None:
    writing = Writing([("CURIE", "DARWIN", 1.0), ("DARWIN", "EULER", 1.0), ("EULER", "CURIE", 1.0)], ROOMY)
    requests = writing.report.requests()
    assert requests
    assert all(request.kind is ChatQuestion for request in requests)
    assert writing.report.contexts == {}
    assert question(requests[0]) is question(requests[0])
    assert len(writing.report.contexts) == 1
