"""Embeddings without a model: hashed words, word pairs and letter groups, as a unit vector.

Feature hashing after Weinberger et al. 2009 (arXiv 0902.2206): every feature adds its weight, with a sign that is
hashed as well, to one dimension. Texts that share words, or parts of words, come out close. No weight depends on a
collection, so a vector is the same wherever and whenever it is computed.
"""

import math
import re
import zlib
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from fileintel.builtin_model.sentences import stem
from fileintel.builtin_model.stopwords import STOPWORDS

DIMENSIONS = 384
DECIMALS = 6
WORD, PAIR, LETTERS = 1.0, 0.6, 0.25  # weights of a word, of two adjacent words, of three letters within a word
STOPWORD = 0.1  # of the weight of a content word

_WORD = re.compile(r"[^\W_]+")
_SPREAD = 0x9E3779B1  # an odd constant: CRC-32 is linear, the multiplication breaks that up


def embed(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Return the unit vector of `text`, rounded; the vector of a text without words is a fixed unit vector."""
    stems = [stem(word) if word not in STOPWORDS else f"_{word}" for word in _WORD.findall(text.lower())]
    vector = [0.0] * dimensions
    for word, count in Counter(stems).items():
        strength = (1.0 + math.log(count)) * (STOPWORD if word[0] == "_" else 1.0)
        for feature, weight in _features(word):
            _add(vector, feature, strength * weight)
    content = [word for word in stems if word[0] != "_"]
    for (one, other), count in Counter(pairwise(content)).items():
        _add(vector, _hash(f"{one} {other}"), PAIR * (1.0 + math.log(count)))
    length = math.sqrt(sum(value * value for value in vector))
    if length < 1e-9:
        return [1.0] + [0.0] * (dimensions - 1)
    return [round(value / length, DECIMALS) for value in vector]


def _add(vector: list[float], feature: int, weight: float) -> None:
    vector[(feature >> 1) % len(vector)] += weight if feature & 1 else -weight


@lru_cache(maxsize=50_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    """Return the word itself and its groups of three letters, with their weights."""
    found = [(_hash(word), WORD)]
    if word[0] != "_" and len(word) > 3:
        padded = f"<{word}>"
        groups = [padded[at : at + 3] for at in range(len(padded) - 2)]
        weight = LETTERS * 2 / math.sqrt(len(groups))
        found.extend((_hash(group), weight) for group in groups)
    return tuple(found)


def _hash(text: str) -> int:
    value = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return (value * _SPREAD & 0xFFFFFFFF) ^ value >> 15
