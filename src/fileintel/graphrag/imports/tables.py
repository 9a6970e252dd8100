"""From the rows of upstream's tables to our graph.

What the tables leave open is computed as upstream computes it now: degrees from the relationships, children from the
parents, the parent of a community from its members. What they contradict themselves in is put right and counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fileintel.graphrag.imports.folder import TableRow, Tables
from fileintel.graphrag.imports.values import identity_of, integer_of, list_of, number_of, text_of
from fileintel.graphrag.model import Claim, Community, Entity, Finding, Graph, Relationship, Report
from fileintel.identity import content_id

TOP = -1  # the parent of a community that has none
UNKNOWN_TYPE = "UNKNOWN"
MIDDLE_RATING = 5.0  # of a report without one

Pair = tuple[str, str]


@dataclass
class Imported:
    """The graph of an index folder. `put_right` counts what was, by what it was."""

    graph: Graph = field(default_factory=Graph)
    claims: list[Claim] = field(default_factory=list)
    communities: list[Community] = field(default_factory=list)
    reports: dict[int, Report] = field(default_factory=dict)
    put_right: Counter[str] = field(default_factory=Counter)


def import_graph(tables: Tables) -> Imported:
    """The graph that the tables hold; text units are numbered by their rows."""
    units = {text_of(row["id"]): number for number, row in enumerate(tables["text_units"])}
    made = Imported()
    titles = _entities(made, tables["entities"], units)
    pairs = _relationships(made, tables["relationships"], units)
    _degrees(made.graph)
    members = _members_by_nodes(tables["nodes"])
    _communities(made, tables["communities"], titles, pairs, members)
    _reports(made, tables["community_reports"])
    made.claims = list(_claims(made, tables["covariates"], units))
    return made


def _entities(made: Imported, rows: Sequence[TableRow], units: Mapping[str, int]) -> dict[str, str]:
    """Adds the entities; returns their titles by id."""
    titles: dict[str, str] = {}
    for row, number in zip(rows, _numbers(rows), strict=True):
        title = text_of(row["title"])
        titles[text_of(row["id"])] = title
        if not title or title in made.graph.entities:
            made.put_right["entities without a title, or with one that another has"] += 1
            continue
        kind = text_of(row.get("type")) or UNKNOWN_TYPE
        seen_in = _units(made, row, units)
        frequency = integer_of(row.get("frequency"))
        made.graph.entities[title] = Entity(
            id=identity_of("entity", row["id"]),
            number=number,
            title=title,
            type=kind,
            types=[kind],
            descriptions={},
            text_units=seen_in,
            frequency=len(seen_in) if frequency is None else frequency,
            degree=_degree(row, "degree"),
            description=text_of(row["description"]),
        )
    return titles


def _relationships(made: Imported, rows: Sequence[TableRow], units: Mapping[str, int]) -> dict[str, Pair]:
    """Adds the relationships, and entities for ends that have none; returns their pairs of titles by id."""
    pairs: dict[str, Pair] = {}
    for row, number in zip(rows, _numbers(rows), strict=True):
        pair = text_of(row["source"]), text_of(row["target"])
        pairs[text_of(row["id"])] = pair
        if not all(pair) or pair in made.graph.relationships:
            made.put_right["relationships without an end, or with ends that another has"] += 1
            continue
        weight = number_of(row.get("weight"))
        made.graph.relationships[pair] = Relationship(
            id=identity_of("relationship", row["id"]),
            number=number,
            source=pair[0],
            target=pair[1],
            descriptions={},
            text_units=_units(made, row, units),
            weight=1.0 if weight is None else weight,
            combined_degree=_degree(row, "combined_degree"),
            description=text_of(row["description"]),
        )
        for title in pair:
            if title not in made.graph.entities:
                made.put_right["ends of relationships that are no entities"] += 1
                made.graph.entities[title] = _unknown(made.graph, title)
    return pairs


def _unknown(graph: Graph, title: str) -> Entity:
    number = max((entity.number for entity in graph.entities.values()), default=-1) + 1
    return Entity(content_id("entity", title), number, title, UNKNOWN_TYPE, [UNKNOWN_TYPE], {}, [], 0, degree=-1)


def _degrees(graph: Graph) -> None:
    """The degrees that the tables do not tell: different neighbours of an entity, and the sum over both ends."""
    neighbours: dict[str, set[str]] = {title: set() for title in graph.entities}
    for source, target in graph.relationships:
        neighbours[source].add(target)
        neighbours[target].add(source)
    for title, entity in graph.entities.items():
        if entity.degree < 0:
            entity.degree = len(neighbours[title])
    for (source, target), link in graph.relationships.items():
        if link.combined_degree < 0:
            link.combined_degree = graph.entities[source].degree + graph.entities[target].degree


def _members_by_nodes(rows: Sequence[TableRow]) -> dict[int, list[str]]:
    members: dict[int, list[str]] = {}
    for row in rows:
        if (number := integer_of(row["community"])) is not None:
            members.setdefault(number, []).append(text_of(row["title"]))
    return members


def _communities(
    made: Imported,
    rows: Sequence[TableRow],
    titles: Mapping[str, str],
    pairs: Mapping[str, Pair],
    by_nodes: Mapping[int, list[str]],
) -> None:
    graph = made.graph
    for row in rows:
        number = integer_of(row.get("community", row.get("id")))
        level = integer_of(row["level"])
        if number is None or number < 0 or level is None:
            made.put_right["communities without a number or a level"] += 1
            continue
        given = (pairs.get(text_of(identity)) for identity in list_of(row.get("relationship_ids")))
        links = sorted(
            {pair for pair in given if pair in graph.relationships}, key=lambda p: graph.relationships[p].number
        )
        listed = [titles.get(text_of(identity), "") for identity in list_of(row.get("entity_ids"))]
        listed = listed or by_nodes.get(number) or [end for pair in links for end in pair]
        members = {title for title in listed if title in graph.entities}
        parent = integer_of(row.get("parent", TOP))
        made.communities.append(
            Community(
                id=identity_of("community", row["id"]),
                number=number,
                level=level,
                parent=TOP if parent is None else parent,
                children=[],
                entities=sorted(members, key=lambda title: graph.entities[title].number),
                relationships=links,
            )
        )
    _make_tree(made, parents_known=all("parent" in row for row in rows))


def _make_tree(made: Imported, *, parents_known: bool) -> None:
    unique = {community.number: community for community in made.communities}
    made.put_right["communities with a number that another has"] += len(made.communities) - len(unique)
    made.communities = sorted(unique.values(), key=lambda community: (community.level, community.number))
    above = {(c.level + 1, title): c.number for c in made.communities for title in c.entities}
    for community in made.communities:
        if not parents_known and community.entities:
            community.parent = above.get((community.level, community.entities[0]), TOP)
        if community.parent in unique:
            unique[community.parent].children.append(community.number)
        elif community.parent != TOP:
            made.put_right["parents of communities that do not exist"] += 1
            community.parent = TOP


def _reports(made: Imported, rows: Sequence[TableRow]) -> None:
    by_number = {community.number: community for community in made.communities}
    for row in rows:
        number = integer_of(row["community"])
        if number is None or number not in by_number or number in made.reports:
            made.put_right["reports on no community, or on one that has another"] += 1
            continue
        rating = number_of(row.get("rank"))
        made.reports[number] = Report(
            community=by_number[number],
            title=text_of(row["title"]),
            summary=text_of(row["summary"]),
            rating=MIDDLE_RATING if rating is None else rating,
            rating_explanation=text_of(row.get("rating_explanation")),
            findings=[_finding(entry) for entry in list_of(row.get("findings"))],
            text=text_of(row.get("full_content")) or None,
        )


def _finding(entry: Any) -> Finding:
    if isinstance(entry, Mapping):
        return Finding(text_of(entry.get("summary")), text_of(entry.get("explanation")))
    return Finding(text_of(entry), "")


def _claims(made: Imported, rows: Sequence[TableRow], units: Mapping[str, int]) -> Iterator[Claim]:
    for row, number in zip(rows, _numbers(rows), strict=True):
        unit = units.get(text_of(row.get("text_unit_id")))
        if unit is None:
            made.put_right["covariates of no text unit"] += 1
            continue
        yield Claim(
            id=identity_of("covariate", row["id"]),
            number=number,
            subject=text_of(row["subject_id"]),
            object=text_of(row.get("object_id"), "NONE"),
            type=text_of(row.get("type")),
            status=text_of(row.get("status")),
            start_date=text_of(row.get("start_date"), "NONE"),
            end_date=text_of(row.get("end_date"), "NONE"),
            description=text_of(row["description"]),
            source_text=text_of(row.get("source_text")),
            text_unit=unit,
        )


def _numbers(rows: Sequence[TableRow]) -> Iterable[int]:
    """The human-readable ids, which reports cite; the rows' places where they are no numbers or not unique."""
    given = [integer_of(row.get("human_readable_id")) for row in rows]
    found = [number for number in given if number is not None and number >= 0]
    return found if len(set(found)) == len(rows) else range(len(rows))


def _units(made: Imported, row: TableRow, units: Mapping[str, int]) -> list[int]:
    ids = [text_of(identity) for identity in list_of(row.get("text_unit_ids"))]
    found = {units[identity] for identity in ids if identity in units}
    made.put_right["references to text units that do not exist"] += len(set(ids)) - len(found)
    return sorted(found)


def _degree(row: TableRow, column: str) -> int:
    """A degree; -1 where it has to be computed."""
    degree = integer_of(row.get(column))
    return -1 if degree is None else degree
