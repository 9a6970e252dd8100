"""Chunks: exact spans, full coverage, graphrag's windows, independence from the pages."""

import itertools

import pytest
from graphrag_chunking.token_chunker import split_text_on_tokens
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel import errors
from fileintel.documents import token_windows
from fileintel.llm import tokens

from .test_tokens import CL100K, O200K, texts

sizes = st.integers(1, 12).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def chunks(text: str, size: int, overlap: int, tokenizer: tokens.Tokenizer = O200K) -> list[token_windows.TokenWindow]:
    return list(token_windows.token_windows([text], tokenizer, size=size, overlap=overlap))


def graphrag_windows(text: str, size: int, overlap: int, tokenizer: tokens.Tokenizer = O200K) -> list[str]:
    encoding = tokenizer.encoding
    return split_text_on_tokens(text, size, overlap, encoding.encode_ordinary, encoding.decode)


@given(text=texts, window=sizes, tokenizer=st.sampled_from([O200K, CL100K]))
@settings(max_examples=500, deadline=None)
def test_chunks_are_exact_spans_that_cover_the_text(
    text: str, window: tuple[int, int], tokenizer: tokens.Tokenizer
) -> None:
    made = chunks(text, *window, tokenizer)
    assert [c.ordinal for c in made] == list(range(len(made)))
    covered = 0
    for c in made:
        assert c.text == text[c.start : c.end]
        assert c.start <= covered < c.end
        assert c.n_tokens == tokenizer.count(c.text)
        assert tokens.grapheme_floor(text, c.start) == c.start
        assert tokens.grapheme_floor(text, c.end) == c.end
        covered = c.end
    assert covered == len(text)


plain = st.lists(st.sampled_from(["one", " two", " it's", "\n", "\n\n", ". ", "  ", "1234567", " Überfluß", "HTTP"]))


@given(text=plain.map("".join), window=sizes)
@settings(max_examples=500, deadline=None)
def test_windows_are_those_of_graphrag_where_no_grapheme_is_cut(text: str, window: tuple[int, int]) -> None:
    expected = graphrag_windows(text, *window)
    if any("\ufffd" in part for part in expected):
        return  # a token ends inside a character; upstream writes a replacement character there
    assert [c.text for c in chunks(text, *window)] == expected


def test_windows_are_those_of_graphrag_over_many_segments() -> None:
    text = "".join(f"Paragraph {n} tells of Überfluß, naïveté and 漢字: {n * n}.\n\n" for n in range(12_000))
    expected = graphrag_windows(text, 1200, 100)
    made = chunks(text, 1200, 100)
    assert len(made) == len(expected)
    different = [(c.text, e) for c, e in zip(made, expected, strict=True) if c.text != e]
    # a window that begins or ends inside a Han character differs, by that character alone
    assert all("\ufffd" in theirs for _, theirs in different)
    assert len(different) < len(made) / 4


@given(text=texts, window=sizes, cuts=st.lists(st.integers(0, 200), max_size=8))
@settings(deadline=None)
def test_chunks_do_not_depend_on_the_pages(text: str, window: tuple[int, int], cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pages = [text[a:b] for a, b in itertools.pairwise(places)]
    size, overlap = window
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "SEGMENT", 5)
        patch.setattr(tokens, "LONGEST_SEGMENT", 20)
        whole = chunks(text, size, overlap)
        assert list(token_windows.token_windows(pages, O200K, size=size, overlap=overlap)) == whole
        assert list(token_windows.token_windows(text, O200K, size=size, overlap=overlap)) == whole


def test_a_text_shorter_than_a_window_is_one_chunk() -> None:
    assert [c.text for c in chunks("A short text.", 1200, 100)] == ["A short text."]


def test_a_text_of_exactly_one_window_is_one_chunk() -> None:
    text = " word" * 50
    assert [c.text for c in chunks(text, 50, 10)] == [text]


def test_no_text_has_no_chunks() -> None:
    assert chunks("", 1200, 100) == []
    assert list(token_windows.token_windows([], O200K)) == []


def test_a_megabyte_of_one_combining_mark_is_still_cut() -> None:
    made = chunks("a" + "\u0301" * 1_000_000, 1200, 100)
    assert len(made) > 100
    assert made[-1].end == 1_000_001


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (-1, 0), (10, 10), (10, -1)])
def test_impossible_windows_are_config_errors(size: int, overlap: int) -> None:
    with pytest.raises(errors.ConfigError, match="chunk"):
        token_windows.token_windows(["text"], O200K, size=size, overlap=overlap)
