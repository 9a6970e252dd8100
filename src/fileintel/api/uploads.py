"""Uploaded files: streamed from the request to a folder, which is either whole or not there.

    <home>/spool/<id>.part/0000/paper.pdf     while it comes in
    <home>/spool/<id>/0000/paper.pdf          once it is whole; a worker reads and deletes it

Each file has a folder of its own, so that two of the same name do not meet, and no name from outside is more than
the last part of a path.
"""

import shutil
import unicodedata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import anyio
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from fileintel.api.problems import BadUpload, InvalidRequest, TooLarge, UnsupportedMediaType
from fileintel.config import Settings
from fileintel.errors import DocumentError, ServiceUnavailable
from fileintel.runs.submission import Submitted
from fileintel.services.documents import check_file_name

FIELD = "files"
MOST_FILES = 200  # in one request; a collection may take as many requests as it likes
TOTAL_FILES_OF_LARGEST_SIZE = 4  # the total, in files of the largest size
HEADERS_BYTES = 8 * 1024  # of one part
BATCH_BYTES = 1024 * 1024  # written at a time: a thread is asked for each batch
DRAINED_BYTES = 16 * 1024 * 1024  # read and dropped after a refusal, so that the caller gets to see it
DRAIN_SECONDS = 10.0
LONGEST_NAME_BYTES = 200  # file systems allow 255


@dataclass(frozen=True)
class UploadLimits:
    """Bounds for one request."""

    files: int
    file_bytes: int
    total_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> "UploadLimits":
        """The bounds that follow from the settings."""
        largest = settings.documents.max_file_mb * 1024 * 1024
        return cls(MOST_FILES, largest, largest * TOTAL_FILES_OF_LARGEST_SIZE)

    @property
    def body_bytes(self) -> int:
        """Of a whole request: the files and what stands between them."""
        return self.total_bytes + (self.files + 1) * HEADERS_BYTES


async def receive(
    request: Request, spool: Path, limits: UploadLimits, check: Callable[[str], None] = check_file_name
) -> Path:
    """Write the files of a multipart request below `spool`; returns their folder. `check` refuses names.

    Raises:
      UnsupportedMediaType, BadUpload, TooLarge, InvalidRequest, DocumentError: nothing of it is left.
      ServiceUnavailable: it cannot be written, for instance because the disk is full; nothing of it is left.
    """
    try:
        return await _receive(request, spool, limits, check)
    except OSError as error:
        raise ServiceUnavailable(f"the upload cannot be kept in {spool}: {error.strerror or error}") from error


async def _receive(request: Request, spool: Path, limits: UploadLimits, check: Callable[[str], None]) -> Path:
    boundary = _boundary(request)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.body_bytes:
        raise TooLarge(f"the upload has {int(declared):,} bytes, {limits.total_bytes:,} are allowed in one request")
    reception = await run_in_threadpool(Reception, spool / str(uuid4()), boundary, limits, check)
    stream = request.stream()
    try:
        async for batch in _batches(stream):
            await run_in_threadpool(reception.feed, batch)
        return await run_in_threadpool(reception.complete)
    except (BadUpload, TooLarge, InvalidRequest, DocumentError):
        await _drain(stream)
        raise
    finally:
        with anyio.CancelScope(shield=True):  # also when the caller has left, or the service is stopping
            await run_in_threadpool(reception.discard_unless_complete)


def handed_over(folder: Path, submit: Callable[[], Submitted]) -> Submitted:
    """What `submit` has made of an upload. The folder goes with the task; where there is none, or an earlier request
    has made it, it is deleted."""
    try:
        submitted = submit()
    except BaseException:
        discard(folder)
        raise
    if not submitted.is_new:
        discard(folder)  # the first request's files are with the task
    return submitted


def discard(folder: Path) -> None:
    """Delete a whole upload that could not be handed on."""
    shutil.rmtree(folder, ignore_errors=True)


def safe_name(given: str) -> str:
    """A file name that is one part of a path, shows what it is, and is no longer than file systems allow.

    Raises:
      InvalidRequest: nothing is left of it.
    """
    last = given.replace("\\", "/").rpartition("/")[2]
    # category C: control characters, and those that turn the direction of what follows
    shown = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C")
    name = shown.strip().lstrip(".").strip()  # names with a dot in front are hidden, and readers pass them over
    stem, dot, suffix = name.rpartition(".")
    if len(name.encode()) > LONGEST_NAME_BYTES:
        ending = f"{dot}{suffix}" if stem and len(suffix.encode()) < LONGEST_NAME_BYTES // 2 else ""
        room = LONGEST_NAME_BYTES - len(ending.encode())
        name = (stem or suffix).encode()[:room].decode(errors="ignore") + ending
    if not name:
        raise InvalidRequest(f"{given!r} is no name for a file")
    return name


class Reception:
    """Takes a multipart body in pieces and writes its files. Not for several threads at once."""

    def __init__(
        self, folder: Path, boundary: bytes, limits: UploadLimits, check: Callable[[str], None] = check_file_name
    ) -> None:
        self._folder = folder
        self._check = check
        self._part_folder = folder.with_name(f"{folder.name}.part")
        self._limits = limits
        self._files = 0
        self._file: BinaryIO | None = None
        self._name = ""
        self._file_bytes = 0
        self._total_bytes = 0
        self._header = [bytearray(), bytearray()]
        self._disposition = b""
        self._headers_bytes = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._add_header(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._add_header(1, data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._open_file,
                "on_part_data": lambda data, start, end: self._write(data[start:end]),
                "on_part_end": self._close_file,
                "on_end": self._end,
            },
        )
        self._part_folder.mkdir(parents=True, mode=0o700)

    def feed(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
          BadUpload, TooLarge, InvalidRequest, DocumentError: see `receive`.
        """
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise BadUpload(f"the body is no sound multipart/form-data: {error}") from error

    def complete(self) -> Path:
        """The body is at its end; returns the folder.

        Raises:
          BadUpload: the body ends too early. InvalidRequest: it holds no file.
        """
        if not self._ended:
            raise BadUpload("the body ends in the middle of a part: it was cut off, or the boundary is wrong")
        if not self._files:
            raise InvalidRequest(f"there is no file in it: send one or more as `{FIELD}`")
        self._part_folder.rename(self._folder)
        return self._folder

    def discard_unless_complete(self) -> None:
        """Leave nothing behind, unless `complete` was reached."""
        if self._file is not None:
            self._file.close()
        shutil.rmtree(self._part_folder, ignore_errors=True)

    def _begin_part(self) -> None:
        self._disposition = b""
        self._headers_bytes = 0

    def _add_header(self, side: int, data: bytes) -> None:
        self._headers_bytes += len(data)
        if self._headers_bytes > HEADERS_BYTES:
            raise BadUpload(f"the header of a part is longer than {HEADERS_BYTES} bytes")
        self._header[side] += data

    def _end_header(self) -> None:
        name, value = map(bytes, self._header)
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header = [bytearray(), bytearray()]

    def _open_file(self) -> None:
        _, options = parse_options_header(self._disposition)
        field = options.get(b"name", b"").decode(errors="replace")
        given = options.get(b"filename")
        if field != FIELD or given is None:
            raise InvalidRequest(f"{field!r} is no field of an upload: send files as `{FIELD}`")
        if self._files == self._limits.files:
            raise TooLarge(f"there are more than {self._limits.files} files: send them in several requests")
        name = self._name = safe_name(given.decode(errors="replace"))
        self._check(name)
        folder = self._part_folder / f"{self._files:04}"
        folder.mkdir(mode=0o700)
        self._file = (folder / name).open("xb")
        self._file_bytes = 0
        self._files += 1

    def _write(self, data: bytes) -> None:
        self._file_bytes += len(data)
        self._total_bytes += len(data)
        if self._file_bytes > self._limits.file_bytes:
            raise TooLarge(
                f"{self._name} is too large: {self._limits.file_bytes:,} bytes are allowed (documents.max_file_mb)"
            )
        if self._total_bytes > self._limits.total_bytes:
            raise TooLarge(f"the files have more than {self._limits.total_bytes:,} bytes together")
        assert self._file is not None
        self._file.write(data)

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _end(self) -> None:
        self._ended = True


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise UnsupportedMediaType(
            f"send the files as multipart/form-data, not {kind.decode(errors='replace') or 'nothing'}",
            headers={"Accept": "multipart/form-data"},
        )
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:  # RFC 2046, section 5.1.1
        raise BadUpload("the content type has no sound boundary")
    return boundary


async def _batches(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    batch = bytearray()
    async for chunk in stream:
        batch += chunk
        if len(batch) >= BATCH_BYTES:
            yield bytes(batch)
            batch.clear()
    if batch:
        yield bytes(batch)


async def _drain(stream: AsyncIterator[bytes]) -> None:
    """Read on for a while: a connection that is closed on a caller who still sends is reset, and the answer lost."""
    dropped = 0
    with anyio.move_on_after(DRAIN_SECONDS):
        async for chunk in stream:
            dropped += len(chunk)
            if dropped > DRAINED_BYTES:
                return
