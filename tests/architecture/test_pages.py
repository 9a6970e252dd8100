"""The pages are right: links lead somewhere, and what they tell people to type exists.

A block of code says what it is: `sh`, `python`, `yaml`, `ini`, `json`, `diff` or `mermaid`. What is printed or drawn is
`text`.
"""

import ast
import configparser
import itertools
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from fileintel.cli.main import app
from tests.architecture.source import ROOT

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md")
    for path in ROOT.glob(pattern)
    if not path.name.startswith(".")
)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:fileintel|make|\.venv/bin/fileintel) [^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
PATH = re.compile(
    r"`((?:src/fileintel|tests|docs|scripts|config|prompts|examples|benchmarks)/[\w./-]+)`(?!:\n)"
)  # a title of a block may be new
WORD = re.compile(r"[a-z][a-z-]*")
JOINTS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "(", ")"}


@dataclass(frozen=True)
class Block:
    """A block of code of a page; `line` is that of its first line."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        for match in FENCE.finditer(text_of(page)):
            indent = len(match[1])
            lines = [line[indent:] for line in match[3].splitlines(keepends=True)]
            number = text_of(page).count("\n", 0, match.start()) + 2
            found.append(Block(page, number, match[2], "".join(lines)))
    return found


BLOCKS = blocks()


def of(language: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == language], ids=str)


def test_each_block_says_what_it_is() -> None:
    known = {"sh", "python", "diff", "yaml", "ini", "json", "mermaid", "text"}

    assert [str(block) for block in BLOCKS if block.language not in known] == []


@of("python")
def test_python_is_python(block: Block) -> None:
    imports = [node for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.ImportFrom)]

    for node in imports:
        assert node.module is not None
        assert find_spec(node.module), f"{block}: there is no {node.module}"


@of("yaml")
def test_yaml_is_yaml(block: Block) -> None:
    assert yaml.safe_load(block.text) is not None


@of("json")
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text) is not None


@of("ini")
def test_units_of_systemd_can_be_read(block: Block) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(block.text.replace("\\\n", ""))

    assert parser.sections()


@of("sh")
def test_a_shell_understands_it(block: Block) -> None:
    done = subprocess.run(["sh", "-n"], input=block.text, text=True, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr


def lines_of(text: str) -> Iterator[str]:
    """The command lines of a script, with their continuations."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def words_of(line: str) -> list[list[str]]:
    """The commands of one line, each as its words; what cannot be split is left out."""
    lexer = shlex.shlex(line.replace(r"\|", "|"), posix=True, punctuation_chars=";&<>()")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # a quotation over several lines, such as a document of JSON
        return []
    groups = itertools.groupby(words, lambda word: word in JOINTS)
    return [list(group) for is_joint, group in groups if not is_joint]


def typed() -> list[tuple[str, list[str]]]:
    """What the pages tell people to type, as words, with the place where it stands."""
    found = []
    for block in BLOCKS:
        if block.language == "sh":
            found += [(str(block), words) for line in lines_of(block.text) for words in words_of(line)]
    for page in PAGES:
        prose = FENCE.sub("", text_of(page))
        for span in INLINE.findall(prose):
            found += [(str(page.relative_to(ROOT)), words) for words in words_of(" ".join(span.split()))]
    return found


def after(name: str, words: list[str]) -> list[str] | None:
    """The words behind a program's name, if it is the one that is called."""
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    names = [Path(word).name for word in words]
    if name not in names[:1] and not (name in names and names[0] in ("docker", "sudo", "nice")):
        return None
    return words[names.index(name) + 1 :]


COMMANDS = [(place, rest) for place, words in typed() if (rest := after("fileintel", words)) is not None]


def complaints(command: Any, words: list[str]) -> Iterator[str]:
    """What of a command line does not exist: commands, and options of the command that it is."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            name = word.partition("=")[0]
            known = {opt: p for p in command.params for opt in (*p.opts, *p.secondary_opts)}
            if name in ("--help", "-h", "--version"):
                continue
            if name not in known:
                yield f"{command.name} has no option {name}"
            elif not known[name].is_flag and "=" not in word and rest:
                rest.pop(0)
        elif hasattr(command, "commands"):
            choices = word.split("|")
            for choice in choices:
                if WORD.fullmatch(choice) and choice not in command.commands:
                    yield f"{command.name} has no command {choice}"
            if not WORD.fullmatch(choices[0]) or choices[0] not in command.commands:
                return
            command = command.commands[choices[0]]


def test_every_command_and_option_exists() -> None:
    root = typer.main.get_command(app)
    found = [f"{place}: {complaint}" for place, words in COMMANDS for complaint in complaints(root, words)]

    assert len(COMMANDS) > 50
    assert found == []


def test_a_command_that_does_not_exist_is_found() -> None:
    root = typer.main.get_command(app)

    assert list(complaints(root, ["graphrag", "indexx", "thesis"])) == ["graphrag has no command indexx"]
    assert list(complaints(root, ["graphrag", "index", "thesis", "--json", "--wat"])) == ["index has no option --wat"]


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = [(place, rest[0]) for place, words in typed() if (rest := after("make", words))]

    assert called
    assert [(place, target) for place, target in called if target not in targets] == []


def test_every_module_that_python_is_to_run_exists() -> None:
    text = "\n".join(map(text_of, PAGES))
    modules = set(re.findall(r"python -m\s+([\w.]+)", text)) - {"venv", "pip"}

    assert modules
    assert [module for module in modules if find_spec(module) is None] == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", text_of(page)))
    plain = [re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", text_of(page))):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    named = PATH.findall(text_of(page))

    assert [name for name in named if not is_there(name)] == []


def is_there(name: str) -> bool:
    """Whether a file exists; one with NAME in its name is still to be made, in a folder that has to be there."""
    path = ROOT / name
    return path.parent.is_dir() if "NAME" in path.name else path.exists()
