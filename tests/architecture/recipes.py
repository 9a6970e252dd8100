"""Reads the recipes of docs/development.md: which files each of them touches, and the blocks of code that it shows."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.source import ROOT

PAGE = ROOT / "docs" / "development.md"
SOURCE = ("src/", "config/", "prompts/")  # tests and pages come with every change, and are not counted
_RECIPE = re.compile(r"^## Add (?:a|an) ([\w ]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FILES = re.compile(r"^Files:\n\n((?:- .*\n(?:  .*\n)*)+)", re.MULTILINE)
_BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# how many source files a recipe may touch, the new ones included
GOALS = {
    "format": 3,
    "setting": 2,
    "stage": 3,
    "mode": 3,
    "command": 3,
    "option": 4,
    "table": 4,
    "prompt": 2,
}


@dataclass(frozen=True)
class Change:
    """One block of a recipe: the text of a new file, or the lines that change in one that is there."""

    path: str
    language: str
    text: str

    def apply(self, root: Path) -> None:
        """Make the change in the copy of the source at `root`.

        Raises:
          ValueError: the lines that it starts from are not there, or are there more than once.
        """
        path = root / self.path
        if self.language != "diff":
            path.write_text(self.text, encoding="utf-8")
            return
        lines = self.text.splitlines()
        before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
        after = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
        text = path.read_text(encoding="utf-8")
        if f"\n{text}".count(f"\n{before}") != 1:
            raise ValueError(f"{self.path} has not exactly one place with these lines:\n{before}")
        path.write_text(f"\n{text}".replace(f"\n{before}", f"\n{after}")[1:], encoding="utf-8")


def recipes() -> dict[str, list[str]]:
    """The source files of each recipe, by its name; `NAME` in a path stands for a new name."""
    found = {}
    for name, section in _sections():
        files = re.findall(r"^- `([^`]+)`", "".join(_FILES.findall(section)), re.MULTILINE)
        found[name] = [file for file in files if file.startswith(SOURCE)]
    return found


def changes() -> dict[str, list[Change]]:
    """The blocks of each recipe, in order. One without a file's name above it goes on with the file before."""
    found: dict[str, list[Change]] = {}
    for name, section in _sections():
        path = ""
        found[name] = []
        for given, language, text in _BLOCK.findall(section):
            path = given or path
            found[name].append(Change(path, language, text))
    return found


def _sections() -> list[tuple[str, str]]:
    return _RECIPE.findall(PAGE.read_text(encoding="utf-8"))
