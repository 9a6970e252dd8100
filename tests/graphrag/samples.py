"""Small graphs and answers to test with, and strategies that make them."""

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies as st

from fileintel.graphrag.model import Graph, TextUnit
from fileintel.graphrag.prompts import Prompt, PromptKind, PromptLibrary
from fileintel.graphrag.stages.extract import EntityRecord, Extraction, RelationshipRecord, merge
from fileintel.graphrag.stages.records import clean_text, clean_title, merge_key, names_nothing

MODEL = "a-model"
NAMES = ("ADA", "BYRON", "CURIE", "DARWIN", "EULER", "FERMAT", "GAUSS", "HYPATIA", "ILSE", "JOULE")

Link = tuple[str, str, float]


def prompt(kind: PromptKind) -> Prompt:
    """A shipped prompt."""
    return PromptLibrary().load(kind)


def unit(number: int, text: str = "Some text.") -> TextUnit:
    """A text unit that holds `text`."""
    return TextUnit(f"unit-{number}", number, "document", 0, len(text), 1, 1, len(text.split()), text)


def units(count: int) -> list[TextUnit]:
    """That many text units, each with a text of its own."""
    return [unit(number, f"The text of passage {number}.") for number in range(count)]


def graph(links: Iterable[Link], descriptions: Mapping[str, Sequence[str]] | None = None) -> Graph:
    """A merged graph: entities with these descriptions (one each if unsaid), relationships with one each."""
    links = list(links)
    said = {title: [f"{title} is here."] for source, target, _ in links for title in (source, target)}
    said |= {title: list(texts) for title, texts in (descriptions or {}).items()}
    entities = [EntityRecord(title, "PERSON", text) for title, texts in said.items() for text in texts or [""]]
    relationships = [RelationshipRecord(a, b, f"{a} knows {b}.", weight) for a, b, weight in links]
    return merge({0: Extraction(entities, relationships)}, units(1))


def described(built: Graph) -> Graph:
    """The graph with the first description of everything as its description."""
    for thing in (*built.entities.values(), *built.relationships.values()):
        thing.description = next(iter(thing.descriptions), "")
    return built


def format_entity(record: EntityRecord) -> str:
    """The record as the prompt asks for it."""
    return f'("entity"<|>{record.title}<|>{record.type}<|>{record.description})'


def format_relationship(record: RelationshipRecord) -> str:
    """The record as the prompt asks for it."""
    strength = f"{record.weight:g}"
    return f'("relationship"<|>{record.source}<|>{record.target}<|>{record.description}<|>{strength})'


def format_extraction(extraction: Extraction, between: str = "\n##\n", end: str = "\n<|COMPLETE|>") -> str:
    """A whole answer."""
    records = [*map(format_entity, extraction.entities), *map(format_relationship, extraction.relationships)]
    return between.join(records) + end


# text as it may stand in a field: no delimiters in it, and nothing that cleaning would change
_WORDS = st.text(st.characters(exclude_characters="<|#&", exclude_categories=("Cs", "Cc")), max_size=20)
_WORDS |= st.sampled_from(
    ("entity", "their relationship", "(relationship", "a) b)", "((", "))", '"A" and "B"', "1. (x)")
)
FIELDS = _WORDS.map(clean_text).filter(lambda text: clean_text(text) == text)
TITLES = _WORDS.map(clean_title).filter(
    lambda text: bool(merge_key(text)) and clean_title(text) == text and not names_nothing(text)
)
STRENGTHS = st.integers(1, 10).map(float)
ENTITIES = st.builds(EntityRecord, TITLES, TITLES, FIELDS)
RELATIONSHIPS = st.builds(RelationshipRecord, TITLES, TITLES, FIELDS, STRENGTHS).filter(
    lambda link: merge_key(link.source) != merge_key(link.target)
)
EXTRACTIONS = st.builds(Extraction, st.lists(ENTITIES, max_size=5), st.lists(RELATIONSHIPS, max_size=5))

_NAMED = st.sampled_from(NAMES)
_SAID = st.sampled_from(("first", "second", "third", ""))
SMALL_ENTITIES = st.builds(EntityRecord, _NAMED, st.sampled_from(("PERSON", "GEO", "UNKNOWN")), _SAID)
SMALL_RELATIONSHIPS = st.builds(RelationshipRecord, _NAMED, _NAMED, _SAID, STRENGTHS).filter(
    lambda r: r.source != r.target
)
SMALL_EXTRACTIONS = st.dictionaries(
    st.integers(0, 7),
    st.builds(Extraction, st.lists(SMALL_ENTITIES, max_size=5), st.lists(SMALL_RELATIONSHIPS, max_size=5)),
    max_size=8,
)
LINKS = st.lists(st.tuples(_NAMED, _NAMED, STRENGTHS).filter(lambda link: link[0] != link[1]), max_size=25)
