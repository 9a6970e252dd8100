"""Cuts a document into overlapping windows of tokens: the text units' spans.

The windows are those of the `tokens` chunker of `graphrag` 3.x (`split_text_on_tokens`): `size` tokens each,
advancing by `size - overlap` over the tokens of the whole document, until one reaches the end. One thing differs:
a boundary never falls inside a character or a grapheme cluster, but before it, so that each window is an exact
stretch of the document. The document itself is never held: it comes in pieces, and about one window and two
segments of the tokenizer are kept.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fileintel import errors
from fileintel.llm import tokens

DEFAULT_SIZE = 1200  # tokens
DEFAULT_OVERLAP = 100  # tokens


@dataclass(frozen=True, slots=True)
class TokenWindow:
    """One window: `text == document_text[start:end]`, `n_tokens` as counted for `text` alone."""

    ordinal: int
    start: int
    end: int
    n_tokens: int
    text: str


def token_windows(
    pieces: Iterable[str],
    tokenizer: tokens.Tokenizer,
    *,
    size: int = DEFAULT_SIZE,
    overlap: int = DEFAULT_OVERLAP,
) -> Iterator[TokenWindow]:
    """The windows of the text that the consecutive `pieces` (pages, say) make up, in order.

    Together they cover every character, and they do not depend on how the text is cut into pieces. A window's
    `n_tokens` can differ from `size` by the few tokens that a cut inside a word makes; the same is true of `graphrag`.

    Parameters:
        size: length of a window, in tokens.
        overlap: tokens that two neighbours share.

    Raises:
        ConfigError: `size` is below 1, or `overlap` is not in 0 … size - 1; or the encoding is missing.
    """
    if size < 1:
        raise errors.ConfigError(f"the chunk size must be at least 1 token, not {size}")
    if not 0 <= overlap < size:
        raise errors.ConfigError(f"the chunk overlap must be between 0 and {size - 1} tokens, not {overlap}")
    return _windows(pieces, tokenizer, size, overlap)


def _windows(pieces: Iterable[str], tokenizer: tokens.Tokenizer, size: int, overlap: int) -> Iterator[TokenWindow]:
    cutter = _Cutter(tokenizer, size, overlap)
    ordinal = covered = 0
    for start, end, text in cutter.spans(pieces):
        # windows of a few tokens can lie within one grapheme, and then add nothing
        if end > covered:
            yield TokenWindow(ordinal, start, end, tokenizer.count(text), text)
            ordinal, covered = ordinal + 1, end


class _Cutter:
    """Slides the window over the stream of tokens. Offsets are in characters of the whole document."""

    def __init__(self, tokenizer: tokens.Tokenizer, size: int, overlap: int) -> None:
        self._tokenizer = tokenizer
        self._size = size
        self._step = size - overlap
        self._n_tokens = 0
        self._next_start = 0  # token index of the first window start whose place in the text is not known yet
        self._next_end = size
        self._starts: deque[int] = deque()
        self._ends: deque[int] = deque()
        self._text = ""
        self._text_start = 0

    def spans(self, pieces: Iterable[str]) -> Iterator[tuple[int, int, str]]:
        for segment, ids in self._tokenizer.encode_stream(pieces):
            self._add(segment, ids)
            # whether a grapheme ends somewhere shows in the character after it
            while self._ends and self._ends[0] < self._text_end:
                yield self._span(self._starts.popleft(), self._ends.popleft())
            self._forget()
        while self._ends:
            yield self._span(self._starts.popleft(), self._ends.popleft())
        if self._next_end - self._step < self._n_tokens or (self._next_end == self._size and self._n_tokens):
            yield self._span(self._starts.popleft(), self._text_end)

    @property
    def _text_end(self) -> int:
        return self._text_start + len(self._text)

    def _add(self, segment: str, ids: list[int]) -> None:
        starts = self._due(self._next_start, ids, after=0)
        ends = self._due(self._next_end, ids, after=1)
        positions = sorted({*starts, *ends})
        places = dict(zip(positions, self._tokenizer.offsets(segment, ids, positions), strict=True))
        self._starts.extend(self._text_end + places[position] for position in starts)
        self._ends.extend(self._text_end + places[position] for position in ends)
        self._next_start += len(starts) * self._step
        self._next_end += len(ends) * self._step
        self._n_tokens += len(ids)
        self._text += segment

    def _due(self, index: int, ids: list[int], after: int) -> range:
        # a start belongs to the segment of the token behind it, an end to that of the token before it
        return range(index - self._n_tokens, len(ids) + after, self._step)

    def _span(self, start: int, end: int) -> tuple[int, int, str]:
        first = tokens.grapheme_floor(self._text, start - self._text_start)
        last = tokens.grapheme_floor(self._text, end - self._text_start)
        return first + self._text_start, last + self._text_start, self._text[first:last]

    def _forget(self) -> None:
        oldest = self._starts[0] if self._starts else self._text_end
        keep_from = max(oldest - tokens.GRAPHEME_CONTEXT - 1, self._text_start)
        self._text = self._text[keep_from - self._text_start :]
        self._text_start = keep_from
