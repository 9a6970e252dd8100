"""Global search: a question about the whole collection, answered by map and reduce over the community reports.

As in Edge et al. 2024 (arXiv 2404.16130), section "Community answers to global answer": each batch of reports
yields points with a score; the best points that fit make the answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fileintel.graphrag.prompts import GLOBAL_MAP, GLOBAL_REDUCE
from fileintel.graphrag.query.asking import IndexAsking, Reply, good
from fileintel.graphrag.query.citations import Resolver, check
from fileintel.graphrag.query.pieces import REPORTS, Piece, Pieces
from fileintel.graphrag.tables import row, section
from fileintel.llm.json_answers import read_object
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, Schema
from fileintel.storage import search

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
    """Answer from the reports at the level of the settings.

    Raises:
      FileIntelError: the model gave no usable answer.
    """
    vector = asking.vector()
    batches = _batches(asking)
    points, failed = _map(asking, batches)
    by_id = {identity: piece for batch in batches for identity, piece in batch.by_id().items()}
    text = _reduce(asking, points) if points else NOTHING_FOUND
    checked = check(text, by_id.__contains__)
    with asking.database.transaction() as session:
        citations = Resolver(session, asking.version.id, vector).resolve(checked.text, checked.cited, by_id)
    context = {"reports": len(by_id), "batches": len(batches), "failed_batches": failed, "points": len(points)}
    return Reply("global", checked.text, citations, checked.unknown, context)


def parse_points(text: str) -> list[Point]:
    """The points of a map answer that help at all.

    Raises:
      InvalidAnswer: there is no list of points in it.
    """
    listed = read_object(text).get("points")
    if not isinstance(listed, list):
        raise InvalidAnswer('the JSON object has no list "points"')
    return [point for entry in listed if (point := _point(entry)) is not None]


def _batches(asking: IndexAsking) -> list[Pieces]:
    """The reports in batches that fit into one question each."""
    version_id, query = asking.version.id, asking.settings.query
    with asking.database.transaction() as session:
        reports = search.reports_at(session, version_id, query.community_level)
        passages = search.community_text_units(session, version_id, [report.community for report in reports])
    rest = [Piece(f"R{r.community}", (r.title, r.full_content), tuple(passages.get(r.community, ()))) for r in reports]
    batches: list[Pieces] = []
    while rest:
        batch = Pieces()
        if not batch.fill(REPORTS, rest, query.global_max_context_tokens, asking.tokenizer.count):
            batch.sections[REPORTS] = [_shortened(asking, rest[0])]  # a report that alone is too long
        rest = rest[len(batch.sections[REPORTS]) :]
        batches.append(batch)
    return batches


def _shortened(asking: IndexAsking, piece: Piece) -> Piece:
    title, content = piece.fields
    room = asking.settings.query.global_max_context_tokens
    return Piece(piece.id, (title, asking.tokenizer.truncate(str(content), room)), piece.text_unit_ids)


def _map(asking: IndexAsking, batches: Iterable[Pieces]) -> tuple[list[Point], int]:
    prompt, query = asking.prompts.load(GLOBAL_MAP), asking.settings.query
    language = asking.settings.graphrag.language

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


def _reduce(asking: IndexAsking, points: list[Point]) -> str:
    query = asking.settings.query
    rows = list(_fitting(asking, points))
    messages = asking.prompts.load(GLOBAL_REDUCE).messages(
        asking.settings.graphrag.language,
        report_data=section("Points", POINT_COLUMNS, rows),
        response_type=query.response_type,
        max_length=query.global_reduce_max_words,
    )
    model = str(asking.chat.endpoint.model)
    question = ChatQuestion("global_reduce", model, asking.with_question(messages), str.strip, asking.sampling)
    (outcome,) = asking.ask("global", [question])
    text: str = good(outcome).value
    return text


def _fitting(asking: IndexAsking, points: list[Point]) -> Iterator[str]:
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
