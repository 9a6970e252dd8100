"""Report contexts out of the documents' own words: a community's text units, ranked, up to the token budget.

The counterpart of upstream's `create_community_reports_text`. A text unit counts as much as the degrees of the
community's entities in it together (`prep_text_units` there). Where the text units do not fit, the largest
sub-communities are replaced by their reports, as in `graph_context`; a text unit that one of the others needs stays.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from fileintel.graphrag.contexts.context import LONGEST_ROW_SHARE, Context, Row, RowCounter, context_of
from fileintel.graphrag.model import Community, Entity, Graph, Relationship, Report, TextUnit
from fileintel.runtime import yield_to_hub, yielding


def text_units_of(community: Community, graph: Graph) -> set[int]:
    """The numbers of the text units that tell of a community: those of its relationships, or of its entities where
    it has none."""
    numbers = {n for pair in yielding(community.relationships) for n in graph.relationships[pair].text_units}
    return numbers or {n for title in yielding(community.entities) for n in graph.entities[title].text_units}


class TextContexts:
    """Builds contexts from text units.

    Parameters:
      units: all of the index, in order of number.
      max_tokens: the budget of one context's rows.
      count_tokens: of a text.
    """

    def __init__(
        self, graph: Graph, units: Sequence[TextUnit], max_tokens: int, count_tokens: Callable[[str], int]
    ) -> None:
        self._graph = graph
        self._units = units
        self.max_tokens = max_tokens
        self._row = RowCounter(count_tokens)

    def waits_for(self, community: Community) -> Iterable[Entity | Relationship]:
        """Nothing: the text is there."""
        del community
        return ()

    def size(self, community: Community) -> int:
        """The tokens of all of the community's text units."""
        degrees = self._degrees(community)
        return _tokens(self._rows(degrees, degrees))

    def probable_size(self, community: Community) -> float:
        """The number of text units, times the tokens of an average one."""
        return len(text_units_of(community, self._graph)) * self._average_unit

    @cached_property
    def _average_unit(self) -> float:
        return sum(unit.n_tokens for unit in self._units) / max(1, len(self._units))

    def whole(self, community: Community) -> Context | None:
        """The context with all of the community's text units; None when it does not fit."""
        degrees = self._degrees(community)
        rows = self._rows(degrees, degrees)
        return context_of({"sources": rows}) if _tokens(rows) <= self.max_tokens else None

    def reduced(self, community: Community, parts: Mapping[int, Community], reports: Mapping[int, Report]) -> Context:
        """The context of a community that does not fit: with reports in place of its largest children."""
        degrees = self._degrees(community)
        rows = {one.number: one for one in self._rows(degrees, degrees)}
        units_of = {number: set(self._degrees(part)) for number, part in parts.items()}
        # how many children, but for those whose reports are used, need each text unit
        needed_by = Counter(unit for units in units_of.values() for unit in yielding(units))
        used: dict[int, Row] = {}
        room = self.max_tokens

        def size(number: int) -> int:
            return sum(rows[unit].tokens for unit in yielding(units_of[number]) if unit in rows)

        for number in sorted(set(parts).intersection(reports), key=lambda n: (-size(n), n)):
            if _tokens(rows.values()) <= room:
                break
            gone = {unit for unit in yielding(units_of[number]) if needed_by[unit] == 1 and unit in rows}
            report = self._row.report(reports[number])
            if report.tokens > min(room, sum(rows[unit].tokens for unit in gone)):
                continue
            used[number] = report
            room -= report.tokens
            needed_by.subtract(units_of[number])
            for unit in gone:
                del rows[unit]
        if _tokens(rows.values()) > room:
            rows = {number: self._short(one, degrees[number]) for number, one in rows.items()}
        kept = _as_they_fit(rows.values(), room)
        return context_of(
            {"reports": [used[number] for number in sorted(used)], "sources": kept},
            represented={"sources": len(degrees) - len(rows)},
            left_out={"sources": len(rows) - len(kept)},
        )

    def _degrees(self, community: Community) -> dict[int, int]:
        """The text units of a community, each with the degrees of the members that it names; every member that is
        named at all is named in one of them."""
        wanted = text_units_of(community, self._graph)
        members = [self._graph.entities[title] for title in community.entities]
        for entity in yielding(members):
            if wanted.isdisjoint(entity.text_units):
                wanted.update(entity.text_units)
        degrees = dict.fromkeys(sorted(wanted), 0)
        for entity in yielding(members):
            for number in wanted.intersection(entity.text_units):
                degrees[number] += entity.degree
        return degrees

    def _rows(self, numbers: Iterable[int], degrees: Mapping[int, int]) -> list[Row]:
        ranked = sorted(numbers, key=lambda number: (-degrees[number], number))
        rows = []
        for number in ranked:
            rows.append(self._row(number, self._units[number].text, degrees[number]))
            yield_to_hub()
        return rows

    def _short(self, whole: Row, degree: int) -> Row:
        """A row as it stands where not everything fits."""
        longest = self.max_tokens // LONGEST_ROW_SHARE
        return self._row.shortened("sources", whole, (self._units[whole.number].text, degree), longest)


def _tokens(rows: Iterable[Row]) -> int:
    return sum(one.tokens for one in rows)


def _as_they_fit(rows: Iterable[Row], room: int) -> list[Row]:
    kept = []
    for one in rows:
        if one.tokens <= room:
            kept.append(one)
            room -= one.tokens
    return kept
