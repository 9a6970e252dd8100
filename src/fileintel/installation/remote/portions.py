"""Files in portions of a bounded size, each one multipart/form-data body (RFC 7578) that is read while it is sent."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from fileintel.documents.document import Unreadable, shown
from fileintel.documents.parse_worker import open_regular
from fileintel.errors import DocumentError

MOST_FILES = 50  # in one portion; the service takes 200
MOST_BYTES = 64 * 1024 * 1024  # in one portion of several files; the service takes more
PIECE_BYTES = 256 * 1024
FIELD = "files"


@dataclass(frozen=True)
class _File:
    """A file that can be opened, and its bytes."""

    path: Path
    size: int


class Portion:
    """Some files to send at once, and those among them that cannot be read."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.files: list[_File] = []
        self.unreadable: list[tuple[Path, str]] = []
        for path in paths:
            try:
                with _opened(path) as file:
                    self.files.append(_File(path, os.fstat(file.fileno()).st_size))
            except DocumentError as error:
                self.unreadable.append((path, str(error)))

    def singly(self) -> Iterator["Portion"]:
        """The same files, one in each portion."""
        return (Portion([path]) for path in self.paths)

    def body(self) -> tuple[Iterator[bytes], dict[str, str]]:
        """A request's body, and its headers."""
        boundary = uuid4().hex
        heads = [_head(boundary, file.path) for file in self.files]
        end = f"--{boundary}--\r\n".encode()
        length = sum(len(head) + file.size + 2 for head, file in zip(heads, self.files, strict=True)) + len(end)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(length)}
        return self._pieces(heads, end), headers

    def _pieces(self, heads: Sequence[bytes], end: bytes) -> Iterator[bytes]:
        for head, file in zip(heads, self.files, strict=True):
            yield head
            yield from _content(file)
            yield b"\r\n"
        yield end


def portions(paths: Sequence[Path]) -> Iterator[Portion]:
    """All files, in their order. One that is larger than a portion is one of its own."""
    waiting: list[Path] = []
    size = 0
    for path in paths:
        more = _size(path)
        if waiting and (len(waiting) == MOST_FILES or size + more > MOST_BYTES):
            yield Portion(waiting)
            waiting, size = [], 0
        waiting.append(path)
        size += more
    if waiting:
        yield Portion(waiting)


def _opened(path: Path) -> BinaryIO:
    try:
        return open_regular(str(path))
    except Unreadable as problem:
        raise DocumentError(f"{shown(str(path))} {problem}") from problem


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # what is wrong with it is told when it is opened


def _head(boundary: str, path: Path) -> bytes:
    """What stands before a file's content. The name's bytes are those of the file system, whatever they are."""
    name = os.fsencode(path.name).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    name = name.replace(b"\r", b"").replace(b"\n", b"")
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{FIELD}"; filename="'.encode()
        + name
        + b'"\r\nContent-Type: application/octet-stream\r\n\r\n'
    )


def _content(file: _File) -> Iterator[bytes]:
    """As many bytes as were promised.

    Raises:
      DocumentError: the file has become shorter.
    """
    left = file.size
    with _opened(file.path) as stream:
        while left:
            piece = stream.read(min(PIECE_BYTES, left))
            if not piece:
                raise DocumentError(f"{shown(str(file.path))} changed while it was read; add it again")
            left -= len(piece)
            yield piece
