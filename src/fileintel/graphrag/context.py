"""What a report's question holds: all of a community's evidence, ranked, up to the token budget.

Where it does not fit, the largest sub-communities are replaced by their reports, one after the other, until
it does (Edge et al. 2024, arXiv 2404.16130, section "Community summaries": "higher-level communities").
What is left out after that is counted.
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

    `left_out` counts entities and relationships for which there was no room, beyond those that a
    sub-community's report stands for.
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
      max_tokens: the budget of one context.
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
        return Context(self._text(community.entities, community.relationships, {}), tokens)

    def reduced(self, community: Community, parts: Mapping[int, Community], reports: Mapping[int, Report]) -> Context:
        """The context of a community that does not fit: with reports in place of its largest children.

        `parts` are its children by number, `reports` those of their reports that exist.
        """
        entities, relationships = list(community.entities), list(community.relationships)
        used: dict[int, _Row] = {}
        sizes = {n: self._tokens(part.entities, part.relationships) for n, part in parts.items() if n in reports}
        for number in sorted(sizes, key=lambda n: (-sizes[n], n)):
            inside = set(parts[number].entities)
            entities = [title for title in entities if title not in inside]
            relationships = [pair for pair in relationships if not inside.issuperset(pair)]
            report = reports[number]
            used[number] = self._counted(row(number, report.title, report.full_content))
            if self._tokens(entities, relationships) + sum(r.tokens for r in used.values()) <= self._max_tokens:
                break
        return self._cut(entities, relationships, used)

    def _cut(self, entities: list[str], relationships: list[Pair], reports: dict[int, _Row]) -> Context:
        """Take reports, then relationships by rank with their ends, then the other entities, while there is room."""
        room = self._max_tokens
        kept_reports: dict[int, _Row] = {}
        for number, report in reports.items():
            if report.tokens <= room:
                kept_reports[number] = report
                room -= report.tokens
        inside = set(entities)
        kept_entities: dict[str, None] = {}
        kept_relationships: list[Pair] = []
        for pair in sorted(relationships, key=self._rank):
            new = [title for title in pair if title in inside and title not in kept_entities]
            cost = self._relationship(pair).tokens + self._tokens(new, ())
            if cost > room:
                continue
            kept_relationships.append(pair)
            kept_entities.update(dict.fromkeys(new))
            room -= cost
        for title in sorted(inside - set(kept_entities), key=self._entity_rank):
            if (cost := self._tokens([title], ())) <= room:
                kept_entities[title] = None
                room -= cost
        left_out = len(entities) + len(relationships) - len(kept_entities) - len(kept_relationships)
        text = self._text(kept_entities, kept_relationships, kept_reports)
        return Context(text, self._max_tokens - room, sorted(kept_reports), left_out + len(reports) - len(kept_reports))

    def _text(self, entities: Iterable[str], relationships: Iterable[Pair], reports: Mapping[int, _Row]) -> str:
        titles = sorted(entities, key=self._entity_rank)
        pairs = sorted(relationships, key=self._rank)
        claims = (claim.text for title in titles for claim in self._claims.get(title, ()))
        return "\n".join(
            part
            for part in (
                section("Reports", REPORT_COLUMNS, (reports[number].text for number in sorted(reports))),
                section("Entities", ENTITY_COLUMNS, (self._entity(title).text for title in titles)),
                section("Claims", CLAIM_COLUMNS, claims),
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
