"""Extraction: entities and relationships out of each text unit, and their merging into one graph.

The records are those of graphrag: `("entity"<|>NAME<|>TYPE<|>DESCRIPTION)` and
`("relationship"<|>SOURCE<|>TARGET<|>DESCRIPTION<|>STRENGTH)`. Where graphrag 3.3 reads them differently
(`GraphExtractor._process_result`): it needs the exact form, takes the completion mark as part of the last record
(whose strength it loses by that), drops a relationship without strength, keeps quotes around names, doubled white
space and relationships of an entity with itself, takes any number as a strength, and of a record with too many
fields only the first ones.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from fileintel.graphrag.fanout import Outcome, Request
from fileintel.graphrag.model import Entity, Graph, Relationship, TextUnit
from fileintel.graphrag.progress import Progress
from fileintel.graphrag.prompts import Prompt
from fileintel.graphrag.stages.records import (
    COMPLETION,
    COMPLETION_MARK,
    FIELD_DELIMITER,
    LONGEST_NAME,
    clean_text,
    clean_title,
    read_fields,
)
from fileintel.identity import content_id
from fileintel.llm.questions import ChatQuestion, Failed, InvalidAnswer, Sampling
from fileintel.runtime import breathe

STAGE = "extract"
UNKNOWN_TYPE = "UNKNOWN"  # of an entity that only a relationship names
STRENGTH_UNSAID = 1.0  # as upstream: a strength that is no number counts once
LOOKING_BACK = 60  # characters; enough to see whether a record begins
UNITS_BETWEEN_BREATHS = 50  # text units merged in some milliseconds
LARGEST_STRENGTH = 1000.0  # prompts ask for 1 to 10; some models answer in per cent, beyond that it is noise

_RECORD = re.compile(r"""(\(\s{0,9})?(?<!\w)(["'“”„]?)\b(entity|relationship)["'“”]?\s{0,9}<\|>""", re.IGNORECASE)
_LIST_ITEM = re.compile(r"[^\w(]*(?:\d+[.)])?[^\w(]*")  # what may stand on the line before a record
_OTHER_RECORD = re.compile(r"""\(\s{0,9}["'“”„][\w -]{1,40}["'“”]\s{0,9}<\|>""")
_ATTEMPT = re.compile(r"""["'“”](?:entity|relationship)["'“”]\s{0,9}[|,;:<]""", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
_INNOCENT = {"relationship of an entity with itself"}  # dropped, but well written


@dataclass(frozen=True, slots=True)
class EntityRecord:
    """An entity as one answer writes it."""

    title: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class RelationshipRecord:
    """A relationship as one answer writes it."""

    source: str
    target: str
    description: str
    weight: float


@dataclass
class Extraction:
    """The records of one or more answers about a text unit, and what had to be dropped, counted by reason."""

    entities: list[EntityRecord] = field(default_factory=list)
    relationships: list[RelationshipRecord] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Extraction") -> None:
        """Take in what another answer about the same text says."""
        self.entities += other.entities
        self.relationships += other.relationships
        self.dropped += other.dropped


class ExtractStage:
    """Asks for the records of every text unit, with gleanings, and collects them.

    Parameters:
      max_gleanings: how often the model is asked for what it has missed.
    """

    def __init__(
        self,
        model: str,
        prompts: tuple[Prompt, Prompt, Prompt],
        sampling: Sampling,
        progress: Progress,
        *,
        entity_types: Sequence[str],
        language: str | None,
        max_gleanings: int,
    ) -> None:
        self._model = model
        self._prompt, continue_prompt, loop_prompt = prompts
        self._continue, self._loop = continue_prompt.text(), loop_prompt.text()
        self._sampling = sampling
        self._progress = progress
        self._fixed = {"entity_types": ", ".join(entity_types)}
        self._language = language
        self._max_gleanings = max_gleanings
        self._open = 0
        self.extractions: dict[int, Extraction] = {}

    def requests(self, units: Sequence[TextUnit]) -> Iterator[Request]:
        """One request for each text unit; their follow-ups are the gleanings."""
        self._progress.begin(STAGE, len(units))
        self._open += len(units)
        return (self._request(unit) for unit in units)

    def finished(self) -> bool:
        """True when every text unit is done with."""
        return self._open == 0

    def _request(self, unit: TextUnit) -> Request:
        messages = self._prompt.messages(self._language, input_text=unit.text, **self._fixed)
        question = ChatQuestion("extract", self._model, messages, parse_records, self._sampling)
        return Request(STAGE, unit.id, question, partial(self._extracted, unit, question, 0, True))

    def _extracted(
        self, unit: TextUnit, question: ChatQuestion, gleanings: int, cached: bool, outcome: Outcome
    ) -> Iterable[Request]:
        if isinstance(outcome, Failed):
            return self._done(unit, cached, failed=True)
        assert outcome.content is not None
        cached = cached and outcome.cached
        self.extractions.setdefault(unit.number, Extraction()).add(outcome.value)
        # an answer cut off at the limit goes on with one gleaning more than asked for
        wanted = max(self._max_gleanings, 1) if outcome.truncated else self._max_gleanings
        if gleanings >= wanted:
            return self._done(unit, cached)
        if gleanings == 0:
            return [self._glean(unit, question, outcome.content, gleanings, cached)]
        loop = question.followed_by(
            outcome.content, self._loop, purpose="glean_check", parse=parse_yes_or_no, sampling=self._sampling
        )
        answer = partial(self._checked, unit, question, outcome.content, gleanings, cached)
        return [Request(STAGE, unit.id, loop, answer, priority=-1)]

    def _checked(
        self, unit: TextUnit, question: ChatQuestion, content: str, gleanings: int, cached: bool, outcome: Outcome
    ) -> Iterable[Request]:
        if isinstance(outcome, Failed):
            return self._done(unit, cached, failed=True)
        cached = cached and outcome.cached
        if outcome.value:
            return [self._glean(unit, question, content, gleanings, cached)]
        return self._done(unit, cached)

    def _glean(self, unit: TextUnit, question: ChatQuestion, content: str, gleanings: int, cached: bool) -> Request:
        more = question.followed_by(content, self._continue, purpose="glean", parse=parse_gleaning)
        # a text unit that has been begun is finished first: its entities are what later stages wait for
        return Request(STAGE, unit.id, more, partial(self._extracted, unit, more, gleanings + 1, cached), priority=-1)

    def _done(self, unit: TextUnit, cached: bool, failed: bool = False) -> Iterable[Request]:
        self._open -= 1
        self._progress.item_done(STAGE, cached=cached and not failed, failed=failed)
        return ()


def parse_records(text: str) -> Extraction:
    """The records of an answer. A bad record never costs a good neighbour: it is dropped and counted.

    A record that the end of the answer cuts off is kept when its required fields are there: a name, a type and
    the beginning of a description; two names and the beginning of a description (its strength then counts once).

    Raises:
      InvalidAnswer: it holds no record that can be read, and does not say by the completion mark that there is none.
    """
    extraction = parse_gleaning(text)
    if extraction.entities or extraction.relationships:
        return extraction
    if bad := sorted(set(extraction.dropped) - _INNOCENT):
        raise InvalidAnswer(f"it holds no record that can be read: {bad[0]}")
    if extraction.dropped:
        return extraction
    if not COMPLETION.search(text):
        raise InvalidAnswer(f"it holds no record and no {COMPLETION_MARK}")
    if _ATTEMPT.search(text):
        raise InvalidAnswer('its records are not of the form ("entity"<|>NAME<|>TYPE<|>DESCRIPTION)')
    return extraction


def parse_gleaning(text: str) -> Extraction:
    """The records of a gleaning; one that finds nothing may say so in its own words."""
    extraction = Extraction()
    records = (match for match in _RECORD.finditer(text) if _begins_record(text, match))
    known = {match.start(): match.group(3).lower() for match in records}
    starts = sorted({*known, *(match.start() for match in _OTHER_RECORD.finditer(text))})
    for start, end in zip(starts, [*starts[1:], len(text)], strict=False):
        kind = known.get(start)
        if kind is None:
            extraction.dropped["record of an unknown kind"] += 1
            continue
        fields, whole = read_fields(text[start:end])
        read: Callable[[list[str], bool, Extraction], None] = _read_entity if kind == "entity" else _read_relationship
        read(fields[1:], whole, extraction)
    return extraction


def parse_yes_or_no(text: str) -> bool:
    """True when the answer is yes."""
    return text.strip().lstrip("*_\"'( ").upper().startswith("Y")


def merge(extractions: dict[int, Extraction], units: Sequence[TextUnit]) -> Graph:
    """One graph from the records of all text units, in the order of the text units.

    Entities are merged by title, relationships by their pair of titles; weights add up (as in graphrag's
    `extract_graph`). An entity keeps all its types and is shown under the most frequent one. Entities that only
    relationships name are added with the type UNKNOWN; upstream drops such relationships.
    """
    graph = Graph()
    types: dict[str, Counter[str]] = {}
    for place, unit in enumerate(units):
        if place % UNITS_BETWEEN_BREATHS == 0:
            breathe()
        extraction = extractions.get(unit.number, Extraction())
        for record in extraction.entities:
            entity = _entity(graph, record.title, record.type)
            types.setdefault(record.title, Counter())[record.type] += 1
            _note(entity.descriptions, entity.text_units, record.description, unit.number)
            entity.frequency += 1
        for link in extraction.relationships:
            relationship = _relationship(graph, link.source, link.target)
            _note(relationship.descriptions, relationship.text_units, link.description, unit.number)
            relationship.weight += link.weight
    _add_unnamed(graph)
    for title, counted in types.items():
        entity = graph.entities[title]
        if len(counted) > 1:
            counted.pop(UNKNOWN_TYPE, None)
        entity.types = sorted(counted)
        entity.type = min(counted, key=lambda name: (-counted[name], name))
    _measure_degrees(graph)
    return graph


def _begins_record(text: str, match: re.Match[str]) -> bool:
    """Whether what looks like the kind of a record is one: fields, too, can end in "relationship"."""
    opened, quoted = match.group(1), match.group(2)
    if opened and quoted:
        return True
    before = text[max(0, match.start() - LOOKING_BACK) : match.start()]
    if before.rstrip().endswith(FIELD_DELIMITER):
        return False
    line = before.rpartition("\n")[2]
    if line.rstrip().endswith(("##", COMPLETION_MARK)):
        return True
    if not _LIST_ITEM.fullmatch(line):
        return bool(opened) and line.rstrip().endswith(")")
    above = before[: len(before) - len(line)].rstrip()
    return bool(opened or quoted or not above or above[-1] in ").:#`")  # else it is a field on several lines


def _read_entity(fields: list[str], whole: bool, extraction: Extraction) -> None:
    if len(fields) < 3:
        extraction.dropped["entity with too few fields" if whole else "entity cut off"] += 1
        return
    title, kind, description = clean_title(fields[0]), clean_title(fields[1]), clean_text(" ".join(fields[2:]))
    if not title:
        extraction.dropped["entity without a name"] += 1
        return
    if len(title) > LONGEST_NAME:
        extraction.dropped["entity with too long a name"] += 1
        return
    extraction.entities.append(EntityRecord(title, kind[:LONGEST_NAME] or UNKNOWN_TYPE, description))


def _read_relationship(fields: list[str], whole: bool, extraction: Extraction) -> None:
    if len(fields) < 3:
        extraction.dropped["relationship with too few fields" if whole else "relationship cut off"] += 1
        return
    source, target = clean_title(fields[0]), clean_title(fields[1])
    if not source or not target:
        extraction.dropped["relationship without both names"] += 1
        return
    if len(source) > LONGEST_NAME or len(target) > LONGEST_NAME:
        extraction.dropped["relationship with too long a name"] += 1
        return
    if source == target:
        extraction.dropped["relationship of an entity with itself"] += 1
        return
    weight = _strength(fields[-1]) if len(fields) > 3 else STRENGTH_UNSAID
    description = clean_text(" ".join(fields[2:-1] if len(fields) > 3 else fields[2:]))
    extraction.relationships.append(RelationshipRecord(source, target, description, weight))


def _strength(text: str) -> float:
    """The number in a strength. One that is not above 0 counts once too: graspologic-native 1.2.5, which clusters,
    ends the whole process with a segmentation fault on a negative weight, and refuses a graph without any weight."""
    match = _NUMBER.search(text)
    value = float(match.group().replace(",", ".")) if match else STRENGTH_UNSAID
    return value if 0 < value <= LARGEST_STRENGTH else STRENGTH_UNSAID


def _entity(graph: Graph, title: str, kind: str) -> Entity:
    if title not in graph.entities:
        number = len(graph.entities)
        graph.entities[title] = Entity(content_id("entity", title), number, title, kind, [kind], {}, [], 0)
    return graph.entities[title]


def _relationship(graph: Graph, source: str, target: str) -> Relationship:
    pair = (source, target)
    if pair not in graph.relationships:
        number = len(graph.relationships)
        identity = content_id("relationship", source, target)
        graph.relationships[pair] = Relationship(identity, number, source, target, {}, [], 0.0)
    return graph.relationships[pair]


def _note(descriptions: dict[str, None], text_units: list[int], description: str, unit: int) -> None:
    if description:
        descriptions[description] = None
    if not text_units or text_units[-1] != unit:
        text_units.append(unit)


def _add_unnamed(graph: Graph) -> None:
    found: dict[str, set[int]] = {}
    for relationship in graph.relationships.values():
        for title in (relationship.source, relationship.target):
            if title in found or title not in graph.entities:
                found.setdefault(title, set()).update(relationship.text_units)
                _entity(graph, title, UNKNOWN_TYPE)
    for title, numbers in found.items():
        graph.entities[title].text_units = sorted(numbers)


def _measure_degrees(graph: Graph) -> None:
    """Degree: the number of different neighbours (undirected); combined degree: the sum over both ends."""
    neighbours: dict[str, set[str]] = {title: set() for title in graph.entities}
    for source, target in graph.relationships:
        neighbours[source].add(target)
        neighbours[target].add(source)
    for title, entity in graph.entities.items():
        entity.degree = len(neighbours[title])
    for (source, target), relationship in graph.relationships.items():
        relationship.combined_degree = graph.entities[source].degree + graph.entities[target].degree
