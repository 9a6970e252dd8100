"""What the built-in model finds in prose."""

import pytest

from fileintel.builtin_model import engine
from fileintel.builtin_model.entities import read
from fileintel.builtin_model.wordlists import word_set

from .asking import about_text, entities, records, relations
from .prose_samples import ENGLISH, FINNISH, FRENCH, GERMAN, MINUTES, NOVEL


def test_names_are_found_with_the_type_that_their_surroundings_suggest() -> None:
    found = {name: kind for name, (kind, _) in entities(ENGLISH).items()}
    assert found["ILSE BRANDT"] == "PERSON"
    assert found["GUSTAV REIMERS"] == "PERSON"
    assert found["HARBOUR COMMISSION"] == "ORGANIZATION"
    assert found["TECHNICAL UNIVERSITY OF HANOVER"] == "ORGANIZATION"
    assert found["ALTONA"] == "GEO"
    assert found["LE HAVRE"] == "GEO"
    assert found["GREAT FLOOD OF 1825"] == "EVENT"
    assert found["CONFERENCE ON COASTAL ENGINEERING"] == "EVENT"


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, FRENCH, FINNISH, MINUTES, NOVEL])
def test_no_function_word_month_or_generic_noun_becomes_an_entity(text: str) -> None:
    junk = word_set("""
    THE HOWEVER CHAPTER MONDAY TUESDAY MARCH JUNE SHE HE IT SIE ER DIE DER ELLE HÄN TODAY NEVERTHELESS FIGURE I THERE
    COMMISSION COMPANY MAYOR GOD SIEBZEHN MENSCHEN WASSER BERICHT PLAN APOLOGIES TB Q3 OLD
    """)
    assert not junk & set(entities(text))


def test_short_forms_are_resolved_to_the_long_form() -> None:
    found = entities(ENGLISH)
    assert not {"BRANDT", "KROHN", "TOLLE", "VOSS", "MDC", "COMMISSION"} & set(found)
    assert "travelled to Rotterdam" in found["ILSE BRANDT"][1]


def test_a_pronoun_at_the_start_of_a_sentence_is_read_as_the_person_before() -> None:
    description, _ = relations(ENGLISH)[frozenset(("ILSE BRANDT", "TECHNICAL UNIVERSITY OF HANOVER"))]
    assert description.startswith("Ilse Brandt studied hydraulic engineering")


def test_an_acronym_in_parentheses_is_the_same_organisation() -> None:
    assert "WHO" not in entities(MINUTES)
    assert "WORLD HEALTH ORGANIZATION" in entities(MINUTES)


def test_german_common_nouns_are_told_from_names() -> None:
    found = {name: kind for name, (kind, _) in entities(GERMAN).items()}
    assert {"ILSE BRANDT", "HAFENKOMMISSION", "AMT FÜR WASSERBAU", "TECHNISCHE HOCHSCHULE HANNOVER"} <= set(found)
    assert not {"TOCHTER", "BIBLIOTHEK", "SCHLEUSE", "STURM", "METER", "ZEUGEN", "STUHL", "MANN"} & set(found)


def test_german_names_are_told_from_the_offices_and_articles_around_them() -> None:
    text = (
        "Der Turm wurde von der Baumeisterin Elisabeth Thormählen errichtet. Das Wasser- und Schifffahrtsamt Tönning "
        "hatte sie beauftragt. Elisabeth Thormählen stritt sich mit dem Amtsvorsteher Jürgen Petersen, der ihn kleiner "
        "haben wollte. Käthe Möller war die Tochter des Fischers Hinrich Möller. Sie schreibt, dass Jürgen Petersen "
        "den Turm nicht mochte. Max Richter und Anna Fischer gingen nach Hamburg."
    )
    assert {name: kind for name, (kind, _) in entities(text).items()} == {
        "ELISABETH THORMÄHLEN": "PERSON", "SCHIFFFAHRTSAMT TÖNNING": "ORGANIZATION", "JÜRGEN PETERSEN": "PERSON",
        "KÄTHE MÖLLER": "PERSON", "HINRICH MÖLLER": "PERSON", "MAX RICHTER": "PERSON", "ANNA FISCHER": "PERSON",
        "HAMBURG": "GEO",
    }  # fmt: skip


def test_finnish_names_end_where_the_case_does_and_are_told_in_the_nominative() -> None:
    text = (
        "Hiekkaniemen majakan rakensi rakennusmestari Aino Väisänen. Virasto palkkasi Aino Väisäsen Helsingistä, kun "
        "se oli päättänyt, että myös hän on mukana. Laivasto päätti siirtää Eino Kärkkäisen Hankoon. Turun museo osti "
        "kirjan Helvi Kärkkäiseltä, joka ei ole myynyt muita. Hän työskenteli Punaisessa Ristissä. Myöhemmin Punainen "
        "Risti palkitsi Lempi Väisäsen. Majakka on nyt Hiekkaniemessä, ja kirja on Turussa."
    )
    found = set(entities(text))
    assert {
        "HIEKKANIEMI", "AINO VÄISÄNEN", "HELSINKI", "EINO KÄRKKÄINEN", "HANKO", "TURKU", "HELVI KÄRKKÄINEN",
        "PUNAINEN RISTI", "LEMPI VÄISÄNEN",
    } <= found  # fmt: skip
    assert not any(name.endswith(("SEN", "SSÄ", "OON", "TURUN")) for name in found)


def test_french_names_go_on_in_lower_case() -> None:
    assert {"COMMISSION DU PORT", "CHAMBRE DE COMMERCE", "ÉCOLE POLYTECHNIQUE DE HANOVRE"} <= set(entities(FRENCH))


def test_finnish_cases_of_a_name_are_one_entity() -> None:
    found = set(entities(FINNISH))
    assert {"ILSE BRANDT", "HELSINKI", "HELSINGIN YLIOPISTO", "GUSTAV VIRTANEN", "TAMPERE"} <= found
    assert not {"BRANDTIN", "HELSINGISSÄ", "VIRTASEN", "TAMPEREELLA"} & found


def test_strength_grows_with_the_number_of_common_sentences() -> None:
    once = relations("Ilse Brandt met Jonas Krohn in Altona.")
    often = relations("Ilse Brandt met Jonas Krohn in Altona. Brandt wrote to Krohn. Krohn thanked Brandt.")
    pair = frozenset(("ILSE BRANDT", "JONAS KROHN"))
    assert often[pair][1] > once[pair][1]


def test_only_offered_types_are_given() -> None:
    kinds = {kind for kind, _ in entities(ENGLISH, "Entity types: ship, person, other").values()}
    assert kinds == {"PERSON", "OTHER"}
    assert {kind for kind, _ in entities(ENGLISH, "Entity types: [ship, cargo]").values()} == {"SHIP"}


@pytest.mark.parametrize(
    "text", ["", "   \n", "nothing of note was said here, and nobody came.", "12 34 56", "THE END"]
)
def test_a_text_without_names_gets_nothing_but_the_end_mark(text: str) -> None:
    assert engine.answer("extract", about_text(text)) == "<|COMPLETE|>"


def test_the_whole_message_is_read_when_the_tags_are_missing() -> None:
    answer = engine.answer("extract", [{"role": "user", "content": "Ilse Brandt met Jonas Krohn."}])
    assert {fields[1] for fields in records(answer)} == {"ILSE BRANDT", "JONAS KROHN"}


def test_gleaning_gives_only_what_was_not_given_before() -> None:
    first = engine.answer("extract", about_text(MINUTES))
    asked = about_text(MINUTES, ("assistant", first), ("user", "Many were missed. Add them."))
    gleaned = engine.answer("glean", asked)
    before = {fields[1] for fields in records(first) if fields[0] == '"entity"'}
    added = {fields[1] for fields in records(gleaned) if fields[0] == '"entity"'}
    assert added
    assert not added & before
    pairs = {frozenset(fields[1:3]) for fields in records(first) if fields[0] == '"relationship"'}
    assert all(frozenset(fields[1:3]) not in pairs for fields in records(gleaned) if fields[0] != '"entity"')


def test_a_second_gleaning_finds_nothing_and_the_check_says_so() -> None:
    first = engine.answer("extract", about_text(MINUTES))
    turns = [("assistant", first), ("user", "Add them.")]
    assert engine.answer("glean_check", about_text(MINUTES, *turns)) == "Y"
    turns += [("assistant", engine.answer("glean", about_text(MINUTES, *turns))), ("user", "Add them.")]
    assert engine.answer("glean_check", about_text(MINUTES, *turns)) == "N"
    again = records(engine.answer("glean", about_text(MINUTES, *turns)))
    assert not [fields for fields in again if fields[0] == '"entity"']


def test_claims_have_eight_fields_and_iso_dates() -> None:
    claims = records(engine.answer("claims", about_text(ENGLISH)))
    assert all(len(claim) == 8 for claim in claims)
    opened = next(claim for claim in claims if claim[0] == "NEUMÜHLEN SLUICE")
    assert opened[2:6] == ["FOUNDATION", "TRUE", "1912-05-03T00:00:00", "1912-05-03T00:00:00"]


def test_headings_give_no_entities() -> None:
    assert not read("The Sluice at Altona\n\nCHAPTER IV\n\n# Notes on Ilse Brandt\n").entities
