"""A generated graph of 168 communities in three levels, for the reports benchmark."""

from collections.abc import Sequence
from itertools import pairwise

from fileintel.graphrag.model import Community, Entity, Graph, Relationship
from fileintel.identity import content_id

TOP, MIDDLE, BOTTOM = 14, 42, 112  # communities in each level: 168
ENTITIES = 8  # of each community at the bottom
WORDS = "the harbour master signed a charter with the council and moved the archive of letters to the old mill "
DESCRIPTION_WORDS = 60


def hierarchy() -> tuple[Graph, list[Community]]:
    """The graph, and its communities: a parent holds all that its children hold."""
    graph = Graph()
    bottom = [_leaf(graph, number) for number in range(BOTTOM)]
    middle = [_parent(BOTTOM + at, 1, bottom[at::MIDDLE]) for at in range(MIDDLE)]
    top = [_parent(BOTTOM + MIDDLE + at, 0, middle[at::TOP]) for at in range(TOP)]
    return graph, [*top, *middle, *bottom]


def _leaf(graph: Graph, number: int) -> Community:
    titles = [f"NAME {number}-{at}" for at in range(ENTITIES)]
    pairs = list(pairwise(titles))
    for title in titles:
        place = len(graph.entities)
        graph.entities[title] = Entity(
            content_id("entity", title), place, title, "PERSON", ["PERSON"], {}, [0], 1, 2, _description(title)
        )
    for source, target in pairs:
        place = len(graph.relationships)
        identity = content_id("relationship", source, target)
        graph.relationships[source, target] = Relationship(
            identity, place, source, target, {}, [0], 1.0, 4, _description(f"{source} and {target}")
        )
    return Community(content_id("community", str(number)), number, 2, -1, [], titles, pairs)


def _parent(number: int, level: int, children: Sequence[Community]) -> Community:
    for child in children:
        child.parent = number
    return Community(
        content_id("community", str(number)),
        number,
        level,
        -1,
        [child.number for child in children],
        [title for child in children for title in child.entities],
        [pair for child in children for pair in child.relationships],
    )


def _description(name: str) -> str:
    words = WORDS.split()
    return name + ": " + " ".join(words[at % len(words)] for at in range(DESCRIPTION_WORDS))
