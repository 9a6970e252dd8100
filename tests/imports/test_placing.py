"""Text units are found in their documents again, also where upstream has added to them or cut a character."""

from hypothesis import given
from hypothesis import strategies as st

from fileintel.graphrag.imports.placing import places

TEXTS = st.text(alphabet="ab \n", max_size=200)


@given(TEXTS, st.integers(1, 40), st.integers(0, 39))
def test_overlapping_pieces_are_found_word_for_word_and_in_order(text: str, size: int, overlap: int) -> None:
    step = size - min(overlap, size - 1)
    pieces = [text[start : start + size] for start in range(0, len(text), step)]
    found = list(places(text, pieces))
    starts = [start for start, _ in found]
    assert starts == sorted(starts)
    for piece, (start, certain) in zip(pieces, found, strict=True):
        assert certain == bool(piece.strip())
        if certain:
            assert text[start : start + len(piece)] == piece


@given(st.lists(st.text(alphabet="abcdefg", min_size=1, max_size=12), min_size=1, max_size=30))
def test_distinct_pieces_stand_where_they_were_cut_from(words: list[str]) -> None:
    pieces = [f"<{number}:{word}>" for number, word in enumerate(words)]
    cuts = [sum(map(len, pieces[:number])) for number in range(len(pieces))]
    assert list(places("".join(pieces), pieces)) == [(cut, True) for cut in cuts]


def test_metadata_in_front_and_halves_of_characters_do_not_hide_a_piece() -> None:
    document = "The tower was built in 1871. It has a 🗼 on it. Nobody knows why."
    pieces = [
        "title: tower.txt.\ndate: 1958.\nThe tower was built in 1871. It has a \ufffd\ufffd",
        "\ufffd on it. Nobody knows why.",
    ]
    (first, certain), (second, also) = places(document, pieces)
    assert certain
    assert also
    assert first == 0
    assert document[second + 1 :].startswith(" on it.")


def test_what_is_not_there_is_taken_to_be_where_the_last_one_was() -> None:
    assert list(places("one two three", ["two", "four", "three"])) == [(4, True), (4, False), (8, True)]
