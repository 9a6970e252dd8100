"""Merging the records of all text units into one graph."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.graphrag.model import Graph
from fileintel.graphrag.stages.extract import EntityRecord, Extraction, RelationshipRecord, merge, parse_records
from fileintel.graphrag.stages.merging import InOrder

from .samples import LINKS, SMALL_EXTRACTIONS, graph, units

UNITS = units(8)
Extractions = dict[int, Extraction]


def shuffled(extractions: Extractions, random: Random) -> Extractions:
    order = list(extractions)
    random.shuffle(order)
    return {number: extractions[number] for number in order}


def records(extractions: Extractions) -> tuple[list[tuple[int, EntityRecord]], list[tuple[int, RelationshipRecord]]]:
    entities = [(number, record) for number, found in extractions.items() for record in found.entities]
    links = [(number, record) for number, found in extractions.items() for record in found.relationships]
    return entities, links


@settings(max_examples=150, deadline=None)
@given(extractions=SMALL_EXTRACTIONS, random=st.randoms(use_true_random=False))
def test_the_order_in_which_extractions_arrived_does_not_matter(extractions: Extractions, random: Random) -> None:
    first, second = merge(extractions, UNITS), merge(shuffled(extractions, random), UNITS)
    assert first == second
    assert list(first.entities) == list(second.entities)
    assert list(first.relationships) == list(second.relationships)


@settings(max_examples=150)
@given(extractions=SMALL_EXTRACTIONS, order=st.permutations(range(8)))
def test_what_is_merged_as_it_arrives_is_what_is_merged_at_once(extractions: Extractions, order: list[int]) -> None:
    arriving = InOrder(range(8))
    for number in order:
        arriving.over(number, extractions.get(number))
    made, whole = arriving.graph(), merge(extractions, UNITS)
    assert made == whole
    assert list(made.entities) == list(whole.entities)
    assert list(made.relationships) == list(whole.relationships)


@settings(max_examples=150)
@given(texts=st.lists(st.integers(0, 30).map("It is {}.".format), max_size=60))
def test_however_much_is_said_of_a_thing_each_is_kept_once_in_order(texts: list[str]) -> None:
    said = {n: Extraction([EntityRecord("ADA", "PERSON", text)]) for n, text in enumerate(texts)}
    built = merge(said, units(len(texts)))
    if texts:
        assert list(built.entities["ADA"].descriptions) == list(dict.fromkeys(texts))
        assert built.entities["ADA"].text_units == list(range(len(texts)))


@settings(max_examples=150, deadline=None)
@given(extractions=SMALL_EXTRACTIONS)
def test_numbers_are_dense_and_follow_the_order_of_the_graph(extractions: Extractions) -> None:
    built = merge(extractions, UNITS)
    assert [entity.number for entity in built.entities.values()] == list(range(len(built.entities)))
    assert [link.number for link in built.relationships.values()] == list(range(len(built.relationships)))
    assert all(entity.title == title for title, entity in built.entities.items())
    assert all((link.source, link.target) == pair for pair, link in built.relationships.items())


@settings(max_examples=150, deadline=None)
@given(extractions=SMALL_EXTRACTIONS)
def test_everything_that_was_said_is_in_the_graph_once(extractions: Extractions) -> None:
    built = merge(extractions, UNITS)
    entities, links = records(extractions)
    ends = {title for _, link in links for title in (link.source, link.target)}
    assert set(built.entities) == {record.title for _, record in entities} | ends
    for title, entity in built.entities.items():
        naming = [(number, record) for number, record in entities if record.title == title]
        sources = {number for number, _ in naming}
        if not naming:
            sources = {number for number, link in links if title in (link.source, link.target)}
        assert entity.frequency == len(naming)
        assert set(entity.descriptions) == {record.description for _, record in naming} - {""}
        assert entity.text_units == sorted(sources)
    assert set(built.relationships) == {(link.source, link.target) for _, link in links}
    for pair, relationship in built.relationships.items():
        saying = [(number, link) for number, link in links if (link.source, link.target) == pair]
        assert relationship.weight == sum(link.weight for _, link in saying)
        assert relationship.text_units == sorted({number for number, _ in saying})


@settings(max_examples=150, deadline=None)
@given(extractions=SMALL_EXTRACTIONS)
def test_degrees_count_different_neighbours(extractions: Extractions) -> None:
    built = merge(extractions, UNITS)
    for title, entity in built.entities.items():
        assert entity.degree == len(
            {other for pair in built.relationships if title in pair for other in pair} - {title}
        )
    for (source, target), link in built.relationships.items():
        assert link.combined_degree == built.entities[source].degree + built.entities[target].degree


def test_two_directions_between_a_pair_are_one_neighbour_and_two_relationships() -> None:
    built = graph([("ADA", "BYRON", 1.0), ("BYRON", "ADA", 2.0)])
    assert [entity.degree for entity in built.entities.values()] == [1, 1]
    assert len(built.relationships) == 2


def test_an_entity_is_shown_under_its_most_frequent_type_and_keeps_all() -> None:
    def one(kind: str) -> Extraction:
        return Extraction([EntityRecord("ADA", kind, "")])

    kinds = ["UNKNOWN", "UNKNOWN", "GEO", "PERSON", "PERSON"]
    ada = merge({number: one(kind) for number, kind in enumerate(kinds)}, UNITS).entities["ADA"]
    assert (ada.type, ada.types) == ("PERSON", ["GEO", "PERSON"])
    ada = merge({0: one("ORG"), 1: one("GEO")}, UNITS).entities["ADA"]
    assert (ada.type, ada.types) == ("GEO", ["GEO", "ORG"])
    ada = merge({0: one("UNKNOWN")}, UNITS).entities["ADA"]
    assert (ada.type, ada.types) == ("UNKNOWN", ["UNKNOWN"])


def test_entities_that_only_relationships_name_are_added_behind_the_others() -> None:
    links = [RelationshipRecord("ZENO", "ADA", "", 1.0), RelationshipRecord("ADA", "YORK", "", 1.0)]
    built = merge({2: Extraction([EntityRecord("ADA", "PERSON", "")], links[:1]), 5: Extraction([], links)}, UNITS)
    assert list(built.entities) == ["ADA", "ZENO", "YORK"]
    zeno = built.entities["ZENO"]
    assert (zeno.type, zeno.types, zeno.frequency, zeno.text_units) == ("UNKNOWN", ["UNKNOWN"], 0, [2, 5])
    assert built.entities["ADA"].text_units == [2]


@settings(max_examples=50, deadline=None)
@given(links=LINKS, more=LINKS)
def test_ids_depend_on_names_alone(links: list[tuple[str, str, float]], more: list[tuple[str, str, float]]) -> None:
    small, large = graph(links), graph([*more, *links])
    for title, entity in small.entities.items():
        assert large.entities[title].id == entity.id
    for pair, relationship in small.relationships.items():
        assert large.relationships[pair].id == relationship.id
    ids = [thing.id for thing in (*large.entities.values(), *large.relationships.values())]
    assert len(set(ids)) == len(ids)


def test_ids_are_the_same_on_every_machine() -> None:
    built = graph([("ADA", "BYRON", 1.0)])
    assert built.entities["ADA"].id == "6f94ac74-135b-54e6-a72b-af689afc6b33"
    assert built.relationships["ADA", "BYRON"].id == "47f6200b-b41c-5b2d-8bf3-ef0f4c5d4d55"


def test_nothing_makes_an_empty_graph() -> None:
    assert merge({}, UNITS) == Graph()


def test_spellings_of_one_name_are_one_entity_under_the_one_that_occurs_most() -> None:
    names = ["ecole normale", "École  Normale", "École Normale", '"ÉCOLE NORMALE"']
    links = [RelationshipRecord("ADA", "École Normale", "She taught there.", 2.0)]
    links += [RelationshipRecord("Ada", "ECOLE NORMALE", "She left it.", 3.0)]
    found = [parse_records(f'("entity"<|>{name}<|>ORGANIZATION<|>A school: {name}.)') for name in names]
    built = merge({**dict(enumerate(found)), 5: Extraction([], links)}, UNITS)
    assert list(built.entities) == ["École Normale", "ADA"]
    school = built.entities["École Normale"]
    assert (school.title, school.frequency, school.text_units, school.degree) == ("École Normale", 4, [0, 1, 2, 3], 1)
    (link,) = built.relationships.values()
    assert (link.source, link.target, link.weight) == ("ADA", "École Normale", 5.0)
    assert list(built.relationships) == [("ADA", "École Normale")]


def test_ids_do_not_depend_on_which_spelling_is_shown() -> None:
    loud, quiet = (merge({0: Extraction([EntityRecord(name, "PERSON", "")])}, UNITS) for name in ("ADA", "Ada"))
    assert loud.entities["ADA"].id == quiet.entities["Ada"].id
