"""What an answer says of a text unit, whatever its format: records, and what was wrong with others.

Each record that an answer holds is either kept or dropped, and each drop is counted under its reason.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from fileintel.graphrag.stages.records import (
    LONGEST_NAME,
    clean_name,
    clean_text,
    clean_title,
    merge_key,
    names_nothing,
)

UNKNOWN_TYPE = "UNKNOWN"  # of an entity that only a relationship names
STRENGTH_UNSAID = 1.0  # as upstream: a strength that is no number counts once
LARGEST_STRENGTH = 1000.0  # prompts ask for 1 to 10; some models answer in per cent, beyond that it is noise
LONG_DESCRIPTION = 10_000  # characters; prompts ask for some sentences

SELF_LOOP = "relationship of an entity with itself"
NAMELESS = "record with a name that stands for nothing"
WELL_WRITTEN = frozenset((SELF_LOOP, NAMELESS))  # dropped, and yet nothing is wrong with how they are written
CODE_FENCE = "answer in a code fence"
CUT_OFF = "record without its end, kept"

_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # right-to-left text needs none of them
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)


def has_fence(text: str) -> bool:
    """Whether a line of an answer begins a code fence."""
    return _FENCE.search(text) is not None


@dataclass(frozen=True, slots=True)
class EntityRecord:
    """An entity as one answer writes it."""

    title: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class RelationshipRecord:
    """A relationship as one answer writes it."""

    source: str
    target: str
    description: str
    weight: float


@dataclass
class Extraction:
    """The records of one or more answers about a text unit.

    `dropped` counts the records that could not be kept, `mended` what was put right in others, both by reason.
    `unreadable` names the lists of which no record could be read.
    """

    entities: list[EntityRecord] = field(default_factory=list)
    relationships: list[RelationshipRecord] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list, compare=False)

    @property
    def kept(self) -> int:
        """How many records there are."""
        return len(self.entities) + len(self.relationships)

    def add(self, other: "Extraction") -> None:
        """Take in what another answer about the same text says."""
        self.entities += other.entities
        self.relationships += other.relationships
        self.dropped += other.dropped
        self.mended += other.mended

    def add_entity(self, title: str, kind: str, description: str) -> None:
        """Keep an entity whose fields are as the answer has them, or count why not."""
        name = clean_name(title)
        if not merge_key(name):
            self.dropped["entity without a name"] += 1
        elif names_nothing(name):
            self.dropped[NAMELESS] += 1
        elif len(name) > LONGEST_NAME:
            self.dropped["entity with too long a name"] += 1
        else:
            self._note_oddities(title, kind, description)
            kind = clean_title(kind)[:LONGEST_NAME] or UNKNOWN_TYPE
            self.entities.append(EntityRecord(name, kind, clean_text(description)))

    def add_relationship(self, source: str, target: str, description: str, strength: str | None) -> None:
        """Keep a relationship whose fields are as the answer has them, or count why not."""
        ends = clean_name(source), clean_name(target)
        keys = [merge_key(end) for end in ends]
        if not all(keys):
            self.dropped["relationship without both names"] += 1
        elif any(map(names_nothing, ends)):
            self.dropped[NAMELESS] += 1
        elif max(map(len, ends)) > LONGEST_NAME:
            self.dropped["relationship with too long a name"] += 1
        elif keys[0] == keys[1]:
            self.dropped[SELF_LOOP] += 1
        else:
            self._note_oddities(source, target, description)
            self.relationships.append(RelationshipRecord(*ends, clean_text(description), self._weight(strength)))

    def note_fence(self, text: str) -> None:
        """Count a code fence in an answer."""
        if has_fence(text):
            self.mended[CODE_FENCE] += 1

    def _weight(self, strength: str | None) -> float:
        """The number in a strength. One that is not above 0 counts once too: graspologic-native 1.2.5, which clusters,
        ends the whole process with a segmentation fault on a negative weight, and refuses a graph without any."""
        match = _NUMBER.search(strength or "")
        if not match:
            self.mended["strength missing" if not strength else "strength that is no number"] += 1
            return STRENGTH_UNSAID
        value = float(match.group().replace(",", "."))
        if 0 < value <= LARGEST_STRENGTH:
            return value
        self.mended["strength out of range"] += 1
        return STRENGTH_UNSAID

    def _note_oddities(self, *fields: str) -> None:
        if any(map(_CONTROL.search, fields)):
            self.mended["control characters in a record"] += 1
        if any(map(_DIRECTION.search, fields)):
            self.mended["marks of the text direction in a record"] += 1
        if len(fields[-1]) > LONG_DESCRIPTION:
            self.mended[f"description of more than {LONG_DESCRIPTION:,} characters"] += 1
