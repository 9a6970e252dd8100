"""What a person put in: collections with their prompts, documents, pages; and what documents are cut into."""

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fileintel.storage.models.base import UUID_TEXT, Base, utc_now


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
