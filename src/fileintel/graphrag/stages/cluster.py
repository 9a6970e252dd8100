"""Communities of entities, by hierarchical Leiden (`leiden`).

A large graph is clustered in a process of its own (`cluster_worker`): other greenlets go on meanwhile, and the memory
that it takes is free afterwards. The communities are the same.
"""

from array import array
from collections.abc import Iterable, Iterator

from fileintel.garbage_collection import SPARED_SIZE, exempt_from_gc, exempted_from_gc
from fileintel.graphrag import rows
from fileintel.graphrag.build import IndexParts
from fileintel.graphrag.model import TOP, Community, Graph
from fileintel.graphrag.stages.leiden import ClusterOptions, NumberedCommunity, NumberedGraph, divided
from fileintel.graphrag.stages.stage import Build, Moment, Row, Stage, StageRun, Table
from fileintel.runtime import free_in_slices, yield_to_hub, yielding
from fileintel.storage.models import Community as CommunityRow

STAGE = "cluster"
SMALL_GRAPH = 2_000  # relationships that are clustered in some hundredths of a second, in this process


class ClusterStage(StageRun):
    """Divides the graph into communities."""

    def texts_are_read(self, build: Build) -> None:
        run, settings = build.run, build.run.settings.graphrag
        run.progress.begin(STAGE)
        communities = build.parts.communities = cluster(
            build.parts.graph,
            max_cluster_size=settings.max_cluster_size,
            use_lcc=settings.use_lcc,
            seed=settings.seed,
        )
        run.progress.complete(STAGE, len(communities))
        if repeats := repeated(communities):
            run.journal.warn(
                STAGE,
                f"{len(repeats)} of {len(communities)} communities hold the same as their only child: "
                f"each such pair is asked about once, and has one report twice",
            )


def cluster(graph: Graph, *, max_cluster_size: int, use_lcc: bool, seed: int) -> list[Community]:
    """The communities of all levels, in order of level and number; residual ones last.

    With `use_lcc`, only the largest connected component is clustered and nothing is gathered, as upstream does; and
    like there (`create_communities`), a community without a relationship inside it, a single entity, is left away.

    Raises:
      RunFailed: the process that clusters a large graph was killed.
    """
    options = ClusterOptions(max_cluster_size, use_lcc, seed)
    numbers = numbered(graph)
    if len(numbers.weights) <= SMALL_GRAPH:
        parts: Iterable[NumberedCommunity] = divided(numbers, options)
    else:
        from fileintel.graphrag.stages.cluster_process import divided_aside

        parts = divided_aside(numbers, options)
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


def numbered(graph: Graph) -> NumberedGraph:
    """A graph as clustering needs it: numbers in place of entities."""
    numbers = {title: number for number, title in enumerate(yielding(graph.entities))}
    sources, targets, weights = array("I"), array("I"), array("d")
    for (source, target), relationship in graph.relationships.items():
        sources.append(numbers[source])
        targets.append(numbers[target])
        weights.append(relationship.weight)
        yield_to_hub()
    free_in_slices(numbers)
    return NumberedGraph(exempted_from_gc(list(yielding(graph.entities))), sources, targets, weights)


def _link_children(communities: list[Community]) -> None:
    by_number = {community.number: community for community in yielding(communities)}
    for community in yielding(communities):
        if community.parent != TOP:
            by_number[community.parent].children.append(community.number)


def _rows(version_id: str, parts: IndexParts) -> Iterator[Row]:
    return rows.community_rows(version_id, parts.communities, parts.graph, parts.units, parts.period, parts.contexts)


DECLARATION = Stage(
    STAGE,
    tables=(Table(CommunityRow, "communities", _rows, written=Moment.PUBLISHING),),
    begin=lambda _build: ClusterStage(),
    complete_before=Moment.GRAPH,
)
