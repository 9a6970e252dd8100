"""What a collection is about, as far as its names tell: for fitting prompts to it."""

import json
import re
from collections import Counter

from fileintel.builtin_model import kinds
from fileintel.builtin_model.entities import read
from fileintel.builtin_model.stopwords import language_of

NAMES = 6  # that stand for what the collection is about
_LANGUAGES = {"en": "English", "de": "German", "fr": "French", "fi": "Finnish"}
MUCH = 0.25  # of the words: a language that so much is in is one of the collection's
_WORD = re.compile(r"[^\W\d_]+")


def profile(text: str) -> str:
    """Domain, language and entity types of excerpts, as JSON."""
    entities = [entity for entity in read(text).entities if entity.tier]
    entities.sort(key=lambda entity: (-len(entity.mentions), entity.key))
    named = ", ".join(entity.name for entity in entities[:NAMES])
    return json.dumps(
        {
            "domain": f"texts about {named}" if named else "texts",
            "languages": _languages(text),
            "entity_types": list(kinds.DEFAULT_TYPES),
        },
        ensure_ascii=False,
    )


def _languages(text: str) -> list[str]:
    """The languages that much of the text is in, that of most of it first; each paragraph is taken to be in one."""
    lengths: Counter[str] = Counter()
    for paragraph in re.split(r"\n\s*\n", text.lower()):
        words = _WORD.findall(paragraph)
        lengths[language_of(words)] += len(words)
    much = [code for code, words in lengths.most_common() if words >= MUCH * lengths.total()]
    return [_LANGUAGES[code] for code in much]
