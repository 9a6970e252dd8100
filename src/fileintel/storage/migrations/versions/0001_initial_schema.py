"""The schema: documents, answers, runs, and the graph tables of index versions."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects import postgresql

revision = "0001_initial"
down_revision = None

TABLES = (  # in the order of their making
    "answers",
    "collections",
    "embeddings",
    "prompt_texts",
    "questions_in_flight",
    "text_unit_vectors",
    "collection_prompts",
    "documents",
    "runs",
    "vector_sets",
    "document_text_units",
    "gaps",
    "index_versions",
    "pages",
    "run_events",
    "run_helpers",
    "run_stages",
    "shared_questions",
    "communities",
    "community_reports",
    "covariates",
    "entities",
    "indexed_documents",
    "relationships",
    "text_units",
)


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "answers",
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="SHA-256 of the question"),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True, comment="32-bit floats, little-endian"),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False, comment="how often it has saved a call"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("content IS NOT NULL OR vector IS NOT NULL", name="ck_answers_something"),
        sa.CheckConstraint("prompt_tokens >= 0 AND completion_tokens >= 0 AND hits >= 0", name="ck_answers_counts"),
        sa.PrimaryKeyConstraint("key"),
        comment="What models answered, once for each question; kept until it is cleaned up.",
    )
    op.create_table(
        "collections",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current_version_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.CheckConstraint("name <> ''", name="ck_collections_name"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        comment="Named sets of documents; current_version_id is the index that answers questions.",
    )
    op.create_table(
        "embeddings",
        sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("vector", VECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "kind", "item_id"),
        comment="Vectors of text units, entities and reports of index versions, one partition for each version.",
        postgresql_partition_by="LIST (version_id)",
    )
    op.create_table(
        "prompt_texts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
        comment="The texts of prompts, each once, under the hash that collections and runs name.",
    )
    op.create_table(
        "questions_in_flight",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("asker", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        comment="Questions that are being asked now, so that no two workers ask the same one. Unlogged: a crash of the server forgets them, and they are asked again.",
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "text_unit_vectors",
        sa.Column("set_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("text_unit_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("vector", VECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("set_id", "text_unit_id"),
        comment="Vectors of document_text_units, one partition for each of vector_sets.",
        postgresql_partition_by="LIST (set_id)",
    )
    op.create_table(
        "collection_prompts",
        sa.Column("collection_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["prompt_texts.sha256"],
        ),
        sa.PrimaryKeyConstraint("collection_id", "name"),
        comment="A collection's own prompts, which stand before the program's.",
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("collection_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("characters", sa.BigInteger(), nullable=False),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cut_with", sa.Text(), nullable=True),
        sa.Column("extracted", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("extracted_by", sa.Text(), nullable=True),
        sa.Column("extracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("edited", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(extracted, extracted_by, extracted_at) IN (0, 3)", name="ck_documents_extracted"
        ),
        sa.CheckConstraint("size >= 0 AND pages >= 0 AND characters >= 0", name="ck_documents_counts"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "sha256"),
        comment="Files that were added to a collection; their texts are in pages.",
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("collection_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("models", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("llm", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("records", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("prompts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column(
            "token",
            sa.BigInteger(),
            nullable=False,
            comment="grows with each takeover; a write that names an older one is refused",
        ),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('index', 'documents', 'embedding', 'metadata', 'question', 'passage_question')",
            name="ck_runs_kind",
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'throttled', 'paused', 'cancelling', 'cancelled', 'failed', 'succeeded_with_gaps', 'succeeded')",
            name="ck_runs_state",
        ),
        sa.CheckConstraint("(owner IS NULL) = (lease_expires_at IS NULL)", name="ck_runs_lease"),
        sa.CheckConstraint("token >= 0 AND attempts >= 0", name="ck_runs_counts"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
        comment="Pieces of work on collections, over or not; the API also calls them tasks.",
    )
    op.create_index("ix_runs_collection_created", "runs", ["collection_id", "created_at"], unique=False)
    op.create_index("ix_runs_created", "runs", ["created_at", "id"], unique=False)
    op.create_index(
        "uq_runs_one_active_of_a_kind_per_collection",
        "runs",
        ["collection_id", "kind"],
        unique=True,
        postgresql_where=sa.text(
            "kind IN ('index', 'embedding', 'metadata') AND state IN ('cancelling', 'paused', 'queued', 'running', 'throttled')"
        ),
    )
    op.create_table(
        "vector_sets",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("collection_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size > 0", name="ck_vector_sets_size"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "model", "size"),
        comment="For each collection and embedding model, the set that the vectors of its text units are in.",
    )
    op.create_table(
        "document_text_units",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("document_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("first_page", sa.Integer(), nullable=False),
        sa.Column("last_page", sa.Integer(), nullable=False),
        sa.Column("n_tokens", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint('0 <= start AND start <= "end"', name="ck_document_text_units_stretch"),
        sa.CheckConstraint("1 <= first_page AND first_page <= last_page", name="ck_document_text_units_pages"),
        sa.CheckConstraint("number >= 0 AND n_tokens >= 0", name="ck_document_text_units_counts"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "number"),
        comment="The text units that a stored document was cut into, for search by vectors; those of an index are in text_units.",
    )
    op.create_table(
        "gaps",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("attempts >= 0", name="ck_gaps_counts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "stage", "item"),
        comment="Items that failed for good in a run: what is missing from its index, and why.",
    )
    op.create_table(
        "index_versions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("collection_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("embedding_model", sa.Text(), nullable=False),
        sa.Column("embedding_size", sa.Integer(), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'published') = (published_at IS NOT NULL)", name="ck_index_versions_published"),
        sa.CheckConstraint("state IN ('building', 'published')", name="ck_index_versions_state"),
        sa.CheckConstraint("embedding_size >= 0", name="ck_index_versions_embedding_size"),
        sa.CheckConstraint("number >= 1", name="ck_index_versions_number"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "number"),
        comment="Whole indexes of collections, numbered; each is built beside the one in use.",
    )
    op.create_index(
        "uq_index_versions_one_in_the_making",
        "index_versions",
        ["collection_id"],
        unique=True,
        postgresql_where=sa.text("state = 'building'"),
    )
    op.create_table(
        "pages",
        sa.Column("document_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint('0 <= start AND start <= "end"', name="ck_pages_stretch"),
        sa.CheckConstraint("number >= 1", name="ck_pages_number"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "number"),
        comment="The text of documents, page by page.",
    )
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number >= 0", name="ck_run_events_counts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number"),
        comment="What happened to runs, in order, for readers that come later.",
    )
    op.create_table(
        "run_helpers",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("asker", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("retries", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "slots >= 0 AND calls >= 0 AND retries >= 0 AND prompt_tokens >= 0 AND completion_tokens >= 0",
            name="ck_run_helpers_counts",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "worker"),
        comment="Workers that answer questions of a run which another one holds, and what they have spent.",
    )
    op.create_table(
        "run_stages",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "position >= 0 AND total >= 0 AND done >= 0 AND cached >= 0 AND failed >= 0 AND seconds >= 0",
            name="ck_run_stages_counts",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name"),
        comment="How far the stages of runs are, in items.",
    )
    op.create_table(
        "shared_questions",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Double(), nullable=False),
        sa.Column("parser", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("asker", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.CheckConstraint("number >= 0 AND attempts >= 0", name="ck_shared_questions_counts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key"),
        comment="Questions of runs at work that any worker may ask; gone when the run is over.",
    )
    op.create_index(
        "ix_shared_questions_done", "shared_questions", ["run_id"], unique=False, postgresql_where=sa.text("done")
    )
    op.create_index(
        "ix_shared_questions_waiting",
        "shared_questions",
        ["run_id", "priority", "number"],
        unique=False,
        postgresql_where=sa.text("asker IS NULL"),
    )
    op.create_table(
        "communities",
        sa.Column("community", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=False),
        sa.Column("children", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("entity_ids", postgresql.ARRAY(sa.Uuid(as_uuid=False)), nullable=False),
        sa.Column("relationship_ids", postgresql.ARRAY(sa.Uuid(as_uuid=False)), nullable=False),
        sa.Column("text_unit_ids", postgresql.ARRAY(sa.Uuid(as_uuid=False)), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("residual", sa.Boolean(), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("human_readable_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("community >= 0 AND level >= 0 AND size >= 0", name="ck_communities_counts"),
        sa.CheckConstraint("parent >= -1", name="ck_communities_parent"),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "id"),
        sa.UniqueConstraint("version_id", "community", name="uq_communities_number"),
        comment="Clusters of a version's entities, from the level 0 at the top downwards.",
    )
    op.create_index("ix_communities_entity_ids", "communities", ["entity_ids"], unique=False, postgresql_using="gin")
    op.create_table(
        "community_reports",
        sa.Column("community", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=False),
        sa.Column("children", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("full_content", sa.Text(), nullable=False),
        sa.Column("rank", sa.Float(), nullable=False),
        sa.Column("rating_explanation", sa.Text(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("full_content_json", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("human_readable_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("community >= 0 AND level >= 0 AND size >= 0", name="ck_community_reports_counts"),
        sa.CheckConstraint("parent >= -1", name="ck_community_reports_parent"),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "id"),
        sa.UniqueConstraint("version_id", "community", name="uq_community_reports_number"),
        comment="What the model wrote about communities; one without a report is a gap of the version's run.",
    )
    op.create_table(
        "covariates",
        sa.Column("covariate_type", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("start_date", sa.Text(), nullable=False),
        sa.Column("end_date", sa.Text(), nullable=False),
        sa.Column("source_text", sa.Text(), nullable=False),
        sa.Column("text_unit_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("human_readable_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "id"),
        comment="Claims about entities of a version; empty where none were asked for.",
    )
    op.create_table(
        "entities",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("text_unit_ids", postgresql.ARRAY(sa.Uuid(as_uuid=False)), nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("degree", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("human_readable_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("frequency >= 0 AND degree >= 0", name="ck_entities_counts"),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "id"),
        comment="The nodes of a version's graph.",
    )
    op.create_index("ix_entities_human_readable_id", "entities", ["version_id", "human_readable_id"], unique=False)
    op.create_index("ix_entities_title", "entities", ["version_id", "title"], unique=False)
    op.create_table(
        "indexed_documents",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("human_readable_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "id"),
        comment="The documents that an index version was made from, which may be deleted by now.",
    )
    op.create_table(
        "relationships",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("combined_degree", sa.Integer(), nullable=False),
        sa.Column("text_unit_ids", postgresql.ARRAY(sa.Uuid(as_uuid=False)), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("human_readable_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("combined_degree >= 0", name="ck_relationships_counts"),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "id"),
        comment="The edges of a version's graph; source and target are titles of entities.",
    )
    op.create_index(
        "ix_relationships_human_readable_id", "relationships", ["version_id", "human_readable_id"], unique=False
    )
    op.create_index("ix_relationships_source", "relationships", ["version_id", "source"], unique=False)
    op.create_index("ix_relationships_target", "relationships", ["version_id", "target"], unique=False)
    op.create_table(
        "text_units",
        sa.Column("document_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("first_page", sa.Integer(), nullable=False),
        sa.Column("last_page", sa.Integer(), nullable=False),
        sa.Column("n_tokens", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("human_readable_id", sa.Integer(), nullable=False),
        sa.CheckConstraint('0 <= start AND start <= "end"', name="ck_text_units_stretch"),
        sa.CheckConstraint("1 <= first_page AND first_page <= last_page", name="ck_text_units_pages"),
        sa.CheckConstraint("n_tokens >= 0", name="ck_text_units_counts"),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "id"),
        comment="The text units of an index version; what they say is in entities and relationships.",
    )
    op.create_index("ix_text_units_document", "text_units", ["version_id", "document_id"], unique=False)
    op.create_index("ix_text_units_human_readable_id", "text_units", ["version_id", "human_readable_id"], unique=False)
    # the pointer to the version in use: collections and versions refer to each other
    op.create_foreign_key(
        "fk_collections_current_version",
        "collections",
        "index_versions",
        ["current_version_id"],
        ["id"],
        ondelete="SET NULL",
    )


def downgrade() -> None:
    op.drop_constraint("fk_collections_current_version", "collections", type_="foreignkey")
    for table in reversed(TABLES):
        op.drop_table(table)
