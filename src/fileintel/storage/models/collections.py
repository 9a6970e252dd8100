"""What a person put in: collections with their prompts, documents, pages; and what documents are cut into."""

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fileintel.storage.models.base import UUID_TEXT, Base, not_negative, page_range, stretch, utc_now


class Collection(Base):
    """A named set of documents, and the pointer to the index version that answers questions.

    `settings` stand before the program's in all that is done with the collection: `language`, `entity_types`.
    """

    __tablename__ = "collections"
    __table_args__ = (
        CheckConstraint("name <> ''", name="ck_collections_name"),
        {"comment": "Named sets of documents; current_version_id is the index that answers questions."},
    )

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

    `cut_with` names the settings that its text units were cut with, None before they were. What is known about the
    document is kept by where it is from: `title` and `properties` from the file, `extracted` from a model
    (`extracted_by`), `edited` from a person.
    """

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("collection_id", "sha256"),
        not_negative("documents", "size", "pages", "characters"),
        CheckConstraint("num_nonnulls(extracted, extracted_by, extracted_at) IN (0, 3)", name="ck_documents_extracted"),
        {"comment": "Files that were added to a collection; their texts are in pages."},
    )

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
    __table_args__ = (
        CheckConstraint("number >= 1", name="ck_pages_number"),
        stretch("pages"),
        {"comment": "The text of documents, page by page."},
    )

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
    __table_args__ = ({"comment": "The texts of prompts, each once, under the hash that collections and runs name."},)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class CollectionPrompt(Base):
    """A collection's own prompt; it stands before the file of the same name."""

    __tablename__ = "collection_prompts"
    __table_args__ = ({"comment": "A collection's own prompts, which stand before the program's."},)

    collection_id: Mapped[str] = mapped_column(
        UUID_TEXT, ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), ForeignKey("prompt_texts.sha256"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class DocumentTextUnit(Base):
    """A text unit of a stored document: characters `start` to `end` of it, on pages `first_page` to `last_page`;
    `number` counts within the document, from 0. One of an index that was cut with the same settings has the same id."""

    __tablename__ = "document_text_units"
    __table_args__ = (
        UniqueConstraint("document_id", "number"),
        not_negative("document_text_units", "number", "n_tokens"),
        stretch("document_text_units"),
        page_range("document_text_units"),
        {
            "comment": "The text units that a stored document was cut into, for search by vectors; those of an index "
            "are in text_units."
        },
    )

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
    """The vectors of a collection's text units by one embedding model, all with `size` numbers."""

    __tablename__ = "vector_sets"
    __table_args__ = (
        UniqueConstraint("collection_id", "model", "size"),
        CheckConstraint("size > 0", name="ck_vector_sets_size"),
        {"comment": "For each collection and embedding model, the set that the vectors of its text units are in."},
    )

    id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    collection_id: Mapped[str] = mapped_column(UUID_TEXT, ForeignKey("collections.id", ondelete="CASCADE"))
    model: Mapped[str]
    size: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class TextUnitVector(Base):
    """A vector of a document's text unit. Partitioned: each set has its own table and its own HNSW index, as the
    versions of an index have (see `Embedding`), and for the same reasons has no foreign keys. What a deleted document
    leaves behind is never found, because a search joins the text units, and goes with the next run or the set."""

    __tablename__ = "text_unit_vectors"
    __table_args__ = (
        {
            "postgresql_partition_by": "LIST (set_id)",
            "comment": "Vectors of document_text_units, one partition for each of vector_sets.",
        },
    )

    set_id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    text_unit_id: Mapped[str] = mapped_column(UUID_TEXT, primary_key=True)
    vector: Mapped[Any] = mapped_column(VECTOR())
