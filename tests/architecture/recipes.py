"""Reads the recipes of docs/development.md: which source files each of them touches."""

import re

from tests.architecture.source import ROOT

PAGE = ROOT / "docs" / "development.md"
SOURCE = ("src/", "config/", "prompts/")  # tests and pages come with every change, and are not counted
_RECIPE = re.compile(r"^## Add (?:a|an) ([\w ]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FILES = re.compile(r"^Files:\n\n((?:- .*\n(?:  .*\n)*)+)", re.MULTILINE)

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


def recipes() -> dict[str, list[str]]:
    """The source files of each recipe, by its name; `NAME` in a path stands for a new name."""
    text = PAGE.read_text(encoding="utf-8")
    found = {}
    for name, section in _RECIPE.findall(text):
        lists = _FILES.findall(section)
        files = re.findall(r"^- `([^`]+)`", "".join(lists), re.MULTILINE)
        found[name] = [file for file in files if file.startswith(SOURCE)]
    return found
