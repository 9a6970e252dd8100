"""The child process: one for many files, bounded, and never the parent's problem."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from fileintel import errors
from fileintel.documents import load
from fileintel.documents.document import MEGABYTE, Limits
from fileintel.documents.load import DocumentReader

from .samples import chapter, docx, epub, paragraph, write


def child_of(reader: DocumentReader) -> int:
    child = reader._child
    assert child is not None
    return child._process.pid


def texts(reader: DocumentReader, path: Path) -> list[str]:
    return [page.text for page in reader.read(path)[1]]


def run(code: str, *arguments: object, timeout: float = 120) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_child_reads_many_files(tmp_path: Path) -> None:
    with DocumentReader() as reader:
        children = set()
        for n in range(12):
            assert texts(reader, write(tmp_path, f"{n}.txt", f"text {n}")) == [f"text {n}"]
            children.add(child_of(reader))
        assert len(children) == 1


def test_closing_ends_the_child(tmp_path: Path) -> None:
    with DocumentReader() as reader:
        texts(reader, write(tmp_path, "a.txt", "text"))
        process = reader._child and reader._child._process
    assert process is not None
    assert process.returncode == -signal.SIGKILL


def test_a_child_that_crashes_costs_one_file(tmp_path: Path) -> None:
    with DocumentReader() as reader:
        _, pages = reader.read(write(tmp_path, "long.txt", "A line of text.\n" * 200_000))
        next(pages)
        os.kill(child_of(reader), signal.SIGSEGV)
        with pytest.raises(errors.DocumentError, match=r"long\.txt made the parser crash \(signal 11"):
            list(pages)
        assert texts(reader, write(tmp_path, "next.txt", "next")) == ["next"]


def test_a_child_that_hangs_is_ended(tmp_path: Path) -> None:
    with DocumentReader() as reader:
        path = write(tmp_path, "a.txt", "text")
        texts(reader, path)
        os.kill(child_of(reader), signal.SIGSTOP)
        reader._limits, kept = Limits(max_seconds=0.5), reader._limits
        with pytest.raises(errors.DocumentError, match=r"a\.txt takes longer than"):
            reader.read(path)
        reader._limits = kept
        assert texts(reader, path) == ["text"]


def test_the_time_that_the_caller_takes_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(load, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with DocumentReader() as reader:
        _, pages = reader.read(write(tmp_path, "long.txt", "A line of text.\n" * 100_000))
        for _ in pages:
            now[0] += 1_000.0


def test_running_out_of_memory_costs_one_file(tmp_path: Path) -> None:
    book = epub({"a.xhtml": chapter("<p>" + "".join(f"<b>{n}</b> " for n in range(1_800_000)) + "</p>")})
    with DocumentReader(Limits(max_memory_bytes=190 * MEGABYTE)) as reader:
        with pytest.raises(errors.DocumentError, match=r"a\.epub .*190 MB of memory"):
            texts(reader, write(tmp_path, "a.epub", book))
        assert texts(reader, write(tmp_path, "next.txt", "next")) == ["next"]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(max_bytes=1 * MEGABYTE), "is too large"),
        (Limits(max_pages=10), "has more than the 10 pages"),
    ],
)
def test_limits_of_size_are_kept(tmp_path: Path, limits: Limits, message: str) -> None:
    path = write(tmp_path, "a.txt", "A line of text.\n" * 200_000)
    with DocumentReader(limits) as reader, pytest.raises(errors.DocumentError, match=message):
        texts(reader, path)


@pytest.mark.parametrize("limits", [Limits(max_expanded_bytes=100_000), Limits(max_entries=3)])
def test_limits_of_archives_are_kept(tmp_path: Path, limits: Limits) -> None:
    path = write(tmp_path, "a.docx", docx(paragraph("text " * 50_000), {f"x{n}": "x" for n in range(5)}))
    with DocumentReader(limits) as reader, pytest.raises(errors.DocumentError, match=r"zip bomb|entries"):
        texts(reader, path)


def test_reading_the_next_file_ends_the_one_before(tmp_path: Path) -> None:
    with DocumentReader() as reader:
        _, pages = reader.read(write(tmp_path, "long.txt", "A line of text.\n" * 200_000))
        next(pages)
        assert texts(reader, write(tmp_path, "next.txt", "next")) == ["next"]
        with pytest.raises(RuntimeError, match="gone on to another file"):
            list(pages)
        assert texts(reader, write(tmp_path, "last.txt", "last")) == ["last"]


def test_pages_that_nobody_takes_leave_no_child_behind(tmp_path: Path) -> None:
    with DocumentReader() as reader:
        _, pages = reader.read(write(tmp_path, "long.txt", "A line of text.\n" * 200_000))
        next(pages)
        pages.close()  # type: ignore[attr-defined]
        assert reader._child is None


def test_the_child_sees_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with DocumentReader() as reader:
        texts(reader, write(tmp_path, "a.txt", "text"))
        assert b"sk-secret" not in Path(f"/proc/{child_of(reader)}/environ").read_bytes()


def test_modules_in_the_current_folder_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "hashlib.py", "raise SystemExit('not mine')")
    monkeypatch.chdir(tmp_path)
    with DocumentReader() as reader:
        assert texts(reader, write(tmp_path, "a.txt", "text")) == ["text"]


PARENT_THAT_STAYS = """
import sys, time
from fileintel.documents.load import DocumentReader
reader = DocumentReader()
info, pages = reader.read(sys.argv[1])
next(pages)
print(reader._child._process.pid, flush=True)
time.sleep(600)
"""


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    path = write(tmp_path, "long.txt", "A line of text.\n" * 200_000)
    parent = subprocess.Popen([sys.executable, "-c", PARENT_THAT_STAYS, str(path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(300):
        if not Path(f"/proc/{child}").exists() or "\nState:\tZ" in Path(f"/proc/{child}/status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the child lives on")


UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent, os, signal, sys
from fileintel.documents.load import DocumentReader

def read(path):
    with DocumentReader() as reader:
        return "".join(page.text for page in reader.read(path)[1])
jobs = [gevent.spawn(read, sys.argv[1]) for _ in range(3)]
gevent.joinall(jobs, raise_error=True)
assert len({job.value for job in jobs}) == 1

with DocumentReader() as reader:
    list(reader.read(sys.argv[1])[1])
    child = reader._child._process.pid
    os.kill(child, signal.SIGSTOP)
    # if waiting for the child stopped the hub, this would never run
    gevent.spawn_later(0.3, os.kill, child, signal.SIGCONT)
    print(sum(len(page.text) for page in reader.read(sys.argv[1])[1]))
"""


def test_other_greenlets_run_while_a_file_is_parsed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "A line of text.\n" * 50_000)
    assert run(UNDER_GEVENT, path).strip() == str(16 * 50_000)


READ_AND_CHUNK = """
import os, sys
from fileintel.documents.token_windows import token_windows
from fileintel.documents.load import DocumentReader
from fileintel.llm.tokens import Tokenizer

def peak(pid):  # MB
    with open(f"/proc/{pid}/status") as status:
        return int(status.read().split("VmHWM:")[1].split()[0]) // 1024

with DocumentReader() as reader:
    info, pages = reader.read(sys.argv[1])
    end = 0
    for chunk in token_windows((page.text for page in pages), Tokenizer()):
        assert chunk.start <= end < chunk.end
        end = chunk.end
    print(end, peak(os.getpid()), peak(reader._child._process.pid))
"""


def test_a_text_of_60_megabytes_is_read_and_chunked_in_bounded_memory(tmp_path: Path) -> None:
    paragraph_text = "The company, founded in 1887 by Anna Muller, sold its shares to the Bank. " * 8 + "\n\n"
    path = write(tmp_path, "long.txt", paragraph_text * (60 * MEGABYTE // len(paragraph_text)))
    characters, parent, child = map(int, run(READ_AND_CHUNK, path).split())
    assert characters == path.stat().st_size
    # the parent's 150 MB are the interpreter and the encoding's tables (90 MB) and what is on its way
    assert parent < 150
    assert child < 60
