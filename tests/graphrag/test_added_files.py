"""A stage and a query mode that are added by their recipe alone, one file and one entry, work and are listed.

They are added to a copy of the program, which then runs in processes of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.standin import StandIn

REPOSITORY = Path(__file__).resolve().parents[2]
COLLECTION = "port"
TEXT = "In 1904 Ilse Brandt joined the Harbour Board of Altona. Heinrich Tolle led the Harbour Board."

STAGE = '''
"""Keywords of each text unit."""

from collections.abc import Iterable, Iterator

from fileintel.fanout.request import Outcome, Request
from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.stages.stage import Build, Stage, StageRun
from fileintel.llm.questions import Answered, ChatQuestion

KEYWORDS = PromptKind("keywords.txt", data=("input_text",))


class KeywordStage(StageRun):
    """Asks for the keywords of each text unit."""

    def __init__(self, build: Build) -> None:
        self._progress = build.run.progress
        self._found = build.parts.results.setdefault("keywords", [])

    def text_units_are_cut(self, build: Build) -> None:
        build.run.progress.begin("keywords", len(build.parts.units))
        build.ask(self._requests(build))

    def _requests(self, build: Build) -> Iterator[Request]:
        (prompt,) = build.prompts(KEYWORDS)
        for unit in build.parts.units:
            messages = prompt.messages(input_text=unit.text)
            question = ChatQuestion("keywords", build.run.chat_model, messages, parse_keywords, build.sampling)
            yield Request("keywords", unit.id, question, self._answered)

    def _answered(self, outcome: Outcome) -> Iterable[Request]:
        answered = isinstance(outcome, Answered)
        if answered:
            self._found.append(outcome.value)
        self._progress.item_done("keywords", cached=answered and outcome.cached, failed=not answered)
        return ()


def parse_keywords(text: str) -> list[str]:
    """The keywords of an answer."""
    return text.split(",")


DECLARATION = Stage(
    "keywords",
    purposes=("keywords",),
    prompts=(KEYWORDS,),
    parsers={"keywords": parse_keywords},
    begin=KeywordStage,
)
'''

MODE = '''
"""First: the answer is the name of the collection's first document."""

from fileintel.graphrag.query.asking import IndexAsking, Reply
from fileintel.graphrag.query.final_answer import replied, said
from fileintel.graphrag.query.mode import Answering


def answer(asking: IndexAsking) -> Reply:
    """Answer without the model."""
    return replied(asking, "first", said(asking, "Whatever is first."), {}, {})


DECLARATION = Answering(answer)
'''


class Copy:
    """A copy of the program, to which files are added."""

    def __init__(self, root: Path) -> None:
        self.root = root
        unwanted = shutil.ignore_patterns("__pycache__")
        for folder in ("src/fileintel", "prompts", "config"):
            shutil.copytree(REPOSITORY / folder, root / folder, ignore=unwanted)

    def write(self, file: str, text: str) -> None:
        """Add a file."""
        path = self.root / file
        assert not path.exists()
        path.write_text(text.lstrip(), encoding="utf-8")

    def enter(self, file: str, anchor: str, entry: str) -> None:
        """Add an entry to a list, behind an anchor."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(anchor) == 1
        path.write_text(text.replace(anchor, anchor + entry), encoding="utf-8")

    def evaluate(self, code: str) -> Any:
        """What a program prints as JSON."""
        environment = {**os.environ, "PYTHONPATH": str(self.root / "src")}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


@pytest.fixture
def copy(tmp_path: Path, fileintel: CommandLine) -> Copy:
    """A copy that the command line of this test runs."""
    made = Copy(tmp_path / "copy")
    fileintel.environment["PYTHONPATH"] = str(made.root / "src")
    return made


def begin(fileintel: CommandLine, tmp_path: Path) -> None:
    """A collection of one document."""
    (tmp_path / "port.txt").write_text(TEXT, encoding="utf-8")
    fileintel("collections", "create", COLLECTION)
    fileintel("documents", "add", COLLECTION, tmp_path / "port.txt")


def test_a_stage_is_one_file_and_one_entry(
    copy: Copy, fileintel: CommandLine, tmp_path: Path, model_server: StandIn
) -> None:
    copy.write("src/fileintel/graphrag/stages/keywords.py", STAGE)
    copy.write("prompts/graphrag/keywords.txt", "Name keywords.\n\n{input_text}")
    copy.enter("src/fileintel/graphrag/pipeline.py", "import claims, cluster, describe, embed, extract,", " keywords,")
    copy.enter("src/fileintel/graphrag/pipeline.py", "    claims.DECLARATION,\n", "    keywords.DECLARATION,\n")

    begin(fileintel, tmp_path)
    fileintel("graphrag", "index", COLLECTION, "--wait")
    status = fileintel("graphrag", "status", COLLECTION, "--json").json
    stages = {stage["name"]: stage for stage in status["stages"]}
    assert list(stages)[3:5] == ["claims", "keywords"]
    assert stages["keywords"]["total"] == stages["keywords"]["done"] == 1
    assert "keywords.txt" in status["prompts"]
    assert "keywords.txt" in fileintel("graphrag", "prompts", "list", COLLECTION).out

    fileintel("graphrag", "rebuild", COLLECTION, "--from", "keywords", "--wait")
    asked = model_server.stats().asked
    assert (asked["keywords"], asked["extract"]) == (2, 1)
    assert "keywords" in fileintel("graphrag", "rebuild", COLLECTION, "--from", "nonsense", check=2).err

    travelled = """
import json
from fileintel.fanout.parsers import NamedParsers, packed
from fileintel.graphrag.pipeline import PARSERS
from fileintel.graphrag.stages.keywords import parse_keywords
from fileintel.llm.questions import ChatQuestion, Message
question = ChatQuestion("keywords", "model", (Message(role="user", content="?"),), parse_keywords)
parsers = NamedParsers(PARSERS)
name = parsers.name_of(question)
print(json.dumps([name, parsers.unpacked(packed(question), name).parse("a,b")]))
"""
    assert copy.evaluate(travelled) == ["keywords", ["a", "b"]]


def test_a_query_mode_is_one_file_and_one_entry(copy: Copy, fileintel: CommandLine, tmp_path: Path) -> None:
    copy.write("src/fileintel/graphrag/query/first.py", MODE)
    copy.enter(
        "src/fileintel/graphrag/query/modes.py", "TABLE = (\n", '    Mode("first", "whatever is first", "first"),\n'
    )

    begin(fileintel, tmp_path)
    fileintel("graphrag", "index", COLLECTION, "--wait")
    reply = fileintel("graphrag", "query", COLLECTION, "What is first?", "--mode", "first", "--json").json
    assert (reply["mode"], reply["answer"]) == ("first", "Whatever is first.")
    shown = " ".join(fileintel("graphrag", "query", "--help").out.replace("│", "").split())
    assert "first: whatever is first" in shown
    assert "first" in fileintel("graphrag", "query", COLLECTION, "What?", "--mode", "nonsense", check=2).err

    listed = """
import json
from fileintel.api.requests import Question
from fileintel.mcp.server import TOOLS
modes = [tool["inputSchema"]["properties"]["mode"]["enum"] for tool in TOOLS if tool["name"] == "ask"]
print(json.dumps([Question.model_json_schema()["properties"]["mode"]["enum"], *modes]))
"""
    assert copy.evaluate(listed) == [["first", "local", "global", "drift", "basic", "auto"]] * 2
