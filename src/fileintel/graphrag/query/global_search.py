"""Global search: a question about the whole collection, answered by map and reduce over the community reports.

As in Edge et al. 2024 (arXiv 2404.16130), section "Community answers to global answer": each batch of reports
yields points with a score; the best points that fit make the answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fileintel.errors import ConfigError
from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.query.asking import IndexAsking, Reply, good
from fileintel.graphrag.query.citations import Checked
from fileintel.graphrag.query.final_answer import conclude, found_only, replied, said
from fileintel.graphrag.query.mode import Answering, Subject
from fileintel.graphrag.query.modes import GLOBAL
from fileintel.graphrag.query.pieces import REPORTS, Piece, Pieces, report
from fileintel.graphrag.query.selection import GLOBAL_RATE, select
from fileintel.graphrag.tables import row, section
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Schema
from fileintel.storage import search
from fileintel.storage.search import NearReport

GLOBAL_MAP = PromptKind("global_search_map_system_prompt.txt", data=("context_data",), fixed=("max_length",))
GLOBAL_REDUCE = PromptKind(
    "global_search_reduce_system_prompt.txt", data=("report_data",), fixed=("response_type", "max_length")
)
CHARACTERS_PER_TOKEN = 4  # roughly, to say how many calls an answer will take
NOTHING_FOUND = "The reports on this collection do not hold an answer to this question."
POINT_COLUMNS = ("id", "score", "description")

SCHEMA = Schema(
    "points",
    {
        "type": "object",
        "properties": {
            "points": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"description": {"type": "string"}, "score": {"type": "number"}},
                    "required": ["description", "score"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["points"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True)
class Point:
    """Something that reports say towards the answer; `score` is between 0 and 100."""

    description: str
    score: float


def answer(asking: IndexAsking) -> Reply:
    """Answer from the reports at the level of the settings, or, with dynamic selection, from those that matter.

    Raises:
      NoUsableAnswer: the model gave none.
    """
    query = asking.settings.query
    context: dict[str, Any] = {}
    if _is_dynamic(asking):
        selection = select(asking)
        reports = selection.reports
        context = {"rated_reports": selection.rated, "failed_ratings": selection.failed}
    else:
        with asking.database.transaction() as session:
            reports = search.reports_at(session, asking.version.id, query.community_level)
    batches = in_batches(asking, reports)
    by_id = {identity: piece for batch in batches for identity, piece in batch.by_id().items()}
    context |= {"reports": len(by_id), "batches": len(batches)}
    if asking.query_request.search_only:
        return found_only(asking, GLOBAL, by_id, context)
    points, failed = _map(asking, batches)
    context |= {"failed_batches": failed, "points": len(points)}
    checked = _reduce(asking, points, by_id) if points else said(asking, NOTHING_FOUND)
    note = f"{failed} of {len(batches)} batches of reports got no usable answer" if failed else None
    return replied(asking, GLOBAL, checked, by_id, context, note=note)


def parse_points(text: str) -> list[Point]:
    """The points of a map answer that help at all.

    Raises:
      InvalidAnswer: there is no list of points in it.
    """
    listed = read_object(text).get("points")
    if not isinstance(listed, list):
        raise InvalidAnswer('the JSON object has no list "points"')
    return [point for entry in listed if (point := _point(entry)) is not None]


def in_batches(asking: IndexAsking, reports: Sequence[NearReport]) -> list[Pieces]:
    """The reports in batches that fit into one question each.

    Raises:
      ConfigError: there is no room for anything of a report.
    """
    setting = "global_max_context_tokens"
    room = asking.settings.query.global_max_context_tokens
    rest = [report(*one) for one in reports]
    batches: list[Pieces] = []
    while rest:
        batch = Pieces()
        if not batch.fill(REPORTS, rest, room, asking.tokenizer.count):
            batch.sections[REPORTS] = [shortened(asking, rest[0], setting, room)]  # it alone is too long
        rest = rest[len(batch.sections[REPORTS]) :]
        batches.append(batch)
    return batches


def shortened(asking: IndexAsking, piece: Piece, setting: str, room: int) -> Piece:
    """The piece of a report with as much of its content as fits into so many tokens.

    Raises:
      ConfigError: nothing of it does.
    """
    title, content = piece.fields
    without = Pieces({REPORTS: [replace(piece, fields=(title, ""))]})
    left = room - asking.tokenizer.count(without.text()) - 1
    if left <= 0:
        raise ConfigError(f"query.{setting}={room} has no room for a single report: raise it")
    return replace(piece, fields=(title, asking.tokenizer.truncate(str(content), left)))


def _map(asking: IndexAsking, batches: Iterable[Pieces]) -> tuple[list[Point], int]:
    prompt, query = asking.prompts.load(GLOBAL_MAP), asking.settings.query
    language = asking.language

    def question(batch: Pieces) -> ChatQuestion:
        messages = prompt.messages(language, context_data=batch.text(), max_length=query.global_map_max_words)
        model = str(asking.chat.endpoint.model)
        return ChatQuestion("global_map", model, asking.with_question(messages), parse_points, asking.sampling, SCHEMA)

    outcomes = asking.ask("global", map(question, batches))
    answered = [outcome for outcome in outcomes if isinstance(outcome, Answered)]
    if outcomes and not answered:
        good(outcomes[0])
    points = [point for outcome in answered for point in outcome.value]
    return sorted(points, key=lambda point: -point.score), len(outcomes) - len(answered)


def _reduce(asking: IndexAsking, points: list[Point], by_id: dict[str, Piece]) -> Checked:
    query = asking.settings.query
    rows = list(fitting_points(asking, points))
    if not rows:
        raise ConfigError(
            f"query.global_max_points_tokens={query.global_max_points_tokens} has no room for a single point: raise it"
        )
    messages = asking.prompts.load(GLOBAL_REDUCE).messages(
        asking.language,
        report_data=section("Points", POINT_COLUMNS, rows),
        response_type=asking.response_type,
        max_length=query.global_reduce_max_words,
    )
    return conclude(asking, "global_reduce", messages, by_id)


def fitting_points(asking: IndexAsking, points: Iterable[Point]) -> Iterator[str]:
    """Rows of points, the best first, as many as the last question has room for."""
    room = asking.settings.query.global_max_points_tokens
    for number, point in enumerate(points):
        line = row(number, round(point.score), point.description)
        room -= asking.tokenizer.count(line) + 1
        if room < 0:
            return
        yield line


def _point(entry: Any) -> Point | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("description"), str):
        return None
    try:
        score = min(100.0, float(entry.get("score", 0)))
    except (TypeError, ValueError):
        return None
    return Point(entry["description"].strip(), score) if score > 0 and entry["description"].strip() else None


def _is_dynamic(asking: IndexAsking) -> bool:
    return (
        asking.settings.query.global_dynamic if asking.query_request.dynamic is None else asking.query_request.dynamic
    )


def _suits(subject: Subject) -> str | None:
    """It suits a question that says that it asks for the whole, and names nothing that the index knows."""
    asking, words = subject.asking, subject.asks_for_the_whole
    if words is None or subject.names:
        return None
    query = asking.settings.query
    with asking.database.transaction() as session:
        volume = search.volume_at(session, asking.version.id, query.community_level)
    if not volume:
        return None
    if _is_dynamic(asking):
        return f"the question asks for the whole ({words!r}); the reports that matter are selected"
    calls = -(-volume // (CHARACTERS_PER_TOKEN * query.global_max_context_tokens)) + 1
    return f"the question asks for the whole ({words!r}); this takes about {calls} calls"


DECLARATION = Answering(answer, prompts=(GLOBAL_RATE, GLOBAL_MAP, GLOBAL_REDUCE), suits=_suits)
