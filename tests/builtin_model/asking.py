"""Building requests for the built-in model, and reading its tuples."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from fileintel.builtin_model import engine

SYSTEM = "You extract a graph.\nEntity types: organization, person, geo, event\nUse the tuple format."


def about_text(text: str, *later: tuple[str, str], system: str = SYSTEM) -> list[dict[str, Any]]:
    turns = [{"role": role, "content": content} for role, content in later]
    user = {"role": "user", "content": f"<text>\n{text}\n</text>"}
    return [{"role": "system", "content": system}, user, *turns]


def section(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows(rows)
    return f"-----{name}-----\n{stream.getvalue()}\n"


def about_data(*sections: str, question: str = "") -> list[dict[str, Any]]:
    asked = f"\n\nQuestion: {question}" if question else ""
    return [
        {"role": "system", "content": "You write from data."},
        {"role": "user", "content": f"<data>\n{''.join(sections)}</data>{asked}"},
    ]


def records(answer: str) -> list[list[str]]:
    """The fields of each record; fails where the format is broken."""
    body, mark, rest = answer.partition("<|COMPLETE|>")
    assert mark, "no end mark"
    assert not rest.strip(), "text behind the end mark"
    found = []
    for record in body.split("##"):
        text = record.strip()
        if not text:
            continue
        assert text.startswith("("), text
        assert text.endswith(")"), text
        found.append(text[1:-1].split("<|>"))
    return found


def entities(text: str, system: str = SYSTEM) -> dict[str, tuple[str, str]]:
    """Name → type and description."""
    answer = engine.answer("extract", about_text(text, system=system))
    return {fields[1]: (fields[2], fields[3]) for fields in records(answer) if fields[0] == '"entity"'}


def relations(text: str) -> dict[frozenset[str], tuple[str, int]]:
    """Pair of names → description and strength."""
    answer = engine.answer("extract", about_text(text))
    return {
        frozenset(fields[1:3]): (fields[3], int(fields[4]))
        for fields in records(answer)
        if fields[0] == '"relationship"'
    }


def report_data(text: str) -> tuple[str, str]:
    """The sections of a report request, made of what is extracted from `text`."""
    found, related = entities(text), relations(text)
    degree = {name: sum(name in pair for pair in related) for name in found}
    numbered = [(at, name, kind, told, degree[name]) for at, (name, (kind, told)) in enumerate(found.items(), 1)]
    ties = [
        (at, *sorted(pair), told, strength, sum(degree.get(name, 0) for name in pair))
        for at, (pair, (told, strength)) in enumerate(related.items(), 1)
    ]
    return (
        section("Entities", ("id", "title", "type", "description", "degree"), numbered),
        section("Relationships", ("id", "source", "target", "description", "weight", "combined_degree"), ties),
    )
