"""Recorded answers over the sample collection: upstream's functions and ours come to the same tables.

The answers are those of the built-in model to every passage, gleanings included. All that is taken out of the
comparison is what docs/graphrag.md names as different, and it is taken out by name.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from fileintel.graphrag import rows
from fileintel.graphrag.model import Community, Graph, TextUnit
from fileintel.graphrag.stages.cluster import cluster
from fileintel.graphrag.stages.extract import Extraction, merge, parse_records
from fileintel.graphrag.stages.records import clean_text, clean_title, merge_key

from . import recorded
from .conftest import MAX_CLUSTER_SIZE, SEED

UNKNOWN = "UNKNOWN"  # the type of ends that no record describes


@pytest.fixture(scope="module")
def units() -> Sequence[TextUnit]:
    return recorded.passages()


@pytest.fixture(scope="module")
def theirs(upstream_tables: dict[str, Any]) -> Any:
    return upstream_tables["recorded"]


@pytest.fixture(scope="module")
def ours(units: Sequence[TextUnit]) -> Graph:
    extractions: dict[int, Extraction] = {}
    for number, given in enumerate(recorded.answers()):
        for answer in given:
            extractions.setdefault(number, Extraction()).add(parse_records(answer))
    return merge(extractions, list(units))


@pytest.fixture(scope="module")
def communities(ours: Graph) -> list[Community]:
    return cluster(ours, max_cluster_size=MAX_CLUSTER_SIZE, use_lcc=True, seed=SEED)


def key(title: str) -> str:
    """What names are merged under."""
    return merge_key(title)


def test_the_corpus_is_large_enough_to_mean_something(theirs: Any) -> None:
    final = theirs["final"]
    assert len(final["entities"]) > 80
    assert len(final["relationships"]) > 80
    assert len({row["level"] for row in final["communities"]}) >= 2
    assert max(len(row["text_unit_ids"]) for row in final["entities"]) >= 5


def test_entities_have_the_same_types_frequencies_sources_and_degrees(theirs: Any, ours: Graph) -> None:
    by_title: dict[str, list[dict[str, Any]]] = {}
    for row in theirs["entities"]:  # one for each type, before the final table keeps the first of them
        by_title.setdefault(key(row["title"]), []).append(row)
    degrees = {key(row["title"]): row["degree"] for row in theirs["final"]["entities"]}
    described = {key(title): entity for title, entity in ours.entities.items() if entity.frequency}
    assert described.keys() == by_title.keys()
    for title, entity in described.items():
        typed = by_title[title]
        frequencies = Counter({clean_title(row["type"]): row["frequency"] for row in typed})
        assert set(entity.types) == set(frequencies)
        assert frequencies[entity.type] == max(frequencies.values())
        assert entity.frequency == sum(frequencies.values())
        assert {str(n) for n in entity.text_units} == {n for row in typed for n in row["text_unit_ids"]}
        assert set(entity.descriptions) == {clean_text(text) for row in typed for text in row["description"]}
        # ends that no record describes count as neighbours here
        unknown = {
            other
            for pair in ours.relationships
            if entity.title in pair
            for other in pair
            if ours.entities[other].type == UNKNOWN
        }
        assert entity.degree - len(unknown) == degrees.get(title, 0)


def test_entities_are_numbered_alike(theirs: Any, ours: Graph) -> None:
    described = [key(e.title) for e in sorted(ours.entities.values(), key=lambda e: e.number) if e.frequency]
    assert described == [key(row["title"]) for row in theirs["final"]["entities"]]


def test_relationships_have_the_same_weights_sources_and_combined_degrees(theirs: Any, ours: Graph) -> None:
    known = [
        link
        for link in ours.relationships.values()
        if all(ours.entities[end].frequency for end in (link.source, link.target))
    ]
    final = {(key(row["source"]), key(row["target"])): row for row in theirs["final"]["relationships"]}
    final = {pair: row for pair, row in final.items() if pair[0] != pair[1]}
    assert [(key(link.source), key(link.target)) for link in known] == list(final)
    for link in known:
        row = final[key(link.source), key(link.target)]
        assert link.weight == row["weight"]
        assert {str(n) for n in link.text_units} == set(row["text_unit_ids"])
        ends = (ours.entities[end] for end in (link.source, link.target))
        assert link.combined_degree == sum(end.degree for end in ends)
        assert row["combined_degree"] <= link.combined_degree


def test_communities_of_the_largest_component_are_the_same_table(
    theirs: Any, ours: Graph, communities: list[Community], units: Sequence[TextUnit]
) -> None:
    titles = {row["id"]: key(row["title"]) for row in theirs["final"]["entities"]}
    pairs = {row["id"]: (key(row["source"]), key(row["target"])) for row in theirs["final"]["relationships"]}
    our_titles = {entity.id: key(entity.title) for entity in ours.entities.values()}
    our_pairs = {link.id: (key(link.source), key(link.target)) for link in ours.relationships.values()}
    made = {row["community"]: row for row in rows.community_rows("v", communities, ours, units, "", {})}
    found = {row["community"]: row for row in theirs["final"]["communities"]}
    assert made.keys() == found.keys()
    for number, row in found.items():
        own = made[number]
        for column in ("human_readable_id", "level", "parent", "title", "size"):
            assert own[column] == row[column], (number, column)
        assert sorted(own["children"]) == sorted(row["children"])
        assert sorted(our_titles[i] for i in own["entity_ids"]) == sorted(titles[i] for i in row["entity_ids"])
        assert {our_pairs[i] for i in own["relationship_ids"]} == {pairs[i] for i in row["relationship_ids"]}
        assert set(own["text_unit_ids"]) == set(row["text_unit_ids"])


def test_text_units_list_the_same_entities_and_relationships(theirs: Any, ours: Graph) -> None:
    titles = {row["id"]: key(row["title"]) for row in theirs["final"]["entities"]}
    for number, row in enumerate(theirs["final"]["text_units"]):
        assert row["human_readable_id"] == number
        listed = {titles[identity] for identity in row["entity_ids"]}
        # the final table keeps the sources of one type of an entity that has several
        assert listed <= {key(e.title) for e in ours.entities.values() if number in e.text_units and e.frequency}
        exact = {key(e.title) for e in ours.entities.values() if len(e.types) == 1 and number in e.text_units}
        assert {title for title in exact if ours_described(ours, title)} <= listed


def ours_described(graph: Graph, title: str) -> bool:
    return any(key(entity.title) == title and entity.frequency for entity in graph.entities.values())
