"""What graphrag itself makes of the same answers; a program of its own, because importing this much of it takes long.

stdin: JSON with `corpora` (by name, each a list of answers for each text unit), `max_cluster_size` and `seed`.
stdout: for each corpus the merged entities and relationships, and its final tables: `entities`, `relationships`,
`communities` (with `use_lcc`), and `text_units`, under `final`.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pandas as pd
from graphrag.index.operations.extract_graph import extract_graph
from graphrag.index.operations.extract_graph.graph_extractor import RECORD_DELIMITER, TUPLE_DELIMITER, GraphExtractor
from graphrag.index.operations.extract_graph.utils import filter_orphan_relationships
from graphrag.index.workflows.create_communities import create_communities
from graphrag.index.workflows.create_final_text_units import create_final_text_units
from graphrag.index.workflows.finalize_graph import finalize_graph

Rows = list[dict[str, Any]]


class MemoryTable:
    """As much of upstream's table as its workflows use: they read rows one by one, and write them one by one."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.written: Rows = []

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        for row in self.rows:
            yield dict(row)

    async def write(self, row: dict[str, Any]) -> None:
        """Add a row to those that are the table's afterwards."""
        self.written.append(row)


def merged(answers: list[list[str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Entities and relationships, each with the list of its descriptions."""
    extractor = GraphExtractor(model=None, prompt="", max_gleanings=0)  # type: ignore[arg-type]
    tables = [
        extractor._process_result("".join(given), str(number), TUPLE_DELIMITER, RECORD_DELIMITER)
        for number, given in enumerate(answers)
    ]
    entities = extract_graph._merge_entities([table[0] for table in tables])
    relationships = extract_graph._merge_relationships([table[1] for table in tables])
    return entities, filter_orphan_relationships(relationships, entities)


def described(frame: pd.DataFrame) -> Rows:
    """The rows with the first description as the one description, as a model could have chosen it."""
    return [{**row, "description": row["description"][0]} for row in frame.to_dict(orient="records")]


async def final(entities: Rows, relationships: Rows, units: int, max_cluster_size: int, seed: int) -> dict[str, Rows]:
    """Upstream's final tables."""
    nodes, edges = MemoryTable(entities), MemoryTable(relationships)
    await finalize_graph(nodes, edges)  # type: ignore[arg-type]
    nodes, edges = MemoryTable(nodes.written), MemoryTable(edges.written)
    communities = MemoryTable([])
    frame = pd.DataFrame(edges.rows)
    await create_communities(communities, nodes, frame, max_cluster_size, use_lcc=True, seed=seed)  # type: ignore[arg-type]
    before = [{"id": str(n), "text": "", "n_tokens": 0, "document_id": ""} for n in range(units)]
    after = MemoryTable([])
    await create_final_text_units(MemoryTable(before), nodes, edges, after, None)  # type: ignore[arg-type]
    return {
        "entities": nodes.rows,
        "relationships": edges.rows,
        "communities": communities.written,
        "text_units": after.written,
    }


def tables(answers: list[list[str]], max_cluster_size: int, seed: int) -> dict[str, Any]:
    """All tables of one list of answers."""
    entities, relationships = merged(answers)
    making = final(described(entities), described(relationships), len(answers), max_cluster_size, seed)
    return {
        "entities": entities.to_dict(orient="records"),
        "relationships": relationships.to_dict(orient="records"),
        "final": asyncio.run(making),  # noqa: TID251 - a program of its own
    }


def main() -> None:
    """Print the tables as JSON."""
    given = json.load(sys.stdin)
    found = {name: tables(a, given["max_cluster_size"], given["seed"]) for name, a in given["corpora"].items()}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
