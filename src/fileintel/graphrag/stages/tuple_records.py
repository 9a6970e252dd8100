"""Reading extraction answers in graphrag's tuple format.

The records are `("entity"<|>NAME<|>TYPE<|>DESCRIPTION)` and
`("relationship"<|>SOURCE<|>TARGET<|>DESCRIPTION<|>STRENGTH)`. Where graphrag 3.3 reads them differently
(`GraphExtractor._process_result`): it needs the exact form, takes the completion mark as part of the last record
(whose strength it loses by that), drops a relationship without strength, keeps quotes around names, doubled white
space and relationships of an entity with itself, takes any number as a strength, and of a record with too many
fields only the first ones.
"""

import html
import re

from fileintel.graphrag.stages.extract_records import CUT_OFF, WELL_WRITTEN, Extraction
from fileintel.graphrag.stages.records import COMPLETION, COMPLETION_MARK, FIELD_DELIMITER, missing_mark, read_fields
from fileintel.llm.questions import AnswerForm, InvalidAnswer

LOOKING_BACK = 60  # characters; enough to see whether a record begins
FORM = '("entity"<|>NAME<|>TYPE<|>DESCRIPTION)'
UNKNOWN_KIND = "record of an unknown kind"
WRONG_DELIMITERS = "record with wrong delimiters"
OTHER_DELIMITER = "record with another delimiter"

_RECORD = re.compile(r"""(\(\s{0,9})?(?<!\w)(["'“”„]?)\b(entity|relationship)["'“”]?\s{0,9}<\|>""", re.IGNORECASE)
_LIST_ITEM = re.compile(r"[^\w(]*(?:\d+[.)])?[^\w(]*")  # what may stand on the line before a record
_OTHER_RECORD = re.compile(r"""\(\s{0,9}["'“”„][\w -]{1,40}["'“”]\s{0,9}<\|>""")
_WRONG_RECORD = re.compile(
    r"""\(\s{0,9}["'“”„](?:entity|relationship)["'“”]\s{0,9}(?!<\|>)(?:[|,;:<\t]|\\t)"""
    r"""|(?:^|##)[ \t]{0,9}(?:\((?:entity|relationship)|["'“”„](?:entity|relationship)["'“”])"""
    r"""[ \t]{0,9}(?!<\|>)[|,;:<]""",
    re.IGNORECASE | re.MULTILINE,
)
# what stands in the place of the delimiter behind the kind of a record
_SPOILT = re.compile(
    r"""\(\s{0,9}["'“”„]?(?:entity|relationship)["'“”]?\s{0,9}"""
    r"""(<\|[#>|\\/_-]{1,3}\|?>?|<\|\||\\?<\\?\|\\?>|[{<]tuple_delimiter[}>]|<\|tuple_delimiter\|>|<SEP>)""",
    re.IGNORECASE,
)
# the very beginning of a record at the very end of an answer
_BEGINNING = re.compile(r"""(?:^|##|\))[ \t]{0,9}\(\s{0,9}["'“”„]?(\w{0,12})["'“”]?\s{0,9}<?\|?\s*\Z""", re.MULTILINE)


def parse_records(text: str) -> Extraction:
    """The records of an answer. A bad record never costs a good neighbour: it is dropped and counted.

    A record that the end of the answer cuts off is kept when its required fields are there: a name, a type and
    the beginning of a description; two names and the beginning of a description (its strength then counts once).

    Raises:
      InvalidAnswer: it holds no record that can be read, and does not say by the completion mark that there is none.
    """
    extraction = parse_gleaning(text)
    if extraction.kept:
        return extraction
    if bad := sorted(set(extraction.dropped) - WELL_WRITTEN):
        raise InvalidAnswer(f"it holds no record that can be read: {bad[0]} (the form is {FORM})")
    if not extraction.dropped and not COMPLETION.search(text):
        raise InvalidAnswer(f"it holds no record and no {COMPLETION_MARK}")
    return extraction


def parse_gleaning(text: str) -> Extraction:
    """The records of a gleaning; one that finds nothing may say so in its own words."""
    extraction = Extraction()
    extraction.note_fence(text)
    text, count = _with_delimiters(text)
    extraction.mended.update({OTHER_DELIMITER: count} if count else {})
    end_of_records = len(text)
    beginning = _BEGINNING.search(text)
    if beginning and any(kind.startswith(beginning.group(1).lower()) for kind in ("entity", "relationship")):
        extraction.dropped["record cut off"] += 1
        end_of_records = beginning.start()
    kinds = _starts(text[:end_of_records])
    starts = sorted(kinds)
    for start, end in zip(starts, [*starts[1:], end_of_records], strict=False):
        if kinds[start] in (WRONG_DELIMITERS, UNKNOWN_KIND):
            extraction.dropped[kinds[start]] += 1
            continue
        fields, whole = read_fields(text[start:end])
        if kinds[start] == "entity":
            _read_entity(fields[1:], whole, extraction)
        else:
            _read_relationship(fields[1:], whole, extraction)
    return extraction


def flaw(text: str, extraction: Extraction) -> str | None:
    """What an answer lacks to be whole: the completion mark behind its records."""
    return missing_mark(text) if extraction.kept or extraction.dropped else None


RECORDS, GLEANING = AnswerForm(parse_records, flaw), AnswerForm(parse_gleaning, flaw)


def _with_delimiters(text: str) -> tuple[str, int]:
    """The answer with the right delimiter, where its records have another one that cannot be anything else, the same
    in all of them; and how many records that were."""
    if "&lt;|&gt;" in text and FIELD_DELIMITER not in text:
        text = html.unescape(text)
        return text, len(_RECORD.findall(text))
    found = [match[1] for match in _SPOILT.finditer(text)]
    if len(set(found)) != 1 or _RECORD.search(text):
        return text, 0
    return text.replace(found[0], FIELD_DELIMITER), len(found)


def _starts(text: str) -> dict[int, str]:
    """Where records begin, and of which kind each is, or why it cannot be read."""
    records = (match for match in _RECORD.finditer(text) if _begins_record(text, match))
    kinds = {match.start(): match.group(3).lower() for match in records}
    for reason, pattern in ((WRONG_DELIMITERS, _WRONG_RECORD), (UNKNOWN_KIND, _OTHER_RECORD)):
        for match in pattern.finditer(text):
            kinds.setdefault(match.start(), reason)
    return kinds


def _begins_record(text: str, match: re.Match[str]) -> bool:
    """Whether what looks like the kind of a record is one: fields, too, can end in "relationship"."""
    opened, quoted = match.group(1), match.group(2)
    if opened and quoted:
        return True
    before = text[max(0, match.start() - LOOKING_BACK) : match.start()]
    if before.rstrip().endswith(FIELD_DELIMITER):
        return False
    line = before.rpartition("\n")[2]
    if line.rstrip().endswith(("##", COMPLETION_MARK)):
        return True
    if not _LIST_ITEM.fullmatch(line):
        return bool(opened) and line.rstrip().endswith(")")
    above = before[: len(before) - len(line)].rstrip()
    return bool(opened or quoted or not above or above[-1] in ").:#`")  # else it is a field on several lines


def _read_entity(fields: list[str], whole: bool, extraction: Extraction) -> None:
    if len(fields) < 3:
        extraction.dropped["entity with too few fields" if whole else "entity cut off"] += 1
        return
    extraction.mended.update([CUT_OFF] if not whole else [])
    extraction.add_entity(fields[0], fields[1], " ".join(fields[2:]))


def _read_relationship(fields: list[str], whole: bool, extraction: Extraction) -> None:
    if len(fields) < 3:
        extraction.dropped["relationship with too few fields" if whole else "relationship cut off"] += 1
        return
    extraction.mended.update([CUT_OFF] if not whole else [])
    described, strength = (fields[2:-1], fields[-1]) if len(fields) > 3 else (fields[2:], None)
    extraction.add_relationship(fields[0], fields[1], " ".join(described), strength)
