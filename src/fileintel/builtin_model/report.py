"""A community report out of the community's entities, relationships, claims and sub-reports."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fileintel.builtin_model import prose, ranking, sections
from fileintel.builtin_model.sentences import terms
from fileintel.builtin_model.stopwords import language_of

SUMMARY_SENTENCES, SUMMARY_LENGTH = 5, 900  # characters
FEWEST_FINDINGS, MOST_FINDINGS = 2, 6
FINDING_SENTENCES, FINDING_LENGTH = 4, 700  # characters
IDS_PER_CITATION = 5  # as in the paper: more are "+more"
STATEMENT_LIMIT = 600  # sentences of one community that are ranked


@dataclass(slots=True)
class _Community:
    """The data of one community, its entities ordered by importance."""

    reports: list[sections.Row]
    entities: list[sections.Row]
    claims: list[sections.Row]
    relationships: list[sections.Row]
    shown: dict[str, str]  # upper-case name → as it is spelled in the texts
    language: str

    @property
    def texts(self) -> list[str]:
        rows = [*self.entities, *self.relationships, *self.claims]
        return [row.get("description", "") for row in rows] + [row.get("content", "") for row in self.reports]

    def name(self, row: sections.Row, column: str = "title") -> str:
        return self.shown.get(row.get(column, ""), row.get(column, ""))


def report(data: str) -> str:
    """Return the report on the sections of `data`, as a JSON object."""
    community = _read(data)
    statements = _statements(community)
    title = _title(community)
    summary = ranking.summary(statements, SUMMARY_SENTENCES, SUMMARY_LENGTH) or title
    findings = _findings(community, statements)
    rating, reason = _rating(community)
    answer = {
        "title": title,
        "summary": summary,
        "rating": rating,
        "rating_explanation": reason,
        "findings": findings,
    }
    return json.dumps(answer, ensure_ascii=False, indent=1)


def _read(data: str) -> _Community:
    found = sections.sections(data)
    relationships = found.get("relationships", [])
    entities = found.get("entities", [])
    ties: dict[str, float] = {}
    for row in relationships:
        for column in ("source", "target"):
            ties[row.get(column, "")] = ties.get(row.get(column, ""), 0.0) + 1
    known = {row.get("title", "") for row in entities}
    entities = entities + [{"title": name} for name in ties if name and name not in known]
    entities = sorted(
        (row for row in entities if row.get("title")),
        key=lambda row: (-max(sections.number(row.get("degree", "")), ties.get(row["title"], 0.0)), row["title"]),
    )
    community = _Community(found.get("reports", []), entities, found.get("claims", []), relationships, {}, "en")
    texts = community.texts
    spelled = "\n".join(texts)
    community.shown = {row["title"]: prose.display_name(row["title"], (spelled,)) for row in entities}
    community.language = language_of(" ".join(texts)[:4000].lower().split())
    return community


def _statements(community: _Community) -> list[ranking.Statement]:
    """Return all sentences of the community once, the ones about its central entities weigh more."""
    found: dict[str, ranking.Statement] = {}
    for place, row in enumerate(community.entities):
        _add(found, row.get("description", ""), 1.0 + 1.0 / (place + 1), _cite("Entities", [row]))
    for row in community.relationships:
        weight = 1.0 + min(1.0, sections.number(row.get("weight", "")) / 20)
        _add(found, row.get("description", ""), weight, _cite("Relationships", [row]))
    for row in community.claims:
        _add(found, row.get("description", ""), 1.2, _cite("Claims", [row]))
    for row in community.reports:
        _add(found, prose.plain(row.get("content", "")), 1.3, _cite("Reports", [row]))
    return list(found.values())[:STATEMENT_LIMIT]


def _add(found: dict[str, ranking.Statement], text: str, weight: float, origin: str) -> None:
    if len(found) < STATEMENT_LIMIT:
        for statement in ranking.statements(text, weight, origin):
            found.setdefault(statement.text, statement)


def _title(community: _Community) -> str:
    top = community.entities[:1]
    if top:
        # The second name is of another kind if possible: "Ilse Brandt and the Harbour Commission".
        others = community.entities[1:4]
        different = [row for row in others if row.get("type") != top[0].get("type")]
        top = top + (different or others)[:1]
    elif community.reports:
        return " · ".join(row.get("title", "") for row in community.reports[:2])[:120] or "Community"
    names = [_with_article(community, row, first=not at) for at, row in enumerate(top)]
    return prose.join_names(names, community.language) or "Community"


def _with_article(community: _Community, row: sections.Row, *, first: bool) -> str:
    """Return the name, with "the" if that is how the English texts use it: "the Harbour Commission"."""
    name = community.name(row)
    if community.language != "en" or row.get("type", "").lower() == "person":
        return name
    described = " ".join(community.texts[:200]).lower()
    if f"the {name.lower()}" not in described:
        return name
    return f"The {name}" if first else f"the {name}"


def _findings(community: _Community, statements: Sequence[ranking.Statement]) -> list[dict[str, str]]:
    wanted = min(MOST_FINDINGS, max(FEWEST_FINDINGS, 1 + len(community.entities) // 3))
    found: list[dict[str, str]] = []
    used: set[str] = set()
    for row in community.entities[: 3 * MOST_FINDINGS]:
        if len(found) == wanted:
            break
        finding = _finding(community, row, statements, used)
        if finding:
            found.append(finding)
    for row in community.reports:
        if len(found) >= FEWEST_FINDINGS and (len(found) == wanted or community.entities):
            break
        text = ranking.summary(ranking.statements(prose.plain(row.get("content", ""))), 3, FINDING_LENGTH)
        if text:
            found.append({"summary": row.get("title", ""), "explanation": f"{text} {_cite('Reports', [row])}"})
    return found if len(found) >= FEWEST_FINDINGS else found + _fallback(community, len(found))


def _finding(
    community: _Community, row: sections.Row, statements: Sequence[ranking.Statement], used: set[str]
) -> dict[str, str] | None:
    """Return what is known about one entity and has not been said in another finding."""
    title = row["title"]
    stems = frozenset(terms(community.name(row)))
    ties = [each for each in community.relationships if title in (each.get("source"), each.get("target"))]
    about = [each for each in statements if stems and stems & each.stems and each.text not in used]
    about = [each for each in about if len(stems & each.stems) >= min(2, len(stems))]
    chosen = ranking.choose(about, ranking.centrality(about), FINDING_SENTENCES, FINDING_LENGTH)
    if not chosen:
        return None
    used.update(about[at].text for at in chosen)
    ties.sort(key=lambda each: (-sections.number(each.get("weight", "")), each.get("id", "")))
    partners: list[str] = []
    for each in ties:
        other = community.name(each, "target" if each.get("source") == title else "source")
        if other and other not in partners:
            partners.append(other)
    summary = community.name(row)
    if partners:
        summary += f" – {prose.join_names(partners[:3], community.language)}"
    text = " ".join(ranking.ended(about[at].text) for at in sorted(chosen))
    return {"summary": summary, "explanation": f"{text} {_cite('Entities', [row], ties)}".strip()}


def _fallback(community: _Community, have: int) -> list[dict[str, str]]:
    """Findings for a community about which nearly nothing is said, so that a report always has two."""
    names = [community.name(row) for row in community.entities[:10]]
    kinds = sorted({row.get("type", "").lower() for row in community.entities if row.get("type")})
    facts = [
        ("Members", f"The community consists of {prose.join_names(names) or 'entities without a description'}."),
        (
            "Size",
            f"{len(community.entities)} entities ({', '.join(kinds) or 'no type'}) and "
            f"{len(community.relationships)} relationships are known.",
        ),
    ]
    return [{"summary": summary, "explanation": text} for summary, text in facts[: FEWEST_FINDINGS - have]]


def _cite(section: str, rows: Sequence[sections.Row], ties: Sequence[sections.Row] = ()) -> str:
    """ "[Data: Entities (1); Relationships (3, 4)]" """
    parts = []
    for name, listed in ((section, rows), ("Relationships", ties)):
        ids = [row["id"] for row in listed if row.get("id")]
        if ids:
            more = ", +more" if len(ids) > IDS_PER_CITATION else ""
            parts.append(f"{name} ({', '.join(ids[:IDS_PER_CITATION])}{more})")
    return f"[Data: {'; '.join(parts)}]" if parts else ""


def _rating(community: _Community) -> tuple[float, str]:
    entities, ties = len(community.entities), len(community.relationships)
    weight = sum(sections.number(row.get("weight", ""), 1.0) for row in community.relationships)
    size = 0.9 * math.log2(1 + entities) + 0.4 * math.log2(1 + max(0.0, weight)) + 0.5 * len(community.reports) ** 0.5
    rating = round(min(10.0, max(0.5, size)), 1)
    return rating, (
        f"Computed, not judged: {entities} entities and {ties} relationships with a total weight of {weight:g}."
    )
