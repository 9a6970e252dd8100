"""How much of an index reaches its reports: python -m benchmarks.fidelity FOLDER [--max-tokens 8000] [--json]

FOLDER is any index of graphrag, or an export of ours. Four ways to come from its entities and relationships to what
reports are written from:

- upstream: the communities that graphrag makes by default (`use_lcc`), with the contexts that its functions build;
- upstream, these communities: the folder's communities, with the contexts that upstream's functions build;
- ours, these communities: the same with ours; the folder's reports may stand for sub-communities;
- ours: our communities with our contexts; the built-in model writes the reports that may stand for sub-communities.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fileintel.builtin_model.report import report as builtin_report
from fileintel.errors import FileIntelError
from fileintel.graphrag.contexts.context import Context
from fileintel.graphrag.contexts.graph_context import GraphContexts
from fileintel.graphrag.imports.folder import read_tables
from fileintel.graphrag.imports.tables import Imported, import_graph
from fileintel.graphrag.model import Community, Graph, Report
from fileintel.graphrag.stages.cluster import cluster
from fileintel.graphrag.stages.report import parse_report
from fileintel.llm.encodings import CACHE_VARIABLE, files_of
from fileintel.llm.tokens import Tokenizer

MAX_CLUSTER_SIZE, SEED = 10, 0xDEADBEEF  # upstream's defaults
UPSTREAM_SECONDS = 1800  # for upstream's part: it lays each context out again for each relationship


@dataclass
class Evidence:
    """Sums over communities: how many rows of a kind they have, how many stand in the context, how many a sub-report
    in the context stands for."""

    all: int = 0
    shown: int = 0
    represented: int = 0

    @property
    def share(self) -> float:
        """Those that reach the report, in per cent."""
        return 100 * (self.shown + self.represented) / self.all if self.all else 100.0


@dataclass
class Fidelity:
    """One way to build contexts, measured over an index."""

    name: str
    communities: int
    entities_in_a_community: float  # per cent
    entities: Evidence
    relationships: Evidence
    with_sub_reports: int
    reports_missing: int | None  # None where nobody has written any


def measure_ours(
    name: str, made: Imported, communities: Sequence[Community], reports: Mapping[int, Report] | None, max_tokens: int
) -> Fidelity:
    """The contexts of these communities as we build them; `reports` may stand for children. None: the built-in model
    writes them."""
    builder = GraphContexts(made.graph, made.claims, max_tokens, Tokenizer().count)
    by_number = {community.number: community for community in communities}
    entities, relationships, substituted = Evidence(), Evidence(), 0
    written = dict(reports or {})
    for community in sorted(communities, key=lambda community: -community.level):  # children first
        parts = {number: by_number[number] for number in community.children}
        context = builder.whole(community) or builder.reduced(community, parts, written)
        if reports is None:
            written[community.number] = Report(community, **parse_report(builtin_report(context.text)))
        _add(entities, context, "entities", len(community.entities))
        _add(relationships, context, "relationships", len(community.relationships))
        substituted += bool(context.reports)
    missing = sum(community.number not in written for community in communities)
    return Fidelity(
        name, len(communities), _inside(made.graph, communities), entities, relationships, substituted, missing
    )


def _add(evidence: Evidence, context: Context, kind: str, count: int) -> None:
    evidence.all += count
    evidence.shown += len(context.rows.get(kind, ()))
    evidence.represented += context.represented.get(kind, 0)


def _inside(graph: Graph, communities: Sequence[Community]) -> float:
    titles = {title for community in communities for title in community.entities}
    return 100 * len(titles) / len(graph.entities)


def measure_upstream(
    name: str,
    made: Imported,
    communities: Sequence[Community],
    reports: Mapping[int, Report] | None,
    found: Mapping[str, Mapping[str, Sequence[str]]],
) -> Fidelity:
    """The contexts of these communities as upstream's functions build them: `found` has the ids in each."""
    entities, relationships, substituted = Evidence(), Evidence(), 0
    for community in communities:
        context = found.get(str(community.number), {})
        numbers = {str(made.graph.entities[title].number) for title in community.entities}
        links = {str(made.graph.relationships[pair].number) for pair in community.relationships}
        entities.all += len(numbers)
        entities.shown += len(numbers.intersection(context.get("entities", ())))
        relationships.all += len(links)
        relationships.shown += len(links.intersection(context.get("relationships", ())))
        substituted += bool(context.get("reports"))
    missing = None if reports is None else sum(community.number not in reports for community in communities)
    inside = _inside(made.graph, communities)
    return Fidelity(name, len(communities), inside, entities, relationships, substituted, missing)


def upstream_contexts(
    made: Imported, clusterings: Sequence[Sequence[Community]], max_tokens: int
) -> list[dict[str, dict[str, list[str]]]]:
    """The ids in upstream's contexts, by kind, of each community of each clustering.

    Raises:
      SystemExit: its program failed.
    """
    graph = made.graph
    given = {
        "max_tokens": max_tokens,
        "entities": [
            {"id": e.title, "human_readable_id": e.number, "title": e.title, "description": e.description or None}
            | {"degree": e.degree}
            for e in graph.entities.values()
        ],
        "relationships": [
            {"human_readable_id": r.number, "source": r.source, "target": r.target}
            | {"description": r.description or None, "combined_degree": r.combined_degree}
            for r in graph.relationships.values()
        ],
        "clusterings": [
            [
                {"community": c.number, "level": c.level, "entity_ids": c.entities, "children": c.children}
                for c in communities
            ]
            for communities in clusterings
        ],
        "claims": [
            {"human_readable_id": c.number, "subject_id": c.subject, "type": c.type, "status": c.status}
            | {"description": c.description or None}
            for c in made.claims
        ],
    }
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.upstream_contexts"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        # upstream would fetch the encoding and a price list from the network
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", CACHE_VARIABLE: str(files_of("o200k_base"))},
        timeout=UPSTREAM_SECONDS,
        check=False,
    )
    if finished.returncode:
        raise SystemExit(f"upstream's functions failed: {finished.stderr.strip().splitlines()[-1]}")
    contexts: list[dict[str, dict[str, list[str]]]] = json.loads(finished.stdout)
    return contexts


def measure(folder: Path, max_tokens: int) -> list[Fidelity]:
    """The four ways, in the order of the module's docstring."""
    made = import_graph(read_tables(folder))
    theirs = cluster(made.graph, max_cluster_size=MAX_CLUSTER_SIZE, use_lcc=True, seed=SEED)
    own = cluster(made.graph, max_cluster_size=MAX_CLUSTER_SIZE, use_lcc=False, seed=SEED)
    these = made.communities
    of_theirs, of_these = upstream_contexts(made, (theirs, these), max_tokens)
    return [
        measure_upstream("upstream", made, theirs, None, of_theirs),
        measure_upstream("upstream, these communities", made, these, made.reports, of_these),
        measure_ours("ours, these communities", made, these, made.reports, max_tokens),
        measure_ours("ours", made, own, None, max_tokens),
    ]


def print_table(measured: Sequence[Fidelity]) -> None:
    """One column for each way."""
    rows: list[tuple[str, list[str]]] = [
        ("communities", [str(one.communities) for one in measured]),
        ("entities in a community, %", [f"{one.entities_in_a_community:.1f}" for one in measured]),
        ("entities that reach a report, %", [_shares(one.entities) for one in measured]),
        ("relationships that reach a report, %", [_shares(one.relationships) for one in measured]),
        ("contexts with sub-reports", [str(one.with_sub_reports) for one in measured]),
        ("reports missing", ["-" if one.reports_missing is None else str(one.reports_missing) for one in measured]),
    ]
    widths = [max(len(one.name), *(len(values[at]) for _, values in rows)) for at, one in enumerate(measured)]
    first = max(len(name) for name, _ in rows)
    for name, values in [("", [one.name for one in measured]), *rows]:
        cells = (f"{value:<{width}}" for value, width in zip(values, widths, strict=True))
        print(" | ".join([f"{name:<{first}}", *cells]).rstrip())


def _shares(evidence: Evidence) -> str:
    shown = f"{evidence.share:.1f} ({evidence.shown + evidence.represented} of {evidence.all}"
    return f"{shown}, {evidence.represented} by sub-reports)" if evidence.represented else f"{shown})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fidelity", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--max-tokens", type=int, default=8000, help="tokens of one context")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        measured = measure(options.folder, options.max_tokens)
    except FileIntelError as error:
        raise SystemExit(str(error)) from error
    if options.json:
        found: list[dict[str, Any]] = [asdict(one) for one in measured]
        print(json.dumps(found, indent=2))
    else:
        print_table(measured)


if __name__ == "__main__":
    main()
