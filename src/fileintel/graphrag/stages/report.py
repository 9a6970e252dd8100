"""Reports: one for each community, as soon as what it rests on is there.

A community waits for the descriptions of its own entities and relationships. Only one whose evidence does not
fit into the budget also waits for its children's reports, which then stand in for the children. One that holds
what its only child holds asks the child's question, which is therefore asked once.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from fileintel.config import Settings
from fileintel.fanout.progress import Progress
from fileintel.fanout.request import LateRequest, Outcome, Request
from fileintel.garbage_collection import exempted_from_gc
from fileintel.graphrag import rows
from fileintel.graphrag.build import IndexParts
from fileintel.graphrag.contexts.context import Context, Contexts
from fileintel.graphrag.contexts.graph_context import GraphContexts
from fileintel.graphrag.contexts.text_context import TextContexts
from fileintel.graphrag.model import Community, Entity, Finding, Relationship, Report
from fileintel.graphrag.prompts import Prompt, PromptKind
from fileintel.graphrag.stages.cluster import repeated
from fileintel.graphrag.stages.formats import Format
from fileintel.graphrag.stages.stage import Build, Moment, Row, Stage, StageRun, Table
from fileintel.llm.json_answers import missing_end, read_object
from fileintel.llm.questions import Answered, AnswerForm, ChatQuestion, InvalidAnswer, Sampling, Schema
from fileintel.runtime import free_in_slices, sorted_in_slices, yielding
from fileintel.storage.models import CommunityReport

STAGE = "report"
REPORT = PromptKind("community_report_graph.txt", data=("input_text",), fixed=("max_report_length",))
REPORT_TEXT = PromptKind("community_report_text.txt", data=("input_text",), fixed=("max_report_length",))
MIDDLE_RATING = 5.0  # of a report whose rating is no number
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")

SCHEMA = Schema(
    "community_report",
    {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "summary": {"type": "string"},
            "rating": {"type": "number"},
            "rating_explanation": {"type": "string"},
            "findings": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"summary": {"type": "string"}, "explanation": {"type": "string"}},
                    "required": ["summary", "explanation"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["title", "summary", "rating", "rating_explanation", "findings"],
        "additionalProperties": False,
    },
)

Written = Callable[[Report], Iterable[Request]]


class ReportStage:
    """Asks for the communities' reports, each at the moment when its evidence is complete.

    Parameters:
      undescribed: the entities and relationships whose descriptions are still being asked for.
      written: called with each report; may return requests that have waited for it.
    """

    def __init__(
        self,
        model: str,
        prompt: Prompt,
        sampling: Sampling,
        progress: Progress,
        *,
        contexts: Contexts,
        communities: Sequence[Community],
        undescribed: Iterable[Entity | Relationship],
        max_words: int,
        language: str | None,
        written: Written,
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._sampling = sampling
        self._progress = progress
        self._contexts = contexts
        self._communities = {community.number: community for community in yielding(communities)}
        self._repeated = repeated(communities)
        self._max_words = max_words
        self._language = language
        self._written = written
        self._over: set[int] = set()
        self._waiting_for_children: set[int] = set()
        self._undescribed = exempted_from_gc({thing.id for thing in yielding(undescribed)})
        self._dependants, self._missing = self._dependencies()
        self._waiting_above = self._expected_above()
        self.reports: dict[int, Report] = {}
        self.contexts: dict[int, Context] = {}

    def requests(self) -> list[Request]:
        """The questions of the communities that wait for nothing."""
        self._progress.begin(STAGE, len(self._communities))
        return [
            request
            for number, community in yielding(self._communities.items())
            if not self._missing[number]
            for request in self._evidence_is_complete(community)
        ]

    def free_in_slices(self) -> None:
        """Everything is asked: free what is not a result, without a stall."""
        free_in_slices(self._communities, self._dependants, self._missing, self._waiting_above)

    def described(self, thing: Entity | Relationship) -> Iterable[Request]:
        """A description has come: the questions that have waited for it only."""
        for number in self._dependants.pop(thing.id, ()):
            self._missing[number] -= 1
            if not self._missing[number]:
                yield from self._evidence_is_complete(self._communities[number])

    def _dependencies(self) -> tuple[dict[str, list[int]], dict[int, int]]:
        """Which communities wait for which thing, and for how many things each one waits."""
        dependants: dict[str, list[int]] = {}
        missing: dict[int, int] = {}
        for number, community in self._communities.items():
            things = yielding(self._contexts.waits_for(community))
            waited_for = [thing.id for thing in things if thing.id in self._undescribed]
            missing[number] = len(waited_for)
            for identity in waited_for:
                dependants.setdefault(identity, []).append(number)
        return dependants, missing

    def _expected_above(self) -> dict[int, int]:
        """How many communities above each one will probably wait for its report, one after the other."""
        large: set[int] = set()
        above: dict[int, int] = {}
        for community in sorted_in_slices(self._communities.values(), key=lambda one: (one.level, one.number)):
            above[community.number] = above[community.parent] + 1 if community.parent in large else 0
            if community.children and self._contexts.probable_size(community) > self._contexts.max_tokens:
                large.add(community.number)
        return above

    def _evidence_is_complete(self, community: Community) -> Iterable[Request]:
        size = self._contexts.size(community)
        if size <= self._contexts.max_tokens:
            return [self._request(community, size, partial(self._whole, community))]
        self._waiting_for_children.add(community.number)
        return self._if_children_are_over(community)

    def _if_children_are_over(self, community: Community) -> Iterable[Request]:
        if not self._over.issuperset(community.children):
            return []
        self._waiting_for_children.discard(community.number)
        same = community
        while same.number in self._repeated:
            same = self._communities[self._repeated[same.number]]
        parts = {number: self._communities[number] for number in same.children}
        # it takes as long as one that fills the question; none of the children's reports changes any more
        largest = self._contexts.max_tokens
        return [self._request(community, largest, partial(self._contexts.reduced, same, parts, self.reports))]

    def _whole(self, community: Community) -> Context:
        context = self._contexts.whole(community)
        assert context is not None
        return context

    def _request(self, community: Community, size: int, lay_out: Callable[[], Context]) -> Request:
        # The longest chain of questions first: a report that others wait for goes before the descriptions, any other
        # behind them. Then deeper levels, because what is expected may be wrong; then the longest.
        priority = 1 - 2 * self._waiting_above[community.number] - community.level / 100 - size / 1e9
        ask, answered = partial(self._question, community, lay_out), partial(self._answered, community)
        return LateRequest(STAGE, community.title, ask, answered, priority)

    def _question(self, community: Community, lay_out: Callable[[], Context]) -> ChatQuestion:
        context = lay_out()
        self.contexts[community.number] = replace(context, text="")  # the texts of all would take much memory
        messages = self._prompt.messages(self._language, input_text=context.text, max_report_length=self._max_words)
        return ChatQuestion("report", self._model, messages, REPORT_FORM, self._sampling, SCHEMA)

    def _answered(self, community: Community, outcome: Outcome) -> Iterable[Request]:
        self._over.add(community.number)
        if isinstance(outcome, Answered):
            report = Report(community, **outcome.value)
            self.reports[community.number] = report
            self._progress.item_done(STAGE, cached=outcome.cached)
            yield from self._written(report)
        else:
            self._progress.item_done(STAGE, failed=True)
        if community.parent in self._waiting_for_children:
            yield from self._if_children_are_over(self._communities[community.parent])


def parse_report(text: str) -> dict[str, Any]:
    """The fields of a report: title, summary, rating (0 to 10), rating_explanation, findings.

    Raises:
      InvalidAnswer: there is no object, no title or no summary in it.
    """
    answer = read_object(text)
    title, summary = _text(answer.get("title")), _text(answer.get("summary"))
    if not title or not summary:
        raise InvalidAnswer(f"the JSON object has no {'title' if not title else 'summary'}")
    return {
        "title": title,
        "summary": summary,
        "rating": _rating(answer.get("rating")),
        "rating_explanation": _text(answer.get("rating_explanation")),
        "findings": _findings(answer.get("findings")),
    }


REPORT_FORM = AnswerForm(parse_report, lambda text, _report: missing_end(text))


def _findings(value: object) -> list[Finding]:
    entries = value if isinstance(value, list) else [value]  # a single one may stand without its list
    return [finding for entry in entries if (finding := _finding(entry))]


def _finding(entry: object) -> Finding | None:
    if isinstance(entry, dict):
        summary, explanation = _text(entry.get("summary")), _text(entry.get("explanation"))
    else:
        summary, explanation = _text(entry), ""
    return Finding(summary or explanation, explanation or summary) if summary or explanation else None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _rating(value: object) -> float:
    """A number, also out of "8/10" or "8 out of 10"; between 0 and 10."""
    number = _NUMBER.search(value) if isinstance(value, str) else None
    try:
        rating = float(number.group().replace(",", ".")) if number else float(str(value))
    except ValueError:
        return MIDDLE_RATING
    return min(10.0, max(0.0, rating)) if math.isfinite(rating) else MIDDLE_RATING


class _Reports(StageRun):
    """Begins the stage in one build, once there are communities."""

    def __init__(self) -> None:
        self._stage: ReportStage | None = None

    def graph_is_divided(self, build: Build) -> None:
        run, settings = build.run, build.run.settings.graphrag
        (prompt,) = build.prompts(_prompt_of(run.settings))
        stage = self._stage = ReportStage(
            run.chat_model,
            prompt,
            build.sampling,
            run.progress,
            contexts=_contexts(build),
            communities=build.parts.communities,
            undescribed=build.undescribed,
            max_words=settings.report_max_words,
            language=settings.language,
            written=build.reported,
        )
        build.parts.reports, build.parts.contexts = stage.reports, stage.contexts
        build.ask_each(yielding(stage.requests()))

    def described(self, thing: Entity | Relationship) -> Iterable[Request]:
        assert self._stage is not None  # nothing is described before
        return self._stage.described(thing)

    def free_in_slices(self) -> None:
        if self._stage is not None:
            self._stage.free_in_slices()


def _contexts(build: Build) -> Contexts:
    parts, settings = build.parts, build.run.settings.graphrag
    budget = settings.report_max_input_tokens
    if build.scale is not None:
        budget = build.scale.ours(budget)
    if settings.report_context == "text":
        return TextContexts(parts.graph, parts.units, budget, build.tokenizer.count)
    return GraphContexts(parts.graph, parts.claims, budget, build.tokenizer.count)


def _prompt_of(settings: Settings) -> PromptKind:
    return REPORT_TEXT if settings.graphrag.report_context == "text" else REPORT


def _prompts_for(_stage: Stage, settings: Settings, _form: Format) -> Sequence[PromptKind]:
    return (_prompt_of(settings),)


def _rows(version_id: str, parts: IndexParts) -> Iterator[Row]:
    return rows.report_rows(version_id, parts.reports, parts.communities, parts.period)


DECLARATION = Stage(
    STAGE,
    purposes=(STAGE,),
    prompts=(REPORT, REPORT_TEXT),
    prompts_for=_prompts_for,
    parsers={"report": REPORT_FORM},
    tables=(Table(CommunityReport, "reports", _rows, written=Moment.PUBLISHING),),
    begin=lambda _build: _Reports(),
)
