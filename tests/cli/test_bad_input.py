"""What cannot be done: one clear line on stderr, the documented exit code, and nothing half-written."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import CommandLine, Finished, short_folder
from tests.documents.pdf_writer import write_pdf
from tests.documents.samples import docx, epub, paragraph
from tests.standin import StandIn

from .conftest import COLLECTION, DOCUMENTS, Town, environment

NOBODY = 65534
SECRETIVE = ("Traceback", "unexpected", "File ")


def one_line_of(refused: Finished) -> str:
    """The message of a command that was refused."""
    assert refused.out == ""
    assert refused.err.startswith("error: ")
    assert refused.err.count("\n") == 1
    assert not any(word in refused.err for word in SECRETIVE)
    return refused.err.removeprefix("error: ").strip()


REFUSED: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("graphrag", "status", "nowhere"), 1, "no collection 'nowhere'"),
    (("collections", "create", COLLECTION), 1, "already"),
    (("documents", "show", "nothing.pdf"), 1, "no document 'nothing.pdf'"),
    (("documents", "add", COLLECTION, "/nowhere/at-all.pdf"), 2, "does not exist"),
    (("documents", "add", COLLECTION, "/nowhere/*.pdf"), 2, "matches no document"),
    (("documents", "text", DOCUMENTS[0], "--page", "99"), 2, "not 99"),
    (("graphrag", "entities", COLLECTION, "--limit", "0"), 2, "--limit"),
    (("graphrag", "community", COLLECTION, "4711"), 1, "no community 4711"),
    (("graphrag", "query", COLLECTION, "  "), 2, "empty"),
    (("graphrag", "query", COLLECTION, "Who?", "--mode", "sideways"), 2, "local, global"),
    (("graphrag", "query", COLLECTION), 2, "question"),
    (("graphrag", "query", COLLECTION, "Who?", "--schema", '{"type": "object"}'), 2, "is to be a file with the schema"),
    (("graphrag", "nonsense"), 2, "--help"),
    (("--set", "chunking.colour=red", "collections", "list"), 2, "chunking.colour"),
    (("collections", "list", "--set", "llm.model=x"), 2, "before the command: `fileintel --set KEY=VALUE"),
    (("--set", "chunking", "collections", "list"), 2, "KEY=VALUE"),
    (("--set", "chunking.size=tiny", "graphrag", "index", COLLECTION), 2, "chunking.size"),
    (("--set", "prompts.directory=/nowhere", "graphrag", "index", COLLECTION), 2, "prompts.directory"),
    (("collections", "delete", COLLECTION), 4, "--yes"),
    (("graphrag", "export", COLLECTION, "/proc/nowhere"), 1, "/proc/nowhere"),
)


@pytest.fixture(scope="module")
def told(town: Town) -> dict[tuple[str, ...], Finished]:
    """How each of the commands ended."""
    commands = [command for command, _, _ in REFUSED]
    with ThreadPoolExecutor(2) as pool:
        ends = pool.map(lambda command: town.fileintel(*command, check=None), commands)
        return dict(zip(commands, ends, strict=True))


@pytest.mark.parametrize(
    ("command", "code", "words"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, tuple) else None
)
def test_what_is_refused_is_told_in_one_line(
    told: dict[tuple[str, ...], Finished], command: tuple[str, ...], code: int, words: str
) -> None:
    ended = told[command]
    asked = "Delete town with 3 documents? [y/N] \n"
    assert ended.code == code
    assert words in one_line_of(Finished(ended.code, ended.out, ended.err.removeprefix(asked)))


def test_names_that_cannot_be_had_are_refused_and_odd_ones_work(fileintel: CommandLine) -> None:
    for name in ("", "a/b", "a\nb", "x" * 300, "..", "0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"):
        one_line_of(fileintel("collections", "create", name, check=2))
    assert fileintel("collections", "list", "--json").json == []
    odd = 'Über "das" & it\'s; DROP TABLE runs -- %s {x} 文献'
    fileintel("collections", "create", odd)
    hint = one_line_of(fileintel("graphrag", "query", odd, "Who?", check=1))
    assert "fileintel graphrag index" in hint
    assert odd in one_line_of(fileintel("graphrag", "index", odd, check=1)).replace("\\'", "'")


def test_files_that_cannot_be_read_are_told_one_by_one_and_leave_nothing(
    fileintel: CommandLine, tmp_path: Path
) -> None:
    files = {
        "blank.txt": b"",
        "white.md": b" \n\t\n ",
        "junk.txt": bytes(range(256)) * 20,
        "damaged.pdf": write_pdf(["A page."])[:200],
        "locked.pdf": write_pdf(["A page."], user_password="secret"),
        "bomb.docx": docx(paragraph("x" * 3_000_000)),
        "bomb.epub": epub({"one.xhtml": b"<p>" + b"y" * 3_000_000}),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "good.txt").write_text("Ann met Ben.", encoding="utf-8")
    fileintel("collections", "create", "c")
    refused = fileintel("--set", "documents.max_expanded_mb=1", "documents", "add", "c", tmp_path, check=1)
    *problems, summary = refused.err.splitlines()
    assert len(problems) == len(files)
    assert all(sum(name in problem for problem in problems) == 1 for name in files)
    assert not any(word in refused.err for word in SECRETIVE)
    assert summary == "1 of 8 files are in the collection, 7 could not be read"
    assert [document["name"] for document in fileintel("documents", "list", "c", "--json").json] == ["good.txt"]


def test_a_file_whose_name_is_no_text_is_added_under_a_readable_one(fileintel: CommandLine, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"m\xfcller.txt")).write_text("Ann met Ben.", encoding="utf-8")
    fileintel("collections", "create", "c")
    fileintel("documents", "add", "c", tmp_path)
    (document,) = fileintel("documents", "list", "c", "--json").json
    assert document["name"] == "m\ufffdller.txt"


def test_a_text_without_any_entity_makes_an_index_that_can_be_asked(fileintel: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "dull.txt").write_text("it rained, and then it rained some more.", encoding="utf-8")
    fileintel("collections", "create", "c")
    fileintel("documents", "add", "c", tmp_path / "dull.txt")
    built = fileintel("graphrag", "index", "c", "--json").json
    assert (built["state"], built["counts"]["entities"], built["counts"]["text_units"]) == ("succeeded", 0, 1)
    assert fileintel("graphrag", "query", "c", "Did it rain?").out
    assert "do not hold an answer" in fileintel("graphrag", "query", "c", "Did it rain?", "--mode", "global").out


def test_a_prompt_with_an_unknown_placeholder_is_refused_before_anything_begins(
    prepared: CommandLine, model_server: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "extract_graph.txt").write_text("Look at {input_txt}.", encoding="utf-8")
    refused = prepared("--set", f"prompts.directory={tmp_path}", "graphrag", "index", COLLECTION, check=2)
    assert "{input_txt}" in one_line_of(refused)
    assert prepared("graphrag", "status", COLLECTION, "--json").json["state"] == "not_indexed"
    assert model_server.stats().asked == {}


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can become nobody")
def test_a_home_without_permission_is_told_in_one_line() -> None:
    home = short_folder()
    home.chmod(0o755)
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    probe = subprocess.run([*become, sys.executable, "-c", "import fileintel"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("nobody cannot read this checkout")

    try:
        command = [*become, *CommandLine.command("collections", "list")]
        done = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=False)
        assert str(home) in one_line_of(Finished(done.returncode, done.stdout, done.stderr))
        assert done.returncode == 69
        assert list(home.iterdir()) == []
    finally:
        shutil.rmtree(home)
