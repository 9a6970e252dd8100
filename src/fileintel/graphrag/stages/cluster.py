"""Communities: hierarchical Leiden over every component (Traag, Waltman, van Eck 2019, through `graphrag.graphs`).

Entities without a neighbour, and pairs that stand alone, are too small for a report of their own: they are
gathered in residual communities, so that every entity reaches a report.
"""

import html
from collections.abc import Collection, Iterable, Iterator, Mapping

from fileintel.graphrag.model import Community, Graph
from fileintel.identity import content_id

STAGE = "cluster"
TOP = -1  # the parent of a community that has none
SMALLEST_COMPONENT = 3  # entities; below it a component goes to a residual community
RESIDUAL_SIZE = 50  # entities of one residual community, or one more

Pair = tuple[str, str]


def cluster(graph: Graph, *, max_cluster_size: int, use_lcc: bool, seed: int) -> list[Community]:
    """The communities of all levels, in order of level and number; residual ones last.

    With `use_lcc`, only the largest connected component is clustered and nothing is gathered, as upstream does; and
    like there (`create_communities`), a community without a relationship inside it, a single entity, is left away.
    """
    weights = undirected_weights(graph)
    kept = _largest_component(weights) if use_lcc else _components_that_matter(graph, weights)
    names = {title: _upstreams_name(title) if use_lcc else title for title in graph.entities}
    edges: dict[Pair, float] = {}
    for (low, high), weight in weights.items():
        if low in kept:
            edges.setdefault((min(names[low], names[high]), max(names[low], names[high])), weight)
    communities = _leiden(graph, edges, names, max_cluster_size, seed) if edges else []
    if use_lcc:
        communities = [community for community in communities if community.relationships]
    else:
        rest = [title for title in graph.entities if title not in kept]
        first = max((community.number for community in communities), default=-1) + 1
        communities += _residual(graph, rest, first)
    _link_children(communities)
    return communities


def repeated(communities: Iterable[Community]) -> dict[int, int]:
    """The communities that hold just what their only child holds, each with the number of that child.

    `graphrag` 3.3 divides no community into one, but other versions and other programs do.
    """
    by_number = {community.number: community for community in communities}
    only_children = ((c, by_number[c.children[0]]) for c in by_number.values() if len(c.children) == 1)
    return {c.number: child.number for c, child in only_children if set(child.entities) == set(c.entities)}


def undirected_weights(graph: Graph) -> dict[Pair, float]:
    """One weight for each pair of neighbours, the lower title first; of two directions the later one counts, in its
    place, as upstream has it. Nothing else depends on the order of the relationships."""
    weights: dict[Pair, float] = {}
    for (source, target), relationship in graph.relationships.items():
        pair = min(source, target), max(source, target)
        weights.pop(pair, None)
        weights[pair] = relationship.weight
    return weights


def connected_components(titles: Iterable[str], pairs: Iterable[Pair]) -> list[list[str]]:
    """The components, each in order of `titles`, found by union-find with path halving."""
    parent = {title: title for title in titles}

    def root(title: str) -> str:
        while parent[title] != title:
            parent[title] = title = parent[parent[title]]
        return title

    for low, high in pairs:
        parent[root(low)] = root(high)
    components: dict[str, list[str]] = {}
    for title in parent:
        components.setdefault(root(title), []).append(title)
    return list(components.values())


def _components_that_matter(graph: Graph, weights: Iterable[Pair]) -> set[str]:
    components = connected_components(graph.entities, weights)
    return {title for component in components if len(component) >= SMALLEST_COMPONENT for title in component}


def _largest_component(weights: Collection[Pair]) -> set[str]:
    """Of several that are equally large the same as upstream's: the first by lower titles, then by higher ones."""
    titles = [*(low for low, _ in weights), *(high for _, high in weights)]
    largest = max(connected_components(titles, weights), key=len, default=[])
    return set(largest)


def _upstreams_name(title: str) -> str:
    """The name of a node in upstream's `stable_lcc`. What Leiden finds depends on the order of the names."""
    return html.unescape(title).upper().strip()


def _leiden(
    graph: Graph, edges: Mapping[Pair, float], names: Mapping[str, str], max_cluster_size: int, seed: int
) -> list[Community]:
    """The communities of all levels; `edges` are between the names of titles, which `names` tells."""
    from graphrag.graphs.hierarchical_leiden import hierarchical_leiden

    titles_of: dict[str, list[str]] = {}
    for title, name in names.items():
        titles_of.setdefault(name, []).append(title)
    members: dict[tuple[int, int], list[str]] = {}
    parents: dict[int, int] = {}
    ordered = sorted((low, high, weight) for (low, high), weight in edges.items())
    for part in hierarchical_leiden(ordered, max_cluster_size=max_cluster_size, random_seed=seed):
        members.setdefault((part.level, part.cluster), []).extend(titles_of[part.node])
        parents[part.cluster] = TOP if part.parent_cluster is None else part.parent_cluster
    communities = [
        _community(graph, level, number, parents[number], titles) for (level, number), titles in sorted(members.items())
    ]
    _add_relationships(graph, communities)
    return communities


def _community(
    graph: Graph, level: int, number: int, parent: int, titles: list[str], residual: bool = False
) -> Community:
    ordered = sorted(titles, key=lambda title: graph.entities[title].number)
    identity = content_id("community", level, *sorted(titles))
    return Community(identity, number, level, parent, [], ordered, [], residual)


def _add_relationships(graph: Graph, communities: list[Community]) -> None:
    """Give each community the relationships with both ends in it: one pass over the edges for each level."""
    levels: dict[int, dict[str, Community]] = {}
    for community in communities:
        of_level = levels.setdefault(community.level, {})
        of_level.update(dict.fromkeys(community.entities, community))
    for of_level in levels.values():
        for source, target in graph.relationships:
            home = of_level.get(source)
            if home is not None and home is of_level.get(target):
                home.relationships.append((source, target))


def _residual(graph: Graph, titles: list[str], first: int) -> list[Community]:
    # entities are numbered in the order of the texts: neighbours in this list come from the same documents
    communities = [
        _community(graph, 0, number, TOP, group, residual=True)
        for number, group in enumerate(_whole_components(graph, titles), start=first)
    ]
    _add_relationships(graph, communities)
    return communities


def _whole_components(graph: Graph, titles: list[str]) -> Iterator[list[str]]:
    """Groups of about RESIDUAL_SIZE; both ends of a pair are in the same one."""
    inside = set(titles)
    group: list[str] = []
    for component in connected_components(titles, (pair for pair in graph.relationships if pair[0] in inside)):
        group += component
        if len(group) >= RESIDUAL_SIZE:
            yield group
            group = []
    if group:
        yield group


def _link_children(communities: list[Community]) -> None:
    by_number = {community.number: community for community in communities}
    for community in communities:
        if community.parent != TOP:
            by_number[community.parent].children.append(community.number)
