"""How a graph goes to the process that clusters it, and how its communities come back: a line of JSON with the lengths,
then columns of numbers as the machine keeps them. Both ends are on one machine."""

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import BinaryIO, Final, Literal

from fileintel.graphrag.stages.leiden import ClusterOptions, NumberedCommunity, NumberedGraph
from fileintel.runtime import yield_to_hub

NUMBERS: Final = "I"  # type codes of `array`
WEIGHTS: Final = "d"
FACTS: Final = "q"
FACTS_OF_A_COMMUNITY = 6
TITLES_AT_ONCE = 50_000
ID_CHARACTERS = 36  # of a UUID
_BETWEEN_TITLES = "\0"  # no title has one: PostgreSQL could not keep it


def pack_graph(graph: NumberedGraph, options: ClusterOptions) -> Iterator[bytes]:
    """A graph and what is to be done with it, in pieces."""
    titles = list(_joined(graph.titles))
    head = {"options": asdict(options), "titles": sum(map(len, titles)), "relationships": len(graph.weights)}
    yield json.dumps(head).encode() + b"\n"
    yield from titles
    yield from (_column(NUMBERS, ends) for ends in (graph.sources, graph.targets))
    yield _column(WEIGHTS, graph.weights)


def read_graph(source: BinaryIO) -> tuple[NumberedGraph, ClusterOptions]:
    """The graph and what is to be done with it."""
    head = json.loads(source.readline())
    joined = source.read(head["titles"]).decode("utf-8", "surrogatepass")
    titles = joined.split(_BETWEEN_TITLES) if joined else []
    count = head["relationships"]
    sources, targets = _integers(source, NUMBERS, count), _integers(source, NUMBERS, count)
    weights = array(WEIGHTS)
    weights.frombytes(source.read(count * weights.itemsize))
    return NumberedGraph(titles, sources, targets, weights), ClusterOptions(**head["options"])


def pack_communities(parts: Sequence[NumberedCommunity]) -> list[bytes]:
    """Communities, in pieces."""
    facts = array(FACTS)
    for part in parts:
        facts.extend((part.number, part.level, part.parent, part.residual))
        facts.extend((len(part.entities), len(part.relationships)))
    entities = array(NUMBERS, chain.from_iterable(part.entities for part in parts))
    relationships = array(NUMBERS, chain.from_iterable(part.relationships for part in parts))
    head = {"parts": len(parts), "entities": len(entities), "relationships": len(relationships)}
    ids = "".join(part.id for part in parts).encode()
    columns = (facts, entities, relationships)
    return [json.dumps(head).encode() + b"\n", ids, *(column.tobytes() for column in columns)]


def read_communities(source: BinaryIO) -> Iterator[NumberedCommunity]:
    """The communities, one after the other."""
    head = json.loads(source.readline())
    ids = source.read(ID_CHARACTERS * head["parts"]).decode()
    facts = _integers(source, FACTS, FACTS_OF_A_COMMUNITY * head["parts"])
    entities = memoryview(_integers(source, NUMBERS, head["entities"]))
    relationships = memoryview(_integers(source, NUMBERS, head["relationships"]))
    for at in range(head["parts"]):
        number, level, parent, residual, members, inside = facts[
            FACTS_OF_A_COMMUNITY * at : FACTS_OF_A_COMMUNITY * (at + 1)
        ]
        identity = ids[ID_CHARACTERS * at : ID_CHARACTERS * (at + 1)]
        yield NumberedCommunity(
            identity, number, level, parent, bool(residual), entities[:members], relationships[:inside]
        )
        entities, relationships = entities[members:], relationships[inside:]


def _joined(titles: Sequence[str]) -> Iterator[bytes]:
    for start in range(0, len(titles), TITLES_AT_ONCE):
        some = _BETWEEN_TITLES.join(titles[start : start + TITLES_AT_ONCE])
        yield f"{_BETWEEN_TITLES if start else ''}{some}".encode("utf-8", "surrogatepass")
        yield_to_hub()


def _column(code: Literal["I", "d"], values: Sequence[int] | Sequence[float]) -> bytes:
    yield_to_hub()
    # an array that is made of another one copies item by item, which takes tenths of a second for millions
    column = values if isinstance(values, array) and values.typecode == code else array(code, values)
    return column.tobytes()


def _integers(source: BinaryIO, code: Literal["I", "q"], count: int) -> "array[int]":
    column = array(code)
    column.frombytes(source.read(count * column.itemsize))
    return column
