"""One graph out of the records of all text units, in the order of the text units.

Names are merged under what their spellings have in common (`records.merge_key`); the spelling that occurs most is
shown, the same one everywhere. Weights add up (as in graphrag's `extract_graph`). An entity keeps all its types and is
shown under the most frequent one. Entities that only relationships name are added with the type UNKNOWN; upstream
drops such relationships.

Records are merged as soon as those of all text units before are there, and are forgotten then. Most things are told
of once: what is kept of them is as small as can be, because there are millions.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from fileintel.graphrag.model import Entity, Graph, Relationship, TextUnit
from fileintel.graphrag.stages.extract_records import UNKNOWN_TYPE, Extraction
from fileintel.graphrag.stages.records import merge_key
from fileintel.identity import content_id
from fileintel.runtime import free_in_slices, yield_to_hub, yielding

FEW = 8  # members up to which a tuple is copied for one more

Pair = tuple[str, str]


def merge(extractions: Mapping[int, Extraction], units: Sequence[TextUnit]) -> Graph:
    """The graph of these extractions, by number of text unit."""
    merger = Merger()
    for unit in units:
        if unit.number in extractions:
            merger.add(unit.number, extractions[unit.number])
        yield_to_hub()
    return merger.graph()


def shown_titles(graph: Graph) -> dict[str, str]:
    """The title under which the graph shows a name, by what its spellings have in common."""
    return {merge_key(title): title for title in yielding(graph.entities)}


class InOrder:
    """Merges extractions in the order of their text units, however they arrive.

    Parameters:
      numbers: those of the text units, ascending.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = iter(numbers)
        self._next = next(self._numbers, None)
        self._waiting: dict[int, Extraction | None] = {}
        self._merger = Merger()

    def over(self, number: int, extraction: Extraction | None) -> None:
        """Take what was found in a text unit about which nothing more comes; None if nothing was found at all."""
        self._waiting[number] = extraction
        while self._next is not None and self._next in self._waiting:
            found = self._waiting.pop(self._next)
            if found is not None:
                self._merger.add(self._next, found)
            self._next = next(self._numbers, None)
            yield_to_hub()  # behind one that was late, thousands may have waited

    def free_in_slices(self) -> None:
        """Free what was collected, when the graph will not be taken."""
        free_in_slices(self._waiting)
        self._merger.free_in_slices()

    def graph(self) -> Graph:
        """The graph, once every text unit is over."""
        assert self._next is None, f"text unit {self._next} is missing"
        return self._merger.graph()


class Merger:
    """Collects records under the keys of their names. The graph can be taken once."""

    def __init__(self) -> None:
        self._mentions: dict[str, int] = {}  # of each spelling
        self._spellings: dict[str, str | list[str]] = {}  # by key; a list where there are several
        self._types: dict[str, Counter[str]] = {}  # by key, of those that were given several
        self._type_lists: dict[tuple[str, ...], list[str]] = {}
        self._entities: dict[str, Entity] = {}
        self._relationships: dict[Pair, Relationship] = {}

    def add(self, unit: int, extraction: Extraction) -> None:
        """Take in what one text unit says."""
        for record in extraction.entities:
            key = self._key(record.title)
            entity = self._entity(key)
            self._note_type(key, entity, record.type)
            _note(entity, record.description, unit)
            entity.frequency += 1
        for link in extraction.relationships:
            relationship = self._relationship(self._key(link.source), self._key(link.target))
            _note(relationship, link.description, unit)
            relationship.weight += link.weight

    def graph(self) -> Graph:
        """All of it, under the titles that are shown."""
        self._add_unnamed()
        for key, counted in yielding(self._types.items()):
            counted.pop(UNKNOWN_TYPE, None)
            entity = self._entities[key]
            entity.types = self._type_list(*sorted(counted))
            entity.type = min(counted, key=lambda name: (-counted[name], name))
        self._measure_degrees()
        made = Graph()
        shown = self._shown()
        for key, entity in yielding(self._entities.items()):
            entity.title = shown[key]
            made.entities[entity.title] = entity
        for (source, target), link in yielding(self._relationships.items()):
            link.source, link.target = shown[source], shown[target]
            made.relationships[link.source, link.target] = link
        free_in_slices(shown)
        self.free_in_slices()
        return made

    def free_in_slices(self) -> None:
        """Free what was collected."""
        free_in_slices(self._mentions, self._spellings, self._types, self._entities, self._relationships)

    def _shown(self) -> dict[str, str]:
        """The title of each key: of spellings that occur equally often the one that was read first."""
        return {
            key: ways if isinstance(ways, str) else max(ways, key=lambda name: self._mentions[name])
            for key, ways in yielding(self._spellings.items())
        }

    def _key(self, name: str) -> str:
        if name in self._mentions:
            self._mentions[name] += 1
            return merge_key(name)
        key = merge_key(name)
        self._mentions[name] = 1
        ways = self._spellings.setdefault(key, name)
        if isinstance(ways, list):
            ways.append(name)
        elif ways is not name:
            self._spellings[key] = [ways, name]
        return key

    def _entity(self, key: str) -> Entity:
        found = self._entities.get(key)
        if found is None:
            number = len(self._entities)
            identity = content_id("entity", key)
            unknown = self._type_list(UNKNOWN_TYPE)
            found = self._entities[key] = Entity(identity, number, key, UNKNOWN_TYPE, unknown, (), [], 0)
        return found

    def _note_type(self, key: str, entity: Entity, name: str) -> None:
        if not entity.frequency:
            entity.type, entity.types = name, self._type_list(name)
        elif key in self._types:
            self._types[key][name] += 1
        elif name != entity.type:  # all before were of one type
            self._types[key] = Counter({entity.type: entity.frequency, name: 1})

    def _type_list(self, *names: str) -> list[str]:
        """The list of these types: one for all entities that have the same."""
        return self._type_lists.setdefault(names, list(names))

    def _relationship(self, source: str, target: str) -> Relationship:
        pair = (source, target)
        found = self._relationships.get(pair)
        if found is None:
            number = len(self._relationships)
            identity = content_id("relationship", source, target)
            found = self._relationships[pair] = Relationship(identity, number, source, target, (), [], 0.0)
        return found

    def _add_unnamed(self) -> None:
        told: dict[str, set[int]] = {}
        for relationship in yielding(self._relationships.values()):
            for key in (relationship.source, relationship.target):
                if key in told or key not in self._entities:
                    told.setdefault(key, set()).update(relationship.text_units)
                    self._entity(key)
        for key, numbers in yielding(told.items()):
            self._entities[key].text_units = sorted(numbers)
        free_in_slices(told)

    def _measure_degrees(self) -> None:
        """Degree: the number of different neighbours (undirected); combined degree: the sum over both ends."""
        degrees = array("q", bytes(8 * len(self._entities)))
        for source, target in yielding(self._relationships):
            if source < target or (target, source) not in self._relationships:  # of two directions one counts
                degrees[self._entities[source].number] += 1
                degrees[self._entities[target].number] += 1
        for entity, degree in zip(yielding(self._entities.values()), degrees, strict=True):
            entity.degree = degree
        for (source, target), relationship in yielding(self._relationships.items()):
            relationship.combined_degree = self._entities[source].degree + self._entities[target].degree


def _note(thing: Entity | Relationship, description: str, unit: int) -> None:
    if description:
        thing.descriptions = _with(thing.descriptions, description)
    text_units = thing.text_units
    if not text_units:
        thing.text_units = [unit]  # takes less room than one that has grown
    elif text_units[-1] != unit:
        text_units.append(unit)


def _with(texts: Collection[str], text: str) -> Collection[str]:
    """These texts and one more, unless it is among them already."""
    if isinstance(texts, dict):
        texts[text] = None
        return texts
    if text in texts:
        return texts
    return (*texts, text) if len(texts) < FEW else {**dict.fromkeys(texts), text: None}
