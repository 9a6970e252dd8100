"""Metadata by the built-in model: from the first lines of a document, and from what it speaks of most."""

import json
from typing import Any

import pytest

from fileintel.builtin_model import engine
from fileintel.documents.load import DocumentReader
from fileintel.graphrag.stages.metadata import parse_metadata
from tests.conftest import SAMPLES

from .asking import about_text
from .prose_samples import ENGLISH, FRENCH, GERMAN


def found_in(text: str) -> Any:
    return json.loads(engine.answer("metadata", about_text(text)))


# what a librarian would say who sees only the first page; None where the file does not tell, and anything is fine
SEEN = {
    "beacon-archive-1962-1981.html": ([], "", "article"),
    "brekkerud-v-beacon-judgment-1967.pdf": ([], "1967-05-12", "judgment"),
    "haddouche-fieldwork-report-2018.docx": (["Leila Haddouche"], "2018-03", "report"),
    "halvane-biography.epub": ([], "2004", None),
    "halvane-feldkirch-letters.txt": ([], "", "letters"),
    "harbour-board-minutes-1958-1962.docx": ([], "1971", "minutes"),
    "interview-erna-sollid-1991.md": (["Ingeborg Thessen"], "1991-05-22", "interview"),
    "lantern-conference-proceedings-1994.pdf": (["Ingeborg Thessen"], "1994-10-16", "proceedings"),
    "lyngmo-thesis-chapter-4.pdf": (["Petra Lyngmo"], "2016", "thesis"),
    "museum-catalogue-room-of-the-flood.html": (["Amalie Nordgren"], "2010", "catalogue"),
    "rosendahl-commission-report-1964.pdf": ([], "1964-03-04", "report"),
    "the-lost-pear-of-monte-arsone.md": (["Benedetta Carmosi"], "2006-11-25", "lecture"),
    "travel-guide-kestervag.md": (["Cornelius Ashby-Lunde"], "2019", "guide"),
    "vikse-memoir-twelve-turbines.epub": ([], "1997", "memoir"),
}


def test_the_sample_documents_are_catalogued_as_a_librarian_would() -> None:
    with DocumentReader() as reader:
        for name, (authors, date, kind) in SEEN.items():
            info, pages = reader.read(SAMPLES / name)
            found = found_in("".join(page.text for page in pages)[:12_000])
            assert (found["authors"], found["date"]) == (authors, date), name
            assert kind in (None, found["document_type"]), name
            assert found["language"] == "en"
            title = found["title"].lower()
            untitled = name.endswith((".txt", "chapter-4.pdf")) or title in info.title.lower() or "lantern" in title
            assert untitled, (name, title, info.title)
            assert 100 < len(found["abstract"]) <= 900
            assert len(found["keywords"]) == 8


def test_a_title_that_is_broken_in_two_is_put_together() -> None:
    assert found_in("REPORT of the Inquiry into the\nGreat Flood\n\nText.")["title"] == (
        "REPORT of the Inquiry into the Great Flood"
    )
    assert found_in("\n\n  \n# **A title**\n\nText")["title"] == "A title"
    assert found_in("A title\n=======\n\nText")["title"] == "A title"


@pytest.mark.parametrize(
    ("line", "authors"),
    [
        ("by Anna Berg", ["Anna Berg"]),
        ("By Dr. Anna Berg and Prof. Per Olsen", ["Anna Berg", "Per Olsen"]),
        ("von Anna Lindqvist und Jörg Meyer", ["Anna Lindqvist", "Jörg Meyer"]),
        ("par Jean de Lattre et Marie Curie", ["Jean de Lattre", "Marie Curie"]),
        ("Authors: J. Smith; Mary K. Jones", ["J. Smith", "Mary K. Jones"]),
        ("John Smith, Mary Jones", ["John Smith", "Mary Jones"]),
        ("by Anna Berg, Harbour Commission", ["Anna Berg"]),
        ("Printed by hand in the loft", []),
        ("by order of the Ministry", []),
        ("Founded by the Harbour Commission in May 1904", []),
        ("The Harbour of Lübeck", []),
    ],
)
def test_authors_are_the_names_that_are_said_to_have_written_it(line: str, authors: list[str]) -> None:
    assert found_in(f"A title\n{line}\n\nText about a harbour.")["authors"] == authors


@pytest.mark.parametrize(
    ("line", "date"),
    [
        ("Altona, 3 March 1921", "1921-03-03"),
        ("Altona, March 3, 1921", "1921-03-03"),
        ("Lübeck, den 3. März 1921", "1921-03-03"),
        ("le 1er août 1921", "1921-08-01"),
        ("Helsinki, 3. maaliskuuta 1921", "1921-03-03"),
        ("1921-03-03", "1921-03-03"),
        ("03.04.1921", "1921-04-03"),
        ("Summer issue, July 1921", "1921-07"),
        ("On the flood of 1904. Second edition, 1921.", "1921"),
        ("The years 1904–1921", ""),
        ("In the 31st room, 99 May 1921", "1921-05"),
        ("No date at all", ""),
    ],
)
def test_a_date_is_that_of_the_document_as_exactly_as_it_says(line: str, date: str) -> None:
    assert found_in(f"A title\n{line}\n\nText.")["date"] == date


def test_languages_are_told_apart() -> None:
    assert [found_in(f"X\n\n{text}")["language"] for text in (ENGLISH, GERMAN, FRENCH)] == ["en", "de", "fr"]
    assert found_in("Two words")["language"] == ""


def test_keywords_are_names_and_words_that_occur_often() -> None:
    keywords = found_in(f"On a dyke\n\n{ENGLISH}")["keywords"]
    assert "Ilse Brandt" in keywords
    assert all(keyword.lower() in ENGLISH.lower() for keyword in keywords)


def test_an_answer_is_one_that_can_be_read_and_the_schema_is_enough_to_ask_for_it() -> None:
    messages = about_text(f"On a dyke\n\n{ENGLISH}")
    assert engine.answer(None, messages, "metadata") == engine.answer("metadata", messages)
    assert parse_metadata(engine.answer("metadata", messages))["title"] == "On a dyke"


def test_a_hostile_beginning_takes_no_long_time() -> None:
    for text in ("By " * 60_000, "Anna Berg, " * 20_000, "a" * 200_000, "3 March " * 30_000, "# " * 50_000):
        found_in(text)


@pytest.mark.parametrize(
    ("texts", "languages"),
    [
        ((ENGLISH,), ["English"]),
        ((GERMAN, FRENCH), ["German", "French"]),
        ((ENGLISH, ENGLISH, ENGLISH, ENGLISH, FRENCH[: len(ENGLISH) // 2]), ["English"]),
    ],
)
def test_each_language_that_much_is_written_in_is_named(texts: tuple[str, ...], languages: list[str]) -> None:
    excerpts = "\n\n".join(f"Excerpt {number}:\n{text}" for number, text in enumerate(texts, start=1))
    found = json.loads(engine.answer("tune_profile", about_text(excerpts)))["languages"]
    assert sorted(found) == sorted(languages)
