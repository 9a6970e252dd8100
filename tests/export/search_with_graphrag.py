"""Asks an exported folder with `graphrag` itself: python search_with_graphrag.py FOLDER MODEL_SERVER QUESTION

MODEL_SERVER is the base URL of an OpenAI-compatible server that offers the embedding model of the index.
`graphrag` looks for vectors in a LanceDB store; it is filled from the exported tables, once.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from graphrag.api import basic_search, drift_search, global_search, local_search
from graphrag.config.models.graph_rag_config import GraphRagConfig
from graphrag.utils.api import get_embedding_store
from graphrag_vectors import VectorStoreDocument

KINDS = ("entity_description", "text_unit_text", "community_full_content")


def configuration(model_server: str, store: Path, vector_size: int) -> GraphRagConfig:
    """`graphrag`'s settings: the models, and where the vectors are."""
    model = {"model_provider": "openai", "model": "any", "api_base": model_server, "api_key": "none"}
    return GraphRagConfig.model_validate(
        {
            "completion_models": {"default_completion_model": model},
            "embedding_models": {"default_embedding_model": model},
            "vector_store": {"type": "lancedb", "db_uri": str(store), "vector_size": vector_size},
            "drift_search": {"n_depth": 1, "primer_folds": 1, "drift_k_followups": 1, "concurrency": 1},
            "reporting": {"base_dir": str(store)},
        }
    )


def fill_store(config: GraphRagConfig, folder: Path) -> None:
    """Put the exported vectors into the store, each set under its name."""
    for kind in KINDS:
        vectors = pd.read_parquet(folder / f"embeddings.{kind}.parquet")
        store = get_embedding_store(config.vector_store, kind)
        store.create_index()
        pairs = zip(vectors["id"], vectors["embedding"], strict=True)
        store.load_documents([VectorStoreDocument(id=identity, vector=vector) for identity, vector in pairs])


async def ask(config: GraphRagConfig, folder: Path, question: str) -> dict[str, Any]:
    """The answers of the four kinds of search, with the tables that each was given."""
    tables = {
        name: pd.read_parquet(folder / f"{name}.parquet")
        for name in ("entities", "communities", "community_reports", "text_units", "relationships")
    }
    covariates = folder / "covariates.parquet"
    claims = pd.read_parquet(covariates) if covariates.exists() else None
    overview = {name: tables[name] for name in ("entities", "communities", "community_reports")}
    wanted: dict[str, Any] = {"response_type": "one paragraph", "query": question}
    return {
        "local": await local_search(config, **tables, covariates=claims, community_level=2, **wanted),
        "global": await global_search(
            config, **overview, community_level=2, dynamic_community_selection=False, **wanted
        ),
        "drift": await drift_search(config, **tables, community_level=2, **wanted),
        "basic": await basic_search(config, tables["text_units"], **wanted),
    }


def main() -> None:
    """Print the answers and their contexts as JSON."""
    folder, model_server, question = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    vectors = pd.read_parquet(folder / "embeddings.entity_description.parquet")
    store = folder.with_name(f"{folder.name}-lancedb")
    config = configuration(model_server, store, len(vectors["embedding"].iloc[0]))
    if not store.exists():
        fill_store(config, folder)
    answers = asyncio.run(ask(config, folder, question))  # noqa: TID251 - a program of its own
    print(json.dumps(answers, default=lambda table: table.to_dict("records")))


if __name__ == "__main__":
    main()
