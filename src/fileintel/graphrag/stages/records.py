"""The record format of graphrag's prompts, as models really write it: fields in parentheses, separated by `<|>`.

Records are separated by `##`, and `<|COMPLETE|>` stands behind the last one (`graphrag.prompts.index`). Read
leniently: either delimiter may be missing, records may stand on one line, in a list or in a code fence.
"""

import html
import re
import unicodedata
from itertools import accumulate

FIELD_DELIMITER = "<|>"
COMPLETION = re.compile(r"<\|COMPLETE\|>", re.IGNORECASE)
COMPLETION_MARK = "<|COMPLETE|>"

LONGEST_NAME = 500  # characters; more is no name, and PostgreSQL indexes at most 2,704 bytes

_NEXT_DELIMITER = re.compile(r"\n[ \t]*##")
# a parenthesis with nothing behind it on its line but punctuation and the number of the next item of a list
_END = re.compile(r"\)(?=[^\w()\n]*(?:\d+\.[^\w()\n]*)?(?:\n|\Z)|\s*##)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]+")
# soft hyphen, zero-width space, word joiner, byte order mark, direction marks; and lone surrogates, which are no text
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]+")
_QUOTES = "\"'“”„«»‘’`"
_DOUBLE_QUOTE = re.compile('["“”„«»]')


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


def clean_text(text: str) -> str:
    """A field of a record without control and invisible characters, markup escapes and doubled white space."""
    text = _INVISIBLE.sub("", _CONTROL.sub(" ", html.unescape(text)))
    return " ".join(unicodedata.normalize("NFC", text).split())


def clean_title(text: str) -> str:
    """The name under which an entity is merged: upper case, without quotes around it."""
    text = clean_text(text)
    bare = text.strip(_QUOTES + " ")
    return (text if _DOUBLE_QUOTE.search(bare) else bare).upper()  # `SHIP "TITANIC"` keeps both of its quotes


def _end(text: str, opened: bool) -> int | None:
    """Where the record's closing parenthesis stands."""
    candidates = [match.start() for match in _END.finditer(text)]
    if not candidates:
        return None
    depths = list(accumulate((char == "(") - (char == ")") for char in text))
    balanced = 0 if opened else -1
    return next((at for at in candidates if depths[at] <= balanced), candidates[-1] if opened else None)
