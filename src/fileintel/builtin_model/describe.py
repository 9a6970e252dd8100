"""One description out of many: the central sentences of all descriptions of an entity or relationship."""

from collections.abc import Sequence

from fileintel.builtin_model import prose, ranking
from fileintel.builtin_model.sentences import terms

SENTENCES = 6
LENGTH = 900  # characters


def describe(name: str, descriptions: Sequence[str]) -> str:
    """Return a plain text about `name` from its `descriptions`, without repetitions; the name is in it."""
    collection = [statement for text in descriptions for statement in ranking.statements(prose.plain(text))]
    wanted = frozenset(terms(name))
    scores = [
        score * (1.3 if wanted and wanted <= statement.stems else 1.1 if wanted & statement.stems else 1.0)
        for score, statement in zip(ranking.centrality(collection), collection, strict=True)
    ]
    chosen = ranking.choose(collection, scores, SENTENCES, LENGTH)
    text = " ".join(ranking.ended(collection[at].text) for at in sorted(chosen))
    if not text:
        text = " ".join(prose.plain(each).strip() for each in descriptions)[:LENGTH].strip()
    if not name or _mentions(text, name, wanted):
        return text
    shown = prose.display_name(name, descriptions)
    return f"{shown}: {text}" if text else shown


def _mentions(text: str, name: str, wanted: frozenset[str]) -> bool:
    return name.lower() in text.lower() or (bool(wanted) and wanted <= frozenset(terms(text)))
