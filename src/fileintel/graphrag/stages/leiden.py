"""Hierarchical Leiden over every component of a graph of numbers (Traag, Waltman, van Eck 2019, by
`graspologic-native`). It knows no texts but titles, and imports nothing of a run: a process of its own can do it.

Entities without a neighbour, and pairs that stand alone, are too small for a report of their own: they are
gathered in residual communities, so that every entity reaches a report.
"""

import html
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

from fileintel.graphrag.model import TOP
from fileintel.identity import content_id

if TYPE_CHECKING:
    from graspologic_native import HierarchicalCluster

SMALLEST_COMPONENT = 3  # entities; below it a component goes to a residual community
RESIDUAL_SIZE = 50  # entities of one residual community, or one more

Edge = tuple[str, str, float]


@dataclass(frozen=True)
class ClusterOptions:
    """How a graph is divided; see `cluster`."""

    max_cluster_size: int
    use_lcc: bool
    seed: int


@dataclass(frozen=True)
class NumberedGraph:
    """A graph without its texts: titles in order of number, the ends of relationships by number, their weights."""

    titles: Sequence[str]
    sources: Sequence[int]
    targets: Sequence[int]
    weights: Sequence[float]


@dataclass(slots=True)
class NumberedCommunity:
    """A community whose members are numbers: of entities, and of relationships with both ends inside. From another
    process they come as views of one array, which a garbage collector does not walk through."""

    id: str
    number: int
    level: int
    parent: int
    residual: bool
    entities: Sequence[int]
    relationships: Sequence[int]


def divided(graph: NumberedGraph, options: ClusterOptions) -> list[NumberedCommunity]:
    """The communities of a graph, in order of level and number; residual ones last."""
    weights = undirected_weights(graph)
    kept = _largest_component(graph, weights) if options.use_lcc else _components_that_matter(graph, weights)
    names = [_upstreams_name(title) for title in graph.titles] if options.use_lcc else graph.titles
    edges = _edges(graph, weights, kept, names)
    weights.clear()  # of a large graph all of this takes gigabytes
    parts = _leiden(graph, edges, names, options) if edges else []
    if options.use_lcc:
        return [part for part in parts if part.relationships]
    rest = [number for number in range(len(graph.titles)) if number not in kept]
    first = max((part.number for part in parts), default=-1) + 1
    return parts + _residual(graph, rest, first)


def undirected_weights(graph: NumberedGraph) -> dict[int, float]:
    """One weight for each pair of neighbours; of two directions the later one counts, in its place, as upstream has
    it. Nothing else depends on the order of the relationships. See `_pairs` for the keys."""
    weights: dict[int, float] = {}
    titles, count = graph.titles, len(graph.titles)
    for source, target, weight in zip(graph.sources, graph.targets, graph.weights, strict=True):
        pair = source * count + target if titles[source] < titles[target] else target * count + source
        weights.pop(pair, None)
        weights[pair] = weight
    return weights


def _pairs(graph: NumberedGraph, weights: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The pairs that are keys of weights, the lower title first: two numbers in one take a third of the room."""
    count = len(graph.titles)
    return (divmod(pair, count) for pair in weights)


def connected_components(numbers: Iterable[int], pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The components, each in order of `numbers`, found by union-find with path halving."""
    parent = {number: number for number in numbers}

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    for low, high in pairs:
        parent[root(low)] = root(high)
    components: dict[int, list[int]] = {}
    for number in parent:
        components.setdefault(root(number), []).append(number)
    return list(components.values())


def _components_that_matter(graph: NumberedGraph, weights: Iterable[int]) -> set[int]:
    components = connected_components(range(len(graph.titles)), _pairs(graph, weights))
    return {number for component in components if len(component) >= SMALLEST_COMPONENT for number in component}


def _largest_component(graph: NumberedGraph, weights: Collection[int]) -> set[int]:
    """Of several that are equally large the same as upstream's: the first by lower titles, then by higher ones."""
    numbers = [*(low for low, _ in _pairs(graph, weights)), *(high for _, high in _pairs(graph, weights))]
    largest = max(connected_components(numbers, _pairs(graph, weights)), key=len, default=[])
    return set(largest)


def _upstreams_name(title: str) -> str:
    """The name of a node in upstream's `stable_lcc`. What Leiden finds depends on the order of the names."""
    return html.unescape(title).upper().strip()


def _edges(graph: NumberedGraph, weights: Mapping[int, float], kept: set[int], names: Sequence[str]) -> list[Edge]:
    """The edges between the names of these entities, in one order; of several between the same names the first."""
    found = zip(_pairs(graph, weights), weights.values(), strict=True)
    pairs = ((names[low], names[high], weight) for (low, high), weight in found if low in kept)
    edges = [(low, high, weight) if low <= high else (high, low, weight) for low, high, weight in pairs]
    edges.sort(key=itemgetter(0, 1))  # this keeps the order of those that are alike
    alike = (edges[at][:2] == edges[at - 1][:2] for at in range(1, len(edges)))
    return [edge for edge, again in zip(edges, chain((False,), alike), strict=True) if not again] if edges else []


def hierarchical_leiden(edges: list[Edge], max_cluster_size: int, seed: int) -> "list[HierarchicalCluster]":
    """Divide a graph as `graphrag` 3.3 does (`graphrag.graphs.hierarchical_leiden`), with the same parameters.

    Parameters:
      edges: two names and a weight for each; their order is part of what comes out.
      max_cluster_size: nodes; a larger community is divided further.

    Returns:
      One entry for each node and each level that it is found on.
    """
    import graspologic_native

    return graspologic_native.hierarchical_leiden(
        edges=edges,
        starting_communities=None,
        resolution=1.0,
        randomness=0.001,
        iterations=1,
        use_modularity=True,
        max_cluster_size=max_cluster_size,
        seed=seed,
    )


def _leiden(
    graph: NumberedGraph, edges: list[Edge], names: Sequence[str], options: ClusterOptions
) -> list[NumberedCommunity]:
    """The communities of all levels; `edges` are between the names of entities, which `names` tells."""
    numbers_of: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        numbers_of.setdefault(name, []).append(number)
    members: dict[tuple[int, int], list[int]] = {}
    parents: dict[int, int] = {}
    for part in hierarchical_leiden(edges, options.max_cluster_size, options.seed):
        members.setdefault((part.level, part.cluster), []).extend(numbers_of[part.node])
        parents[part.cluster] = TOP if part.parent_cluster is None else part.parent_cluster
    parts = [_part(graph, level, number, parents[number], found) for (level, number), found in sorted(members.items())]
    _add_relationships(graph, parts)
    return parts


def _part(
    graph: NumberedGraph, level: int, number: int, parent: int, numbers: list[int], residual: bool = False
) -> NumberedCommunity:
    identity = content_id("community", level, *sorted(graph.titles[one] for one in numbers))
    return NumberedCommunity(identity, number, level, parent, residual, sorted(numbers), [])


def _add_relationships(graph: NumberedGraph, parts: list[NumberedCommunity]) -> None:
    """Give each community the relationships with both ends in it: one pass over them for each level."""
    levels: dict[int, list[NumberedCommunity]] = {}
    for part in parts:
        levels.setdefault(part.level, []).append(part)
    for of_level in levels.values():
        home = [-1] * len(graph.titles)
        for place, part in enumerate(of_level):
            for number in part.entities:
                home[number] = place
        inside: list[list[int]] = [[] for _ in of_level]
        for number, (source, target) in enumerate(zip(graph.sources, graph.targets, strict=True)):
            if home[source] >= 0 and home[source] == home[target]:
                inside[home[source]].append(number)
        for part, found in zip(of_level, inside, strict=True):
            part.relationships = found


def _residual(graph: NumberedGraph, numbers: list[int], first: int) -> list[NumberedCommunity]:
    # entities are numbered in the order of the texts: neighbours in this list come from the same documents
    parts = [
        _part(graph, 0, number, TOP, group, residual=True)
        for number, group in enumerate(_whole_components(graph, numbers), start=first)
    ]
    _add_relationships(graph, parts)
    return parts


def _whole_components(graph: NumberedGraph, numbers: list[int]) -> Iterator[list[int]]:
    """Groups of about RESIDUAL_SIZE; both ends of a pair are in the same one."""
    inside = set(numbers)
    group: list[int] = []
    pairs = (pair for pair in zip(graph.sources, graph.targets, strict=True) if pair[0] in inside)
    for component in connected_components(numbers, pairs):
        group += component
        if len(group) >= RESIDUAL_SIZE:
            yield group
            group = []
    if group:
        yield group
