"""Report contexts out of text units: all of them if they fit, else the most telling ones and the children's reports."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.graphrag.contexts.text_context import TextContexts
from fileintel.graphrag.model import Community, Finding, Graph, Report, TextUnit
from fileintel.graphrag.stages.cluster import cluster
from fileintel.graphrag.stages.extract import Extraction, merge

from .samples import SMALL_EXTRACTIONS, graph, unit
from .test_context import rows_tokens, tables, words

UNITS = [unit(number, f"Passage {number} " + "tells more " * (number % 5)) for number in range(8)]


def contexts(built: Graph, max_tokens: int) -> TextContexts:
    return TextContexts(built, UNITS, max_tokens, words)


def parted(extractions: dict[int, Extraction]) -> tuple[Graph, Community, dict[int, Community]]:
    """A graph as one community, with the communities of a real clustering as its children."""
    built = merge(extractions, UNITS)
    parts = [c for c in cluster(built, max_cluster_size=4, use_lcc=False, seed=1) if c.level == 0]
    numbers = [part.number for part in parts]
    top = Community("top", 1000, 0, -1, numbers, list(built.entities), list(built.relationships))
    return built, top, {part.number: part for part in parts}


@settings(max_examples=60, deadline=None)
@given(extractions=SMALL_EXTRACTIONS)
def test_every_member_is_named_in_a_passage_and_the_most_telling_come_first(
    extractions: dict[int, Extraction],
) -> None:
    built, _, parts = parted(extractions)
    for part in parts.values():
        context = contexts(built, 10_000).whole(part)
        assert context is not None
        found = tables(context.text).get("Sources", [])
        assert [int(row["id"]) for row in found] == list(context.rows["sources"])
        assert [row["text"] for row in found] == [" ".join(UNITS[n].text.split()) for n in context.rows["sources"]]
        shown = set(context.rows["sources"])
        assert all(shown.intersection(built.entities[title].text_units) for title in part.entities)
        assert shown >= {n for pair in part.relationships for n in built.relationships[pair].text_units}
        degrees = [int(row["entity_degree"]) for row in found]
        assert degrees == sorted(degrees, reverse=True)
        for row in found:
            members = [built.entities[title] for title in part.entities]
            assert int(row["entity_degree"]) == sum(m.degree for m in members if int(row["id"]) in m.text_units)


@settings(max_examples=100, deadline=None)
@given(
    extractions=SMALL_EXTRACTIONS,
    budget=st.integers(0, 150),
    length=st.integers(0, 60),
    missing=st.sets(st.integers(0, 5)),
)
def test_passages_are_there_or_stood_for_or_counted(
    extractions: dict[int, Extraction], budget: int, length: int, missing: set[int]
) -> None:
    built, top, parts = parted(extractions)
    finding = Finding("It is so.", "word " * length)
    reports = {
        number: Report(part, "A report", "A summary.", 5.0, "", [finding])
        for number, part in parts.items()
        if number not in missing
    }
    whole = contexts(built, 10_000).whole(top)
    assert whole is not None
    context = contexts(built, budget).reduced(top, parts, reports)
    assert context == contexts(built, budget).reduced(top, dict(reversed(parts.items())), reports)
    assert context.tokens == rows_tokens(context) <= budget
    shown = list(context.rows["sources"])
    assert set(shown) <= set(whole.rows["sources"])
    assert len(shown) + context.represented["sources"] + context.left_out["sources"] == len(whole.rows["sources"])
    # a report stands only for what no part without one needs
    if not context.left_out["sources"]:
        others = [contexts(built, 10_000).whole(part) for n, part in parts.items() if n not in context.reports]
        needed = {number for other in others if other for number in other.rows["sources"]}
        assert set(shown) >= needed.intersection(whole.rows["sources"])


def test_the_largest_part_is_replaced_first_and_a_shared_passage_stays() -> None:
    units = [
        TextUnit(f"u{n}", n, "d", 0, 1, 1, 1, 1, text)
        for n, text in enumerate(("long " * 40, "short " * 10, "shared " * 5))
    ]
    built = graph([("A", "B", 1.0), ("C", "D", 1.0)])
    places = {"A": [0, 2], "B": [0], "C": [1, 2], "D": [1]}
    for title, numbers in places.items():
        built.entities[title].text_units = numbers
    for pair, numbers in ((("A", "B"), [0, 2]), (("C", "D"), [1, 2])):
        built.relationships[pair].text_units = numbers
    parts = {
        1: Community("c1", 1, 1, 0, [], ["A", "B"], [("A", "B")]),
        2: Community("c2", 2, 1, 0, [], ["C", "D"], [("C", "D")]),
    }
    top = Community("c0", 0, 0, -1, [1, 2], ["A", "B", "C", "D"], list(built.relationships))
    reports = {n: Report(part, f"Report {n}", "Brief.", 5.0, "", []) for n, part in parts.items()}
    made = TextContexts(built, units, 40, words)
    assert made.whole(top) is None
    context = made.reduced(top, parts, reports)
    assert context.reports == [1]
    assert sorted(context.rows["sources"]) == [1, 2]
    assert (dict(context.represented), dict(context.left_out)) == ({"sources": 1}, {"sources": 0})
