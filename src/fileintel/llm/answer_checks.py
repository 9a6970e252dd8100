"""Checks of an answer that need not know what it should say.

It must not repeat itself without end, nor be written in a script that nothing of the question is written in.
"""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Sequence

from fileintel.llm.questions import IN_LANGUAGE, Message

TAIL_CHARACTERS = 4_000
SHORTEST_TAIL = 1_000  # characters; less can repeat itself for good reasons
# A tail that compresses to a tenth repeats itself: prose compresses to a half, lists of records to a fifth.
REPETITIVE = 10.0
SAMPLE_CHARACTERS = 1_000
FOREIGN_SHARE = 0.5  # of the letters of an answer

_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "CYRILLIC", "ARABIC", "HEBREW", "THAI", "DEVANAGARI", "GREEK")
_LANGUAGE_IS_SET = IN_LANGUAGE.partition("{")[0]
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def goes_in_circles(text: str) -> bool:
    """Return whether the end of a text says the same again and again."""
    tail = text[-TAIL_CHARACTERS:].encode()
    return len(tail) >= SHORTEST_TAIL and len(tail) > REPETITIVE * len(zlib.compress(tail))


def foreign_script(messages: Sequence[Message], text: str) -> str | None:
    """Return the script that most of an answer is written in while nothing in the question is.

    None when there is no such script, or when a language was asked for.

    Models fall into the language that they know best, which readers of the collection may not know. Between
    languages of one script nothing is noticed.
    """
    sample = text[:SAMPLE_CHARACTERS]
    if not _NOT_ASCII.search(sample):
        return None
    scripts = Counter(_script(letter) for letter in sample if letter.isalpha())
    script, count = scripts.most_common(1)[0] if scripts else ("", 0)
    if script not in _SCRIPTS or count < FOREIGN_SHARE * scripts.total():
        return None
    for message in messages:
        content = message["content"]
        if _LANGUAGE_IS_SET in content or any(_script(letter) == script for letter in set(_NOT_ASCII.findall(content))):
            return None
    return script


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
