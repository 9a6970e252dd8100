"""Communities: every entity is in one, levels nest."""

import sys
from dataclasses import replace
from io import BytesIO
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.errors import RunFailed
from fileintel.graphrag.model import TOP, Community, Graph
from fileintel.graphrag.stages import cluster as cluster_module
from fileintel.graphrag.stages import cluster_process
from fileintel.graphrag.stages.cluster import cluster, numbered, repeated
from fileintel.graphrag.stages.cluster_wire import pack_communities, pack_graph, read_communities, read_graph
from fileintel.graphrag.stages.leiden import RESIDUAL_SIZE, ClusterOptions, divided
from tests.green import GreenProcess

from . import cluster_scenarios
from .samples import Link, graph

SEED = 0xDEADBEEF
NODES = st.integers(0, 30).map("N{:02}".format)
LINKS = st.lists(
    st.tuples(NODES, NODES, st.integers(1, 20).map(float)).filter(lambda link: link[0] != link[1]),
    max_size=60,
    unique_by=lambda link: link[:2],
)
ORPHANS = st.lists(st.integers(40, 60).map("N{:02}".format), max_size=5)


def of(links: list[Link], orphans: list[str] = []) -> Graph:  # noqa: B006 -- never changed
    return graph(links, {title: ["An orphan."] for title in orphans})


def communities_of(built: Graph, max_cluster_size: int = 4, seed: int = SEED) -> list[Community]:
    return cluster(built, max_cluster_size=max_cluster_size, use_lcc=False, seed=seed)


@settings(max_examples=100)
@given(links=LINKS, orphans=ORPHANS, max_cluster_size=st.integers(1, 10), use_lcc=st.booleans())
def test_what_goes_to_another_process_and_comes_back_is_the_same(
    links: list[Link], orphans: list[str], max_cluster_size: int, use_lcc: bool
) -> None:
    graph, options = numbered(of(links, orphans)), ClusterOptions(max_cluster_size, use_lcc, SEED)
    assert read_graph(BytesIO(b"".join(pack_graph(graph, options)))) == (graph, options)
    parts = divided(graph, options)
    back = read_communities(BytesIO(b"".join(pack_communities(parts))))
    assert [replace(part, entities=[*part.entities], relationships=[*part.relationships]) for part in back] == parts


@pytest.mark.parametrize("use_lcc", [False, True])
def test_another_process_finds_the_same_communities(use_lcc: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(3)
    links = [(f"N{random.randrange(40):02}", f"N{random.randrange(40, 300):03}", 1.0 + n % 7) for n in range(500)]
    built = of(links, ["AN ORPHAN", "Ä&amp;Ö"])
    here = cluster(built, max_cluster_size=5, use_lcc=use_lcc, seed=SEED)
    monkeypatch.setattr(cluster_module, "SMALL_GRAPH", 10)
    assert cluster(built, max_cluster_size=5, use_lcc=use_lcc, seed=SEED) == here


def test_a_process_that_is_killed_for_its_memory_ends_the_run_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_process, "_COMMAND", [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    with pytest.raises(RunFailed, match=r"stage cluster: .* ended with code -9 .* memory"):
        list(cluster_process.divided_aside(numbered(of(ring("R", 5))), ClusterOptions(4, False, SEED)))


def test_other_greenlets_go_on_while_a_graph_is_clustered_and_no_process_is_left_where_nobody_waits_any_more() -> None:
    with GreenProcess() as green:
        assert green(cluster_scenarios.turns_meanwhile) > 10
        assert not green(cluster_scenarios.is_left_behind, [sys.executable, "-c", "import time; time.sleep(600)"])


def ring(prefix: str, size: int) -> list[Link]:
    return [(f"{prefix}{n}", f"{prefix}{(n + 1) % size}", 1.0) for n in range(size)]


@settings(max_examples=100, deadline=None)
@given(links=LINKS, orphans=ORPHANS, max_cluster_size=st.integers(1, 10))
def test_every_entity_is_in_exactly_one_community_at_the_top(
    links: list[Link], orphans: list[str], max_cluster_size: int
) -> None:
    built = of(links, orphans)
    top = [c for c in communities_of(built, max_cluster_size) if c.level == 0]
    assert sorted(title for c in top for title in c.entities) == sorted(built.entities)


@settings(max_examples=100, deadline=None)
@given(links=LINKS, orphans=ORPHANS, max_cluster_size=st.integers(1, 10))
def test_levels_nest_without_repeating_each_other_and_parents_know_their_children(
    links: list[Link], orphans: list[str], max_cluster_size: int
) -> None:
    found = communities_of(of(links, orphans), max_cluster_size)
    by_number = {c.number: c for c in found}
    assert repeated(found) == {}
    assert len(by_number) == len(found) == len({c.id for c in found})
    assert found == sorted(found, key=lambda c: (c.residual, c.level, c.number))
    for community in found:
        assert community.children == [c.number for c in found if c.parent == community.number]
        members = [title for number in community.children for title in by_number[number].entities]
        assert not community.children or sorted(members) == sorted(community.entities)
        if community.parent == TOP:
            assert community.level == 0
        else:
            assert community.level == by_number[community.parent].level + 1


@settings(max_examples=100, deadline=None)
@given(links=LINKS, orphans=ORPHANS)
def test_a_community_holds_the_relationships_with_both_ends_in_it(links: list[Link], orphans: list[str]) -> None:
    built = of(links, orphans)
    for community in communities_of(built):
        inside = set(community.entities)
        assert community.relationships == [pair for pair in built.relationships if inside.issuperset(pair)]
        numbers = [built.entities[title].number for title in community.entities]
        assert numbers == sorted(set(numbers))


@settings(max_examples=100, deadline=None)
@given(links=LINKS, orphans=ORPHANS, seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_communities(links: list[Link], orphans: list[str], seed: int) -> None:
    assert communities_of(of(links, orphans), seed=seed) == communities_of(of(links, orphans), seed=seed)


@settings(max_examples=100, deadline=None)
@given(links=LINKS, random=st.randoms(use_true_random=False))
def test_the_order_of_relationships_does_not_matter_unless_a_pair_is_there_both_ways(
    links: list[Link], random: Random
) -> None:
    one_way = list({frozenset(link[:2]): link for link in links}.values())
    other_order = random.sample(one_way, len(one_way))
    key = [(c.level, c.number, c.parent, frozenset(c.entities)) for c in communities_of(of(one_way)) if not c.residual]
    assert key == [
        (c.level, c.number, c.parent, frozenset(c.entities)) for c in communities_of(of(other_order)) if not c.residual
    ]


def test_orphans_and_pairs_are_gathered_in_residual_communities() -> None:
    found = communities_of(of([*ring("R", 3), ("A", "B", 1.0), ("B", "A", 2.0)], ["X", "Y"]), 10)
    assert [(sorted(c.entities), c.residual, c.level, c.parent, c.children) for c in found] == [
        (["R0", "R1", "R2"], False, 0, TOP, []),
        (["A", "B", "X", "Y"], True, 0, TOP, []),
    ]
    assert found[1].relationships == [("A", "B"), ("B", "A")]


def test_residual_communities_have_a_size_and_never_part_a_pair() -> None:
    pairs = [(f"A{n:03}", f"B{n:03}", 1.0) for n in range(60)]
    found = communities_of(of(pairs, [f"X{n:03}" for n in range(61)]))
    assert all(c.residual for c in found)
    assert all(RESIDUAL_SIZE <= len(c.entities) <= RESIDUAL_SIZE + 1 for c in found[:-1])
    assert len(found[-1].entities) <= RESIDUAL_SIZE + 1
    assert sum(len(c.relationships) for c in found) == len(pairs)


def test_a_graph_without_relationships_is_all_residual() -> None:
    assert [c.residual for c in communities_of(of([], ["X", "Y", "Z"]))] == [True]


def test_an_empty_graph_has_no_communities() -> None:
    assert communities_of(Graph()) == []
    assert cluster(Graph(), max_cluster_size=10, use_lcc=True, seed=SEED) == []


def test_with_the_largest_component_alone_the_rest_is_in_no_community() -> None:
    built = of([*ring("S", 3), *ring("R", 5)], ["X"])
    found = cluster(built, max_cluster_size=10, use_lcc=True, seed=SEED)
    assert {title for c in found for title in c.entities} == {f"R{n}" for n in range(5)}
    orphans = of([], ["X", "Y"])
    assert cluster(orphans, max_cluster_size=10, use_lcc=True, seed=SEED) == []
