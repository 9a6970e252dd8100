"""The child process that parses strangers' files: `python -m fileintel.documents.parse_worker MEMORY PARENT`.

It gets one job a line on its standard input, and answers with lines of JSON on its standard output:

    job       {"path": …, "limits": {…}}
    answers   {"info": {…}}, then any number of {"pages": [[label, text, gap], …]}, then {"end": true};
              or, instead of any of them, {"error": "the rest of a sentence that begins with the file's name"},
              with "ends": true when the process ends now, since nothing is certain after running out of memory

It never runs under gevent, holds no secrets, and dies with its parent.
"""

import contextlib
import dataclasses
import hashlib
import importlib
import json
import os
import resource
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, BinaryIO

from fileintel.child_processes import exit_with_parent
from fileintel.documents import kinds
from fileintel.documents.clean_text import clean_text, is_blank
from fileintel.documents.document import MEGABYTE, DocumentInfo, Limits, Parsed, Source, Unreadable, shown
from fileintel.documents.encoding import EncodingScan

BLOCK = 1 * MEGABYTE  # bytes read at a time
BATCH = 128 * 1024  # characters of pages in one answer
HELD_BLANK = 1000  # pages at the beginning that may be blank before an empty document is told from a slow start
LONGEST_FACT = 1000  # characters of a title or an entry of the metadata

Answer = dict[str, Any]


def main() -> None:
    """Serve jobs until the parent closes the pipe."""
    memory, parent = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's business
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit_memory(memory)
    exit_with_parent(parent)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the protocol
    for line in sys.stdin.buffer:
        with contextlib.suppress(BrokenPipeError):
            if not serve(json.loads(line), answers):
                return


def limit_memory(max_bytes: int) -> None:
    """Cap the address space of this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    cap = max_bytes if hard == resource.RLIM_INFINITY else min(max_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (cap, cap))


def serve(job: Answer, answers: BinaryIO) -> bool:
    """Answer one job. False when this process should not go on."""
    try:
        for answer in read_document(job["path"], Limits(**job["limits"])):
            _write(answers, answer)
        last: Answer = {"end": True}
    except Unreadable as error:
        last = {"error": str(error)}
    except MemoryError:
        last = {
            "ends": True,
            "error": f"needs more than {job['limits']['max_memory_bytes'] // MEGABYTE} MB of memory; split it",
        }
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - any failure of a parser belongs to this file, not to the next one
        last = {"error": f"cannot be parsed ({type(error).__name__}: {error}); save it in another format"}
    _write(answers, last)
    return "ends" not in last


def _write(answers: BinaryIO, answer: Answer) -> None:
    answers.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    answers.flush()


def read_document(path: str, limits: Limits) -> Iterator[Answer]:
    """The answers for one file.

    Raises:
        Unreadable: it cannot be read.
    """
    with open_regular(path) as stream:
        before = os.fstat(stream.fileno())
        if before.st_size == 0:
            raise Unreadable("is empty; leave it out")
        if before.st_size > limits.max_bytes:
            size, most = before.st_size // MEGABYTE, limits.max_bytes // MEGABYTE
            raise Unreadable(f"is too large ({size:,} MB; the limit is {most:,} MB); split it")
        source, kind, sha256 = inspect(path, stream, limits)
        parsed: Parsed = importlib.import_module(f"fileintel.documents.formats.{kind.name}").parse(source)
        info = describe(path, source, kind, sha256, parsed)
        yield from with_batches(info, parsed, limits)
        after = os.fstat(stream.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise Unreadable("changed while it was read; add it again")


def open_regular(path: str) -> BinaryIO:
    """Open a regular file; opening a named pipe or a device could block for ever."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise Unreadable("is a folder; name the files in it")
        if not stat.S_ISREG(mode):
            raise Unreadable("is not a regular file; copy its content into one")
        return open(path, "rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise Unreadable("does not exist (any more); check the path") from error
    except PermissionError as error:
        raise Unreadable("may not be read (permission denied); change its permissions") from error
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror}); check the file system") from error


def inspect(path: str, stream: BinaryIO, limits: Limits) -> tuple[Source, kinds.Kind, str]:
    """One pass over all bytes: the hash, the kind and, for text, the encoding. The stream is rewound."""
    size = os.fstat(stream.fileno()).st_size
    head = stream.read(kinds.HEAD)
    kind = kinds.kind_of(path, head, Source(stream, size, limits))
    scan = EncodingScan() if kind.has_encoding else None
    digest = hashlib.sha256()
    stream.seek(0)
    while block := stream.read(BLOCK):
        digest.update(block)
        if scan:
            scan.feed(block)
    stream.seek(0)
    encoding = None
    if scan:
        scan.feed(b"", final=True)
        encoding = scan.encoding()
    return Source(stream, size, limits, encoding), kind, digest.hexdigest()


def describe(path: str, source: Source, kind: kinds.Kind, sha256: str, parsed: Parsed) -> DocumentInfo:
    """The facts; a file without a title is called by its name."""
    metadata = {key: fact for key, value in (parsed.metadata or {}).items() if (fact := _fact(value))}
    title = _fact(parsed.title) or _fact(shown(PurePath(path).stem))
    return DocumentInfo(sha256, source.size, kind.media_type, title, source.encoding, metadata)


def _fact(value: str) -> str:
    return " ".join(clean_text(value).split())[:LONGEST_FACT]


def with_batches(info: DocumentInfo, parsed: Parsed, limits: Limits) -> Iterator[Answer]:
    """The facts, once a page has text (or when too many had none), and then the pages in batches."""
    batch: list[tuple[str | None, str, str | None]] = []
    first_gap: str | None = None
    length = 0
    has_text = told = False
    for count, page in enumerate(parsed.pages, start=1):
        if count > limits.max_pages:
            raise Unreadable(f"has more than the {limits.max_pages:,} pages allowed; split it")
        text = clean_text(page.text)
        gap = _fact(page.gap) if page.gap else None
        first_gap = first_gap or gap
        batch.append((_fact(page.label) if page.label else None, text, gap))
        length += len(text) + 1
        has_text = has_text or not is_blank(text)
        if not told and (has_text or len(batch) > HELD_BLANK):
            yield {"info": dataclasses.asdict(info)}
            told = True
        if told and length > BATCH:
            yield {"pages": batch}
            batch, length = [], 0
    if not has_text:
        raise Unreadable(first_gap or parsed.if_empty)
    yield {"pages": batch}


if __name__ == "__main__":
    main()
