"""From raw text (of PDF, EPUB, Markdown…) to sentences, and from sentences to words."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from fileintel.builtin_model.stopwords import STOPWORDS
from fileintel.sentence_ends import LONGEST_WORD, is_end

LONGEST_SENTENCE = 700  # characters; what is longer is a table or a list, and is cut
LONGEST_HEADING = 90  # characters
SHORT_LINE = 0.6  # of the next line's length: a first line shorter than that is a heading, not wrapped prose
_STOPS = ".!?…:;,\"”»'’)]-"

_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|\d+(?:[.,:]\d+)*|[^\W\d_]\w*(?:['’&-][^\W_]\w*)*")
_BOUNDARY = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]]*\s+(?=[\"'“‘„«»(\[–—¿¡]*[^\W_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\ufeff\ud800-\udfff]")
_MARKUP = re.compile(
    r"<[^<>\n]{1,80}>|\[(?:Data|Source|Sources):[^\]\n]{0,400}\]|https?://\S+|[*`]+|(?<!\w)_+|(?<!_)_+(?!\w)"
)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,200})\]\([^()\s]{0,300}\)")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])-\n\s*(?=[a-zà-öø-ÿ])")
_BREAK = re.compile(r"\n[ \t]*\n\s*|\n(?=\s*(?:#{1,6} |[-*•–] |\d{1,2}[.)] |\|))")
_LINE_START = re.compile(r"^\s*(?:#{1,6}\s+|[-*•–|>]\s*|\d{1,2}[.)]\s+)+")
_SPACES = re.compile(r"\s+")


class Word(NamedTuple):
    """One word of a sentence; `gap` is what stands between the word before and this one."""

    text: str
    gap: str
    possessive: bool = False


class Sentence(NamedTuple):
    """One sentence or heading, white space folded."""

    text: str
    heading: bool = False


def tidy(text: str) -> str:
    """`text` in composed Unicode, without control characters, markup and hyphenation at line ends."""
    text = unicodedata.normalize("NFC", text)
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " "))
    text = _HYPHENATED.sub("", text)
    return _MARKUP.sub(" ", _LINK.sub(r"\1", text)) if text else text


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of `text` in order; lines that look like headings are marked as such."""
    found: list[Sentence] = []
    for block in _BREAK.split(tidy(text)):
        title, body = _title_and_body(block)
        if title:
            found.append(Sentence(title, heading=True))
        if body and _is_heading(body):
            found.append(Sentence(body, heading=True))
        elif body:
            found.extend(Sentence(part) for part in _split(body))
    return found


def _title_and_body(block: str) -> tuple[str, str]:
    """Return the heading that opens a block (possibly ""), and the rest on one line."""
    titled = block.lstrip().startswith("#")
    first, _, rest = _LINE_START.sub("", block).partition("\n")
    first, rest = first.strip(" |"), rest.strip(" |\n")
    if titled:
        return _fold(first), _fold(rest)
    following = rest.split("\n", 1)[0]
    short = len(first) <= LONGEST_HEADING and len(first) < SHORT_LINE * len(following)
    if first and short and first[-1] not in _STOPS and following[:1].isupper():
        return _fold(first), _fold(rest)
    return "", _fold(f"{first} {rest}")


def _fold(text: str) -> str:
    return _SPACES.sub(" ", text).strip(" |")


def _is_heading(line: str) -> bool:
    if len(line) > LONGEST_HEADING or line[-1] in _STOPS:
        return False
    letters = [char for char in line if char.isalpha()]
    if not letters or sum(char.isupper() for char in letters) > 0.6 * len(letters):
        return True
    content = [word for word in line.split() if word.lower() not in STOPWORDS]
    return bool(content) and all(not word[0].islower() for word in content)


def _split(line: str) -> list[str]:
    parts: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(line):
        if _ends_sentence(line, boundary):
            parts.extend(_cut(line[start : boundary.end()].strip()))
            start = boundary.end()
    parts.extend(_cut(line[start:].strip()))
    return [part for part in parts if any(char.isalnum() for char in part)]


def _ends_sentence(line: str, boundary: re.Match[str]) -> bool:
    rest = line[boundary.end() : boundary.end() + 40].lstrip("\"'“‘„«»([–—¿¡")
    if not rest or rest[0].islower():
        return False
    if not boundary.group().startswith(".") or boundary.group().startswith(".."):
        return True
    return is_end(line[max(0, boundary.start() - LONGEST_WORD) : boundary.start()], rest)


def _cut(sentence: str) -> list[str]:
    """Pieces of at most LONGEST_SENTENCE characters, cut at punctuation or at least between words."""
    pieces: list[str] = []
    while len(sentence) > LONGEST_SENTENCE:
        window = sentence[:LONGEST_SENTENCE]
        at = max(window.rfind("; "), window.rfind(" | "), window.rfind(": "))
        at = at if at > LONGEST_SENTENCE // 3 else window.rfind(", ")
        at = at if at > LONGEST_SENTENCE // 3 else window.rfind(" ")
        at = at if at > LONGEST_SENTENCE // 3 else LONGEST_SENTENCE - 1
        pieces.append(sentence[: at + 1].strip())
        sentence = sentence[at + 1 :].strip()
    return [*pieces, sentence] if sentence else pieces


_FRENCH_ELISION = re.compile(r"^(?:[ldsnmtjc]|qu|jusqu|lorsqu|puisqu)['’](?=\w)", re.IGNORECASE)


def words(sentence: str) -> list[Word]:
    """Return the words of one sentence; possessive endings and French elided articles are split off."""
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(sentence):
        text, gap = match.group(), sentence[end : match.start()]
        end = match.end()
        if "'" in text or "’" in text:
            elided = _FRENCH_ELISION.match(text)
            if elided and not (text[0] == "D" and text[elided.end()].isupper()):
                found.append(Word(elided.group(), gap))
                text, gap = text[elided.end() :], ""
            if text.lower().endswith(("'s", "’s")):
                found.append(Word(text[:-2], gap, possessive=True))
                continue
        if "-" in text and text[0].isupper():
            head, _, tail = text.partition("-")
            if tail[0].islower() and len(head) > 2:
                text = head  # "Brandt-led"
        found.append(Word(text, gap))
    return found


_PLAIN_WORD = re.compile(r"[^\W_]+")


def terms(text: str) -> list[str]:
    """Return the stems of the content words of `text`, in order, for comparing sentences with each other."""
    return [stem(word) for word in _PLAIN_WORD.findall(text.lower()) if word not in STOPWORDS and len(word) > 1]


_ENDINGS = ("ings", "ing", "ungen", "ung", "edly", "ed", "es", "en", "er", "em", "ly", "e", "s", "n", "a")
STEM_LENGTH = 7  # characters: tells "commission" from "committee", and unites the inflections of long words


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return a crude stem that works in four languages: accents folded, one common ending trimmed, long words cut."""
    if not word.isascii():
        folded = unicodedata.normalize("NFKD", word.replace("ß", "ss"))
        word = "".join(char for char in folded if not unicodedata.combining(char))
    if word[:1].isdigit() or len(word) < 4:
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            break
    return word[:STEM_LENGTH]
