"""A small index, made by hand: documents in overlapping text units, a graph, communities, reports, claims, vectors."""

import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fileintel.builtin_model import engine
from fileintel.graphrag import rows
from fileintel.graphrag.model import Claim, Community, Entity, Finding, Graph, Relationship, Report, TextUnit
from fileintel.graphrag.stages import cluster, embed
from fileintel.graphrag.stages.claims import covariate_rows
from fileintel.graphrag.vectors import KnownVectors
from fileintel.identity import content_id, digest
from fileintel.storage import collections, documents, runs, versions
from fileintel.storage.bulk_insert import insert_rows
from fileintel.storage.engine import Database
from fileintel.storage.models import Community as CommunityRow
from fileintel.storage.models import (
    CommunityReport,
    Covariate,
    Document,
    Embedding,
    IndexedDocument,
    IndexVersion,
)
from fileintel.storage.models import Entity as EntityRow
from fileintel.storage.models import Relationship as RelationshipRow
from fileintel.storage.models import TextUnit as TextUnitRow

SIZE, OVERLAP = 120, 30  # of a text unit, in characters
PAGE = 200  # characters
PERIOD = "2026-01-31"
DIMENSIONS = engine.DIMENSIONS

TEXTS = {
    "harbour.txt": (
        "The harbour of Ostrand was built in 1911 by the Lindqvist Company. Its lighthouse keeper, Erna Sollid, kept a "
        "diary for forty years.\n\nIn 1958 the board of the harbour sold the lighthouse to the museum. Erna Sollid "
        "wrote: «They have sold the light.» The Lindqvist Company went bankrupt in the same year.\r\n"
    ),
    "museum.txt": (
        " \n\n\n" * 40
        + "The museum of Ostrand shows the diary of Erna Sollid. Its director, Paul Haddouche, found it in 1991."
        + "\n \n" * 200
        + "Paul Haddouche has also catalogued the papers of the Lindqvist Company. 🗼\n"
        + "\t\n" * 150
    ),
    "blank.txt": "\n" * 300,
}
TITLES = ("ERNA SOLLID", "LINDQVIST COMPANY", 'THE "LIGHT" & <HARBOUR>', "PAUL HADDOUCHE", "MUSEUM\x0bOF OSTRAND")
ALONE = "1991"
LINKS = ((0, 2), (2, 0), (1, 2), (0, 4), (3, 4), (3, 1))


@dataclass
class Example:
    """The parts of an index before they are written; change them at will."""

    name: str
    texts: Mapping[str, str]
    units: list[TextUnit] = field(default_factory=list)
    graph: Graph = field(default_factory=Graph)
    claims: list[Claim] = field(default_factory=list)
    communities: list[Community] = field(default_factory=list)
    reports: dict[int, Report] = field(default_factory=dict)

    def document_id(self, file_name: str) -> str:
        """The id that the document of that name has."""
        collection = content_id("collection", self.name)
        return content_id("document", collection, digest(self.texts[file_name]))


def example(name: str, texts: Mapping[str, str] = TEXTS, *, claims: bool = True) -> Example:
    """The index of `texts` in a collection of that name."""
    made = Example(name, texts)
    made.units = list(_units(made))
    made.graph = _graph(made.units)
    made.communities = cluster.cluster(made.graph, max_cluster_size=3, use_lcc=False, seed=1)
    made.reports = {community.number: _report(community) for community in made.communities[1:]}
    made.claims = [_claim(number, unit) for number, unit in enumerate((1, 0, 1))] if claims else []
    return made


def publish(database: Database, made: Example) -> IndexVersion:
    """Write the documents and the index, and make it the one in use."""
    with database.transaction() as session:
        collection = collections.create(session, made.name)
        for name in made.texts:
            _store(session, made, collection.id, name)
        run = runs.create(session, collection.id)
        session.flush()
        lease = runs.acquire(session, run.id, "test")
        assert lease is not None
        sizes = {"fingerprint": "", "embedding_model": "hashed", "embedding_size": DIMENSIONS}
        version = versions.begin(session, lease, collection.id, **sizes)
        for table, table_rows in _tables(version.id, made):
            insert_rows(session, table, table_rows)
        versions.publish(session, lease, version.id, {})
    return version


def _store(session: Any, made: Example, collection_id: str, name: str) -> None:
    text = made.texts[name]
    document = Document(
        id=made.document_id(name),
        collection_id=collection_id,
        sha256=digest(text),
        name=name,
        title=name.partition(".")[0].title(),
        source=f"/somewhere/{name}",
        media_type="text/plain",
        encoding="utf-8",
        size=len(text.encode()),
        pages=0,
        characters=len(text),
        properties={},
        created_at=_created(name),
    )
    session.add(document)
    session.flush()
    starts = range(0, len(text), PAGE)
    pages = (
        (n, None, start, min(start + PAGE, len(text)), text[start : start + PAGE]) for n, start in enumerate(starts, 1)
    )
    documents.add_pages(session, document.id, pages)


def _created(name: str) -> datetime:
    return datetime(2026, 1, 1 + len(name), 12, 30, tzinfo=UTC)


def _units(made: Example) -> Iterator[TextUnit]:
    number = 0
    for name, text in made.texts.items():
        identity = made.document_id(name)
        for start in range(0, len(text), SIZE - OVERLAP):
            part = text[start : start + SIZE]
            if part.strip():
                unit_id = content_id("text unit", identity, start, part)
                pages = start // PAGE + 1, (start + len(part)) // PAGE + 1
                yield TextUnit(unit_id, number, identity, start, start + len(part), *pages, len(part) // 4, part)
                number += 1


def _graph(units: list[TextUnit]) -> Graph:
    graph = Graph()
    last = len(units) - 1
    for number, title in enumerate((*TITLES, ALONE)):
        seen_in = sorted({min(number, last), last // 2, last})
        entity = Entity(content_id("entity", title), number, title, "THING", ["THING"], {}, seen_in, len(seen_in))
        entity.description = f"{title.title()} is told of in «{units[seen_in[0]].text[:40]}»."
        graph.entities[title] = entity
    for number, (one, other) in enumerate(LINKS):
        source, target = TITLES[one], TITLES[other]
        identity = content_id("relationship", source, target)
        seen_in = [min(number, last)]
        link = Relationship(identity, number, source, target, {}, seen_in, 1.5 + number)
        link.description = f"{source} and {target}:\x01\r\nsee <{number}> & more"
        link.combined_degree = number + 2
        graph.relationships[source, target] = link
        graph.entities[source].degree += 1
        graph.entities[target].degree += 1
    return graph


def _report(community: Community) -> Report:
    findings = [Finding(f"Finding {number}", f"It says: {title}") for number, title in enumerate(community.entities)]
    title = f"What binds {community.entities[0]}"
    return Report(community, title, "A summary of it all.", 7.5, "It matters.", findings)


def _claim(number: int, unit: int) -> Claim:
    identity = content_id("claim", number)
    period = "1958-01-01T00:00:00", "NONE"
    return Claim(identity, number, TITLES[0], "NONE", "SALE", "TRUE", *period, f"claim {number}", "sold", unit)


def _tables(version_id: str, made: Example) -> Iterator[tuple[Any, Iterator[dict[str, Any]]]]:
    units, graph, communities = made.units, made.graph, made.communities
    yield IndexedDocument, _indexed(version_id, made)
    yield TextUnitRow, rows.text_unit_rows(version_id, units)
    yield EntityRow, rows.entity_rows(version_id, graph, units)
    yield RelationshipRow, rows.relationship_rows(version_id, graph, units)
    yield CommunityRow, rows.community_rows(version_id, communities, graph, units, PERIOD, {})
    yield CommunityReport, rows.report_rows(version_id, made.reports, communities, PERIOD)
    yield Covariate, covariate_rows(version_id, made.claims, units)
    yield Embedding, rows.embedding_rows(version_id, KnownVectors(vectors(made)))


def _indexed(version_id: str, made: Example) -> Iterator[dict[str, Any]]:
    for number, (name, text) in enumerate(made.texts.items()):
        yield {
            "version_id": version_id,
            "id": made.document_id(name),
            "human_readable_id": number,
            "title": name.partition(".")[0].title(),
            "name": name,
            "sha256": digest(text),
            "created_at": _created(name).isoformat(),
        }


def vectors(made: Example) -> dict[tuple[str, str], bytes]:
    """The vectors of the text units, entities and reports, as the pipeline holds them."""
    texts = {(embed.TEXT_UNITS, unit.id): unit.text for unit in made.units}
    texts |= {(embed.ENTITIES, e.id): f"{e.title}:{e.description}" for e in made.graph.entities.values()}
    texts |= {(embed.REPORTS, embed.report_id(report)): report.full_content for report in made.reports.values()}
    return {key: array.array("f", engine.embed([text], DIMENSIONS)[0]).tobytes() for key, text in texts.items()}
