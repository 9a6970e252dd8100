"""Names out of a prompt's examples: some models write them down as if the text had told of them.

They never enter the graph. A name is one of these when an example has it and the text unit does not; one that other
text units of the collection do tell of (the examples of a tuned prompt are taken from them) is believed where at least
a part of it stands in the text unit.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.stages.extract_records import Extraction
from fileintel.graphrag.stages.records import clean_text, folded, merge_key
from fileintel.runtime import yielding

ENTITY = "entity of the prompt's example"
RELATIONSHIP = "relationship of the prompt's example"
SHORTEST_PART = 3  # letters of a part of a name that says something

_WORD = re.compile(r"\w+")


class ExampleNames:
    """Takes names of the examples out of extractions.

    Parameters:
      prompt: the instructions; `parse` reads the records in it.
      units: all text units of the collection.
    """

    def __init__(self, prompt: str, parse: Callable[[str], Extraction], units: Sequence[TextUnit] = ()) -> None:
        shown = parse(prompt)
        names = [record.title for record in shown.entities]
        names += [end for link in shown.relationships for end in (link.source, link.target)]
        self._names = {merge_key(name): name for name in names}
        self._units = units
        self._native: dict[str, bool] = {}

    def without(self, extraction: Extraction, text: str) -> Extraction:
        """The extraction of a text without the names that only the examples have; they are counted as dropped."""
        named = {merge_key(name) for name in _named(extraction)} & self._names.keys()
        if not named:
            return extraction
        words = f" {' '.join(_WORD.findall(folded(clean_text(text))))} "
        foreign = {key for key in named if not self._is_of(key, words)}
        kept = Extraction(dropped=extraction.dropped.copy(), mended=extraction.mended.copy())
        kept.entities = [record for record in extraction.entities if merge_key(record.title) not in foreign]
        kept.relationships = [
            link for link in extraction.relationships if foreign.isdisjoint(map(merge_key, (link.source, link.target)))
        ]
        for reason, count in (
            (ENTITY, len(extraction.entities) - len(kept.entities)),
            (RELATIONSHIP, len(extraction.relationships) - len(kept.relationships)),
        ):
            if count:
                kept.dropped[reason] += count
        return kept

    def _is_of(self, key: str, words: str) -> bool:
        """Whether a text tells of a name; `words` are those of the text, each between spaces."""
        parts = _WORD.findall(key)
        if f" {' '.join(parts)} " in words:
            return True
        telling = [part for part in parts if len(part) >= SHORTEST_PART]
        return any(f" {part} " in words for part in telling) and self._is_native(key)

    def _is_native(self, key: str) -> bool:
        if key not in self._native:
            name = r"\W+".join(map(re.escape, _WORD.findall(self._names[key])))
            pattern = re.compile(rf"(?<!\w){name}(?!\w)", re.IGNORECASE)
            self._native[key] = any(pattern.search(unit.text) for unit in yielding(self._units))
        return self._native[key]


def _named(extraction: Extraction) -> Iterable[str]:
    for record in extraction.entities:
        yield record.title
    for link in extraction.relationships:
        yield link.source
        yield link.target
