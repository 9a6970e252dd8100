"""The finished graph as rows of the index tables: upstream's columns, ids in place of numbers and titles."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fileintel.graphrag.contexts.context import Context
from fileintel.graphrag.contexts.text_context import text_units_of
from fileintel.graphrag.model import Community, Graph, Report, TextUnit
from fileintel.graphrag.vectors import Vector
from fileintel.runtime import yielding
from fileintel.storage.bulk_insert import vector_text
from fileintel.storage.models import Document

Row = dict[str, Any]
_JSON = json.JSONEncoder(ensure_ascii=False).encode


def document_rows(version_id: str, documents: Iterable[Document]) -> Iterator[Row]:
    """Rows of `indexed_documents`."""
    for number, document in enumerate(documents):
        yield {
            "version_id": version_id,
            "id": document.id,
            "human_readable_id": number,
            "title": document.title,
            "name": document.name,
            "sha256": document.sha256,
            "created_at": document.created_at.isoformat(),
        }


def text_unit_rows(version_id: str, units: Iterable[TextUnit]) -> Iterator[Row]:
    """Rows of `text_units`."""
    for unit in units:
        yield {
            "version_id": version_id,
            "id": unit.id,
            "human_readable_id": unit.number,
            "document_id": unit.document_id,
            "start": unit.start,
            "end": unit.end,
            "first_page": unit.first_page,
            "last_page": unit.last_page,
            "n_tokens": unit.n_tokens,
            "text": unit.text,
        }


def entity_rows(version_id: str, graph: Graph, units: Sequence[TextUnit]) -> Iterator[Row]:
    """Rows of `entities`."""
    for entity in graph.entities.values():
        yield {
            "version_id": version_id,
            "id": entity.id,
            "human_readable_id": entity.number,
            "title": entity.title,
            "type": entity.type,
            "types": entity.types,
            "description": entity.description,
            "text_unit_ids": [units[number].id for number in entity.text_units],
            "frequency": entity.frequency,
            "degree": entity.degree,
        }


def relationship_rows(version_id: str, graph: Graph, units: Sequence[TextUnit]) -> Iterator[Row]:
    """Rows of `relationships`."""
    for relationship in graph.relationships.values():
        yield {
            "version_id": version_id,
            "id": relationship.id,
            "human_readable_id": relationship.number,
            "source": relationship.source,
            "target": relationship.target,
            "description": relationship.description,
            "weight": relationship.weight,
            "combined_degree": relationship.combined_degree,
            "text_unit_ids": [units[number].id for number in relationship.text_units],
        }


def community_rows(
    version_id: str,
    communities: Iterable[Community],
    graph: Graph,
    units: Sequence[TextUnit],
    period: str,
    contexts: Mapping[int, Context],
) -> Iterator[Row]:
    """Rows of `communities`; `contexts` are those of the reports that were asked for, by number of community. The
    largest community of a large index has a good part of it as members: other greenlets run between them."""
    for community in communities:
        context = contexts.get(community.number)
        yield {
            "version_id": version_id,
            "id": community.id,
            "human_readable_id": community.number,
            "community": community.number,
            "level": community.level,
            "parent": community.parent,
            "children": community.children,
            "title": community.title,
            "entity_ids": [graph.entities[title].id for title in yielding(community.entities)],
            "relationship_ids": [graph.relationships[pair].id for pair in yielding(community.relationships)],
            "text_unit_ids": [units[number].id for number in yielding(sorted(text_units_of(community, graph)))],
            "period": period,
            "size": len(community.entities),
            "residual": community.residual,
            "context": context.record() if context else None,
        }


def report_rows(
    version_id: str, reports: Mapping[int, Report], communities: Iterable[Community], period: str
) -> Iterator[Row]:
    """Rows of `community_reports`, in the order of the communities."""
    for report in (reports[community.number] for community in communities if community.number in reports):
        community = report.community
        findings = [{"summary": one.summary, "explanation": one.explanation} for one in report.findings]
        yield {
            "version_id": version_id,
            "id": report.id,
            "human_readable_id": community.number,
            "community": community.number,
            "level": community.level,
            "parent": community.parent,
            "children": community.children,
            "title": report.title,
            "summary": report.summary,
            "full_content": report.full_content,
            "rank": report.rating,
            "rating_explanation": report.rating_explanation,
            "findings": findings,
            "full_content_json": full_content_json(report),
            "period": period,
            "size": len(community.entities),
        }


def full_content_json(report: Report) -> str:
    """What `json.dumps` makes of a report with an indentation of four spaces, as upstream has it. Written out, because
    that function leaves a ring of forty objects behind each time, for the garbage collector."""
    findings = ",\n".join(
        f'        {{\n            "summary": {_JSON(one.summary)},\n'
        f'            "explanation": {_JSON(one.explanation)}\n        }}'
        for one in report.findings
    )
    listed = f"[\n{findings}\n    ]" if findings else "[]"
    return (
        f'{{\n    "title": {_JSON(report.title)},\n    "summary": {_JSON(report.summary)},\n'
        f'    "findings": {listed},\n    "rating": {_JSON(report.rating)},\n'
        f'    "rating_explanation": {_JSON(report.rating_explanation)}\n}}'
    )


def embedding_rows(version_id: str, vectors: Iterable[Vector]) -> Iterator[Row]:
    """Rows of `embeddings`."""
    for kind, item_id, vector in vectors:
        yield {"version_id": version_id, "kind": kind, "item_id": item_id, "vector": vector_text(vector)}
