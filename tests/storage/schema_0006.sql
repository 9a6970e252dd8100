-- The schema of the last checkout before migrations were squashed, as 0006_shards left it.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE answers (
	key BYTEA NOT NULL, 
	model TEXT NOT NULL, 
	purpose TEXT NOT NULL, 
	content TEXT, 
	vector BYTEA, 
	finish_reason TEXT, 
	prompt_tokens INTEGER NOT NULL, 
	completion_tokens INTEGER NOT NULL, 
	hits BIGINT NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	last_used_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	PRIMARY KEY (key)
);
CREATE TABLE collections (
	id UUID NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	settings JSONB NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	current_version_id UUID, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
CREATE TABLE embeddings (
	version_id UUID NOT NULL, 
	kind TEXT NOT NULL, 
	item_id UUID NOT NULL, 
	vector VECTOR NOT NULL, 
	PRIMARY KEY (version_id, kind, item_id)
)
 PARTITION BY LIST (version_id);
CREATE TABLE passage_vectors (
	set_id UUID NOT NULL, 
	passage_id UUID NOT NULL, 
	vector VECTOR NOT NULL, 
	PRIMARY KEY (set_id, passage_id)
)
 PARTITION BY LIST (set_id);
CREATE TABLE prompt_texts (
	sha256 VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	PRIMARY KEY (sha256)
);
CREATE UNLOGGED TABLE questions_in_flight (
	key BYTEA NOT NULL, 
	asker UUID NOT NULL, 
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	PRIMARY KEY (key)
);
CREATE TABLE collection_prompts (
	collection_id UUID NOT NULL, 
	name TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	PRIMARY KEY (collection_id, name), 
	FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE, 
	FOREIGN KEY(sha256) REFERENCES prompt_texts (sha256)
);
CREATE TABLE documents (
	id UUID NOT NULL, 
	collection_id UUID NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	title TEXT NOT NULL, 
	source TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	encoding TEXT, 
	size BIGINT NOT NULL, 
	pages INTEGER NOT NULL, 
	characters BIGINT NOT NULL, 
	properties JSONB NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	cut_with TEXT, 
	extracted JSONB, 
	extracted_by TEXT, 
	extracted_at TIMESTAMP WITH TIME ZONE, 
	edited JSONB NOT NULL, 
	edited_at TIMESTAMP WITH TIME ZONE, 
	PRIMARY KEY (id), 
	UNIQUE (collection_id, sha256), 
	FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE
);
CREATE TABLE runs (
	id UUID NOT NULL, 
	collection_id UUID NOT NULL, 
	kind TEXT NOT NULL, 
	state TEXT NOT NULL, 
	parameters JSONB NOT NULL, 
	result JSONB, 
	idempotency_key TEXT, 
	method TEXT NOT NULL, 
	fresh BOOLEAN NOT NULL, 
	fingerprint TEXT NOT NULL, 
	settings JSONB NOT NULL, 
	models JSONB NOT NULL, 
	llm JSONB NOT NULL, 
	records JSONB NOT NULL, 
	prompts JSONB NOT NULL, 
	owner TEXT, 
	token BIGINT NOT NULL, 
	lease_expires_at TIMESTAMP WITH TIME ZONE, 
	message_sent_at TIMESTAMP WITH TIME ZONE, 
	attempts INTEGER NOT NULL, 
	error TEXT, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	started_at TIMESTAMP WITH TIME ZONE, 
	finished_at TIMESTAMP WITH TIME ZONE, 
	PRIMARY KEY (id), 
	UNIQUE (idempotency_key), 
	CONSTRAINT ck_runs_state CHECK (state IN ('queued', 'running', 'throttled', 'paused', 'cancelling', 'cancelled', 'failed', 'succeeded_with_gaps', 'succeeded')), 
	CONSTRAINT ck_runs_kind CHECK (kind IN ('index', 'documents', 'embedding', 'metadata', 'question', 'passage_question')), 
	FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE
);
CREATE INDEX ix_runs_collection_created ON runs (collection_id, created_at);
CREATE INDEX ix_runs_created ON runs (created_at, id);
CREATE UNIQUE INDEX uq_runs_one_active_index_per_collection ON runs (collection_id) WHERE kind = 'index' AND state IN ('cancelling', 'paused', 'queued', 'running', 'throttled');
CREATE UNIQUE INDEX uq_runs_one_active_of_a_kind_per_collection ON runs (collection_id, kind) WHERE kind IN ('embedding', 'metadata') AND state IN ('cancelling', 'paused', 'queued', 'running', 'throttled');
CREATE TABLE vector_sets (
	id UUID NOT NULL, 
	collection_id UUID NOT NULL, 
	model TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (collection_id, model, size), 
	FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE
);
CREATE TABLE gaps (
	run_id UUID NOT NULL, 
	stage TEXT NOT NULL, 
	item TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	last_error TEXT NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	PRIMARY KEY (run_id, stage, item), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE index_versions (
	id UUID NOT NULL, 
	collection_id UUID NOT NULL, 
	run_id UUID NOT NULL, 
	number INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	embedding_model TEXT NOT NULL, 
	embedding_size INTEGER, 
	counts JSONB NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	published_at TIMESTAMP WITH TIME ZONE, 
	PRIMARY KEY (id), 
	UNIQUE (collection_id, number), 
	CONSTRAINT ck_index_versions_state CHECK (state IN ('building', 'published')), 
	FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE, 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE pages (
	document_id UUID NOT NULL, 
	number INTEGER NOT NULL, 
	label TEXT, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (document_id, number), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
CREATE TABLE passages (
	id UUID NOT NULL, 
	document_id UUID NOT NULL, 
	number INTEGER NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	first_page INTEGER NOT NULL, 
	last_page INTEGER NOT NULL, 
	n_tokens INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (document_id, number), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
CREATE TABLE run_events (
	run_id UUID NOT NULL, 
	number INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	data JSONB NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	PRIMARY KEY (run_id, number), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE run_helpers (
	run_id UUID NOT NULL, 
	worker TEXT NOT NULL, 
	asker UUID NOT NULL, 
	slots INTEGER NOT NULL, 
	seen_at TIMESTAMP WITH TIME ZONE, 
	calls BIGINT NOT NULL, 
	retries BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	PRIMARY KEY (run_id, worker), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE run_stages (
	run_id UUID NOT NULL, 
	name TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	total INTEGER NOT NULL, 
	done INTEGER NOT NULL, 
	cached INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	seconds DOUBLE PRECISION NOT NULL, 
	PRIMARY KEY (run_id, name), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE shared_questions (
	run_id UUID NOT NULL, 
	key BYTEA NOT NULL, 
	number BIGINT NOT NULL, 
	priority DOUBLE PRECISION NOT NULL, 
	parser TEXT NOT NULL, 
	body BYTEA NOT NULL, 
	asker UUID, 
	done BOOLEAN NOT NULL, 
	reason TEXT, 
	attempts INTEGER NOT NULL, 
	last_error TEXT NOT NULL, 
	PRIMARY KEY (run_id, key), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX ix_shared_questions_done ON shared_questions (run_id) WHERE done;
CREATE INDEX ix_shared_questions_waiting ON shared_questions (run_id, priority, number) WHERE asker IS NULL;
CREATE TABLE communities (
	community INTEGER NOT NULL, 
	level INTEGER NOT NULL, 
	parent INTEGER NOT NULL, 
	children INTEGER[] NOT NULL, 
	title TEXT NOT NULL, 
	entity_ids UUID[] NOT NULL, 
	relationship_ids UUID[] NOT NULL, 
	text_unit_ids UUID[] NOT NULL, 
	period TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	residual BOOLEAN NOT NULL, 
	context JSONB, 
	version_id UUID NOT NULL, 
	id UUID NOT NULL, 
	human_readable_id INTEGER NOT NULL, 
	PRIMARY KEY (version_id, id), 
	CONSTRAINT uq_communities_number UNIQUE (version_id, community), 
	FOREIGN KEY(version_id) REFERENCES index_versions (id) ON DELETE CASCADE
);
CREATE INDEX ix_communities_entity_ids ON communities USING gin (entity_ids);
CREATE TABLE community_reports (
	community INTEGER NOT NULL, 
	level INTEGER NOT NULL, 
	parent INTEGER NOT NULL, 
	children INTEGER[] NOT NULL, 
	title TEXT NOT NULL, 
	summary TEXT NOT NULL, 
	full_content TEXT NOT NULL, 
	rank FLOAT NOT NULL, 
	rating_explanation TEXT NOT NULL, 
	findings JSONB NOT NULL, 
	full_content_json TEXT NOT NULL, 
	period TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	version_id UUID NOT NULL, 
	id UUID NOT NULL, 
	human_readable_id INTEGER NOT NULL, 
	PRIMARY KEY (version_id, id), 
	CONSTRAINT uq_community_reports_number UNIQUE (version_id, community), 
	FOREIGN KEY(version_id) REFERENCES index_versions (id) ON DELETE CASCADE
);
CREATE TABLE covariates (
	covariate_type TEXT NOT NULL, 
	type TEXT NOT NULL, 
	description TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	object_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	start_date TEXT NOT NULL, 
	end_date TEXT NOT NULL, 
	source_text TEXT NOT NULL, 
	text_unit_id UUID NOT NULL, 
	version_id UUID NOT NULL, 
	id UUID NOT NULL, 
	human_readable_id INTEGER NOT NULL, 
	PRIMARY KEY (version_id, id), 
	FOREIGN KEY(version_id) REFERENCES index_versions (id) ON DELETE CASCADE
);
CREATE TABLE entities (
	title TEXT NOT NULL, 
	type TEXT NOT NULL, 
	types TEXT[] NOT NULL, 
	description TEXT NOT NULL, 
	text_unit_ids UUID[] NOT NULL, 
	frequency INTEGER NOT NULL, 
	degree INTEGER NOT NULL, 
	version_id UUID NOT NULL, 
	id UUID NOT NULL, 
	human_readable_id INTEGER NOT NULL, 
	PRIMARY KEY (version_id, id), 
	FOREIGN KEY(version_id) REFERENCES index_versions (id) ON DELETE CASCADE
);
CREATE INDEX ix_entities_human_readable_id ON entities (version_id, human_readable_id);
CREATE INDEX ix_entities_title ON entities (version_id, title);
CREATE TABLE indexed_documents (
	title TEXT NOT NULL, 
	name TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	version_id UUID NOT NULL, 
	id UUID NOT NULL, 
	human_readable_id INTEGER NOT NULL, 
	PRIMARY KEY (version_id, id), 
	FOREIGN KEY(version_id) REFERENCES index_versions (id) ON DELETE CASCADE
);
CREATE TABLE relationships (
	source TEXT NOT NULL, 
	target TEXT NOT NULL, 
	description TEXT NOT NULL, 
	weight FLOAT NOT NULL, 
	combined_degree INTEGER NOT NULL, 
	text_unit_ids UUID[] NOT NULL, 
	version_id UUID NOT NULL, 
	id UUID NOT NULL, 
	human_readable_id INTEGER NOT NULL, 
	PRIMARY KEY (version_id, id), 
	FOREIGN KEY(version_id) REFERENCES index_versions (id) ON DELETE CASCADE
);
CREATE INDEX ix_relationships_human_readable_id ON relationships (version_id, human_readable_id);
CREATE INDEX ix_relationships_source ON relationships (version_id, source);
CREATE INDEX ix_relationships_target ON relationships (version_id, target);
CREATE TABLE text_units (
	document_id UUID NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	first_page INTEGER NOT NULL, 
	last_page INTEGER NOT NULL, 
	n_tokens INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	version_id UUID NOT NULL, 
	id UUID NOT NULL, 
	human_readable_id INTEGER NOT NULL, 
	PRIMARY KEY (version_id, id), 
	FOREIGN KEY(version_id) REFERENCES index_versions (id) ON DELETE CASCADE
);
CREATE INDEX ix_text_units_document ON text_units (version_id, document_id);
CREATE INDEX ix_text_units_human_readable_id ON text_units (version_id, human_readable_id);
ALTER TABLE collections ADD CONSTRAINT fk_collections_current_version FOREIGN KEY (current_version_id) REFERENCES index_versions (id) ON DELETE SET NULL;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0006_shards');
