"""Names for things, derived from what they are: the same content has the same id on every machine.

Ids are UUIDv5 (RFC 9562, section 5.5) over the parts, joined by a separator that no text contains.
"""

import hashlib
import uuid

_NAMESPACE = uuid.UUID("8f0b7c52-5d0e-5c0e-9a53-4f2f0c1d7e11")
_SEPARATOR = "\x1f"  # ASCII unit separator


def content_id(kind: str, *parts: object) -> str:
    """The id of the `kind` of thing that these parts make, as a lower-case UUID string."""
    return str(uuid.uuid5(_NAMESPACE, _SEPARATOR.join((kind, *map(str, parts)))))


def as_id(text: str) -> str | None:
    """The text as an id, in lower case with hyphens; None where it is no UUID."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def digest(*parts: str) -> str:
    """A SHA-256 over the parts, in hexadecimal; parts cannot run into each other."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()
