"""One whole index of a collection: a version, and the rows that belong to it."""

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fileintel.storage.models.base import UUID_TEXT, Base, not_negative, one_of, page_range, stretch, utc_now
from fileintel.storage.states import VersionState


class IndexVersion(Base):
    """One whole index of a collection, built beside the published one."""

    __tablename__ = "index_versions"
    __table_args__ = (
        UniqueConstraint("collection_id", "number"),
        Index(
            "uq_index_versions_one_in_the_making",
            "collection_id",
            unique=True,
            postgresql_where=text(f"state = '{VersionState.BUILDING.value}'"),
        ),
        one_of("index_versions", "state", VersionState),
        CheckConstraint("number >= 1", name="ck_index_versions_number"),
        CheckConstraint("embedding_size >= 0", name="ck_index_versions_embedding_size"),
        CheckConstraint(
            f"(state = '{VersionState.PUBLISHED.value}') = (published_at IS NOT NULL)",
            name="ck_index_versions_published",
        ),
        {"comment": "Whole indexes of collections, numbered; each is built beside the one in use."},
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

    # Rows name others of their version (documents, text units, titles) without foreign keys: all are computed at once,
    # written once and dropped whole, and one such key made the insert of 100,000 text units cost 1.7 times as much
    # (processor seconds of the server: 1.72 instead of 1.02). The CHECKs of these tables cost nothing measurable.

    version_id: Mapped[str] = mapped_column(
        UUID_TEXT, ForeignKey("index_versions.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    human_readable_id: Mapped[int]


class IndexedDocument(_OfVersion, Base):
    """A document as this version knows it: it stays citable when the document is deleted later."""

    __tablename__ = "indexed_documents"
    __table_args__ = ({"comment": "The documents that an index version was made from, which may be deleted by now."},)

    title: Mapped[str]
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class TextUnit(_OfVersion, Base):
    """A text unit: characters `start` to `end` of its document, on pages `first_page` to `last_page`."""

    __tablename__ = "text_units"
    __table_args__ = (
        Index("ix_text_units_document", "version_id", "document_id"),
        Index("ix_text_units_human_readable_id", "version_id", "human_readable_id"),
        not_negative("text_units", "n_tokens"),
        stretch("text_units"),
        page_range("text_units"),
        {"comment": "The text units of an index version; what they say is in entities and relationships."},
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
        not_negative("entities", "frequency", "degree"),
        {"comment": "The nodes of a version's graph."},
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
        not_negative("relationships", "combined_degree"),
        {"comment": "The edges of a version's graph; source and target are titles of entities."},
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
        not_negative("communities", "community", "level", "size"),
        CheckConstraint("parent >= -1", name="ck_communities_parent"),
        {"comment": "Clusters of a version's entities, from the level 0 at the top downwards."},
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
    __table_args__ = (
        UniqueConstraint("version_id", "community", name="uq_community_reports_number"),
        not_negative("community_reports", "community", "level", "size"),
        CheckConstraint("parent >= -1", name="ck_community_reports_parent"),
        {"comment": "What the model wrote about communities; one without a report is a gap of the version's run."},
    )

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
    __table_args__ = ({"comment": "Claims about entities of a version; empty where none were asked for."},)

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
    __table_args__ = (
        {
            "postgresql_partition_by": "LIST (version_id)",
            "comment": "Vectors of text units, entities and reports of index versions, one partition for each version.",
        },
    )

    version_id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    item_id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    vector: Mapped[Any] = mapped_column(VECTOR())
