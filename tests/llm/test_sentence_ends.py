"""Where sentences end, in four languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.sentence_ends import sentence_ends

WORDS = (
    "It",
    "12",
    "Dr",
    "z",
    "B",
    "e.g",
    "Mai",
    " ",
    "\n",
    "\n\n",
    ".",
    "...",
    "?",
    "”",
    ")",
    "。",
    "[S1]",
    "XII",
    "\u00a0",
)


def split_sentences(text: str) -> list[str]:
    """The text in pieces of a sentence each, with the white space before it; together they are the text."""
    pieces: list[str] = []
    start = 0
    for end in sentence_ends(text):
        pieces.append(text[start:end])
        start = end
    if text[start:].strip() or not pieces:
        pieces.append(text[start:])
    else:
        pieces[-1] += text[start:]
    return [piece for piece in pieces if piece]


def tidy(text: str) -> list[str]:
    return [piece.strip() for piece in split_sentences(text)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Hän tuli 12. tammikuuta 1903 Turkuun.",
        "Kaarle XII. oli kuningas.",
        "Sie kam am 3. Mai nach Altona.",
        "Im 19. Jahrhundert war das anders.",
        "Am 24. dieses Monats brach das Wehr.",
        "Viele Städte, z. B. Bremen und u. a. Altona, lagen am Wasser.",
        "Es kostete ca. 5 Mio. Mark, d. h. viel.",
        "Vgl. Abb. 3 und Bd. 2 der Akten.",
        "Monia kaupunkeja, esim. Turku, oli rannalla.",
        "Dr. Smith and J. Smith met Prof. J.R.R. Krohn.",
        "Mme. Brandt reçut M. Vikse, cf. chap. 3, en janv. 1914.",
        "Many towns, e.g. Oslo, i.e. this one, lay there.",
        "Acme Inc. paid, as did Vikse & Co. for the U.S. Army.",
        "See No. 5, pp. 3 and Fig. 2.",
        "It is 3.14 wide, says example.org today.",
        "He waited… and left.",
    ],
)
def test_a_full_stop_that_ends_no_sentence_does_not_cut_one(sentence: str) -> None:
    assert tidy(f"{sentence} Then she left. It rained.") == [sentence, "Then she left.", "It rained."]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It was 1987. Then it burned.", ["It was 1987.", "Then it burned."]),
        ("He said no. Then he left.", ["He said no.", "Then he left."]),
        ("erna made rope. vikse paid.", ["erna made rope.", "vikse paid."]),
        ("He and I. Then nobody.", ["He and I.", "Then nobody."]),
        ("Ropes, nets, etc. Then she left.", ["Ropes, nets, etc.", "Then she left."]),
        ('“It broke.” She knew! (Why?) "So."', ["“It broke.”", "She knew!", "(Why?)", '"So."']),
        ("A heading\n\nThe text", ["A heading", "The text"]),
        ("It was J.\n\nSmith came", ["It was J.", "Smith came"]),
        ("1. Erna made rope.\n2. Vikse paid.", ["1. Erna made rope.", "2. Vikse paid."]),
        ("これは。それは？はい", ["これは。", "それは？", "はい"]),
    ],
)
def test_sentences_end_where_they_do(text: str, parts: list[str]) -> None:
    assert tidy(text) == parts


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map("".join)), st.integers(0, 30))
def test_pieces_are_the_text_and_none_is_empty(text: str, start: int) -> None:
    pieces = split_sentences(text)
    assert "".join(pieces) == text
    assert all(pieces)
    assert all(piece.strip() for piece in pieces) or not text.strip()
    assert [end for end in sentence_ends(text) if end > start] == list(sentence_ends(text, start))
