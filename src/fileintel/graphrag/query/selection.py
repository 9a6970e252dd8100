"""Dynamic selection: which reports a question about the whole needs, found by descending the hierarchy.

As graphrag's dynamic community selection: the model rates the reports of the largest communities from 0 to 5; of those
that matter the children are rated next, and a child that matters takes the place of its parent. Where nothing on a
level matters, the next one is looked at as a whole, since the larger reports may have been too coarse.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.query.asking import IndexAsking, good
from fileintel.graphrag.query.pieces import REPORTS, Pieces, report
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Schema
from fileintel.storage import search
from fileintel.storage.models import CommunityReport
from fileintel.storage.search import NearReport

GLOBAL_RATE = PromptKind("global_search_rate_system_prompt.txt", data=("context_data",))
HIGHEST_RATING = 5
SCHEMA = Schema(
    "rating",
    {
        "type": "object",
        "properties": {"rating": {"type": "integer", "minimum": 0, "maximum": HIGHEST_RATING}},
        "required": ["rating"],
        "additionalProperties": False,
    },
)


@dataclass
class Selection:
    """What was chosen, and what the choice took: `rated` reports were looked at, `failed` of them in vain."""

    reports: list[NearReport] = field(default_factory=list)
    rated: int = 0
    failed: int = 0


def select(asking: IndexAsking) -> Selection:
    """The reports that matter to the question, the highest rank first.

    Raises:
      NoUsableAnswer: the model rated none of the reports that it was asked about.
    """
    query, version_id = asking.settings.query, asking.version.id
    chosen: dict[int, CommunityReport] = {}
    selection = Selection()
    seen: set[int] = set()
    level = 0
    wanted = _level(asking, level)
    while wanted:
        seen.update(wanted)
        with asking.database.transaction() as session:
            found = search.reports(session, version_id, wanted)
        ratings = _rate(asking, found, selection)
        relevant = [one for one in found if ratings.get(one.community, 0) >= query.dynamic_threshold]
        for one in relevant:
            chosen[one.community] = one
            if not query.dynamic_keep_parent:
                chosen.pop(one.parent, None)
        level += 1
        wanted = []
        if level <= query.dynamic_max_level:
            wanted = sorted({child for one in relevant for child in one.children} - seen)
            if not wanted and not chosen:
                wanted = [number for number in _level(asking, level) if number not in seen]
    ranked = sorted(chosen.values(), key=lambda one: (-one.rank, one.human_readable_id))
    selection.reports = [NearReport(one.community, one.title, one.full_content) for one in ranked]
    return selection


def parse_rating(text: str) -> float:
    """The rating in an answer.

    Raises:
      InvalidAnswer: there is none from 0 to 5.
    """
    rating = read_object(text).get("rating")
    if isinstance(rating, bool) or not isinstance(rating, int | float | str):
        raise InvalidAnswer('the JSON object has no number "rating"')
    try:
        number = float(rating)
    except ValueError:
        raise InvalidAnswer('"rating" is no number') from None
    if not 0 <= number <= HIGHEST_RATING:
        raise InvalidAnswer(f'"rating" is not from 0 to {HIGHEST_RATING}')
    return number


def _level(asking: IndexAsking, level: int) -> list[int]:
    with asking.database.transaction() as session:
        return search.reports_at_exactly(session, asking.version.id, level)


def _rate(asking: IndexAsking, found: Sequence[CommunityReport], selection: Selection) -> dict[int, float]:
    """The rating of each report, all asked for at once; one that failed is missing."""
    prompt, model = asking.prompts.load(GLOBAL_RATE), str(asking.chat.endpoint.model)

    def question(one: CommunityReport) -> ChatQuestion:
        content = asking.tokenizer.truncate(one.full_content, asking.settings.query.global_max_context_tokens)
        pieces = Pieces({REPORTS: [report(one.community, one.title, content)]})
        messages = asking.with_question(prompt.messages(context_data=pieces.text()))
        return ChatQuestion("global_rate", model, messages, parse_rating, asking.sampling, SCHEMA)

    outcomes = asking.ask("global", map(question, found))
    ratings = {
        one.community: outcome.value
        for one, outcome in zip(found, outcomes, strict=True)
        if isinstance(outcome, Answered)
    }
    selection.rated += len(found)
    selection.failed += len(found) - len(ratings)
    if found and not ratings:
        good(outcomes[0])
    return ratings
