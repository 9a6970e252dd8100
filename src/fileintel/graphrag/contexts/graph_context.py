"""Report contexts out of the graph: all of a community's evidence, ranked, up to the token budget.

Where it does not fit, the largest sub-communities are replaced by their reports, one after the other, until
it does (Edge et al. 2024, arXiv 2404.16130, section "Community summaries": "higher-level communities").
What does not fit after that is cut where it is long, and the rest is left out; both are counted.

The budget is that of the rows; headings and column names, at most four of each, come on top of it. Claims take
what room the rest leaves, so that a much-claimed entity does not push itself out.
"""

import itertools
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from fileintel.graphrag.contexts.context import LONGEST_ROW_SHARE, Context, Row, RowCounter, context_of
from fileintel.graphrag.model import Claim, Community, Entity, Graph, Relationship, Report
from fileintel.graphrag.tables import row
from fileintel.runtime import sorted_in_slices, yield_to_hub, yielding

Pair = tuple[str, str]
SAMPLED = 500  # entities, and as many relationships, tell how long a row is on average
PROBABLE_CHARACTERS = 800  # of a description that is to be written yet, at most


class GraphContexts:
    """Builds contexts from a described graph. The tokens of a row are counted once; its text is laid out where it is
    needed, because the texts of all rows are as large as the graph.

    Parameters:
      max_tokens: the budget of one context's rows.
      count_tokens: of a text.
    """

    def __init__(
        self, graph: Graph, claims: Iterable[Claim], max_tokens: int, count_tokens: Callable[[str], int]
    ) -> None:
        self.graph = graph
        self.max_tokens = max_tokens
        self._row = RowCounter(count_tokens)
        self._entity_tokens = _unknown(graph.entities.values())
        self._relationship_tokens = _unknown(graph.relationships.values())
        self._claims: dict[str, list[Row]] = {}
        self._claims_by_number = {claim.number: claim for claim in claims}
        self._shortened: dict[tuple[str, int], Row] = {}
        for claim in self._claims_by_number.values():
            self._claims.setdefault(claim.subject, []).append(self._row(*claim_fields(claim)))

    def waits_for(self, community: Community) -> Iterable[Entity | Relationship]:
        """The community's entities and relationships."""
        yield from (self.graph.entities[title] for title in community.entities)
        yield from (self.graph.relationships[pair] for pair in community.relationships)

    def size(self, community: Community) -> int:
        """The tokens of all of the community's evidence."""
        return self._tokens(community.entities, community.relationships)

    def probable_size(self, community: Community) -> float:
        """The number of rows, times the tokens of an average one."""
        return (len(community.entities) + len(community.relationships)) * self._average_row

    @cached_property
    def _average_row(self) -> float:
        some: list[Entity | Relationship] = [
            *itertools.islice(self.graph.entities.values(), SAMPLED),
            *itertools.islice(self.graph.relationships.values(), SAMPLED),
        ]
        tokens = 0
        for thing in yielding(some):
            fields = entity_fields(thing) if isinstance(thing, Entity) else relationship_fields(thing)
            expected = thing.description or " ".join(thing.descriptions)[:PROBABLE_CHARACTERS]
            tokens += self._row.tokens(*fields[:3], expected, *fields[4:])
        return tokens / max(1, len(some))

    def whole(self, community: Community) -> Context | None:
        """The context with all of the community's evidence; None when it does not fit."""
        if self.size(community) > self.max_tokens:
            return None
        claims = self._claims_about(community.entities)
        return self._context(community.entities, community.relationships, claims, {})

    def reduced(self, community: Community, parts: Mapping[int, Community], reports: Mapping[int, Report]) -> Context:
        """The context of a community that does not fit: with reports in place of its largest children."""
        entities, relationships = list(community.entities), list(community.relationships)
        used: dict[int, Row] = {}
        left = self._tokens(entities, relationships)
        room = self.max_tokens
        sizes = {n: self.size(part) for n, part in parts.items() if n in reports}
        home: dict[str, int] = {}  # the child of each entity that a report stands for; no entity is in two of them
        for number in sorted(sizes, key=lambda n: (-sizes[n], n)):
            if left <= room:
                break
            report = self._row.report(reports[number])
            if report.tokens > min(room, sizes[number]):
                continue
            used[number] = report
            room -= report.tokens
            left -= sizes[number]
            home.update(dict.fromkeys(parts[number].entities, number))
            yield_to_hub()
        entities = [title for title in yielding(entities) if title not in home]
        relationships = [
            (one, other) for one, other in yielding(relationships) if one not in home or home[one] != home.get(other)
        ]
        return self._cut(community, entities, relationships, used, room)

    def _cut(
        self, community: Community, entities: list[str], relationships: list[Pair], reports: dict[int, Row], room: int
    ) -> Context:
        """Beside the reports: relationships by rank with their ends, then other entities, then claims, as they fit."""
        long = self._tokens(entities, relationships) > room  # then long rows are cut
        # an end that no context could hold does not keep its relationships out
        possible = {title for title in yielding(entities) if self._entity_size(title, long) <= self.max_tokens}
        kept_entities: dict[str, None] = {}
        kept_relationships: list[Pair] = []
        for pair in sorted_in_slices(relationships, self._rank):
            new = [title for title in pair if title in possible and title not in kept_entities]
            cost = self._relationship_size(pair, long) + sum(self._entity_size(title, long) for title in new)
            if cost <= room:
                kept_relationships.append(pair)
                kept_entities.update(dict.fromkeys(new))
                room -= cost
        for title in sorted_in_slices(possible - set(kept_entities), self._entity_rank):
            if (cost := self._entity_size(title, long)) <= room:
                kept_entities[title] = None
                room -= cost
        claims = self._claims_about(entities)
        if long:
            claims = [self._short("claims", one, claim_fields(self._claims_by_number[one.number])) for one in claims]
        kept_claims: list[Row] = []
        for claim in claims:
            if claim.tokens <= room:
                kept_claims.append(claim)
                room -= claim.tokens
        represented = {
            "entities": len(community.entities) - len(entities),
            "relationships": len(community.relationships) - len(relationships),
            "claims": len(self._claims_about(community.entities)) - len(claims),
        }
        left_out = {
            "entities": len(entities) - len(kept_entities),
            "relationships": len(relationships) - len(kept_relationships),
            "claims": len(claims) - len(kept_claims),
        }
        return self._context(kept_entities, kept_relationships, kept_claims, reports, represented, left_out, long)

    def _context(
        self,
        entities: Iterable[str],
        relationships: Iterable[Pair],
        claims: list[Row],
        reports: Mapping[int, Row],
        represented: Mapping[str, int] | None = None,
        left_out: Mapping[str, int] | None = None,
        long: bool = False,
    ) -> Context:
        rows = {
            "reports": [reports[number] for number in sorted(reports)],
            "entities": [self._entity(title, long) for title in sorted_in_slices(entities, self._entity_rank)],
            "claims": claims,
            "relationships": [self._relationship(pair, long) for pair in sorted_in_slices(relationships, self._rank)],
        }
        return context_of(rows, represented=represented, left_out=left_out)

    def _tokens(self, entities: Iterable[str], relationships: Iterable[Pair]) -> int:
        of_entities = sum(
            self._entity_size(title) + sum(claim.tokens for claim in self._claims.get(title, ()))
            for title in yielding(entities)
        )
        return of_entities + sum(self._relationship_size(pair) for pair in yielding(relationships))

    def _claims_about(self, titles: Iterable[str]) -> list[Row]:
        if not self._claims:
            return []
        return [claim for title in sorted_in_slices(titles, self._entity_rank) for claim in self._claims.get(title, ())]

    def _entity(self, title: str, cut: bool = False) -> Row:
        entity = self.graph.entities[title]
        whole = Row(entity.number, row(*entity_fields(entity)), self._entity_size(title))
        return self._short("entities", whole, entity_fields(entity)) if cut else whole

    def _relationship(self, pair: Pair, cut: bool = False) -> Row:
        link = self.graph.relationships[pair]
        whole = Row(link.number, row(*relationship_fields(link)), self._relationship_size(pair))
        return self._short("relationships", whole, relationship_fields(link)) if cut else whole

    def _entity_size(self, title: str, cut: bool = False) -> int:
        entity = self.graph.entities[title]
        if not self._entity_tokens[entity.number]:
            self._entity_tokens[entity.number] = self._row.tokens(*entity_fields(entity))
        size = self._entity_tokens[entity.number]
        return self._entity(title, cut).tokens if cut and size > self._longest else size

    def _relationship_size(self, pair: Pair, cut: bool = False) -> int:
        link = self.graph.relationships[pair]
        if not self._relationship_tokens[link.number]:
            self._relationship_tokens[link.number] = self._row.tokens(*relationship_fields(link))
        size = self._relationship_tokens[link.number]
        return self._relationship(pair, cut).tokens if cut and size > self._longest else size

    @property
    def _longest(self) -> int:
        """The tokens of a row, at most, where not everything fits."""
        return self.max_tokens // LONGEST_ROW_SHARE

    def _short(self, kind: str, whole: Row, fields: Sequence[object]) -> Row:
        """A row as it stands where not everything fits; its fields begin with its number."""
        if whole.tokens <= self._longest:
            return whole
        if (kind, whole.number) not in self._shortened:
            self._shortened[kind, whole.number] = self._row.shortened(kind, whole, fields[1:], self._longest)
        return self._shortened[kind, whole.number]

    def _rank(self, pair: Pair) -> tuple[int, int]:
        relationship = self.graph.relationships[pair]
        return -relationship.combined_degree, relationship.number

    def _entity_rank(self, title: str) -> tuple[int, int]:
        entity = self.graph.entities[title]
        return -entity.degree, entity.number


def _unknown(things: Iterable[Entity | Relationship]) -> "array[int]":
    """A place for the tokens of each; 0: not counted yet. Numbers are dense."""
    largest = max((thing.number for thing in yielding(things)), default=-1)
    return array("I", bytes(4 * (largest + 1)))


def entity_fields(entity: Entity) -> tuple[int, str, str, str, int]:
    """What a context tells of an entity, its number first."""
    return entity.number, entity.title, entity.type, entity.description, entity.degree


def relationship_fields(link: Relationship) -> tuple[int, str, str, str, float, int]:
    """What a context tells of a relationship, its number first."""
    return link.number, link.source, link.target, link.description, link.weight, link.combined_degree


def claim_fields(claim: Claim) -> tuple[int, str, str, str, str, str]:
    """What a context tells of a claim, its number first."""
    return claim.number, claim.subject, claim.object, claim.type, claim.status, claim.description
