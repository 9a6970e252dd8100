"""Counting, cutting and encoding text in a model's tokens, offline and in linear time.

The encodings are tiktoken's, loaded by `encodings` without a network. Importing this module costs nothing: tiktoken
is imported with the first encoding (0.3 s for o200k_base, once per process).
"""

import functools
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fileintel.llm.encodings import encoding_for, is_loaded

if TYPE_CHECKING:
    from tiktoken import Encoding

DEFAULT_ENCODING = "o200k_base"

# Text is encoded in segments of this many characters and a little more. A segment of 16 Ki takes 1 to 5 ms, so
# that a caller on an event hub can yield between two.
SEGMENT = 16 * 1024
# Where no natural place to cut comes, one is forced here. tiktoken 0.14 panics with a stack overflow somewhere
# between 256 Ki and 1 Mi of white space in one piece, and its older releases take quadratic time on long pieces.
LONGEST_SEGMENT = 64 * 1024

# A letter or digit before white space. No alternative of any of tiktoken's patterns joins the two, and the piece
# on the left ends in the same way when nothing follows, so encoding the two sides apart changes nothing.
BEFORE_SPACE = r"[^\W_](?=[ \t\r\n])"
# A line end before a letter or digit. The patterns of cl100k and o200k end a run of white space with its last
# line end; the older ones do not (they leave the last character to the next piece).
AFTER_LINE = r"[\r\n](?=[^\W_])"
ENDS_PIECES_WITH_LINES = ("cl100k_base", "o200k_base", "o200k_harmony")

# How far back a grapheme cluster is looked for. The longest in use (family emoji, stacked marks of Tibetan or
# Devanagari) have about a dozen characters; longer ones are made as a joke, and may be cut.
GRAPHEME_CONTEXT = 256

SURROGATES = re.compile("[\ud800-\udfff]")


class Tokenizer:
    """Tokens of one encoding. Cheap to make; the encoding is loaded at the first use.

    Special tokens (`<|endoftext|>`) in a text are ordinary text. Texts of any size and shape take linear time:
    where more than 64 Ki characters offer no place to cut, a piece may be split that tiktoken would encode as one.

    Parameters:
        name: tiktoken's name of the encoding.
        cuts: a pattern whose matches end where encoding the two sides apart changes nothing.
    """

    exact = False  # whether its tokens are the model's own

    def __init__(self, name: str = DEFAULT_ENCODING, cuts: str | None = None) -> None:
        self.name = name
        at_lines = f"{BEFORE_SPACE}|{AFTER_LINE}" if name in ENDS_PIECES_WITH_LINES else BEFORE_SPACE
        self._cut = re.compile(cuts or at_lines)

    @property
    def encoding(self) -> "Encoding":
        """The tiktoken encoding.

        Raises:
            ConfigError: it is unknown or not installed.
        """
        return encoding_for(self.name)

    def load(self) -> None:
        """Load what is needed, before anything is done that would end halfway; raises as `encoding`."""
        _ = self.encoding

    def is_loaded(self) -> bool:
        """Return whether all that is needed is there."""
        return is_loaded(self.name)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`; a lone surrogate counts as U+FFFD."""
        return [token for _, tokens in self.encode_stream([text]) for token in tokens]

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`."""
        return sum(len(tokens) for _, tokens in self.encode_stream([text]))

    def fit(self, text: str, max_tokens: int, known: int | None = None) -> tuple[str, int]:
        """`text` as `truncate` leaves it, with its number of tokens: how texts go to an embedding model. `known`: how
        many it had where it was cut out. Alone it may have a few more; far below the limit that does not matter, and
        nothing is counted."""
        if known is not None and known <= max_tokens // 2:
            return text, known
        kept = self.truncate(text, max_tokens)
        return kept, self.count(kept)

    def truncate(self, text: str, max_tokens: int) -> str:
        """Return the longest beginning of `text` that has at most `max_tokens` tokens, cut between whole graphemes."""
        kept = end = 0
        for segment, tokens in self.encode_stream([text]):
            room = max_tokens - kept
            if len(tokens) > room:
                return self._shorten(text, end, segment, tokens, max(room, 0))
            kept += len(tokens)
            end += len(segment)
        return text

    def _shorten(self, text: str, start: int, segment: str, tokens: list[int], room: int) -> str:
        # a text that ends inside a piece can have more tokens than it had there, hence the second look
        for n in range(room, 0, -1):
            end = grapheme_floor(text, start + self.offsets(segment, tokens, [n])[0])
            if end <= start:
                break
            if self.count(text[start:end]) <= room:
                return text[:end]
        return text[:start]

    def encode_stream(self, pieces: Iterable[str]) -> Iterator[tuple[str, list[int]]]:
        """Consecutive segments of the text that `pieces` make up, each with its tokens (see `tokens_of`).

        Where the text is cut depends on the text alone, not on the pieces.
        """
        return ((segment, self.tokens_of(segment)) for segment in self.segments(pieces))

    def tokens_of(self, segment: str) -> list[int]:
        """Return a number for each token of a segment, for `offsets`: here its id."""
        return self.encoding.encode_ordinary(encodable(segment))

    def segments(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the text that `pieces` make up, divided at natural places.

        At most about 200,000 characters are held beside the current piece.
        """
        waiting: list[str] = []
        length = 0
        for piece in pieces:
            waiting.append(piece)
            length += len(piece)
            if length <= 2 * LONGEST_SEGMENT:  # joined in batches: pieces may be single characters
                continue
            buffer, start = "".join(waiting), 0
            while len(buffer) - start > LONGEST_SEGMENT:
                end = self._segment_end(buffer, start)
                yield buffer[start:end]
                start = end
            waiting = [buffer[start:]]
            length = len(buffer) - start
        buffer, start = "".join(waiting), 0
        while start < len(buffer):
            end = self._segment_end(buffer, start) if len(buffer) - start > LONGEST_SEGMENT else len(buffer)
            yield buffer[start:end]
            start = end

    def _segment_end(self, buffer: str, start: int) -> int:
        found = self._cut.search(buffer, start + SEGMENT, start + LONGEST_SEGMENT + 1)
        return found.end() if found else start + LONGEST_SEGMENT

    def offsets(self, segment: str, tokens: list[int], positions: Iterable[int]) -> list[int]:
        """Return where the first n tokens of a segment end, in characters, for each n of the ascending `positions`.

        Where a token ends inside a character, the start of that character is meant.
        """
        data = encodable(segment).encode()
        encoding = self.encoding
        offsets = []
        token = byte = floor = character = 0
        for position in positions:
            byte += len(encoding.decode_bytes(tokens[token:position]))
            token = position
            start, floor = floor, byte
            while floor < len(data) and data[floor] & 0xC0 == 0x80:  # a continuation byte of UTF-8
                floor -= 1
            character += len(data[start:floor].decode())
            offsets.append(character)
        return offsets


def encodable(text: str) -> str:
    """Return the text with U+FFFD for halves of surrogate pairs, of the same length."""
    # tiktoken would replace surrogates by way of UTF-16, which changes the length of the text
    try:
        text.encode()
    except UnicodeEncodeError:
        return SURROGATES.sub("\ufffd", text)
    return text


def grapheme_floor(text: str, position: int) -> int:
    """Return the nearest place at or before `position` where no grapheme cluster (UAX #29) is cut.

    Looks at `text[position - 256 : position + 1]` only; a cluster that is longer than that is cut where it stands.
    """
    if position <= 0 or position >= len(text):
        return max(0, min(position, len(text)))
    around = text[position - 1 : position + 1]
    if around.isascii() and around != "\r\n":
        return position
    start = max(0, position - GRAPHEME_CONTEXT)
    for cluster in _cluster_pattern().finditer(text, start, position + 1):
        if cluster.end() > position:
            found = int(cluster.start())
            return found if found > start or start == 0 else position
    return position


@functools.cache
def _cluster_pattern() -> "re.Pattern[str]":
    import regex  # type: ignore[import-untyped]  # the standard library knows no grapheme clusters

    pattern: re.Pattern[str] = regex.compile(r"\X")
    return pattern
