"""Token counting: offline, linear, and the same as tiktoken."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.llm import encodings, tokens
from tests.encodings import OLD_FILES

O200K = tokens.Tokenizer("o200k_base")
CL100K = tokens.Tokenizer("cl100k_base")
tokenizers = st.sampled_from([O200K, CL100K, tokens.Tokenizer("p50k_base")])


@pytest.fixture(scope="module", autouse=True)
def p50k_is_loaded() -> None:
    """One of tiktoken's older encodings, which does not come with FileIntel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(encodings.CACHE_VARIABLE, str(OLD_FILES))
        encodings.encoding_for("p50k_base")


# words, numbers, every kind of white space and line end, punctuation that joins with line ends, marks, emoji, Han
MORSELS = [
    *("a", "Word", "HTTPServer", "it's", "don'T", "x1", "12345", "²", "Ⅷ", "ꙮ", "ǅ", "ʰ"),
    *(" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", " \n", "\n  ", "\u00a0", "\u2028", "\u3000", "\x0b", "\x1c"),
    *(".", "...", "!?", "'", "'s", "/", "//\n", "-", "_", "(", "<|endoftext|>", "\u0301", "e\u0301", "\u0e33"),
    *("😀", "👨‍👩‍👧", "🇩🇪", "漢字", "かな", "한글", "नमस्ते", "עברית", "\u200d", "\ufffd", "\U0001f3fd"),
]
texts = st.lists(st.sampled_from(MORSELS) | st.text(max_size=3), max_size=60).map("".join)


@given(text=texts, tokenizer=tokenizers)
@settings(max_examples=1500, deadline=None)
def test_a_text_cut_at_every_natural_place_has_the_tokens_of_the_whole(text: str, tokenizer: tokens.Tokenizer) -> None:
    segments, start = [], 0
    for cut in tokenizer._cut.finditer(text):
        segments.append(text[start : cut.end()])
        start = cut.end()
    segments.append(text[start:])
    apart = [token for segment in segments for token in tokenizer.encoding.encode_ordinary(segment)]
    assert apart == tokenizer.encoding.encode_ordinary(text)


@given(text=texts, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_segments_do_not_depend_on_the_pieces(text: str, cuts: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "SEGMENT", 3)
        patch.setattr(tokens, "LONGEST_SEGMENT", 7)
        places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
        pieces = [text[a:b] for a, b in itertools.pairwise(places)]
        whole = list(O200K.encode_stream([text]))
        assert list(O200K.encode_stream(pieces)) == whole
        assert list(O200K.encode_stream(text)) == whole
        assert "".join(segment for segment, _ in whole) == text


@given(text=texts, limit=st.integers(0, 60), tokenizer=tokenizers)
@settings(deadline=None)
def test_a_truncated_text_is_a_beginning_within_the_limit(text: str, limit: int, tokenizer: tokens.Tokenizer) -> None:
    short = tokenizer.truncate(text, limit)
    assert text.startswith(short)
    assert tokenizer.count(short) <= limit
    assert tokens.grapheme_floor(text, len(short)) == len(short)
    if tokenizer.count(text) <= limit:
        assert short == text


def test_truncating_never_cuts_a_family_in_two() -> None:
    assert O200K.truncate("Hello 👨‍👩‍👧", 4) == "Hello "
    assert O200K.truncate("e\u0301" * 10, 1) in ("", "e\u0301")


def test_special_tokens_are_ordinary_text() -> None:
    assert O200K.encode("<|endoftext|>") == O200K.encoding.encode_ordinary("<|endoftext|>")
    assert O200K.count("<|endoftext|>") > 1


def test_a_lone_surrogate_counts_as_a_replacement_character() -> None:
    assert O200K.encode("a\ud800b\udc00\ud83d\ude00") == O200K.encode("a\ufffdb\ufffd\ufffd\ufffd")


@pytest.mark.parametrize("unit", ["a", "A", " ", "\t", "\n", " \n", "'", "1", "漢", "\u0301", "😀", "\u200d", "abcXYZ"])
def test_a_megabyte_without_a_place_to_cut_is_encoded_in_bounded_segments(unit: str) -> None:
    text = unit * ((1 << 20) // len(unit))
    segments = list(O200K.encode_stream([text]))
    assert "".join(segment for segment, _ in segments) == text
    # what bounds the time: tiktoken's cost for one piece is bounded, whatever it is made of
    assert max(len(segment) for segment, _ in segments) <= tokens.LONGEST_SEGMENT
    assert O200K.count(text) == sum(len(ids) for _, ids in segments)


@pytest.mark.parametrize(
    ("text", "position", "floor"),
    [
        ("abc", 1, 1),
        ("abc", 0, 0),
        ("abc", 3, 3),
        ("abc", 9, 3),
        ("a\r\nb", 2, 1),
        ("ae\u0301b", 2, 1),
        ("a👨‍👩‍👧b", 4, 1),
        ("🇩🇪🇫🇷", 2, 2),
        ("🇩🇪🇫🇷", 3, 2),
        ("한국", 1, 1),
        ("a" + "\u0301" * 1000, 900, 900),
    ],
)
def test_the_floor_of_a_position_is_where_its_grapheme_begins(text: str, position: int, floor: int) -> None:
    assert tokens.grapheme_floor(text, position) == floor
