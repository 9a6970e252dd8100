"""Pages of texts that have none."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from fileintel.documents.clean_text import clean_text
from fileintel.documents.paginate import paginate

words = st.sampled_from(["word", " ", "\n", "\n\n", ". ", "。", "e\u0301", "漢字", "\f"])
texts = st.lists(words, max_size=200).map("".join)
cuts = st.lists(st.integers(0, 300), max_size=6)


def cut_up(text: str, places: list[int]) -> list[str]:
    ends = sorted({0, len(text), *(place for place in places if place < len(text))})
    return [text[a:b] for a, b in itertools.pairwise(ends)]


@given(text=texts, places=cuts)
def test_pages_do_not_depend_on_the_fragments_and_none_is_too_long(text: str, places: list[int]) -> None:
    whole = list(paginate([text], 30, 80))
    assert list(paginate(cut_up(text, places), 30, 80)) == whole
    assert all(len(page) <= 81 for page in whole)


@given(text=texts.map(lambda text: text.replace("\f", "")))
def test_pages_together_are_the_text(text: str) -> None:
    assert "".join(paginate([text], 30, 80)) == text


@given(pages=st.lists(st.text("ab \n", min_size=1, max_size=60), min_size=1, max_size=8))
def test_every_form_feed_makes_a_page(pages: list[str]) -> None:
    made = list(paginate(["\f".join(pages)], 40, 80))
    assert [page.rstrip("\n") for page in made] == [page.rstrip("\n") for page in pages]


@given(text=st.text(st.characters(codec=None)))
def test_clean_text_is_clean_and_stays_as_it_is(text: str) -> None:
    clean = clean_text(text)
    clean.encode()
    assert not set(clean) & set("\0\r\f\x1b\u00ad\ufeff\ufffe")
    assert clean_text(clean) == clean
