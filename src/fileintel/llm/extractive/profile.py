"""What a collection is about, as far as its names tell: for fitting prompts to it."""

import json
import re

from fileintel.llm.extractive import kinds
from fileintel.llm.extractive.entities import read
from fileintel.llm.extractive.stopwords import language_of

NAMES = 6  # that stand for what the collection is about
_LANGUAGES = {"en": "English", "de": "German", "fr": "French", "fi": "Finnish"}
_WORD = re.compile(r"[^\W\d_]+")


def profile(text: str) -> str:
    """Domain, language and entity types of excerpts, as JSON."""
    entities = [entity for entity in read(text).entities if entity.tier]
    entities.sort(key=lambda entity: (-len(entity.mentions), entity.key))
    named = ", ".join(entity.name for entity in entities[:NAMES])
    return json.dumps(
        {
            "domain": f"texts about {named}" if named else "texts",
            "language": _LANGUAGES[language_of(_WORD.findall(text.lower()))],
            "entity_types": list(kinds.DEFAULT_TYPES),
        },
        ensure_ascii=False,
    )
