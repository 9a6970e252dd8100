"""The facts at the head of Markdown files, in YAML."""

import re
from collections.abc import Iterator

import yaml

LONGEST = 64 * 1024  # characters
# what front matter calls a fact, what metadata calls it, and what stands between its parts ("" for the first alone)
NAMES = {
    "title": ("title", ""),
    "author": ("author", "; "),
    "authors": ("author", "; "),
    "creator": ("author", "; "),
    "date": ("created", ""),
    "lang": ("language", ""),
    "language": ("language", ""),
    "description": ("description", " "),
    "abstract": ("description", " "),
    "summary": ("description", " "),
    "keywords": ("keywords", ", "),
    "tags": ("keywords", ", "),
    "publisher": ("publisher", ", "),
}
ANCHOR = re.compile(r"(?:^|[\s:\[,-])&\w", re.M)  # repeated by aliases, a few lines would become gigabytes
LINE = re.compile(r"^(\w+):[ \t]*(\S.*?)[ \t]*$", re.M)


def front_matter(written: str) -> dict[str, str]:
    """The facts of front matter, by the names that they have in metadata.

    What is no YAML, such as a title with a colon in it, is read line by line.
    """
    facts: dict[str, str] = {}
    for name, value in _values(written).items():
        fact, between = NAMES.get(str(name).lower(), ("", ""))
        texts = list(_texts(value)) if fact else []
        if texts:
            facts.setdefault(fact, between.join(texts) if between else texts[0])
    return facts


def _values(written: str) -> dict[str, object]:
    by_line: dict[str, object] = {name: value.strip("\"'") for name, value in LINE.findall(written[:LONGEST])}
    if len(written) > LONGEST or ANCHOR.search(written):
        return by_line
    try:
        # the base loader makes texts, lists and mappings only; dates and numbers stay as they are written
        values = yaml.load(written, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return by_line
    return values if isinstance(values, dict) else by_line


def _texts(value: object) -> Iterator[str]:
    """The texts of a value: itself, those of a list, or the name of a person with other facts."""
    if isinstance(value, str) and value.strip():
        yield " ".join(value.split())
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        yield from _texts(value.get("name") or next(iter(value.values()), ""))
