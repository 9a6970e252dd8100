"""A model's own tokenizer: the `tokenizer.json` that comes with it, read by the library `tokenizers`.

The library is an extra (`fileintel[tokenizers]`); it is imported with the first file (0.05 s, no connection is ever
opened). Which tokens count follows from the settings, see `tokenizer_for`.
"""

import contextlib
import functools
import hashlib
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fileintel.config import ChunkingSettings
from fileintel.errors import ConfigError
from fileintel.llm.tokens import BEFORE_SPACE, Tokenizer, encodable
from fileintel.runtime import in_native_thread

if TYPE_CHECKING:
    import tokenizers

SETTING = "chunking.tokenizer_file"
MISSING = f"{SETTING} needs the library tokenizers, which is not installed: pip install 'fileintel[tokenizers]'"

_loading = threading.Lock()


def tokenizer_for(chunking: ChunkingSettings) -> Tokenizer:
    """Return what counts tokens with these settings: the file of `chunking.tokenizer_file`, else `chunking.encoding`.

    Raises:
      ConfigError: the file cannot be read, is no tokenizer, or the library is missing. (The encoding is loaded later.)
    """
    if chunking.tokenizer_file is None:
        return Tokenizer(chunking.encoding)
    return FileTokenizer(chunking.tokenizer_file)


def load_ahead(chunking: ChunkingSettings, after: float = 0.0) -> None:
    """Begin to load what counts tokens, while something else is waited for, in `after` seconds. What is wrong with it
    is told when it is used."""

    def load() -> None:
        time.sleep(after)
        with contextlib.suppress(ConfigError):
            tokenizer_for(chunking).load()

    threading.Thread(target=load, name="encoding", daemon=True).start()


def counted_with(chunking: ChunkingSettings) -> str:
    """Names what counts tokens: the encoding, or the hash of the file's content, wherever the file is.

    Raises:
      ConfigError: the file cannot be read.
    """
    return chunking.encoding if chunking.tokenizer_file is None else _content_name(chunking.tokenizer_file)


class FileTokenizer(Tokenizer):
    """Tokens of a `tokenizer.json`. Special tokens in a text are ordinary text, as in tiktoken's encodings; none are
    added, and what the file says of truncation and padding is left out.

    A long text is encoded in segments, as with an encoding of tiktoken. Where a tokenizer marks the beginning of a
    text, each segment (16 Ki characters) may count one token more than the whole text would.

    Parameters:
      path: of the file; loaded at once, and once per content in a process.
    """

    exact = True

    def __init__(self, path: Path) -> None:
        super().__init__(_content_name(path), BEFORE_SPACE)
        with _loading:
            self._library_tokenizer = in_native_thread(_load, str(path), self.name)

    def load(self) -> None:
        """Nothing is left to be loaded."""

    def is_loaded(self) -> bool:
        return True

    def encode(self, text: str) -> list[int]:
        return [
            token
            for segment in self.segments([text])
            for token in self._library_tokenizer.encode(encodable(segment), add_special_tokens=False).ids
        ]

    def offsets(self, segment: str, tokens: list[int], positions: Iterable[int]) -> list[int]:
        return [tokens[position - 1] if position else 0 for position in positions]

    def tokens_of(self, segment: str) -> list[int]:
        """For each token of a segment, where the next one begins: what a tokenizer skips (white space, mostly) goes
        with the token before it, and a character of several tokens is not divided."""
        found = self._library_tokenizer.encode(encodable(segment), add_special_tokens=False).offsets
        ends: list[int] = []
        for start, _ in found[1:]:
            ends.append(max(start, ends[-1]) if ends else start)
        return [*ends, len(segment)] if found else []


def _content_name(path: Path) -> str:
    try:
        status = path.stat()
        return _hashed(str(path), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ConfigError(f"{SETTING}: {path} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=16)
def _hashed(path: str, _changed_at: int, _size: int) -> str:
    return "tokenizer.json sha256:" + hashlib.sha256(Path(path).read_bytes()).hexdigest()


@functools.lru_cache(maxsize=4)
def _load(path: str, _content: str) -> "tokenizers.Tokenizer":
    try:
        import tokenizers
    except ImportError as error:
        raise ConfigError(MISSING) from error
    try:
        loaded = tokenizers.Tokenizer.from_file(path)
    except Exception as error:  # the library raises Exception itself
        raise ConfigError(f"{SETTING}: {path} is no tokenizer.json: {' '.join(str(error).split())[:200]}") from error
    loaded.no_truncation()
    loaded.no_padding()
    loaded.encode_special_tokens = True
    return loaded
