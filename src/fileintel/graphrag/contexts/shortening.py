"""Cuts a text behind a sentence, or else behind a word, and never inside a grapheme."""

import itertools
import re

from fileintel.llm.tokens import grapheme_floor
from fileintel.sentence_ends import sentence_ends

CUT_MARK = " […]"  # behind what was cut, for the model and for people
LOOKED_BACK = 0.5  # of a text may go in order to end behind a sentence or a word

_WORD_END = re.compile(r"\S(?=\s)")


def natural_end(text: str, most: int) -> int:
    """Where to cut `text` so that at most `most` characters are kept: behind the last sentence or word that ends in
    the second half of them, else between two graphemes."""
    if most >= len(text):
        return len(text)
    earliest = int(most * (1 - LOOKED_BACK))
    ends = list(itertools.takewhile(lambda end: end <= most, sentence_ends(text, earliest)))
    if not ends:
        # what ends a word shows in the character after it
        ends = [match.end() for match in _WORD_END.finditer(text, earliest, most + 1) if match.end() <= most]
    return grapheme_floor(text, ends[-1] if ends else max(0, most))
