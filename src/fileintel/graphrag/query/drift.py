"""DRIFT search: a question that is answered by asking further ones, from reports down into the documents.

As graphrag's DRIFT search: the reports nearest to the question give first answers and follow-up questions (the primer,
in folds); each follow-up is answered as in local search and may lead to further ones; what was found out is combined.
Unlike there, the question itself is looked for, and not a made-up answer to it, which would take one more call.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fileintel.fanout.request import Outcome
from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.query.asking import IndexAsking, Reply, good
from fileintel.graphrag.query.citations import Checked
from fileintel.graphrag.query.final_answer import conclude, expect_room, found_only, replied, said
from fileintel.graphrag.query.global_search import POINT_COLUMNS, Point, fitting_points, shortened
from fileintel.graphrag.query.local import Budget, context_for
from fileintel.graphrag.query.mode import Answering
from fileintel.graphrag.query.modes import DRIFT
from fileintel.graphrag.query.pieces import REPORTS, Piece, Pieces, report
from fileintel.graphrag.stages.embed import REPORTS as REPORT_VECTORS
from fileintel.graphrag.tables import section
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Schema
from fileintel.storage import search

DRIFT_PRIMER = PromptKind("drift_search_primer_system_prompt.txt", data=("context_data",), fixed=("follow_ups",))
DRIFT_LOCAL = PromptKind(
    "drift_search_local_system_prompt.txt", data=("context_data",), fixed=("follow_ups", "whole_question")
)
DRIFT_REDUCE = PromptKind("drift_search_reduce_system_prompt.txt", data=("context_data",), fixed=("response_type",))
NOTHING_FOUND = "Neither the reports on this collection nor its documents hold an answer to this question."
FOLLOW_UPS_OF_ONE = 5  # questions that one answer may leave
LONGEST_FOLLOW_UP = 1_000  # characters

SCHEMA = Schema(
    "step",
    {
        "type": "object",
        "properties": {
            "answer": {"type": "string"},
            "score": {"type": "number"},
            "follow_ups": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["answer", "score", "follow_ups"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True)
class Step:
    """What one call has found out, how much that helps (0 to 100), and what is to be asked next."""

    answer: str
    score: float
    follow_ups: tuple[str, ...]


@dataclass
class _Search:
    """A search under way: what was found, what is still to be asked, and all that was shown to the model."""

    asking: IndexAsking
    steps: list[Step] = field(default_factory=list)
    shown: dict[str, Piece] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    pending: list[tuple[float, str]] = field(default_factory=list)
    failed: int = 0

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Take in what was answered."""
        for outcome in outcomes:
            if not isinstance(outcome, Answered):
                self.failed += 1
                continue
            step: Step = outcome.value
            self.steps.append(step)
            self.pending += [(step.score, text) for text in step.follow_ups if text.lower() not in self.asked]

    def next_questions(self) -> list[str]:
        """The follow-ups of the most helpful answers, each once."""
        ranked = sorted(self.pending, key=lambda one: -one[0])
        unasked = list(dict.fromkeys(text for _, text in ranked if text.lower() not in self.asked))
        chosen = unasked[: self.asking.settings.query.drift_follow_ups]
        self.asked.update(text.lower() for text in chosen)
        self.pending = [one for one in self.pending if one[1].lower() not in self.asked]
        return chosen


def answer(asking: IndexAsking) -> Reply:
    """Answer by following up.

    Raises:
      NoUsableAnswer: the model gave none.
    """
    found = _Search(asking, asked={asking.text.lower()})
    _begin(found)
    depth = 0
    while depth < asking.settings.query.drift_depth and (texts := found.next_questions()):
        _follow(found, texts)
        depth += 1
    context: dict[str, Any] = {"steps": len(found.steps), "failed_steps": found.failed, "depth": depth}
    context["pieces"] = len(found.shown)
    if asking.query_request.search_only:
        return found_only(asking, DRIFT, found.shown, context)
    points = sorted((Point(s.answer, s.score) for s in found.steps if s.score > 0), key=lambda point: -point.score)
    checked = _reduce(asking, points, found.shown) if points else said(asking, NOTHING_FOUND)
    note = f"{found.failed} of the steps got no usable answer" if found.failed else None
    return replied(asking, DRIFT, checked, found.shown, context, note=note)


def parse_step(text: str) -> Step:
    """What one call has found out.

    Raises:
      InvalidAnswer: there is no answer in it.
    """
    given = read_object(text)
    if not isinstance(given.get("answer"), str):
        raise InvalidAnswer('the JSON object has no text "answer"')
    try:
        score = min(100.0, max(0.0, float(given.get("score", 0))))
    except (TypeError, ValueError):
        raise InvalidAnswer('the JSON object has no number "score"') from None
    listed = given.get("follow_ups")
    texts = [" ".join(one.split()) for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    kept = [one for one in texts if 0 < len(one) <= LONGEST_FOLLOW_UP]
    return Step(given["answer"].strip(), score, tuple(kept[:FOLLOW_UPS_OF_ONE]))


def _begin(found: _Search) -> None:
    """The primer: the nearest reports, in folds that are answered at once."""
    asking = found.asking
    query, vector = asking.settings.query, asking.vector()
    with asking.database.transaction() as session:
        near = search.nearest(session, asking.version.id, REPORT_VECTORS, vector, query.drift_follow_ups)
        reports = search.reports_by_id(session, asking.version.id, [one.id for one in near])
    pieces = [report(*one) for one in reports]
    folds = [fold for place in range(query.drift_primer_folds) if (fold := pieces[place :: query.drift_primer_folds])]
    prompt, model = asking.prompts.load(DRIFT_PRIMER), str(asking.chat.endpoint.model)

    def question(fold: Sequence[Piece]) -> ChatQuestion:
        context = Pieces()
        if not context.fill(REPORTS, fold, query.drift_primer_tokens, asking.tokenizer.count):
            shorter = shortened(asking, fold[0], "drift_primer_tokens", query.drift_primer_tokens)
            context.sections[REPORTS] = [shorter]
        found.shown |= context.by_id()
        messages = prompt.messages(asking.language, context_data=context.text(), follow_ups=FOLLOW_UPS_OF_ONE)
        return ChatQuestion("drift_primer", model, asking.with_question(messages), parse_step, asking.sampling, SCHEMA)

    found.take(_asked(asking, [question(fold) for fold in folds]))
    found.pending.append((101.0, asking.text))  # the question itself is looked into first, whatever the reports say
    found.asked.discard(asking.text.lower())


def _follow(found: _Search, texts: Sequence[str]) -> None:
    """Answer these questions, each from what surrounds it."""
    asking = found.asking
    query = asking.settings.query
    budget = Budget(query.local_max_context_tokens, query.drift_text_unit_share, query.drift_community_share)
    prompt, model = asking.prompts.load(DRIFT_LOCAL), str(asking.chat.endpoint.model)
    questions: list[ChatQuestion] = []
    for text, vector in zip(texts, asking.vectors(texts), strict=True):
        pieces = context_for(asking, vector, budget).pieces
        expect_room(pieces, "local_max_context_tokens", budget.tokens, was_there=bool(asking.version.counts))
        found.shown |= pieces.by_id()
        messages = prompt.messages(
            asking.language, context_data=pieces.text(), follow_ups=FOLLOW_UPS_OF_ONE, whole_question=asking.text
        )
        conversation = asking.with_question(messages, text)
        questions.append(ChatQuestion("drift_local", model, conversation, parse_step, asking.sampling, SCHEMA))
    found.take(_asked(asking, questions))


def _asked(asking: IndexAsking, questions: Sequence[ChatQuestion]) -> list[Outcome]:
    """The outcomes of a round.

    Raises:
      NoUsableAnswer: not one of the questions got an answer.
    """
    outcomes = asking.ask(DRIFT, questions)
    if outcomes and not any(isinstance(outcome, Answered) for outcome in outcomes):
        good(outcomes[0])
    return outcomes


def _reduce(asking: IndexAsking, points: Sequence[Point], shown: dict[str, Piece]) -> Checked:
    rows = list(fitting_points(asking, points))
    messages = asking.prompts.load(DRIFT_REDUCE).messages(
        asking.language,
        context_data=section("Points", POINT_COLUMNS, rows),
        response_type=asking.response_type,
    )
    return conclude(asking, "drift_reduce", messages, shown)


DECLARATION = Answering(answer, prompts=(DRIFT_PRIMER, DRIFT_LOCAL, DRIFT_REDUCE))
