"""The graph without a model: names and what stands together, in four languages."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.graphrag.model import Graph
from fileintel.graphrag.stages.fast import MOST_RELATED, noun_graph
from tests.builtin_model.prose_samples import ENGLISH, FINNISH, FRENCH, GERMAN

from .samples import unit

TYPES = ("organization", "person", "geo", "event")


def graph_of(texts: Sequence[str], types: Sequence[str] = TYPES) -> Graph:
    return noun_graph([unit(number, text) for number, text in enumerate(texts)], types)


def paragraphs(text: str) -> list[str]:
    return [part for part in text.split("\n\n") if part.strip()]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (ENGLISH, {"Ilse Brandt": "PERSON", "Harbour Commission": "ORGANIZATION", "Altona": "GEO"}),
        (GERMAN, {"Ilse Brandt": "PERSON", "Hafenkommission": "ORGANIZATION", "Altona": "GEO"}),
        (FRENCH, {"Ilse Brandt": "PERSON"}),
        (FINNISH, {"Ilse Brandt": "PERSON"}),
    ],
    ids=["English", "German", "French", "Finnish"],
)
def test_names_are_found_with_their_types_in_four_languages(text: str, names: dict[str, str]) -> None:
    built = graph_of([text])
    assert {title: built.entities[title].type for title in names} == names
    assert len(built.entities) > 3
    assert len(built.relationships) >= len(built.entities) / 2


def test_the_type_is_one_of_those_that_the_collection_looks_for() -> None:
    assert {entity.type for entity in graph_of([ENGLISH], ["people", "place"]).entities.values()} <= {"PEOPLE", "PLACE"}


def test_entities_are_described_by_the_sentences_that_speak_of_them() -> None:
    built = graph_of(paragraphs(ENGLISH))
    krohn = built.entities["Jonas Krohn"]
    assert any("surveyor of the Meridian Dredging Company" in text for text in krohn.descriptions)
    assert all(len(entity.descriptions) <= 1 for entity in built.entities.values())  # nothing is left to be asked
    assert all(len(link.descriptions) <= 1 for link in built.relationships.values())


def test_text_units_and_frequencies_are_those_of_the_names() -> None:
    built = graph_of([ENGLISH, GERMAN, "Nothing is named here.", ENGLISH])
    brandt = built.entities["Ilse Brandt"]
    assert (brandt.frequency, brandt.text_units) == (3, [0, 1, 3])


def test_what_stands_together_often_weighs_more_than_what_does_once() -> None:
    often = "Ilse Brandt met Jonas Krohn in Altona."
    texts = [often, often, often, "Ilse Brandt met Clara Voss in Altona."]
    built = graph_of(texts)
    weights = {frozenset(pair): link.weight for pair, link in built.relationships.items()}
    assert weights[frozenset(("Ilse Brandt", "Jonas Krohn"))] > weights[frozenset(("Ilse Brandt", "Clara Voss"))]


PARTS = paragraphs(ENGLISH) + paragraphs(GERMAN)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(len(PARTS))), garbage=st.text(max_size=200))
def test_any_texts_give_a_graph_that_can_be_clustered(order: list[int], garbage: str) -> None:
    texts = [*(PARTS[at] for at in order[:5]), garbage]
    built = graph_of(texts)
    assert built == graph_of(texts)
    assert all(link.weight > 0 for link in built.relationships.values())
    assert all(source != target for source, target in built.relationships)
    ends = {title for pair in built.relationships for title in pair}
    assert ends <= built.entities.keys()


def test_a_crowded_text_does_not_make_a_complete_graph() -> None:
    names = [f"{first} {last}" for first in ("Ilse", "Jonas", "Clara", "Anton") for last in ("Brandt", "Krohn", "Voss")]
    crowded = " ".join(f"{name} spoke about the sluice." for name in names)
    built = graph_of([crowded] * 3)
    assert len(built.relationships) <= MOST_RELATED * (MOST_RELATED - 1) / 2
    assert len(built.relationships) < len(built.entities) * (len(built.entities) - 1) / 2


def test_no_text_gives_no_graph() -> None:
    assert noun_graph([], TYPES) == Graph()
    assert graph_of(["", " \n", "1234"]) == Graph()
