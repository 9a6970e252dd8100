"""What a report's question holds: all of a community's evidence, ranked, up to the token budget.

Where it does not fit, the largest sub-communities are replaced by their reports, one after the other, until
it does (Edge et al. 2024, arXiv 2404.16130, section "Community summaries": "higher-level communities").
What is left out after that is counted.

The budget is that of the rows; headings and column names, at most four of each, come on top of it. Claims take
what room the rest leaves, so that a much-claimed entity does not push itself out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fileintel.graphrag.model import Claim, Community, Graph, Report
from fileintel.graphrag.tables import row, section

REPORT_COLUMNS = ("id", "title", "content")
ENTITY_COLUMNS = ("id", "title", "type", "description", "degree")
CLAIM_COLUMNS = ("id", "subject", "object", "type", "status", "description")
RELATIONSHIP_COLUMNS = ("id", "source", "target", "description", "weight", "combined_degree")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Context:
    """The text of a report's question and what it holds.

    `tokens` are those of the rows. `left_out` counts entities, relationships and claims for which there was no
    room, beyond those that a sub-community's report stands for.
    """

    text: str
    tokens: int
    reports: list[int] = field(default_factory=list)
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    text: str
    tokens: int


class ContextBuilder:
    """Builds contexts from a described graph; every row is laid out and counted once.

    Parameters:
      max_tokens: the budget of one context's rows.
      count_tokens: of a text.
    """

    def __init__(
        self, graph: Graph, claims: Iterable[Claim], max_tokens: int, count_tokens: Callable[[str], int]
    ) -> None:
        self.graph = graph
        self._max_tokens = max_tokens
        self._count_tokens = count_tokens
        self._entity_rows: dict[str, _Row] = {}
        self._relationship_rows: dict[Pair, _Row] = {}
        self._claims: dict[str, list[_Row]] = {}
        for claim in claims:
            fields = (claim.number, claim.subject, claim.object, claim.type, claim.status, claim.description)
            self._claims.setdefault(claim.subject, []).append(self._counted(row(*fields)))

    def whole(self, community: Community) -> Context | None:
        """The context with all of the community's evidence; None when it does not fit."""
        tokens = self._tokens(community.entities, community.relationships)
        if tokens > self._max_tokens:
            return None
        claims = self._claims_about(community.entities)
        return Context(self._text(community.entities, community.relationships, claims, {}), tokens)

    def reduced(self, community: Community, parts: Mapping[int, Community], reports: Mapping[int, Report]) -> Context:
        """The context of a community that does not fit: with reports in place of its largest children.

        `parts` are its children by number, `reports` those of their reports that exist. A report that is longer
        than what it stands for, or than the room, replaces nothing.
        """
        entities, relationships = list(community.entities), list(community.relationships)
        used: dict[int, _Row] = {}
        left = self._tokens(entities, relationships)
        room = self._max_tokens
        sizes = {n: self._tokens(part.entities, part.relationships) for n, part in parts.items() if n in reports}
        for number in sorted(sizes, key=lambda n: (-sizes[n], n)):
            if left <= room:
                break
            report = self._counted(row(number, reports[number].title, reports[number].full_content))
            if report.tokens > min(room, sizes[number]):
                continue
            used[number] = report
            room -= report.tokens
            left -= sizes[number]
            inside = set(parts[number].entities)
            entities = [title for title in entities if title not in inside]
            relationships = [pair for pair in relationships if not inside.issuperset(pair)]
        return self._cut(entities, relationships, used, room)

    def _cut(self, entities: list[str], relationships: list[Pair], reports: dict[int, _Row], room: int) -> Context:
        """Beside the reports: relationships by rank with their ends, then other entities, then claims, as they fit."""
        # an end that no context could hold does not keep its relationships out
        possible = {title for title in entities if self._entity(title).tokens <= self._max_tokens}
        kept_entities: dict[str, None] = {}
        kept_relationships: list[Pair] = []
        for pair in sorted(relationships, key=self._rank):
            new = [title for title in pair if title in possible and title not in kept_entities]
            cost = self._relationship(pair).tokens + sum(self._entity(title).tokens for title in new)
            if cost <= room:
                kept_relationships.append(pair)
                kept_entities.update(dict.fromkeys(new))
                room -= cost
        for title in sorted(possible - set(kept_entities), key=self._entity_rank):
            if (cost := self._entity(title).tokens) <= room:
                kept_entities[title] = None
                room -= cost
        claims = self._claims_about(entities)
        kept_claims: list[_Row] = []
        for claim in claims:
            if claim.tokens <= room:
                kept_claims.append(claim)
                room -= claim.tokens
        everything = len(entities) + len(relationships) + len(claims)
        left_out = everything - len(kept_entities) - len(kept_relationships) - len(kept_claims)
        text = self._text(kept_entities, kept_relationships, kept_claims, reports)
        return Context(text, self._max_tokens - room, sorted(reports), left_out)

    def _text(
        self,
        entities: Iterable[str],
        relationships: Iterable[Pair],
        claims: Iterable[_Row],
        reports: Mapping[int, _Row],
    ) -> str:
        titles = sorted(entities, key=self._entity_rank)
        pairs = sorted(relationships, key=self._rank)
        return "\n".join(
            part
            for part in (
                section("Reports", REPORT_COLUMNS, (reports[number].text for number in sorted(reports))),
                section("Entities", ENTITY_COLUMNS, (self._entity(title).text for title in titles)),
                section("Claims", CLAIM_COLUMNS, (claim.text for claim in claims)),
                section("Relationships", RELATIONSHIP_COLUMNS, (self._relationship(pair).text for pair in pairs)),
            )
            if part
        ).strip()

    def _tokens(self, entities: Iterable[str], relationships: Iterable[Pair]) -> int:
        of_entities = sum(
            self._entity(title).tokens + sum(claim.tokens for claim in self._claims.get(title, ()))
            for title in entities
        )
        return of_entities + sum(self._relationship(pair).tokens for pair in relationships)

    def _claims_about(self, titles: Iterable[str]) -> list[_Row]:
        return [claim for title in sorted(titles, key=self._entity_rank) for claim in self._claims.get(title, ())]

    def _entity(self, title: str) -> _Row:
        if title not in self._entity_rows:
            e = self.graph.entities[title]
            self._entity_rows[title] = self._counted(row(e.number, e.title, e.type, e.description, e.degree))
        return self._entity_rows[title]

    def _relationship(self, pair: Pair) -> _Row:
        if pair not in self._relationship_rows:
            r = self.graph.relationships[pair]
            fields = (r.number, r.source, r.target, r.description, r.weight, r.combined_degree)
            self._relationship_rows[pair] = self._counted(row(*fields))
        return self._relationship_rows[pair]

    def _counted(self, text: str) -> _Row:
        return _Row(text, self._count_tokens(text) + 1)  # one more for the line's end

    def _rank(self, pair: Pair) -> tuple[int, int]:
        relationship = self.graph.relationships[pair]
        return -relationship.combined_degree, relationship.number

    def _entity_rank(self, title: str) -> tuple[int, int]:
        entity = self.graph.entities[title]
        return -entity.degree, entity.number
