"""The same answers give the same graph as graphrag 3.3, but for the differences that our docstrings name."""

import sys
from collections.abc import Iterable
from random import Random
from subprocess import run
from typing import Any

import pandas as pd
import pytest
from graphrag.graphs import hierarchical_leiden as upstreams
from graphrag.index.operations.cluster_graph import cluster_graph
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fileintel.graphrag.model import Graph
from fileintel.graphrag.stages.cluster import cluster
from fileintel.graphrag.stages.extract import Extraction, merge, parse_records
from fileintel.graphrag.stages.leiden import Edge, hierarchical_leiden
from fileintel.graphrag.stages.records import clean_text, clean_title

from .samples import graph, units

# one list for each text unit: the answer, then what a gleaning found
ANSWERS = [
    [
        '("entity"<|>KESTERVAG HARBOUR BOARD<|>ORGANIZATION<|>The board runs the port (since 1871).)\n##\n'
        '("entity"<|>ILSE BRANDT<|>PERSON<|>Ilse Brandt, "the sluice engineer", joined the board in 1904.)\n##\n'
        '("entity"<|>ALTONA<|>GEO<|>Altona is where Ilse Brandt was born.)\n##\n'
        '("relationship"<|>ILSE BRANDT<|>KESTERVAG HARBOUR BOARD<|>Ilse Brandt worked for the board.<|>9)\n##\n'
        '("relationship"<|>ILSE BRANDT<|>ALTONA<|>She was born there.<|>6)\n<|COMPLETE|>',
        '##\n("entity"<|>DR. KROHN<|>PERSON<|>Dr. Krohn objected to the sluice.)\n##\n'
        '("relationship"<|>DR. KROHN<|>ILSE BRANDT<|>Dr. Krohn was her superior.<|>seven)\n<|COMPLETE|>',
    ],
    [
        # names in quotes and in lower case, doubled white space, escapes
        '("entity"<|>"Ilse Brandt"<|>"person"<|>Ilse Brandt  drew up\n the plan of 1912.)\n##\n'
        '("entity"<|>Smith &amp; Sons<|>organization<|>Smith &amp; Sons delivered the gates.)\n##\n'
        '("relationship"<|>Smith &amp; Sons<|>"Ilse Brandt"<|>They delivered what she had drawn.<|>4.5)\n##\n'
        '("relationship"<|>"Ilse Brandt"<|>KESTERVAG HARBOUR BOARD<|>She reported to the board.<|>8)\n<|COMPLETE|>'
    ],
    [
        # another type, a relationship of an entity with itself, one with an entity that has no record of its own
        '("entity"<|>ALTONA<|>ORGANIZATION<|>Altona sent a delegate.)\n##\n'
        '("entity"<|>DR. KROHN<|>PERSON<|>Dr. Krohn objected to the sluice.)\n##\n'
        '("entity"<|>DR. KROHN<|>PERSON<|>Dr. Krohn left in 1913.)\n##\n'
        '("relationship"<|>ALTONA<|>ALTONA<|>Altona is Altona.<|>2)\n##\n'
        '("relationship"<|>ALTONA<|>THE DELEGATE<|>Altona sent the delegate.<|>3)\n##\n'
        '("relationship"<|>ALTONA<|>DR. KROHN<|>The delegate met him.<|>3)\n##\n'
        '("relationship"<|>ILSE BRANDT<|>ALTONA<|>She went back there.<|>2)\n##\n'
        '("entity"<|>TOO FEW)\n##\nThat is all.<|COMPLETE|>'
    ],
    ["<|COMPLETE|>"],
]  # fmt: skip


@pytest.fixture(scope="module")
def theirs(upstream_tables: dict[str, Any]) -> Any:
    return upstream_tables["odd"]


@pytest.fixture(scope="module")
def ours() -> Graph:
    extractions: dict[int, Extraction] = {}
    for number, answers in enumerate(ANSWERS):
        for answer in answers:
            extractions.setdefault(number, Extraction()).add(parse_records(answer))
    return merge(extractions, units(len(ANSWERS)))


def distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def test_entities_are_those_of_upstream_merged_over_their_types(theirs: Any, ours: Graph) -> None:
    merged: dict[str, Any] = {}
    for row in theirs["entities"]:  # upstream's key is title and type; its titles keep their quotes
        entity = merged.setdefault(clean_title(row["title"]), {"types": set(), "said": [], "units": [], "frequency": 0})
        entity["types"].add(clean_title(row["type"]))
        entity["said"] += [clean_text(text) for text in row["description"]]
        entity["units"] += row["text_unit_ids"]
        entity["frequency"] += row["frequency"]
    named = {clean_title(title): entity for title, entity in ours.entities.items() if entity.frequency}
    assert set(named) == set(merged)
    for title, entity in named.items():
        their = merged[title]
        assert set(entity.types) == their["types"]
        assert set(entity.descriptions) == set(their["said"])
        assert list(map(str, entity.text_units)) == sorted(distinct(their["units"]))
        assert entity.frequency == their["frequency"]


def test_relationships_are_those_of_upstream_merged_over_the_quotes_of_names(theirs: Any, ours: Graph) -> None:
    merged: dict[tuple[str, str], Any] = {}
    for row in theirs["relationships"]:
        pair = clean_title(row["source"]), clean_title(row["target"])
        if pair[0] != pair[1]:
            link = merged.setdefault(pair, {"said": [], "units": [], "weight": 0.0})
            link["said"] += [clean_text(text) for text in row["description"]]
            link["units"] += row["text_unit_ids"]
            link["weight"] += row["weight"]
    named = {
        (clean_title(link.source), clean_title(link.target)): link
        for pair, link in ours.relationships.items()
        if all(ours.entities[end].frequency for end in pair)
    }
    assert set(named) == set(merged)
    for pair, link in named.items():
        assert link.weight == merged[pair]["weight"]
        assert list(link.descriptions) == distinct(merged[pair]["said"])
        assert list(map(str, link.text_units)) == distinct(merged[pair]["units"])


def test_what_upstream_drops_of_them_is_kept_or_counted(ours: Graph) -> None:
    assert ours.entities["THE DELEGATE"].type == "UNKNOWN"
    assert ("ALTONA", "THE DELEGATE") in ours.relationships
    assert parse_records(ANSWERS[2][0]).dropped == {
        "entity with too few fields": 1,
        "relationship of an entity with itself": 1,
    }


NODES = st.integers(0, 25).map("N{:02}".format)
EDGES = st.lists(
    st.tuples(NODES, NODES, st.integers(1, 20).map(float)).filter(lambda link: link[0] != link[1]),
    min_size=1,
    max_size=60,
    unique_by=lambda link: link[:2],
)


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@settings(max_examples=120, deadline=None)
@given(edges=EDGES, max_cluster_size=st.integers(1, 10), seed=st.integers(0, 2**32))
@example(edges=[("N03", "N02", 1.0), ("N00", "N01", 1.0), ("N02", "N03", 1.0)], max_cluster_size=1, seed=0)
@example(edges=[("N03", "N02", 1.0), ("N00", "N01", 1.0)], max_cluster_size=1, seed=0)
@example(edges=[("N03", "N02", 1.0), ("N02", "N01", 1.0), ("N02", "N03", 9.0)], max_cluster_size=1, seed=0)
def test_the_largest_component_is_clustered_as_upstream_does_it(
    edges: list[tuple[str, str, float]], max_cluster_size: int, seed: int
) -> None:
    built = graph(edges)
    frame = pd.DataFrame(
        [(link.source, link.target, link.weight) for link in built.relationships.values()],
        columns=["source", "target", "weight"],
    )
    theirs = cluster_graph(frame, max_cluster_size, use_lcc=True, seed=seed)
    ours = cluster(built, max_cluster_size=max_cluster_size, use_lcc=True, seed=seed)
    linked = [  # its `create_communities` keeps those with a relationship inside
        (level, number, parent, sorted(members))
        for level, number, parent, members in theirs
        if any({source, target} <= set(members) for source, target in built.relationships)
    ]
    assert sorted(linked) == [(c.level, c.number, c.parent, sorted(c.entities)) for c in ours]


def _random_edges(nodes: int, count: int, seed: int) -> list[Edge]:
    random = Random(seed)
    pairs = sorted({(random.randrange(nodes), random.randrange(nodes)) for _ in range(count)})
    return [(f"N{low:04}", f"N{high:04}", random.choice((1.0, 2.5, 9.0))) for low, high in pairs if low < high]


def _ring_of_cliques(cliques: int, size: int) -> list[Edge]:
    inside = [(c * size + a, c * size + b) for c in range(cliques) for a in range(size) for b in range(a)]
    between = [(c * size, (c + 1) % cliques * size) for c in range(cliques)]
    return [(f"N{low:04}", f"N{high:04}", 1.0) for low, high in inside + between]


@pytest.mark.parametrize("seed", [0, 1, 42, 0xDEADBEEF])
@pytest.mark.parametrize("max_cluster_size", [2, 10, 50])
@pytest.mark.parametrize(
    "edges",
    [
        [("A", "B", 1.0)],
        _ring_of_cliques(12, 6),
        _random_edges(60, 90, seed=3),  # several components
        _random_edges(300, 1500, seed=4),
        [("Ä", "漢", 0.5), ("漢", "B", 3.0), ("B", "Ä", 1e-9), ("X", "Y", 1e9)],
    ],
    ids=["pair", "ring of cliques", "sparse", "dense", "odd weights and names"],
)
def test_leiden_finds_the_clusters_of_upstream(edges: list[Edge], max_cluster_size: int, seed: int) -> None:
    def told(found: Iterable[Any]) -> list[tuple[Any, ...]]:
        return [(one.node, one.level, one.cluster, one.parent_cluster, one.is_final_cluster) for one in found]

    theirs = upstreams.hierarchical_leiden(edges, max_cluster_size=max_cluster_size, random_seed=seed)
    assert told(hierarchical_leiden(edges, max_cluster_size, seed)) == told(theirs)


def test_clustering_imports_nothing_of_upstream() -> None:
    code = (
        "import sys\nfrom fileintel.graphrag.stages.leiden import hierarchical_leiden\n"
        "hierarchical_leiden([('A', 'B', 1.0)], 10, 1)\nprint({'graphrag', 'pandas', 'networkx'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
