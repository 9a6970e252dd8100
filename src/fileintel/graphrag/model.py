"""The graph while it is being built, in memory: plain records, in a fixed order.

Nothing here depends on the order in which answers arrived.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from fileintel.documents.document import TextUnit as TextUnit  # a part of the graph like the others
from fileintel.identity import content_id

TOP = -1  # the parent of a community that has none


@dataclass(slots=True)
class Entity:
    """A node. `descriptions` holds what single text units say, each once, `description` what is kept of them.

    `text_units` are numbers of text units, ascending; `frequency` counts the records that name the entity. There are
    millions of these: a few descriptions are in a tuple.
    """

    id: str
    number: int
    title: str
    type: str
    types: list[str]
    descriptions: Collection[str]
    text_units: list[int]
    frequency: int
    degree: int = 0
    description: str = ""


@dataclass(slots=True)
class Relationship:
    """An edge as it was written, from `source` to `target` (titles); `weight` is the sum of the strengths."""

    id: str
    number: int
    source: str
    target: str
    descriptions: Collection[str]
    text_units: list[int]
    weight: float
    combined_degree: int = 0
    description: str = ""


@dataclass(slots=True)
class Graph:
    """All entities by title, and all relationships by their pair of titles, in order of number."""

    entities: dict[str, Entity] = field(default_factory=dict)
    relationships: dict[tuple[str, str], Relationship] = field(default_factory=dict)


@dataclass(slots=True)
class Community:
    """A cluster. `number` is its name in the tables; `parent` is -1 at the top.

    `entities` are titles, `relationships` pairs of titles with both ends inside.
    """

    id: str
    number: int
    level: int
    parent: int
    children: list[int]
    entities: list[str]
    relationships: list[tuple[str, str]]
    residual: bool = False

    @property
    def title(self) -> str:
        """The name upstream gives it."""
        return f"Community {self.number}"


@dataclass(slots=True)
class Finding:
    """One finding of a report."""

    summary: str
    explanation: str


@dataclass(slots=True)
class Report:
    """What the model wrote about a community; `rating` is between 0 and 10.

    `text` is the whole report where another program has laid it out.
    """

    community: Community
    title: str
    summary: str
    rating: float
    rating_explanation: str
    findings: list[Finding]
    text: str | None = None

    @property
    def id(self) -> str:
        """Its own id, which follows from that of the community."""
        return content_id("report", self.community.id)

    @property
    def full_content(self) -> str:
        """The report as Markdown, as upstream lays it out: title, summary, then each finding."""
        if self.text is not None:
            return self.text
        parts = [f"# {self.title}", self.summary]
        parts += [f"## {finding.summary}\n\n{finding.explanation}" for finding in self.findings]
        return "\n\n".join(parts)


@dataclass(slots=True)
class Claim:
    """A covariate: what a text unit claims about a subject."""

    id: str
    number: int
    subject: str
    object: str
    type: str
    status: str
    start_date: str
    end_date: str
    description: str
    source_text: str
    text_unit: int
