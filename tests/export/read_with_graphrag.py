"""Reads an exported folder with upstream's own readers and writes it again with upstream's own writer.

python read_with_graphrag.py FOLDER COPY prints what came out as JSON.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from graphrag.data_model.data_reader import DataReader
from graphrag.query import indexer_adapters as adapters
from graphrag_storage.file_storage import FileStorage
from graphrag_storage.tables.parquet_table_provider import ParquetTableProvider

TABLES = ("documents", "text_units", "entities", "relationships", "communities", "community_reports", "covariates")


async def typed(folder: Path) -> dict[str, pd.DataFrame]:
    """All tables, with the types that upstream gives them."""
    reader = DataReader(ParquetTableProvider(FileStorage(base_dir=str(folder))))
    return {name: await getattr(reader, name)() for name in TABLES}


async def write_again(frames: dict[str, pd.DataFrame], copy: Path) -> None:
    """Write the tables row by row, as upstream's workflows do."""
    provider = ParquetTableProvider(FileStorage(base_dir=str(copy)))
    for name, frame in frames.items():
        async with provider.open(name) as table:
            for row in frame.to_dict("records"):
                await table.write(row)


def known(frames: dict[str, pd.DataFrame]) -> dict[str, list[Any]]:
    """The objects that upstream's queries work with."""
    communities, reports = frames["communities"], frames["community_reports"]
    found = {
        "text_units": adapters.read_indexer_text_units(frames["text_units"]),
        "entities": adapters.read_indexer_entities(frames["entities"], communities, community_level=9),
        "relationships": adapters.read_indexer_relationships(frames["relationships"]),
        "communities": adapters.read_indexer_communities(communities, reports),
        "reports": adapters.read_indexer_reports(reports, communities, community_level=9),
        "covariates": adapters.read_indexer_covariates(frames["covariates"]),
    }
    return {name: [asdict(thing) for thing in things] for name, things in found.items()}


async def main() -> None:
    """Print the objects."""
    frames = await typed(Path(sys.argv[1]))
    await write_again(frames, Path(sys.argv[2]))
    print(json.dumps(known(frames)))


if __name__ == "__main__":
    asyncio.run(main())  # noqa: TID251 - a program of its own
