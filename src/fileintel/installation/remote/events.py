"""Server-sent events (WHATWG HTML, section 9.2), as far as the API sends them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event; `number` is None for those that a reader that comes back does not need."""

    number: int | None
    kind: str
    data: Any


def events_in(lines: Iterable[str]) -> Iterator[Event]:
    """The events in the lines of a stream. One that the stream broke off in is not whole, and none."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")  # comments have an empty name
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            number = int(fields["id"]) if "id" in fields else None
            yield Event(number, fields.get("event", "message"), json.loads(fields["data"]))
        fields = {}
