"""The passages that graphrag's own searches show to the model: `python -m benchmarks.retrieval_upstream FOLDER SERVER`.

FOLDER has exported tables, SERVER is the base URL of a model server that offers the embedding model of the index.
Questions come as a JSON list on stdin; the last line on stdout is a JSON object of lists of passages.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from graphrag.api import basic_search, local_search

from tests.export.search_with_graphrag import configuration, fill_store

TABLES = ("entities", "communities", "community_reports", "text_units", "relationships")


async def contexts(folder: Path, server: str, questions: list[str]) -> dict[str, list[list[str]]]:
    """For each search and question the texts of the sources in its context."""
    vectors = pd.read_parquet(folder / "embeddings.entity_description.parquet")
    config = configuration(server, folder.with_name("lancedb"), len(vectors["embedding"].iloc[0]))
    fill_store(config, folder)
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    wanted: dict[str, Any] = {"response_type": "one paragraph"}
    found: dict[str, list[list[str]]] = {"local": [], "basic": []}
    for question in questions:
        _, context = await local_search(config, **tables, covariates=None, community_level=2, query=question, **wanted)
        found["local"].append(sources(context))
        _, context = await basic_search(config, tables["text_units"], query=question, **wanted)
        found["basic"].append(sources(context))
    return found


def sources(context: Any) -> list[str]:
    """The texts among a context's tables."""
    table = context.get("sources", context.get("Sources"))
    return [str(text) for text in table["text"]] if table is not None else []


def main() -> None:
    """Print the contexts."""
    folder, server = Path(sys.argv[1]), sys.argv[2]
    found = asyncio.run(contexts(folder, server, json.load(sys.stdin)))  # noqa: TID251 - a program of its own
    print(json.dumps(found))


if __name__ == "__main__":
    main()
