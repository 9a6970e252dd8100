"""One graph out of the records of all text units, in the order of the text units.

Names are merged under what their spellings have in common (`records.merge_key`); the spelling that occurs most is
shown, the same one everywhere. Weights add up (as in graphrag's `extract_graph`). An entity keeps all its types and is
shown under the most frequent one. Entities that only relationships name are added with the type UNKNOWN; upstream
drops such relationships.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from fileintel.graphrag.model import Entity, Graph, Relationship, TextUnit
from fileintel.graphrag.stages.extraction import UNKNOWN_TYPE, Extraction
from fileintel.graphrag.stages.records import merge_key
from fileintel.identity import content_id
from fileintel.runtime import breathe

UNITS_BETWEEN_BREATHS = 50  # text units merged in some milliseconds


def merge(extractions: Mapping[int, Extraction], units: Sequence[TextUnit]) -> Graph:
    """The graph of these extractions, by number of text unit."""
    merger = _Merger()
    for place, unit in enumerate(units):
        if place % UNITS_BETWEEN_BREATHS == 0:
            breathe()
        if unit.number in extractions:
            merger.add(unit.number, extractions[unit.number])
    return merger.graph()


def shown_titles(graph: Graph) -> dict[str, str]:
    """The title under which the graph shows a name, by what its spellings have in common."""
    return {merge_key(title): title for title in graph.entities}


class _Merger:
    """Collects records under the keys of their names."""

    def __init__(self) -> None:
        self._spellings: dict[str, Counter[str]] = {}
        self._types: dict[str, Counter[str]] = {}
        self._entities: dict[str, Entity] = {}
        self._relationships: dict[tuple[str, str], Relationship] = {}

    def add(self, unit: int, extraction: Extraction) -> None:
        """Take in what one text unit says."""
        for record in extraction.entities:
            entity = self._entity(self._key(record.title))
            self._types.setdefault(entity.title, Counter())[record.type] += 1
            _note(entity.descriptions, entity.text_units, record.description, unit)
            entity.frequency += 1
        for link in extraction.relationships:
            relationship = self._relationship(self._key(link.source), self._key(link.target))
            _note(relationship.descriptions, relationship.text_units, link.description, unit)
            relationship.weight += link.weight

    def graph(self) -> Graph:
        """All of it, under the titles that are shown."""
        self._add_unnamed()
        for key, counted in self._types.items():
            if len(counted) > 1:
                counted.pop(UNKNOWN_TYPE, None)
            self._entities[key].types = sorted(counted)
            self._entities[key].type = min(counted, key=lambda name: (-counted[name], name))
        self._measure_degrees()
        # of spellings that occur equally often the one that was read first
        shown = {key: max(counted, key=lambda name: counted[name]) for key, counted in self._spellings.items()}
        for key, entity in self._entities.items():
            entity.title = shown[key]
        for (source, target), relationship in self._relationships.items():
            relationship.source, relationship.target = shown[source], shown[target]
        return Graph(
            {entity.title: entity for entity in self._entities.values()},
            {(link.source, link.target): link for link in self._relationships.values()},
        )

    def _key(self, name: str) -> str:
        key = merge_key(name)
        self._spellings.setdefault(key, Counter())[name] += 1
        return key

    def _entity(self, key: str) -> Entity:
        if key not in self._entities:
            number = len(self._entities)
            self._entities[key] = Entity(
                content_id("entity", key), number, key, UNKNOWN_TYPE, [UNKNOWN_TYPE], {}, [], 0
            )
        return self._entities[key]

    def _relationship(self, source: str, target: str) -> Relationship:
        pair = (source, target)
        if pair not in self._relationships:
            number = len(self._relationships)
            identity = content_id("relationship", source, target)
            self._relationships[pair] = Relationship(identity, number, source, target, {}, [], 0.0)
        return self._relationships[pair]

    def _add_unnamed(self) -> None:
        found: dict[str, set[int]] = {}
        for relationship in self._relationships.values():
            for key in (relationship.source, relationship.target):
                if key in found or key not in self._entities:
                    found.setdefault(key, set()).update(relationship.text_units)
                    self._entity(key)
        for key, numbers in found.items():
            self._entities[key].text_units = sorted(numbers)

    def _measure_degrees(self) -> None:
        """Degree: the number of different neighbours (undirected); combined degree: the sum over both ends."""
        neighbours: dict[str, set[str]] = {key: set() for key in self._entities}
        for source, target in self._relationships:
            neighbours[source].add(target)
            neighbours[target].add(source)
        for key, entity in self._entities.items():
            entity.degree = len(neighbours[key])
        for (source, target), relationship in self._relationships.items():
            relationship.combined_degree = self._entities[source].degree + self._entities[target].degree


def _note(descriptions: dict[str, None], text_units: list[int], description: str, unit: int) -> None:
    if description:
        descriptions[description] = None
    if not text_units or text_units[-1] != unit:
        text_units.append(unit)
