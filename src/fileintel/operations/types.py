"""What requests and results are made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from fileintel.storable import Text

LARGEST_INTEGER = 2**31 - 1  # of PostgreSQL's integer columns


class Request(BaseModel):
    """Base of requests. Unknown fields are refused, and nothing is converted: `"1"` is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, validate_by_name=True, validate_by_alias=True)


class Nothing(Request):
    """The request of an operation that needs to know nothing."""


class Result(BaseModel):
    """Base of results. The command line prints the fields in the order in which they are declared; those that a newer
    service sends besides are kept."""

    model_config = ConfigDict(
        extra="allow", from_attributes=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    @classmethod
    def of(cls, row: object, **more: Any) -> Self:
        """The result whose fields are the attributes of a row, but for those that are given."""
        own = {name: getattr(row, name) for name in cls.model_fields if name not in more}
        return cls.model_validate(own | more)


@dataclass(frozen=True)
class InHeader:
    """Marks a field of a request that HTTP carries in this header."""

    name: str


# times are written with +00:00, where pydantic would write a Z
Moment = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
CollectionName = Annotated[
    Text, Field(min_length=1, max_length=1000, description="Name or id of a collection.", examples=["thesis"])
]
IdempotencyKey = Annotated[
    str | None,
    InHeader("Idempotency-Key"),
    Field(
        min_length=1,
        max_length=255,
        description="The same key makes the same task once, however often it is sent.",
    ),
]


class OfCollection(Request):
    """A request about a collection."""

    collection: CollectionName
