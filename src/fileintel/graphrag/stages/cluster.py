"""Communities: hierarchical Leiden over every component (Traag, Waltman, van Eck 2019, by `graspologic-native`).

Entities without a neighbour, and pairs that stand alone, are too small for a report of their own: they are
gathered in residual communities, so that every entity reaches a report.

A large graph is clustered in a process of its own (`cluster_worker`): other greenlets go on meanwhile, and the memory
that it takes is free afterwards. What comes out is the same.
"""

import html
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

from fileintel.garbage_collection import SPARED_SIZE, exempt_from_gc, exempted_from_gc
from fileintel.graphrag.model import Community, Graph
from fileintel.graphrag.stages.cluster_types import Choices, Net, Part
from fileintel.identity import content_id
from fileintel.runtime import free_in_slices, yield_to_hub, yielding

if TYPE_CHECKING:
    from graspologic_native import HierarchicalCluster

STAGE = "cluster"
TOP = -1  # the parent of a community that has none
SMALLEST_COMPONENT = 3  # entities; below it a component goes to a residual community
RESIDUAL_SIZE = 50  # entities of one residual community, or one more
SMALL_GRAPH = 2_000  # relationships that are clustered in some hundredths of a second, in this process

Edge = tuple[str, str, float]


def cluster(graph: Graph, *, max_cluster_size: int, use_lcc: bool, seed: int) -> list[Community]:
    """The communities of all levels, in order of level and number; residual ones last.

    With `use_lcc`, only the largest connected component is clustered and nothing is gathered, as upstream does; and
    like there (`create_communities`), a community without a relationship inside it, a single entity, is left away.

    Raises:
      RunFailed: the process that clusters a large graph was killed.
    """
    choices = Choices(max_cluster_size, use_lcc, seed)
    net = net_of(graph)
    if len(net.weights) <= SMALL_GRAPH:
        parts: Iterable[Part] = divided(net, choices)
    else:
        from fileintel.graphrag.stages.cluster_process import divided_aside

        parts = divided_aside(net, choices)
    titles, pairs = (
        exempted_from_gc(list(yielding(graph.entities))),
        exempted_from_gc(list(yielding(graph.relationships))),
    )
    communities = []
    unspared = 0  # members of communities that the garbage collector would walk through
    for part in parts:
        members = [titles[number] for number in yielding(part.entities)]
        inside = [pairs[number] for number in yielding(part.relationships)]
        communities.append(Community(part.id, part.number, part.level, part.parent, [], members, inside, part.residual))
        unspared += len(members) + len(inside)
        if unspared >= SPARED_SIZE:
            exempt_from_gc()
            unspared = 0
    _link_children(communities)
    return communities


def repeated(communities: Iterable[Community]) -> dict[int, int]:
    """The communities that hold just what their only child holds, each with the number of that child.

    `graphrag` 3.3 divides no community into one, but other versions and other programs do.
    """
    by_number = {community.number: community for community in yielding(communities)}
    only_children = ((c, by_number[c.children[0]]) for c in yielding(by_number.values()) if len(c.children) == 1)
    return {c.number: child.number for c, child in only_children if set(child.entities) == set(c.entities)}


def net_of(graph: Graph) -> Net:
    """What clustering needs of a graph."""
    numbers = {title: number for number, title in enumerate(yielding(graph.entities))}
    sources, targets, weights = array("I"), array("I"), array("d")
    for (source, target), relationship in graph.relationships.items():
        sources.append(numbers[source])
        targets.append(numbers[target])
        weights.append(relationship.weight)
        yield_to_hub()
    free_in_slices(numbers)
    return Net(exempted_from_gc(list(yielding(graph.entities))), sources, targets, weights)


def divided(net: Net, choices: Choices) -> list[Part]:
    """The communities of a net, in order of level and number; residual ones last."""
    weights = undirected_weights(net)
    kept = _largest_component(net, weights) if choices.use_lcc else _components_that_matter(net, weights)
    names = [_upstreams_name(title) for title in net.titles] if choices.use_lcc else net.titles
    edges = _edges(net, weights, kept, names)
    weights.clear()  # of a large graph all of this takes gigabytes
    parts = _leiden(net, edges, names, choices) if edges else []
    if choices.use_lcc:
        return [part for part in parts if part.relationships]
    rest = [number for number in range(len(net.titles)) if number not in kept]
    first = max((part.number for part in parts), default=-1) + 1
    return parts + _residual(net, rest, first)


def undirected_weights(net: Net) -> dict[int, float]:
    """One weight for each pair of neighbours; of two directions the later one counts, in its place, as upstream has
    it. Nothing else depends on the order of the relationships. See `_pairs` for the keys."""
    weights: dict[int, float] = {}
    titles, count = net.titles, len(net.titles)
    for source, target, weight in zip(net.sources, net.targets, net.weights, strict=True):
        pair = source * count + target if titles[source] < titles[target] else target * count + source
        weights.pop(pair, None)
        weights[pair] = weight
    return weights


def _pairs(net: Net, weights: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The pairs that are keys of weights, the lower title first: two numbers in one take a third of the room."""
    count = len(net.titles)
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


def _components_that_matter(net: Net, weights: Iterable[int]) -> set[int]:
    components = connected_components(range(len(net.titles)), _pairs(net, weights))
    return {number for component in components if len(component) >= SMALLEST_COMPONENT for number in component}


def _largest_component(net: Net, weights: Collection[int]) -> set[int]:
    """Of several that are equally large the same as upstream's: the first by lower titles, then by higher ones."""
    numbers = [*(low for low, _ in _pairs(net, weights)), *(high for _, high in _pairs(net, weights))]
    largest = max(connected_components(numbers, _pairs(net, weights)), key=len, default=[])
    return set(largest)


def _upstreams_name(title: str) -> str:
    """The name of a node in upstream's `stable_lcc`. What Leiden finds depends on the order of the names."""
    return html.unescape(title).upper().strip()


def _edges(net: Net, weights: Mapping[int, float], kept: set[int], names: Sequence[str]) -> list[Edge]:
    """The edges between the names of these entities, in one order; of several between the same names the first."""
    found = zip(_pairs(net, weights), weights.values(), strict=True)
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


def _leiden(net: Net, edges: list[Edge], names: Sequence[str], choices: Choices) -> list[Part]:
    """The communities of all levels; `edges` are between the names of entities, which `names` tells."""
    numbers_of: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        numbers_of.setdefault(name, []).append(number)
    members: dict[tuple[int, int], list[int]] = {}
    parents: dict[int, int] = {}
    for part in hierarchical_leiden(edges, choices.max_cluster_size, choices.seed):
        members.setdefault((part.level, part.cluster), []).extend(numbers_of[part.node])
        parents[part.cluster] = TOP if part.parent_cluster is None else part.parent_cluster
    parts = [_part(net, level, number, parents[number], found) for (level, number), found in sorted(members.items())]
    _add_relationships(net, parts)
    return parts


def _part(net: Net, level: int, number: int, parent: int, numbers: list[int], residual: bool = False) -> Part:
    identity = content_id("community", level, *sorted(net.titles[one] for one in numbers))
    return Part(identity, number, level, parent, residual, sorted(numbers), [])


def _add_relationships(net: Net, parts: list[Part]) -> None:
    """Give each community the relationships with both ends in it: one pass over them for each level."""
    levels: dict[int, list[Part]] = {}
    for part in parts:
        levels.setdefault(part.level, []).append(part)
    for of_level in levels.values():
        home = [-1] * len(net.titles)
        for place, part in enumerate(of_level):
            for number in part.entities:
                home[number] = place
        inside: list[list[int]] = [[] for _ in of_level]
        for number, (source, target) in enumerate(zip(net.sources, net.targets, strict=True)):
            if home[source] >= 0 and home[source] == home[target]:
                inside[home[source]].append(number)
        for part, found in zip(of_level, inside, strict=True):
            part.relationships = found


def _residual(net: Net, numbers: list[int], first: int) -> list[Part]:
    # entities are numbered in the order of the texts: neighbours in this list come from the same documents
    parts = [
        _part(net, 0, number, TOP, group, residual=True)
        for number, group in enumerate(_whole_components(net, numbers), start=first)
    ]
    _add_relationships(net, parts)
    return parts


def _whole_components(net: Net, numbers: list[int]) -> Iterator[list[int]]:
    """Groups of about RESIDUAL_SIZE; both ends of a pair are in the same one."""
    inside = set(numbers)
    group: list[int] = []
    pairs = (pair for pair in zip(net.sources, net.targets, strict=True) if pair[0] in inside)
    for component in connected_components(numbers, pairs):
        group += component
        if len(group) >= RESIDUAL_SIZE:
            yield group
            group = []
    if group:
        yield group


def _link_children(communities: list[Community]) -> None:
    by_number = {community.number: community for community in yielding(communities)}
    for community in yielding(communities):
        if community.parent != TOP:
            by_number[community.parent].children.append(community.number)
