"""Descriptions: what several passages say about one entity or relationship becomes one text.

One description asks nothing. More than fit into one question are folded: groups that fit are merged first,
then the results, until one is left. Where a question of a fold fails, the fold ends: its results so far and the
passages' own words are put one behind the other, and the thing is a gap.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from fileintel.graphrag.fanout import Outcome, Request
from fileintel.graphrag.model import Entity, Graph, Relationship
from fileintel.graphrag.progress import Progress
from fileintel.graphrag.prompts import Prompt
from fileintel.llm.questions import Answered, ChatQuestion, Sampling

STAGE = "describe"
SMALLEST_GROUP = 2  # texts; a fold that does not shrink the list would never end

Described = Callable[[Entity | Relationship], Iterable[Request]]


class DescribeStage:
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

    def undescribed(self, graph: Graph) -> list[Entity | Relationship]:
        """Settle what needs no question; returns the rest, those with the most descriptions first."""
        rest: list[Entity | Relationship] = []
        things: list[Entity | Relationship] = [*graph.entities.values(), *graph.relationships.values()]
        for thing in things:
            if len(thing.descriptions) > 1:
                rest.append(thing)
            else:
                thing.description = next(iter(thing.descriptions), "")
        rest.sort(key=lambda thing: -len(thing.descriptions))  # the longest chains of folds start first
        return rest

    def requests(self, things: Sequence[Entity | Relationship]) -> Iterator[Request]:
        """The questions about these things; folds follow as answers come."""
        self._progress.begin(STAGE, len(things))
        for thing in things:
            yield from _Fold(self, thing).ask(list(thing.descriptions))

    def request(
        self,
        thing: Entity | Relationship,
        texts: list[str],
        begun: bool,
        deliver: Callable[[Outcome], Iterable[Request]],
    ) -> Request:
        """One question: merge these texts about this thing; `begun` says that some of them are merged already."""
        description_list = json.dumps(texts, ensure_ascii=False)
        messages = self._prompt.messages(
            self._language, entity_name=name_of(thing), description_list=description_list, max_length=self._max_words
        )
        question = ChatQuestion("describe", self._model, messages, str.strip, self._sampling)
        # what has been begun is finished first, for what waits for it; then the longest chains of folds
        priority = 1 / (1 + len(thing.descriptions)) - begun
        return Request(STAGE, name_of(thing), question, deliver, priority)

    def groups(self, texts: list[str]) -> list[list[str]]:
        """The texts in order, cut into groups of two at least (the last may be one).

        A group is over the budget only if it is a pair of which both texts are needed for the list to shrink.
        """
        groups: list[list[str]] = [[]]
        tokens = 0
        for text in texts:
            size = self._count_tokens(text)
            if len(groups[-1]) >= SMALLEST_GROUP and tokens + size > self._max_input_tokens:
                groups.append([])
                tokens = 0
            groups[-1].append(text)
            tokens += size
        return groups

    def settle(
        self, thing: Entity | Relationship, description: str, *, cached: bool, failed: bool
    ) -> Iterable[Request]:
        """A thing has its description."""
        thing.description = description
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
            self._stage.request(self._thing, group, begun, partial(self._answered, place, group))
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
            return self.ask(results)
        return self._stage.settle(self._thing, " ".join(results), cached=self._cached, failed=self._failed)


def name_of(thing: Entity | Relationship) -> str:
    """How a question names what it is about."""
    return thing.title if isinstance(thing, Entity) else f"{thing.source} — {thing.target}"
