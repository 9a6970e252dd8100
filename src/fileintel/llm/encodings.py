"""Loads tiktoken's encodings without a network.

tiktoken has the rules of each encoding and downloads its vocabulary. Here the package `toktok-rs` gives the
vocabularies of the encodings in `SHIPPED`; tiktoken compares them with its own SHA-256 and keeps them as files in the
user's cache folder. The first load on a machine takes about 1 s, every later one 0.3 s, once per process.
"""

import os
import threading
from base64 import b64encode
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fileintel.errors import ConfigError
from fileintel.runtime import in_native_thread

if TYPE_CHECKING:
    from tiktoken import Encoding

CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"
SHIPPED = ("cl100k_base", "o200k_base", "o200k_harmony")

_loading = threading.Lock()
_loaded: "dict[str, Encoding]" = {}


def encoding_for(name: str) -> "Encoding":
    """Return the tiktoken encoding `name`, such as "o200k_base", from a local file; loaded once per process.

    Where `TIKTOKEN_CACHE_DIR` is set, the file must be in the folder that it names.

    Raises:
      ConfigError: the name is unknown, or its vocabulary is not on this machine.
    """
    with _loading:
        if name not in _loaded:
            _loaded[name] = in_native_thread(_load, name)
        return _loaded[name]


def is_loaded(name: str) -> bool:
    """Return whether this process has loaded the encoding."""
    return name in _loaded


def files_of(*names: str) -> Path:
    """Return the folder with the files of these encodings, for another program that uses tiktoken.

    Raises:
      ConfigError: as `encoding_for` says, or the files cannot be written.
    """
    for name in names:
        encoding_for(name)
    return Path(os.environ.get(CACHE_VARIABLE) or _cache_folder())


def _load(name: str) -> "Encoding":
    import tiktoken

    if name not in (known := sorted(tiktoken.list_encoding_names())):
        raise ConfigError(f"the token encoding {name!r} is unknown; use one of {', '.join(known)}")
    if folder := os.environ.get(CACHE_VARIABLE):
        return _from_folder(name, folder, shipped=False)
    try:
        return _from_folder(name, _cache_folder(), shipped=True)
    except OSError:  # nothing can be kept there: a file system that is full or only for reading
        try:
            with TemporaryDirectory() as passing:
                return _from_folder(name, passing, shipped=True)
        except OSError as error:
            raise ConfigError(f"the token encoding {name!r} cannot be unpacked: {error}") from error


def _cache_folder() -> str:
    from platformdirs import user_cache_path

    return str(user_cache_path("fileintel") / "encodings")


def _from_folder(name: str, folder: str, *, shipped: bool) -> "Encoding":
    """Return the encoding from its file in this folder, which is written first where it is missing and `shipped`."""
    import tiktoken
    import tiktoken.load

    def read(blobpath: str) -> bytes:
        if not shipped:
            raise ConfigError(
                f"the token encoding {name!r} is not in {folder}; name one of that folder,"
                f" or point {CACHE_VARIABLE} at a folder that holds it"
            )
        return _vocabulary(name, PurePosixPath(blobpath).stem)

    # tiktoken downloads whatever its folder lacks, and has no switch against it; so its reader is put aside meanwhile
    kept_reader, kept_folder = tiktoken.load.read_file, os.environ.get(CACHE_VARIABLE)
    tiktoken.load.read_file = read
    os.environ[CACHE_VARIABLE] = folder
    try:
        return tiktoken.get_encoding(name)
    finally:
        tiktoken.load.read_file = kept_reader
        if kept_folder is None:
            del os.environ[CACHE_VARIABLE]
        else:
            os.environ[CACHE_VARIABLE] = kept_folder


def _vocabulary(name: str, vocabulary: str) -> bytes:
    """Return the file that tiktoken would download: for each token its bytes in base 64 and its number."""
    if vocabulary not in SHIPPED:
        raise ConfigError(
            f"the token encoding {name!r} does not come with FileIntel: use one of {', '.join(SHIPPED)}, or, where"
            f" there is a network, fill a folder DIR for it with `{CACHE_VARIABLE}=DIR python -c 'import tiktoken;"
            f' tiktoken.get_encoding("{name}")\'` and set {CACHE_VARIABLE}=DIR'
        )
    try:
        from toktok import _toktok  # type: ignore[import-untyped]  # its public functions count only, and keep 50 MB
    except ImportError as error:
        raise ConfigError(
            f"the token encoding {name!r} needs the package toktok-rs, which is not installed: pip install toktok-rs"
        ) from error
    tokens: list[bytes] = _toktok.Tokenizer(vocabulary, "").token_byte_values()
    return b"".join(b"%b %d\n" % (b64encode(token), number) for number, token in enumerate(tokens))
