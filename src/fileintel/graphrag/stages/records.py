"""The record format of graphrag's prompts, as models really write it: fields in parentheses, separated by `<|>`.

Records are separated by `##`, and `<|COMPLETE|>` stands behind the last one (`graphrag.prompts.index`). Read
leniently: either delimiter may be missing, records may stand on one line, in a list or in a code fence.

Also what fields of every format have in common: how texts are cleaned, and under which key names are merged.
"""

import html
import re
import unicodedata
from functools import lru_cache
from itertools import accumulate

FIELD_DELIMITER = "<|>"
COMPLETION = re.compile(r"<\|COMPLETE\|>", re.IGNORECASE)
COMPLETION_MARK = "<|COMPLETE|>"

LONGEST_NAME = 500  # characters; more is no name, and PostgreSQL indexes at most 2,704 bytes

# what models write where a text has no name: in English, and in the languages that answers often come in
_PLACEHOLDER = re.compile(
    r"n/a|n\.a\.|none|null|nil|nan|undefined|unknown|unnamed|unspecified|tbd|no (?:name|entity|entities)|"
    r"not (?:specified|mentioned|stated|given|applicable|available|provided|named)|"
    r"(?:entity|source|target)[_ ](?:name|entity)|"
    r"keine(?: angabe)?|k\.a\.|unbekannt|nicht (?:angegeben|genannt)|aucune?|inconnue?|non spécifiée?|"
    r"ninguno|desconocido|no especificado|nessuno|sconosciuto|无|未知|不明|なし"
)
_TEMPLATE_NAME = re.compile(r"[<{\[][A-Za-z_ ]{1,40}[>}\]]")
_DASHES = re.compile(r"[-–—_.…?*/]+")  # what stands in an empty cell of a table

_NEXT_DELIMITER = re.compile(r"\n[ \t]*##")
# a parenthesis with nothing behind it on its line but punctuation and the number of the next item of a list
_END = re.compile(r"\)(?=[^\w()\n]*(?:\d+\.[^\w()\n]*)?(?:\n|\Z)|\s*##)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]+")
# soft hyphen, zero-width space, word joiner, byte order mark, direction marks; and lone surrogates, which are no text
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]+")
_QUOTES = "\"'“”„«»‘’`"
_DOUBLE_QUOTE = re.compile('["“”„«»]')
# what one keyboard writes for another: apostrophes and hyphens
_ALIKE = str.maketrans({**dict.fromkeys("‘’‚‛`´ʼ", "'"), **dict.fromkeys("‐‑‒–—―−", "-")})
_PLAIN = str.maketrans({'"': None, "`": "'"})  # the same for ASCII, double quotes included
# accents of Latin and Greek letters and the dots of ё; in other scripts such marks make other letters
_ACCENTED = re.compile("([A-Za-zͰ-Ͽеё])[\u0300-\u036f]+", re.IGNORECASE)


def read_fields(text: str) -> tuple[list[str], bool]:
    """The fields of the record that `text` begins with, as written, and whether its end is there.

    What follows the record's closing parenthesis is left out: that is the first one that closes what was opened,
    and, where parentheses in the fields do not match, the last one at the end of a line.
    """
    text = COMPLETION.split(text, maxsplit=1)[0]
    text = _NEXT_DELIMITER.split(text, maxsplit=1)[0].rstrip()
    opened = text.startswith("(")
    end = _end(text, opened)
    if end is None:
        body = text.removesuffix("```").rstrip().removesuffix("##").rstrip().removesuffix(",")
    else:
        body = text[:end]
    return body.removeprefix("(").split(FIELD_DELIMITER), end is not None


def missing_mark(text: str) -> str | None:
    """What an answer that holds records lacks, in words that go back to the model; None where its mark is there."""
    return None if COMPLETION.search(text) else f"it does not end with {COMPLETION_MARK}"


def clean_text(text: str) -> str:
    """A field of a record without control and invisible characters, markup escapes and doubled white space."""
    text = _INVISIBLE.sub("", _CONTROL.sub(" ", html.unescape(text)))
    return " ".join(unicodedata.normalize("NFC", text).split())


def clean_name(text: str) -> str:
    """A name as it was written, without quotes around it."""
    text = clean_text(text)
    bare = text.strip(_QUOTES + " ")
    return text if _DOUBLE_QUOTE.search(bare) else bare  # `Ship "Titanic"` keeps both of its quotes


def names_nothing(name: str) -> bool:
    """Whether what stands in the place of a name says that there is none, or is the prompt's own example: such a name
    would join all documents that lack one."""
    return (
        _PLACEHOLDER.fullmatch(name.casefold()) is not None
        or _DASHES.fullmatch(name) is not None
        or _TEMPLATE_NAME.fullmatch(name) is not None
    )


def clean_title(text: str) -> str:
    """A name in upper case, as upstream has all names; ours keep their case, types do not."""
    return clean_name(text).upper()


def folded(text: str) -> str:
    """A text without case, accents, quotes, kinds of hyphens and widths of characters; folded again it stays the
    same."""
    if text.isascii():  # most are, and there are hundreds of thousands
        return " ".join(text.translate(_PLAIN).upper().split()).strip("' ")
    while True:  # what one step takes away can bring together what another one changes
        plain = _ACCENTED.sub(
            lambda match: match[1], unicodedata.normalize("NFKD", _DOUBLE_QUOTE.sub("", text).translate(_ALIKE))
        )
        plain = unicodedata.normalize("NFC", plain.casefold().upper())
        plain = " ".join(plain.split()).strip("' ")
        if plain == text:
            return text
        text = plain


@lru_cache(maxsize=50_000)
def merge_key(name: str) -> str:
    """What all ways to write a name have in common. Empty only for a name of nothing but quotes."""
    return folded(name)


def _end(text: str, opened: bool) -> int | None:
    """Where the record's closing parenthesis stands."""
    candidates = [match.start() for match in _END.finditer(text)]
    if not candidates:
        return None
    depths = list(accumulate((char == "(") - (char == ")") for char in text))
    balanced = 0 if opened else -1
    return next((at for at in candidates if depths[at] <= balanced), candidates[-1] if opened else None)
