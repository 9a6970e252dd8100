"""Reading documents: their facts, and their pages as a stream, parsed in a child process.

Parsers of strangers' files crash, hang and eat memory. Here they do it in a process of their own, which has a limit
on each of these and none of the parent's secrets; what goes wrong there is a `DocumentError` for one file.
"""

import dataclasses
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fileintel import errors
from fileintel.documents.document import MEGABYTE, DocumentInfo, Limits, Page, shown

FILES_PER_CHILD = 500  # C libraries leak a little; a fresh process costs 0.1 s
READ = 256 * 1024  # bytes taken from the pipe at a time
LONGEST_ANSWER = 64 * MEGABYTE  # bytes of one line; a page of a PDF may have 4 million characters

# what the child may see of the environment: no keys, no passwords
PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
PASSED_ON_PREFIXES = ("PYTHON", "LC_")


class DocumentReader:
    """Reads documents, one at a time, in one child process for many files.

    Use it as a context manager. Works in plain threads and in gevent-patched processes: waiting for the child does not
    stop other greenlets. Not to be shared between threads or greenlets; each takes its own.

    Parameters:
        limits: what reading one file may cost.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._child: _Child | None = None
        self._reading: object | None = None  # a token of the file that is being read

    def __enter__(self) -> "DocumentReader":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child process. The reader can be used again."""
        self._reading = None
        if self._child:
            self._child.kill()
            self._child = None

    def read(self, path: str | os.PathLike[str]) -> tuple[DocumentInfo, Iterator[Page]]:
        """The facts of the file at `path`, and its pages, which are parsed while they are taken.

        Reading another file ends the reading of this one.

        Raises:
            DocumentError: the file cannot be read. The iterator raises it too, for what is found only later.
        """
        path = os.fspath(path)
        answers = self._answers(path)
        first = next(answers)
        return DocumentInfo(**first["info"]), _pages(answers)

    def _answers(self, path: str) -> Iterator[dict[str, Any]]:
        """The child's answers up to the end; any other way out leaves no child behind."""
        child = self._ready_child()
        token = self._reading = object()
        try:
            deadline = self._limits.seconds_for(_size(path))
            child.send({"path": path, "limits": dataclasses.asdict(self._limits)}, deadline)
            while True:
                answer = child.receive()
                if "error" in answer:
                    break
                if "end" in answer:
                    self._reading = None
                    return
                yield answer
                if self._reading is not token:
                    raise RuntimeError("the reader has gone on to another file, or was closed")
        except _ChildFailed as failure:
            raise errors.DocumentError(_sentence(path, str(failure))) from failure
        finally:
            # after an error the child is fine, unless it has ended by itself
            if self._reading is token and not child.idle:
                self.close()
        self._reading = None
        raise errors.DocumentError(_sentence(path, answer["error"]))

    def _ready_child(self) -> "_Child":
        child = self._child
        if child and (self._reading is not None or child.files >= FILES_PER_CHILD or not child.alive()):
            self.close()
            child = None
        if child is None:
            child = self._child = _Child(self._limits)
        return child


class _ChildFailed(Exception):
    """The child died or was ended; the rest of a sentence that begins with the file's name."""


class _Child:
    """A running `parse_worker`, and the two pipes to it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.files = 0
        self.idle = True
        self._waited = 0.0  # seconds for the current file
        self._deadline = 0.0
        self._buffer = bytearray()
        job_reader, job_writer = os.pipe()
        answer_reader, answer_writer = os.pipe()
        # file objects of our own, because those of a patched subprocess are made for another way of waiting
        self._jobs = open(job_writer, "wb", buffering=0)  # noqa: SIM115 - closed by kill()
        self._answers = open(answer_reader, "rb", buffering=0)  # noqa: SIM115
        command = [sys.executable, "-P", "-m", "fileintel.documents.parse_worker"]
        try:
            self._process = subprocess.Popen(
                [*command, str(limits.max_memory_bytes), str(os.getpid())],
                stdin=job_reader,
                stdout=answer_writer,
                stderr=subprocess.DEVNULL,
                env={k: v for k, v in os.environ.items() if k in PASSED_ON or k.startswith(PASSED_ON_PREFIXES)},
                start_new_session=True,
            )
        finally:
            os.close(job_reader)
            os.close(answer_writer)

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._jobs.close()
        self._answers.close()
        self._process.kill()
        self._process.wait()

    def send(self, job: dict[str, Any], deadline: float) -> None:
        """Hand out a job that may take `deadline` seconds. Paths are short, so the pipe takes it at once."""
        self.files += 1
        self.idle = False
        self._waited, self._deadline = 0.0, deadline
        try:
            self._jobs.write(json.dumps(job).encode("ascii") + b"\n")
        except BrokenPipeError as error:
            raise self._failure() from error

    def receive(self) -> dict[str, Any]:
        """The next answer."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LONGEST_ANSWER:
                raise _ChildFailed("has a page that is too long; split it")
            self._wait()
            block = os.read(self._answers.fileno(), READ)
            if not block:
                raise self._failure()
            self._buffer += block
        answer: dict[str, Any] = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        self.idle = ("end" in answer or "error" in answer) and "ends" not in answer
        return answer

    def _wait(self) -> None:
        """Until there is something to read. Only this time counts: a slow caller is not the file's fault."""
        poll = select.poll()  # looked up now: gevent replaces it, and then other greenlets run meanwhile
        poll.register(self._answers.fileno(), select.POLLIN)
        started = time.monotonic()
        ready = poll.poll(max(0.0, self._deadline - self._waited) * 1000)
        self._waited += time.monotonic() - started
        if not ready:
            raise _ChildFailed(f"takes longer than {self._deadline:.0f} s to parse; split it or raise the limit")

    def _failure(self) -> _ChildFailed:
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        memory = self._limits.max_memory_bytes // MEGABYTE
        return _ChildFailed(
            f"made the parser crash ({how}; it may use {memory} MB of memory); save it in another format"
        )


def _pages(answers: Iterator[dict[str, Any]]) -> Iterator[Page]:
    number = start = 0
    for answer in answers:
        for label, text, gap in answer["pages"]:
            number += 1
            end = start + len(text)
            yield Page(number, label, start, end, text, gap)
            start = end


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0  # the child will say what is wrong


def _sentence(path: str, rest: str) -> str:
    return f"{shown(path)} {rest}"
