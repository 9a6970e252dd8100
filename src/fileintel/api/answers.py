"""What callers get: the envelope of every success, and the things in it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

API_VERSION = "2.0"
Data = TypeVar("Data")


class Envelope(BaseModel, Generic[Data]):
    """Around every successful answer."""

    success: Literal[True] = True
    data: Data
    error: None = None
    timestamp: datetime
    api_version: Literal["2.0"] = Field(default="2.0", examples=[API_VERSION])


class Page(BaseModel, Generic[Data]):
    """A part of a list; `next_cursor` leads to the next part, and is null in the last one."""

    items: list[Data]
    next_cursor: str | None = Field(examples=["WzUwXQ"])


def success(data: object) -> dict[str, Any]:
    """The envelope around `data`."""
    return {
        "success": True,
        "data": data,
        "error": None,
        "timestamp": datetime.now(UTC).isoformat(),
        "api_version": API_VERSION,
    }


def of_type(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """A 200 that is no JSON, for a route's `responses`."""
    return {200: {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}}


# as services and the command line write it: with +00:00, where pydantic has a Z
Moment = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Thing(BaseModel):
    """The fields are in the order in which services give them: what the command line prints as JSON is the same with
    a service and without."""

    model_config = ConfigDict(extra="allow", from_attributes=True)  # services may say more


class Collection(Thing):
    """A named set of documents."""

    id: str = Field(examples=["9f0b3f5c-9a53-5d0c-8f4e-1b6d8f0a7c11"])
    name: str = Field(examples=["thesis"])
    description: str
    documents: int = Field(examples=[42])
    indexed: bool
    created_at: Moment
    language: str | None = Field(description="Of its own; null is as the settings say.", examples=["German"])
    entity_types: list[str] | None = Field(description="Of its own; null is as the settings say.")


class Metadata(Thing):
    """What is known about a document; null, or an empty list, where nobody knows."""

    title: str | None = Field(examples=["On the flood"])
    authors: list[str] = Field(examples=[["Anna Berg"]])
    date: str | None = Field(examples=["1964-03-04"])
    language: str | None = Field(examples=["en"])
    document_type: str | None = Field(examples=["report"])
    abstract: str | None
    keywords: list[str]


class Extraction(Thing):
    """Which model was asked for the metadata, and when it said what it says."""

    model: str
    at: Moment


class Document(Thing):
    """A file of a collection. `metadata_from` says of each field whether a person has `edited` it, a model has
    `extracted` it, or the `file` says it of itself."""

    id: str
    name: str = Field(examples=["paper.pdf"])
    title: str
    media_type: str = Field(examples=["application/pdf"])
    pages: int
    characters: int
    size: int = Field(description="Bytes of the file.")
    sha256: str
    encoding: str | None
    properties: dict[str, Any]
    source: str
    created_at: Moment
    metadata: Metadata
    metadata_from: dict[str, Literal["edited", "extracted", "file"]] = Field(examples=[{"title": "edited"}])
    extraction: Extraction | None


class FoundDocument(Document):
    """A document, and the collection that it is in."""

    collection_id: str


class Stage(Thing):
    """How far a stage of a run is, in items; `cached` of `done` came from the answer store."""

    name: str = Field(examples=["extract"])
    total: int
    done: int
    cached: int
    failed: int
    seconds: float


class Task(Thing):
    """A piece of work: an index run, the reading of uploaded files, vectors, metadata, or a question."""

    id: str = Field(examples=["0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"])
    kind: str = Field(examples=["index"])
    collection_id: str
    state: str = Field(examples=["running"])
    result: dict[str, Any] | None
    error: str | None
    attempts: int
    owner: str | None
    llm: dict[str, Any]
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class Gap(Thing):
    """What is missing from an index or another result, and why."""

    stage: str
    item: str
    reason: str
    attempts: int
    last_error: str


class TaskWithStages(Task):
    """A task, how far its stages are, and what is missing from its result."""

    stages: list[Stage]
    gaps: list[Gap]


class Accepted(Thing):
    """Work that was taken on. `is_new` is false when an earlier request with the same key had started it."""

    task_id: str = Field(examples=["0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"])
    run_id: str = Field(description="The same; a task is a run.")
    is_new: bool
    status_url: str = Field(examples=["/api/v2/tasks/0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11"])
    events_url: str = Field(examples=["/api/v2/tasks/0b9c8f0e-6c1c-4a3e-9a53-0f7b6f9f2f11/events"])


class Processing(Accepted):
    """A task that makes one kind of thing of a collection's documents."""

    kind: Literal["documents", "embedding", "metadata"]


class ProcessingTasks(Thing):
    """The tasks of a processing that was taken on, one for each kind."""

    tasks: list[Processing]


class VersionInUse(Thing):
    """The version that answers questions."""

    id: str
    number: int
    run_id: str
    published_at: Moment | None
    newest: int = Field(description="Number of the newest version; a higher one is out of use by a rollback.")


class Records(Thing):
    """What became of the records in the model's answers."""

    kept: int
    dropped: dict[str, int] = Field(description="How many could not be kept, by reason.")
    mended: dict[str, int] = Field(description="How many were put right, by reason.")


class Warned(Thing):
    """Something that a run warns of."""

    stage: str
    message: str


class Status(Thing):
    """The newest index run of a collection, and the version in use."""

    collection: str
    collection_id: str
    state: str = Field(examples=["succeeded", "not_indexed"])
    run_id: str | None
    method: str | None
    model: str | None
    embedding_model: str | None
    extraction_format: str | None = Field(examples=["tuple", "json"])
    prompts: dict[str, str] = Field(description="SHA-256 of the prompts that were in use, by name.")
    version: VersionInUse | None
    stages: list[Stage]
    counts: dict[str, int]
    levels: dict[str, int] = Field(description="Communities of the version in use, by level.", examples=[{"0": 9}])
    llm: dict[str, int]
    records: Records
    gaps: list[Gap]
    warnings: list[Warned]
    error: str | None
    started_at: Moment | None
    finished_at: Moment | None
    up_to_date: bool = Field(description="There was nothing to do: this is the run that made the version in use.")


class Entity(Thing):
    """A node of the graph."""

    id: str
    human_readable_id: int
    title: str = Field(examples=["LIGHTHOUSE"])
    type: str
    types: list[str] = Field(description="All types that it was given, the most frequent one first.")
    description: str
    text_unit_ids: list[str]
    frequency: int
    degree: int


class Relationship(Thing):
    """An edge of the graph."""

    id: str
    human_readable_id: int
    source: str
    target: str
    description: str
    weight: float
    combined_degree: int
    text_unit_ids: list[str]


class Community(Thing):
    """A cluster of entities. `parent` is -1 at the top."""

    id: str
    human_readable_id: int
    community: int
    level: int
    parent: int
    children: list[int]
    title: str
    entity_ids: list[str]
    relationship_ids: list[str]
    text_unit_ids: list[str]
    period: str
    size: int
    residual: bool


class Report(Thing):
    """What the model wrote about a community."""

    id: str
    human_readable_id: int
    community: int
    level: int
    parent: int
    children: list[int]
    title: str
    summary: str
    full_content: str
    rank: float
    rating_explanation: str
    findings: list[Any]
    full_content_json: str
    period: str
    size: int


class CommunityWithMembers(Community):
    """A community with its members and its report, null where that is a gap."""

    entities: list[Entity]
    relationships: list[Relationship]
    report: Report | None
    left_out: dict[str, int] = Field(description="How many rows of each kind its report was written without.")
    cut: dict[str, int] = Field(description="How many rows of each kind were cut short for it.")


class ReportContext(Thing):
    """What the model was given to write a community's report."""

    community: int
    level: int
    text: str
    tokens: int
    rows: dict[str, list[int]] = Field(description="Human-readable ids by kind, in the order of the text.")
    represented: dict[str, int] = Field(description="How many rows reports of sub-communities stand for.")
    left_out: dict[str, int] = Field(description="How many rows there was no room for.")
    cut: dict[str, list[int]] = Field(description="Human-readable ids of the rows whose text was cut short, by kind.")


class Deleted(Thing):
    """What was deleted."""

    versions: int = Field(description="Index versions that are gone.")


class Part(Thing):
    """Something that the service needs, and whether it is there."""

    part: str = Field(examples=["broker"])
    state: str = Field(description="`ok` or `failed`.", examples=["ok"])
    detail: str = Field(examples=["answers"])
