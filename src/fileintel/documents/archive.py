"""Reading DOCX and EPUB files, which are zip archives, without being blown up by one."""

import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from fileintel.documents.document import MEGABYTE, BadPart, Limits, Unreadable

BLOCK = 64 * 1024  # bytes
LOCAL_HEADER = 30  # bytes, without name and extra field (APPNOTE.TXT 4.3.7)
# Text and markup shrink 5 to 30 times, and deflate can reach 1,032. Small entries may shrink as they like.
MAX_RATIO = 200
RATIO_FREE = 10 * MEGABYTE

BOMB = "would unpack to far more than a document holds (a zip bomb?); leave it out"
DAMAGED = "is a damaged archive; copy or download it again"


class Archive:
    """A zip archive whose entries are checked before, and counted while they are unpacked.

    Raises:
        Unreadable: the archive is damaged, encrypted, or would unpack to more than the limits allow.
    """

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._left = limits.max_expanded_bytes
        try:
            self._zip = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            raise Unreadable(DAMAGED) from error
        entries = self._zip.infolist()
        if len(entries) > limits.max_entries:
            raise Unreadable(
                f"has {len(entries):,} entries, more than the {limits.max_entries:,} allowed; leave it out"
            )
        _check_sizes(entries, limits)
        _check_overlaps(entries)
        self.names = {entry.filename for entry in entries}

    def read(self, name: str, max_bytes: int = 64 * MEGABYTE) -> bytes:
        """A whole entry of at most `max_bytes`."""
        content = bytearray()
        for block in self.blocks(name):
            content += block
            if len(content) > max_bytes:
                raise BadPart(f"has a part of more than {max_bytes // MEGABYTE} MB ({name}); split it")
        return bytes(content)

    def blocks(self, name: str) -> Iterator[bytes]:
        """An entry, in blocks."""
        try:
            with self._zip.open(name) as entry:
                while block := entry.read(BLOCK):
                    self._left -= len(block)
                    if self._left < 0:
                        raise Unreadable(BOMB)
                    yield block
        except KeyError as error:
            raise BadPart(f"is damaged: its part {name!r} is missing; copy or download it again") from error
        except RuntimeError as error:  # zipfile's way to say that an entry is encrypted
            raise BadPart("is protected by a password; remove it and add the file again") from error
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError) as error:
            raise BadPart(DAMAGED) from error


def _check_sizes(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    """The sizes that the archive declares; zipfile unpacks no entry beyond its own."""
    if sum(entry.file_size for entry in entries) > limits.max_expanded_bytes:
        raise Unreadable(BOMB)
    for entry in entries:
        if entry.file_size > RATIO_FREE and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise Unreadable(BOMB)


def _check_overlaps(entries: list[zipfile.ZipInfo]) -> None:
    # many entries that share one compressed stream: 46 MB that unpack to 4.5 PB. zipfile before 3.11.8 allows it.
    end = -1
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise Unreadable("has overlapping entries (a zip bomb?); leave it out")
        end = entry.header_offset + LOCAL_HEADER + len(entry.orig_filename) + entry.compress_size
