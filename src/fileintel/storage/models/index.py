"""The tables. Truth is here: everything else can be computed again from documents, settings and answers.

Three groups: what a person put in (collections, documents, pages), what was paid for (answers), and what
runs made of it (passages and their vectors, runs, stages, gaps, and one set of graph rows for each index version).
Ids are UUID strings; times are UTC and aware.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fileintel.storage.states import ACTIVE_STATES, RunKind, RunState, VersionState

UUID_TEXT = Uuid(as_uuid=False)


def utc_now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Common ground of all tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }


def _in_states(column: str, states: type[RunState] | type[RunKind] | type[VersionState]) -> str:
    return f"{column} IN ({', '.join(repr(state.value) for state in states)})"


class Collection(Base):
    """A named set of documents, and the pointer to the index version that answers questions.

    `settings` stand before the program's in all that is done with the collection: `language`, `entity_types`.
    """

    __tablename__ = "collections"

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    current_version_id: Mapped[str | None] = mapped_column(
        UUID_TEXT,
        ForeignKey("index_versions.id", ondelete="SET NULL", use_alter=True, name="fk_collections_current_version"),
    )


class Document(Base):
    """One file of a collection. The same bytes are stored once in a collection.

    `cut_with` names the settings that its passages were cut with, None before they were. What is known about the
    document is kept by where it is from: `title` and `properties` from the file, `extracted` from a model
    (`extracted_by`), `edited` from a person.
    """

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("collection_id", "sha256"),)

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    collection_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("collections.id", ondelete="CASCADE"))
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    title: Mapped[str]
    source: Mapped[str]
    media_type: Mapped[str]
    encoding: Mapped[str | None]
    size: Mapped[int] = mapped_column(BigInteger)
    pages: Mapped[int]
    characters: Mapped[int] = mapped_column(BigInteger)
    properties: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    cut_with: Mapped[str | None]
    extracted: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    extracted_by: Mapped[str | None]
    extracted_at: Mapped[datetime | None]
    edited: Mapped[dict[str, Any]] = mapped_column(default=dict)
    edited_at: Mapped[datetime | None]


class DocumentPage(Base):
    """A page: characters `start` to `end` of the document's text, which is the pages' texts joined."""

    __tablename__ = "pages"

    document_id: Mapped[str] = mapped_column(
        UUID_TEXT, ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str | None]
    start: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str]


class PromptText(Base):
    """The text of a prompt that a collection or a run has, or had. Kept once, under its hash, as long as
    one of them names it."""

    __tablename__ = "prompt_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class CollectionPrompt(Base):
    """A collection's own prompt; it stands before the file of the same name."""

    __tablename__ = "collection_prompts"

    collection_id: Mapped[str] = mapped_column(
        UUID_TEXT, ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), ForeignKey("prompt_texts.sha256"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Passage(Base):
    """A chunk: characters `start` to `end` of its document, on pages `first_page` to `last_page`; `number` counts
    within the document, from 0. A text unit of an index that was cut with the same settings has the same id."""

    __tablename__ = "passages"
    __table_args__ = (UniqueConstraint("document_id", "number"),)

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    document_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("documents.id", ondelete="CASCADE"))
    number: Mapped[int]
    start: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    first_page: Mapped[int]
    last_page: Mapped[int]
    n_tokens: Mapped[int]
    text: Mapped[str]


class VectorSet(Base):
    """The vectors of a collection's passages by one embedding model, all with `size` numbers."""

    __tablename__ = "vector_sets"
    __table_args__ = (UniqueConstraint("collection_id", "model", "size"),)

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    collection_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("collections.id", ondelete="CASCADE"))
    model: Mapped[str]
    size: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PassageVector(Base):
    """A vector of a passage. Partitioned: each set has its own table and its own HNSW index, as the versions of an
    index have (see `Embedding`), and for the same reasons has no foreign keys. What a deleted document leaves behind
    is found by nobody, because a search joins the passages, and goes with the next run or the set."""

    __tablename__ = "passage_vectors"
    __table_args__ = ({"postgresql_partition_by": "LIST (set_id)"},)

    set_id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    passage_id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    vector: Mapped[Any] = mapped_column(VECTOR())


class Answer(Base):
    """What a model answered, under the hash of the question. Kept only when it parsed."""

    __tablename__ = "answers"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    model: Mapped[str]
    purpose: Mapped[str]
    content: Mapped[str | None]
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    finish_reason: Mapped[str | None]
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    hits: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime] = mapped_column(default=utc_now)


class QuestionInFlight(Base):
    """A question that somebody is asking, or is about to ask; see `storage.in_flight`."""

    __tablename__ = "questions_in_flight"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    asker: Mapped[str] = mapped_column(UUID_TEXT)
    expires_at: Mapped[datetime]


class Run(Base):
    """One piece of work on a collection: its state, its lease, its counts. Also what the API calls a task.

    `kind` says what is done (see `storage.states.RunKind`); `parameters` are ids and switches, never documents.
    The columns from `method` to `prompts` belong to index runs; `records` tells what became of the records in answers,
    `prompts` which prompts were in use, as hashes of `PromptText` by name.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index(
            "uq_runs_one_active_index_per_collection",
            "collection_id",
            unique=True,
            postgresql_where=text(
                f"kind = 'index' AND state IN ({', '.join(sorted(repr(s.value) for s in ACTIVE_STATES))})"
            ),
        ),
        Index(
            "uq_runs_one_active_of_a_kind_per_collection",
            "collection_id",
            "kind",
            unique=True,
            postgresql_where=text(
                "kind IN ('embedding', 'metadata') "
                f"AND state IN ({', '.join(sorted(repr(s.value) for s in ACTIVE_STATES))})"
            ),
        ),
        Index("ix_runs_collection_created", "collection_id", "created_at"),
        Index("ix_runs_created", "created_at", "id"),
        UniqueConstraint("idempotency_key"),
        CheckConstraint(_in_states("state", RunState), name="ck_runs_state"),
        CheckConstraint(_in_states("kind", RunKind), name="ck_runs_kind"),
    )

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    collection_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("collections.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(default=RunKind.INDEX.value)
    state: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    idempotency_key: Mapped[str | None]
    method: Mapped[str] = mapped_column(default="")
    fresh: Mapped[bool] = mapped_column(Boolean, default=False)
    fingerprint: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    models: Mapped[dict[str, Any]] = mapped_column(default=dict)
    llm: Mapped[dict[str, Any]] = mapped_column(default=dict)
    records: Mapped[dict[str, Any]] = mapped_column(default=dict)
    prompts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    owner: Mapped[str | None]
    token: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_expires_at: Mapped[datetime | None]
    message_sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RunEvent(Base):
    """Something that happened to a run, in order: what a reader that was away can be told again."""

    __tablename__ = "run_events"

    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class RunStage(Base):
    """How far one stage of a run is. Counts are items of the stage, not calls."""

    __tablename__ = "run_stages"

    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    cached: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float] = mapped_column(default=0.0)


class Gap(Base):
    """An item that failed for good: what is missing from the index, and why."""

    __tablename__ = "gaps"

    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    attempts: Mapped[int]
    last_error: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class IndexVersion(Base):
    """One whole index of a collection, built beside the published one."""

    __tablename__ = "index_versions"
    __table_args__ = (
        UniqueConstraint("collection_id", "number"),
        CheckConstraint(_in_states("state", VersionState), name="ck_index_versions_state"),
    )

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    collection_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("collections.id", ondelete="CASCADE"))
    run_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("runs.id", ondelete="CASCADE"))
    number: Mapped[int]
    state: Mapped[str]
    fingerprint: Mapped[str]
    embedding_model: Mapped[str]
    embedding_size: Mapped[int | None]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    published_at: Mapped[datetime | None]


class _OfVersion:
    """Rows that belong to an index version, and go with it."""

    version_id: Mapped[str] = mapped_column(
        UUID_TEXT, ForeignKey("index_versions.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    human_readable_id: Mapped[int]


class IndexedDocument(_OfVersion, Base):
    """A document as this version knows it: it stays citable when the document is deleted later."""

    __tablename__ = "indexed_documents"

    title: Mapped[str]
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class TextUnit(_OfVersion, Base):
    """A chunk: characters `start` to `end` of its document, on pages `first_page` to `last_page`."""

    __tablename__ = "text_units"
    __table_args__ = (
        Index("ix_text_units_document", "version_id", "document_id"),
        Index("ix_text_units_human_readable_id", "version_id", "human_readable_id"),
    )

    document_id: Mapped[str] = mapped_column(UUID_TEXT)
    start: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    first_page: Mapped[int]
    last_page: Mapped[int]
    n_tokens: Mapped[int]
    text: Mapped[str]


class Entity(_OfVersion, Base):
    """A node of the graph. `title` is the spelling of its name that occurs most; relationships use the same."""

    __tablename__ = "entities"
    __table_args__ = (
        Index("ix_entities_title", "version_id", "title"),
        Index("ix_entities_human_readable_id", "version_id", "human_readable_id"),
    )

    title: Mapped[str]
    type: Mapped[str]
    types: Mapped[list[str]]
    description: Mapped[str]
    text_unit_ids: Mapped[list[str]] = mapped_column(ARRAY(UUID_TEXT))
    frequency: Mapped[int]
    degree: Mapped[int]


class Relationship(_OfVersion, Base):
    """An edge of the graph, from one title to another; treated as undirected when clustering."""

    __tablename__ = "relationships"
    __table_args__ = (
        Index("ix_relationships_source", "version_id", "source"),
        Index("ix_relationships_target", "version_id", "target"),
        Index("ix_relationships_human_readable_id", "version_id", "human_readable_id"),
    )

    source: Mapped[str]
    target: Mapped[str]
    description: Mapped[str]
    weight: Mapped[float] = mapped_column(Float)
    combined_degree: Mapped[int]
    text_unit_ids: Mapped[list[str]] = mapped_column(ARRAY(UUID_TEXT))


class Community(_OfVersion, Base):
    """A cluster of entities. `parent` is -1 for the top; `residual` marks groups of unconnected entities.

    `context` says what the question for its report held (see `graphrag.context.Context.record`); null where none
    was asked.
    """

    __tablename__ = "communities"
    __table_args__ = (
        UniqueConstraint("version_id", "community", name="uq_communities_number"),
        Index("ix_communities_entity_ids", "entity_ids", postgresql_using="gin"),
    )

    community: Mapped[int]
    level: Mapped[int]
    parent: Mapped[int]
    children: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    title: Mapped[str]
    entity_ids: Mapped[list[str]] = mapped_column(ARRAY(UUID_TEXT))
    relationship_ids: Mapped[list[str]] = mapped_column(ARRAY(UUID_TEXT))
    text_unit_ids: Mapped[list[str]] = mapped_column(ARRAY(UUID_TEXT))
    period: Mapped[str]
    size: Mapped[int]
    residual: Mapped[bool]
    context: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class CommunityReport(_OfVersion, Base):
    """What the model wrote about a community. `rank` is its rating, 0 to 10."""

    __tablename__ = "community_reports"
    __table_args__ = (UniqueConstraint("version_id", "community", name="uq_community_reports_number"),)

    community: Mapped[int]
    level: Mapped[int]
    parent: Mapped[int]
    children: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    title: Mapped[str]
    summary: Mapped[str]
    full_content: Mapped[str]
    rank: Mapped[float] = mapped_column(Float)
    rating_explanation: Mapped[str]
    findings: Mapped[list[Any]] = mapped_column(JSONB)
    full_content_json: Mapped[str]
    period: Mapped[str]
    size: Mapped[int]


class Covariate(_OfVersion, Base):
    """A claim about an entity, with the text that it was read from."""

    __tablename__ = "covariates"

    covariate_type: Mapped[str]
    type: Mapped[str]
    description: Mapped[str]
    subject_id: Mapped[str]
    object_id: Mapped[str]
    status: Mapped[str]
    start_date: Mapped[str]
    end_date: Mapped[str]
    source_text: Mapped[str]
    text_unit_id: Mapped[str] = mapped_column(UUID_TEXT)


class Embedding(Base):
    """A vector for an item of a version. Partitioned: each version has its own table and its own HNSW index,
    so that a search never wades through other versions' vectors and deleting a version drops a table.

    No foreign key to the versions: attaching and dropping a table with one locks the versions' table against all
    writers, and two runs that begin or end at the same time would wait for each other.
    """

    __tablename__ = "embeddings"
    __table_args__ = ({"postgresql_partition_by": "LIST (version_id)"},)

    version_id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    item_id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    vector: Mapped[Any] = mapped_column(VECTOR())
