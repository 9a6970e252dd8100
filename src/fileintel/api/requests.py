"""What callers send: path parts, headers and JSON bodies, checked before any service sees them."""

from typing import Annotated, Any

from fastapi import Header, Path, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fileintel.api.problems import UnsupportedMediaType
from fileintel.runs import index_request
from fileintel.services.questions import LONGEST_TURN, ROLES, QueryRequest, Turn, forms
from fileintel.services.vocabulary import MODES, SUMMARY
from fileintel.storable import Text

LONGEST_WAIT_SECONDS = 600  # for an answer; proxies seldom wait longer
USUAL_WAIT_SECONDS = 120
LONGEST_HISTORY = 1000  # turns; how many of them count is a setting

CollectionName = Annotated[
    Text, Path(min_length=1, max_length=1000, description="Name or id of a collection.", examples=["thesis"])
]
DocumentName = Annotated[
    Text, Path(min_length=1, max_length=1000, description="Id or file name of a document.", examples=["paper.pdf"])
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key makes the same task once, however often it is sent.",
    ),
]

WaitSeconds = Annotated[
    float,
    Field(
        ge=0,
        le=LONGEST_WAIT_SECONDS,
        allow_inf_nan=False,
        description="How long to wait for the answer; after that it is found at the task's URL.",
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Said(_Body):
    """A turn of a conversation."""

    role: Text = Field(pattern=f"^({'|'.join(ROLES)})$", json_schema_extra={"enum": list(ROLES)})
    content: Text = Field(max_length=LONGEST_TURN)


class Question(_Body):
    """A question to an index."""

    question: Text = Field(max_length=100_000, examples=["Who built the lighthouse?"])
    mode: Text = Field(
        default="local",
        max_length=100,
        description=f"How to answer. {SUMMARY}",
        json_schema_extra={"enum": list(MODES)},
    )
    history: list[Said] = Field(
        default=[], max_length=LONGEST_HISTORY, description="What was said before, the oldest first."
    )
    format: Text = Field(
        default=forms.DEFAULT,
        max_length=100,
        description=f"Form of the answer: one of {', '.join(forms.NAMES)}.",
        json_schema_extra={"enum": list(forms.NAMES)},
    )
    json_schema: dict[str, Any] | None = Field(
        default=None, description="A JSON schema that an answer in JSON has to follow."
    )
    language: Text | None = Field(
        default=None, max_length=100, description="Of the answer, in words; null is that of the question."
    )
    dynamic: bool | None = Field(
        default=None, description="Whether a global answer reads only reports that matter; null is as the settings say."
    )
    stream: bool = Field(default=False, description="Send the answer as server-sent events while it is written.")
    search_only: bool = Field(
        default=False, description="Do not ask for an answer: `citations` are the passages that it would rest on."
    )
    wait_seconds: WaitSeconds = USUAL_WAIT_SECONDS

    def query_request(self) -> QueryRequest:
        """What is asked."""
        return QueryRequest(
            self.question,
            self.mode,
            tuple(Turn(one.role, one.content) for one in self.history),
            self.format,
            self.json_schema,
            self.language,
            self.dynamic,
            self.stream,
            self.search_only,
        )


class PassageQuestion(_Body):
    """A question to the passages of a collection."""

    question: Text = Field(max_length=100_000, examples=["Who built the lighthouse?"])
    wait_seconds: WaitSeconds = USUAL_WAIT_SECONDS


async def require_json(request: Request) -> None:
    """Refuse bodies of another kind. A browser sends JSON across origins only after asking, so this is a guard too.

    Raises:
      UnsupportedMediaType: the body is not declared as JSON.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    subtype = given.removeprefix("application/")
    if subtype == given or not (subtype == "json" or subtype.endswith("+json")):
        shown = given or "nothing"
        raise UnsupportedMediaType(
            f"send Content-Type: application/json, not {shown}", headers={"Accept": "application/json"}
        )


class IndexRequest(index_request.IndexRequest):
    """An index to build. The fields have only the names of the API here: the program's own ones are no part of it."""

    @model_validator(mode="before")
    @classmethod
    def _has_names_of_the_api(cls, data: Any) -> Any:
        inner = sorted({"collection", "force"} & data.keys()) if isinstance(data, dict) else []
        if inner:
            raise ValueError(f"not known: {', '.join(inner)}")
        return data
