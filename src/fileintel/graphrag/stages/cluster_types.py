"""What is clustered, how, and what comes out: without texts, so that it can go to another process."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Choices:
    """How a graph is divided; see `cluster`."""

    max_cluster_size: int
    use_lcc: bool
    seed: int


@dataclass(frozen=True)
class Net:
    """A graph without its texts: titles in order of number, the ends of relationships by number, their weights."""

    titles: Sequence[str]
    sources: Sequence[int]
    targets: Sequence[int]
    weights: Sequence[float]


@dataclass(slots=True)
class Part:
    """A community whose members are numbers: of entities, and of relationships with both ends inside. From another
    process they come as views of one array, which a garbage collector does not walk through."""

    id: str
    number: int
    level: int
    parent: int
    residual: bool
    entities: Sequence[int]
    relationships: Sequence[int]
