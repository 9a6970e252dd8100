"""Where sentences end, in English, German, French and Finnish: the one place that knows it.

A full stop ends no sentence behind an abbreviation ("Dr. Smith", "z. B.", "esim."), an initial ("J. Smith"), or an
ordinal number ("12. tammikuuta", "am 3. Mai", "im 19. Jahrhundert"). Where it may be either, as in "the U.S. She …",
the sentence goes on: one that is a little long is better than one that is torn apart.
"""

import re
from collections.abc import Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Abbreviations that something follows, whatever it is. Most stand before names.
ABBREVIATIONS = _words("""
mr mrs ms dr prof st sr jr rev hon capt col gen lt sgt vs ed eds cf approx dept est bros ca hr fr bzw vgl hrsg
evtl ggf inkl sog geb gest dipl ing m mm mme mlle éd env av esim mm ns ks klo
""")
_BEFORE_OTHER_WORDS = _words("vrt nyk synt kuol toim tri ent viz mio mrd mgr")
# These may end a sentence too: they do not when a word in lower case follows.
_ANYWHERE = _words("etc al inc ltd co corp usw jne ym yms tms jkr ekr jh jhdt ibid chr")
# These only when a number follows: "No. 5", but "He said no. Then …".
_NUMBERED = _words("""
no nos fig figs vol pp p nr abb abs art chap kap str bd jan feb mar apr jun jul aug sep sept oct nov dec janv
févr avr juil déc
""")
_LETTERS = _words("e.g i.e z.b d.h u.a o.ä s.o s.u v.a n.b p.ex c.-à-d j.-c m.m t.ex")
MONTHS = _words("""
january february march april may june july august september october november december jan feb mar apr jun jul
aug sep sept oct nov dec januar februar märz mai juni juli oktober dezember jänner janvier février mars avril
juin juillet août septembre octobre novembre décembre tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu
heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu tammikuussa helmikuussa maaliskuussa huhtikuussa toukokuussa
kesäkuussa heinäkuussa elokuussa syyskuussa lokakuussa marraskuussa joulukuussa
""")
_COUNTED = ("jahrhundert", "jh", "vuosisa", "siècle", "century")

_OPENING = "\"'“‘„«»([{–—¿¡*_#>-"
# Looked for by one set of characters, which is many times faster than to try these patterns everywhere.
_CANDIDATE = re.compile(r"[.!?…。！？\n]")
_END = re.compile(r"""(?P<stop>[.!?…]+)["'”’»)\]]*|[。！？]+["'”’」』）]*""")
_EMPTY_LINE = re.compile(r"\n\s*\n")
_ROMAN = re.compile(r"[IVXLC]{2,}")
_AT_AN_END = ".!?…。！？\"'”’»)]」』）"
LONGEST_SHORT = 8  # letters; no abbreviation, and no Roman number that is met, has more
LONGEST_WORD = 40  # characters looked at before and behind a full stop


def sentence_ends(text: str, start: int = 0) -> Iterator[int]:
    """Where sentences end that end behind character `start`: behind their stops and closing quotes, or before an empty
    line. The end of the text is one only where it looks like it."""
    last = begin = min(start, len(text))
    while begin and text[begin - 1] in _AT_AN_END:
        begin -= 1
    for candidate in _CANDIDATE.finditer(text, begin):
        at, is_line = candidate.start(), candidate.group() == "\n"
        match = (_EMPTY_LINE if is_line else _END).match(text, at) if at >= begin else None
        if match is None:
            continue
        begin = match.end()
        end = last + len(text[last:at].rstrip()) if is_line else begin
        if end > last and (is_line or _ends(text, match)):
            last = end
            yield end


def is_end(before: str, behind: str) -> bool:
    """Return whether a full stop between these two ends a sentence. Of what stands before it at least the last word is
    needed, of what stands behind it the first."""
    behind = behind[:LONGEST_WORD].lstrip().lstrip(_OPENING)
    words = before[-LONGEST_WORD:].rsplit(None, 1)
    if not behind or not words:
        return True
    return _may_end(words[-1].lstrip(_OPENING), behind.split(None, 1)[0])


def _ends(text: str, match: re.Match[str]) -> bool:
    stop = match["stop"]
    if stop is None:
        return True
    if match.end() < len(text) and not text[match.end()].isspace():
        return False
    if stop[0] in "!?":
        return True
    behind = text[match.end() : match.end() + LONGEST_WORD]
    if stop != ".":
        return not behind.lstrip()[:1].islower()
    before = text[max(0, match.start() - LONGEST_WORD) : match.start()]
    if len(before) >= LONGEST_SHORT and before[-LONGEST_SHORT:].isalpha():
        return True  # no abbreviation, and no number
    return not _is_list_number(before) and is_end(before, behind)


def _is_list_number(before: str) -> bool:
    """ "1." at the beginning of a line."""
    line = before.rpartition("\n")[2].strip()
    return line.isdigit() and len(line) <= 2


def _may_end(last: str, following: str) -> bool:
    goes_on = following[0].islower()
    parts = last.split(".")
    if last.isdigit():
        word = following.strip(".,;:)").lower()
        return not goes_on and not (len(last) <= 2 and (word in MONTHS or word.startswith(_COUNTED)))
    if all(len(part) == 1 and part.isalpha() for part in parts):
        if len(parts) == 1:
            return last == "I"
        return not (goes_on or parts[-1].isupper() or last.lower() in _LETTERS)
    if goes_on and (_ROMAN.fullmatch(last) or last.lower() in _LETTERS):
        return False
    word = parts[-1].lower()
    if word in ABBREVIATIONS or word in _BEFORE_OTHER_WORDS or last.lower() in _LETTERS:
        return False
    return not (word in _NUMBERED and following[0].isdigit()) and not (word in _ANYWHERE and goes_on)
