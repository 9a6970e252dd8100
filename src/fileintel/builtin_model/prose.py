"""Making sentences fit to be quoted: trimmed, free of delimiters, with a name instead of a leading pronoun."""

import re
from collections.abc import Iterable, Sequence

from fileintel.builtin_model import lexicon
from fileintel.builtin_model.stopwords import ENGLISH, FRENCH, GERMAN
from fileintel.builtin_model.wordlists import word_set

LONGEST_QUOTE = 320  # characters of one quoted sentence
SHORTEST_CLAUSE = 40  # characters that a sentence keeps when its end is cut off

_PARENTHESIS = re.compile(r"\s*\(([^()]*)\)")
_SPACES = re.compile(r"\s+")
_BEFORE_MARK = re.compile(r"[\s,]+([,.;:!?])")
_OPENING = re.compile(
    r"^(?:(?:However|Nevertheless|Nonetheless|Moreover|Furthermore|Therefore|Thus|Then|Meanwhile|In addition|Besides|"
    r"Consequently|Indeed|Of course|For example|For instance|On the other hand|Finally|Cependant|Toutefois|Pourtant|"
    r"Enfin|En effet|Par ailleurs|Néanmoins),\s+|(?:But|And|So|Yet|Mais|Et|Aber|Und|Doch|Mutta|Ja)\s+)"
)
_CITATION = re.compile(r" ?\[(?:Data:[^\]\n]{0,400}|[A-Z]\d+(?:, ?[A-Z]?\d+)*)\]")


def quote(sentence: str, longest: int = LONGEST_QUOTE) -> str:
    """`sentence` as it can stand in a description: without a leading "However,", capitalised, cut at a clause."""
    text = _SPACES.sub(" ", _CITATION.sub("", sentence)).strip(" –—-|")
    text = _OPENING.sub("", text)
    if len(text) > longest:
        text = _cut_at_clause(text, longest)
    text = _balance(text)
    return text[:1].upper() + text[1:] if text else ""


def _cut_at_clause(text: str, longest: int) -> str:
    window = text[:longest]
    at = max(window.rfind("; "), window.rfind(", "), window.rfind(" – "), window.rfind(" — "))
    if at < SHORTEST_CLAUSE:
        at = window.rfind(" ")
    return window[: at if at >= SHORTEST_CLAUSE else longest].rstrip(" ,;–—") + "…"


def _balance(text: str) -> str:
    """Close or drop a quotation mark that lost its partner in the cutting."""
    for opening, closing in (("“", "”"), ("„", "“"), ("«", "»")):
        if text.count(opening) != text.count(closing) and not (opening == "“" and "„" in text):
            text = text.replace(opening, "").replace(closing, "")
    return text.replace('"', "") if text.count('"') % 2 else text


def field_text(text: str) -> str:
    """`text` as a field of a tuple: no delimiter, no parenthesis, no line break can be misread in it."""
    while True:
        changed = _PARENTHESIS.sub(r", \1,", text)
        if changed == text:
            break
        text = changed
    text = text.replace("(", " ").replace(")", " ").replace("<|", " ").replace("|>", " ")
    text = re.sub(r"#{2,}", "#", text).replace("\x00", "")
    text = _BEFORE_MARK.sub(r"\1", _SPACES.sub(" ", text))
    return text.strip().strip("#,").strip()


def name_field(name: str) -> str:
    """`name` in the upper case in which names are compared, fit for a tuple."""
    return field_text(name.upper()).replace('"', "").strip(" ,.;:") or field_text(name.upper())


def plain(text: str) -> str:
    """`text` without citations of data ("[Data: Entities (1)]", "[S3]")."""
    return _CITATION.sub("", text)


_SMALL_WORDS = word_set("of for on the and de la du des von der van den für und et zu am an di da del")


def display_name(name: str, texts: Iterable[str]) -> str:
    """Return an upper-case name as it is spelled in `texts`, or else in title case."""
    folded = name.casefold()
    for text in texts:
        at = text.lower().find(name.lower())
        if at >= 0:
            found = text[at : at + len(name)]
            if found.casefold() == folded and found != name:
                return found
    if not name.isupper() or len(name) < 4:
        return name
    parts = name.split(" ")
    cased = [part.lower() if at and part.lower() in _SMALL_WORDS else _title(part) for at, part in enumerate(parts)]
    return " ".join(cased)


def _title(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:].lower() for part in word.split("-"))


def join_names(names: Sequence[str], language: str = "en") -> str:
    """ "A", "A and B", "A, B and C" in the language of the data."""
    word = {"de": "und", "fr": "et", "fi": "ja"}.get(language, "and")
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def is_fragment(sentence: str) -> bool:
    """Return whether the sentence begins or ends in the middle, as at the borders of a text unit."""
    text = sentence.rstrip("\"'”’»“) ")
    return not text or text[-1] not in ".!?…" or sentence[0].islower()


def needs_context(sentence: str) -> bool:
    """Return whether the sentence opens with a word that points back ("This", "They") and needs its context."""
    first = sentence.split(" ", 1)[0].strip(",.;:\"'“„«").lower()
    return first in _POINTERS


_POINTERS = (ENGLISH | GERMAN | FRENCH) & lexicon.POINTERS
