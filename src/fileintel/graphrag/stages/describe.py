"""Descriptions: what several passages say about one entity or relationship becomes one text.

What is said twice, but for case, accents and punctuation, is said once; one description asks nothing. More than fit
into one question are folded: groups that fit are merged first, then the results, until one is left. A description that
takes more than half of a question is asked about in parts, so that two always fit. Where a question of a fold fails,
the fold ends: its results so far and the passages' own words are put one behind the other, and the thing is a gap.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain

from fileintel.config import Settings
from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Outcome, Request
from fileintel.garbage_collection import exempted_from_gc
from fileintel.graphrag.contexts.shortening import natural_end
from fileintel.graphrag.model import TOP, Community, Entity, Graph, Relationship
from fileintel.graphrag.prompts import Prompt, PromptKind
from fileintel.graphrag.stages.formats import FAST, Format
from fileintel.graphrag.stages.records import folded
from fileintel.graphrag.stages.stage import Build, Moment, Stage, StageRun
from fileintel.llm.questions import Answered, AnswerForm, ChatQuestion, Sampling
from fileintel.runtime import sorted_in_slices, yield_to_hub, yielding

STAGE = "describe"
DESCRIBE = PromptKind("summarize_descriptions.txt", data=("entity_name", "description_list"), fixed=("max_length",))
CHARACTERS_PER_TOKEN = 3  # about; only the order of questions rests on it
SMALLEST_GROUP = 2  # texts; a fold that does not shrink the list would never end
THINGS_BETWEEN_BREATHS = 50

_WORD = re.compile(r"\w+")
_CLOSING = re.compile(r"""[\s"'“”’»›)\]*_`】」』）]+\Z""")  # what may stand behind the last sentence's end
_SENTENCE_ENDS = ".!?…。！？．｡।॥؟۔;։።"
_UNMARKED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # Thai, Lao, Burmese, Khmer

Described = Callable[[Entity | Relationship], Iterable[Request]]


class DescribeStage(StageRun):
    """Gives every entity and relationship its one description.

    Parameters:
      count_tokens: of a text, in the model's tokens or near it.
      max_input_tokens: how many tokens of descriptions go into one question.
      max_words: how long an answer may be.
      described: called for each one that is done; may return requests that have waited for it.
    """

    def __init__(
        self,
        model: str,
        prompt: Prompt,
        sampling: Sampling,
        progress: Progress,
        *,
        count_tokens: Callable[[str], int],
        max_input_tokens: int,
        max_words: int,
        language: str | None,
        described: Described,
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._sampling = sampling
        self._progress = progress
        self._count_tokens = count_tokens
        self._max_input_tokens = max_input_tokens
        self._max_words = max_words
        self._language = language
        self._described = described
        self._open = 0

    def finished(self) -> bool:
        """True when all that was asked about has its description."""
        return not self._open

    def graph_is_divided(self, build: Build) -> None:
        graph = build.parts.graph
        ordered = in_order_of_reports(self.undescribed(graph), build.parts.communities, graph)
        build.undescribed = _first(self.is_folded, ordered)  # the longest chains of questions start first
        build.awaited = exempted_from_gc({thing.id for thing in yielding(build.undescribed)})
        build.ask(self.requests(build.undescribed))

    def undescribed(self, graph: Graph) -> list[Entity | Relationship]:
        """Settle what needs no question; returns the rest, those with the most descriptions first."""
        rest: list[Entity | Relationship] = []
        things: Iterator[Entity | Relationship] = chain(graph.entities.values(), graph.relationships.values())
        for place, thing in enumerate(things):
            if place % THINGS_BETWEEN_BREATHS == 0:
                yield_to_hub()
            texts = distinct(thing.descriptions)
            if len(texts) > 1 or (texts and self._fills_a_question(texts[0])):
                rest.append(thing)
            else:
                thing.description = texts[0] if texts else ""
        by_count: dict[int, list[Entity | Relationship]] = {}
        for thing in yielding(rest):
            by_count.setdefault(len(thing.descriptions), []).append(thing)
        # the longest chains of folds start first
        return exempted_from_gc(
            [thing for count in sorted(by_count, reverse=True) for thing in yielding(by_count[count])]
        )

    def is_folded(self, thing: Entity | Relationship) -> bool:
        """Whether a thing's descriptions will probably take more than one question."""
        return sum(map(len, thing.descriptions)) > self._max_input_tokens * CHARACTERS_PER_TOKEN

    def requests(self, things: Sequence[Entity | Relationship]) -> Iterator[Request]:
        """The questions about these things; folds follow as answers come."""
        self._progress.begin(STAGE, len(things))
        self._open = len(things)
        return self._requests(things)

    def _requests(self, things: Sequence[Entity | Relationship]) -> Iterator[Request]:
        for thing in things:
            texts = [part for text in yielding(distinct(thing.descriptions)) for part in self.parts(text)]
            yield from _Fold(self, thing).ask(texts)

    def parts(self, text: str) -> list[str]:
        """A text in parts of which two fit into one question, cut where sentences or at least words end."""
        largest = max(1, self._max_input_tokens // 2)
        found: list[str] = []
        while self._may_exceed(text, largest) and (tokens := self._count_tokens(text)) > largest:
            length = max(1, len(text) * largest // tokens)
            while length > 1 and self._count_tokens(text[:length]) > largest:
                length = length * 4 // 5
            cut = natural_end(text, length) or length
            found.append(text[:cut].strip())
            text = text[cut:].strip()
        return [part for part in (*found, text) if part]

    def _fills_a_question(self, text: str) -> bool:
        return self._may_exceed(text, self._max_input_tokens) and self._count_tokens(text) > self._max_input_tokens

    def _may_exceed(self, text: str, tokens: int) -> bool:
        """Cheaply: a token is a byte at least."""
        return len(text) > tokens or len(text.encode("utf-8", "replace")) > tokens

    def request(
        self,
        thing: Entity | Relationship,
        texts: list[str],
        begun: bool,
        folded: bool,
        deliver: Callable[[Outcome], Iterable[Request]],
    ) -> Request:
        """One question: merge these texts about this thing; `begun` says that some of them are merged already,
        `folded` that there are other texts about it."""
        description_list = json.dumps(texts, ensure_ascii=False)
        messages = self._prompt.messages(
            self._language, entity_name=name_of(thing), description_list=description_list, max_length=self._max_words
        )
        question = ChatQuestion("describe", self._model, messages, DESCRIPTION, self._sampling)
        # what has been begun is finished first, for what waits for it; then chains of questions, as they take longest;
        # the others in the order given
        return Request(STAGE, name_of(thing), question, deliver, priority=-begun - folded / 2)

    def groups(self, texts: list[str]) -> list[list[str]]:
        """The texts in order, in groups of two at least (the last may be one) that fit into one question."""
        groups: list[list[str]] = [[]]
        tokens = 0
        for text in texts:
            size = self._count_tokens(text)
            if len(groups[-1]) >= SMALLEST_GROUP and tokens + size > self._max_input_tokens:
                groups.append([])
                tokens = 0
            groups[-1].append(text)
            tokens += size
            yield_to_hub()  # what occurs everywhere has thousands of descriptions
        return groups

    def settle(
        self, thing: Entity | Relationship, description: str, *, cached: bool, failed: bool
    ) -> Iterable[Request]:
        """A thing has its description."""
        thing.description = description
        self._open -= 1
        self._progress.item_done(STAGE, cached=cached and not failed, failed=failed)
        return self._described(thing)


class _Fold:
    """The folding of one thing's descriptions."""

    def __init__(self, stage: DescribeStage, thing: Entity | Relationship) -> None:
        self._stage = stage
        self._thing = thing
        self._results: list[str | None] = []
        self._open = 0
        self._begun = False
        self._cached = True
        self._failed = False

    def ask(self, texts: list[str]) -> list[Request]:
        groups = self._stage.groups(texts)
        self._results = [group[0] if len(group) == 1 else None for group in groups]
        self._open = self._results.count(None)
        begun, self._begun = self._begun, True
        return [
            self._stage.request(self._thing, group, begun, len(groups) > 1, partial(self._answered, place, group))
            for place, group in enumerate(groups)
            if len(group) > 1
        ]

    def _answered(self, place: int, group: list[str], outcome: Outcome) -> Iterable[Request]:
        if isinstance(outcome, Answered):
            self._results[place] = outcome.value
            self._cached = self._cached and outcome.cached
        else:  # the passages' own words are kept: the gap costs brevity, not content
            self._results[place] = " ".join(group)
            self._failed = True
        self._open -= 1
        if self._open:
            return ()
        results = [result for result in self._results if result]
        if len(results) > 1 and not self._failed:
            # an answer is longer than half of a question only if the model does not keep to the length asked for
            return self.ask([self._stage.parts(result)[0] for result in results])
        return self._stage.settle(self._thing, " ".join(results), cached=self._cached, failed=self._failed)


def flaw(text: str, _description: str) -> str | None:
    """What a description lacks to be whole: the end of its last sentence, in scripts that mark one."""
    end = _CLOSING.sub("", text)
    if not end or end[-1] in _SENTENCE_ENDS or _UNMARKED.match(end[-1]):
        return None
    return "it ends in the middle of a sentence"


DESCRIPTION = AnswerForm(str.strip, flaw)


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts without those that differ from an earlier one in nothing but case, accents and punctuation."""
    listed = list(texts)
    if len(listed) < 2:
        return listed
    last_first = yielding(reversed(listed))
    return list({" ".join(_WORD.findall(folded(text))) or text: text for text in last_first}.values())[::-1]


def name_of(thing: Entity | Relationship) -> str:
    """How a question names what it is about."""
    return thing.title if isinstance(thing, Entity) else f"{thing.source} — {thing.target}"


def in_order_of_reports(
    things: Sequence[Entity | Relationship], communities: Sequence[Community], graph: Graph
) -> list[Entity | Relationship]:
    """Things that are to be described, those of one community behind one another, the largest at the top first.

    So communities are complete one after the other, and their reports fill the slots while the last descriptions
    are written. Within a community the order is kept; what is in none comes last.
    """
    children: dict[int, list[Community]] = {}
    for community in sorted_in_slices(communities, key=lambda c: (-len(c.entities), c.number)):
        children.setdefault(community.parent, []).append(community)
    place = {thing.id: -1 for thing in yielding(things)}
    left = list(reversed(children.get(TOP, [])))
    number = 0
    while left:
        community, number = left.pop(), number + 1
        inside = (graph.entities[title].id for title in community.entities)
        between = (graph.relationships[pair].id for pair in community.relationships)
        for identity in yielding(chain(inside, between)):
            if identity in place:
                place[identity] = number
        left += reversed(children.get(community.number, []))
    by_place: dict[int, list[Entity | Relationship]] = {}
    for thing in yielding(things):
        by_place.setdefault(place[thing.id], []).append(thing)
    in_none = by_place.pop(-1, [])
    return exempted_from_gc([thing for at in sorted_in_slices(by_place, key=int) for thing in by_place[at]] + in_none)


def _first(
    preferred: Callable[[Entity | Relationship], bool], things: Iterable[Entity | Relationship]
) -> list[Entity | Relationship]:
    """The things in their order, but those that are preferred come before the others."""
    chosen: tuple[list[Entity | Relationship], list[Entity | Relationship]] = ([], [])
    for thing in yielding(things):
        chosen[not preferred(thing)].append(thing)
    return exempted_from_gc(chosen[0] + chosen[1])


def _begin(build: Build) -> StageRun:
    settings, run = build.run.settings.graphrag, build.run
    (prompt,) = build.prompts(DESCRIBE)
    return DescribeStage(
        run.chat_model,
        prompt,
        build.sampling,
        run.progress,
        count_tokens=build.tokenizer.count,
        max_input_tokens=settings.description_max_input_tokens,
        max_words=settings.description_max_words,
        language=settings.language,
        described=build.described,
    )


def _prompts_for(stage: Stage, settings: Settings, _form: Format) -> Sequence[PromptKind]:
    return () if settings.graphrag.method == FAST else stage.prompts


DECLARATION = Stage(
    STAGE,
    purposes=(STAGE,),
    prompts=(DESCRIBE,),
    prompts_for=_prompts_for,
    parsers={"describe": DESCRIPTION},
    begin=_begin,
    complete_before=Moment.WRITING,
)
