"""The report contexts that graphrag itself builds of a graph; a program of its own, for the time and memory it takes.

stdin: JSON with `entities`, `relationships` and `claims` (rows with upstream's columns), `clusterings` (of each the
rows of its communities) and `max_tokens`. stdout: for each clustering and each of its communities the ids in the
context, by kind: `entities`, `relationships`, `claims`, `reports`.
"""

import csv
import io
import json
import re
import sys
import warnings
from typing import Any

import pandas as pd
from graphrag.callbacks.noop_workflow_callbacks import NoopWorkflowCallbacks
from graphrag.index.operations.summarize_communities.explode_communities import explode_communities
from graphrag.index.operations.summarize_communities.graph_context.context_builder import (
    build_level_context,
    build_local_context,
)
from graphrag.index.operations.summarize_communities.utils import get_levels
from graphrag.index.workflows.create_community_reports import _prep_claims, _prep_edges, _prep_nodes
from graphrag.tokenizer.get_tokenizer import get_tokenizer

NO_REPORTS = pd.DataFrame([])
HEADING = re.compile(r"^-{4,5}(Reports|Entities|Claims|Relationships)-----\n", re.MULTILINE)


def contexts(given: dict[str, Any], rows: list[dict[str, Any]]) -> dict[int, str]:
    """The text for each community, built as `create_community_reports` does it: all before the first report."""
    communities = pd.DataFrame(rows)
    nodes = _prep_nodes(explode_communities(communities, pd.DataFrame(given["entities"])))
    edges = _prep_edges(pd.DataFrame(given["relationships"]))
    claims = _prep_claims(pd.DataFrame(given["claims"])) if given["claims"] else None
    tokenizer = get_tokenizer(encoding_model="o200k_base")
    limit = given["max_tokens"]
    local = build_local_context(nodes, edges, claims, tokenizer, NoopWorkflowCallbacks(), limit)
    children = communities.explode("children").rename({"children": "sub_community"}, axis=1)
    hierarchy = children.loc[:, ["community", "level", "sub_community"]].dropna()
    found: dict[int, str] = {}
    for level in get_levels(nodes):
        level_contexts = build_level_context(
            NO_REPORTS,
            community_hierarchy_df=hierarchy,
            local_context_df=local,
            level=level,
            tokenizer=tokenizer,
            max_context_tokens=limit,
        )
        texts = zip(level_contexts["community"], level_contexts["context_string"], strict=True)
        found.update((int(number), text) for number, text in texts)
    return found


def ids(text: str) -> dict[str, list[str]]:
    """The ids in the tables of a context."""
    tables: dict[str, list[str]] = {}
    _, *parts = HEADING.split(text)
    for name, table in zip(parts[::2], parts[1::2], strict=True):
        column = "community" if name == "Reports" else "human_readable_id"
        tables[name.lower()] = [row[column] for row in csv.DictReader(io.StringIO(table.strip())) if row.get(column)]
    return tables


def main() -> None:
    """Print the ids as JSON."""
    warnings.simplefilter("ignore")  # of pandas, about upstream's ways
    given = json.load(sys.stdin)
    found = [contexts(given, rows) for rows in given["clusterings"]]
    json.dump([{number: ids(text) for number, text in texts.items()} for texts in found], sys.stdout)


if __name__ == "__main__":
    main()
