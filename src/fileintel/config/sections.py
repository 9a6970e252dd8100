"""The sections of the settings: their keys, types and ranges. Their defaults are in `config/default.yaml` only."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from fileintel.config.redaction import SecretUrl, redacted

BUILTIN = "builtin"


def _postgres_url(url: SecretUrl) -> SecretUrl:
    scheme, separator, rest = url.get_secret_value().partition("://")
    if not separator or scheme.lower().partition("+")[0] not in ("postgres", "postgresql"):
        raise ValueError("must be a PostgreSQL URL: postgresql://user:password@host:5432/database")
    return SecretUrl(f"postgresql+psycopg2://{rest}")


def _model_server(url: str) -> str:
    if url == BUILTIN:
        return url
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"must be the URL of a server, such as http://localhost:8000/v1, or the word {BUILTIN}")
    if parts.path.rstrip("/").endswith(("/chat/completions", "/completions", "/embeddings")):
        raise ValueError("must end before /chat/completions or /embeddings, mostly with /v1")
    return url.rstrip("/")


def _service(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True) and not parts.query
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be the URL of a FileIntel service, such as http://localhost:8001")
    return url.rstrip("/").removesuffix("/api/v2")


def _json_able(value: dict[str, Any]) -> dict[str, Any]:
    json.dumps(value, allow_nan=False)
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1)]
ServiceUrl = Annotated[str, AfterValidator(_service)]
ModelServer = Annotated[str, AfterValidator(_model_server)]
Token = Annotated[SecretStr, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Concurrency = Annotated[int, Field(ge=1, le=1000)]
Method = Literal["standard", "fast"]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]


class Section(BaseModel):
    """Settings that belong together: frozen, checked, without unknown keys, and shown without secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in self:
            yield name, value if isinstance(value, Section) else redacted(value)


class ServerSettings(Section):
    """One of several servers of the same model; `weight` is its share of the requests, relative to the others'."""

    base_url: ModelServer
    api_key: Token | None = None
    weight: Annotated[float, Field(gt=0, le=1000, strict=False)] = 1.0


Servers = Annotated[tuple[ServerSettings, ...], Field(strict=False)]


class LlmSettings(Section):
    """The chat model: where it is, how it is sampled, how long it is waited for."""

    base_url: ModelServer | None
    api_key: Token | None
    endpoints: Servers
    model: Text | None
    temperature: Annotated[float, Field(ge=0, le=2)] | None
    top_p: Annotated[float, Field(gt=0, le=1)] | None
    max_tokens: Count | None
    timeout: Seconds
    patience: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    max_retries: Annotated[int, Field(ge=0)]
    adaptive: bool
    extra_body: Annotated[dict[str, JsonValue], AfterValidator(_json_able)]


class EmbeddingSettings(Section):
    """The embedding model and the size of its requests."""

    base_url: ModelServer | None
    api_key: Token | None
    endpoints: Servers
    model: Text | None
    dimensions: Count | None
    batch_size: Count
    batch_tokens: Count
    concurrency: Concurrency
    max_input_tokens: Count


class ChunkingSettings(Section):
    """How documents are cut into text units, in tokens."""

    size: Count
    overlap: Annotated[int, Field(ge=0)]
    encoding: Text
    tokenizer_file: Path | None

    @field_validator("overlap")
    @classmethod
    def _smaller_than_size(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("size")
        if size is not None and overlap >= size:
            raise ValueError(f"must be smaller than chunking.size, which is {size}")
        return overlap


class DocumentSettings(Section):
    """Bounds for one file, and what is made of it when it was read."""

    max_file_mb: Count
    max_seconds: Count
    max_memory_mb: Count
    max_pages: Count
    max_expanded_mb: Count
    embed_on_upload: bool
    extract_metadata: bool
    metadata_max_input_tokens: Count


class ExtractionSettings(Section):
    """How a model is asked for entities and relationships."""

    format: Literal["auto", "tuple", "json"]


class GraphragSettings(Section):
    """How the index is made."""

    concurrency: Concurrency
    share_from: Annotated[int, Field(ge=0)]
    method: Method
    max_gleanings: Annotated[int, Field(ge=0)]
    entity_types: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
    language: Text | None
    max_cluster_size: Count
    use_lcc: bool
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    description_max_words: Count
    description_max_input_tokens: Count
    report_max_words: Count
    report_max_input_tokens: Count
    report_context: Literal["graph", "text"]
    claims: bool
    claim_description: Text
    max_run_tokens: Count | None
    max_gap_share: Share
    keep_versions: Count


class PromptSettings(Section):
    """Where prompts are, besides the shipped ones."""

    directory: Path | None


class QuerySettings(Section):
    """What a question to the index may read and say."""

    local_max_context_tokens: Count
    local_text_unit_share: Share
    local_community_share: Share
    top_k_entities: Count
    top_k_relationships: Count
    global_max_context_tokens: Count
    global_map_max_words: Count
    global_reduce_max_words: Count
    global_max_points_tokens: Count
    global_dynamic: bool
    dynamic_threshold: Annotated[float, Field(ge=0, le=5)]
    dynamic_keep_parent: bool
    dynamic_max_level: Annotated[int, Field(ge=0)]
    drift_follow_ups: Count
    drift_primer_folds: Count
    drift_primer_tokens: Count
    drift_depth: Annotated[int, Field(ge=0)]
    drift_text_unit_share: Share
    drift_community_share: Share
    vector_max_context_tokens: Count
    vector_top_k: Count
    history_max_turns: Annotated[int, Field(ge=0)]
    history_max_tokens: Annotated[int, Field(ge=0)]
    response_type: Text
    language: Text | None
    community_level: Annotated[int, Field(ge=0)]
    patience: Seconds

    @field_validator("local_community_share", "drift_community_share")
    @classmethod
    def _shares_fit(cls, share: float, info: ValidationInfo) -> float:
        other = str(info.field_name).replace("community", "text_unit")
        text_units = info.data.get(other)
        if text_units is not None and text_units + share > 1:
            raise ValueError(f"must be at most 1 together with query.{other}, which is {text_units}")
        return share


class StorageSettings(Section):
    """The database."""

    url: Annotated[SecretUrl, AfterValidator(_postgres_url)] | None
    pool_size: Annotated[int, Field(ge=2)]  # a run's heartbeat needs one beside the work
    pool_timeout: Seconds
    statement_timeout: Seconds | None
    patience: Seconds
    index_memory: Annotated[int, Field(ge=0)]


class CelerySettings(Section):
    """The task queue."""

    broker_url: SecretUrl | None
    result_backend: SecretUrl | None


class ApiSettings(Section):
    """The HTTP service."""

    host: Text
    port: Annotated[int, Field(ge=0, le=65535)]
    keys: Annotated[tuple[Token, ...], Field(strict=False)]


class ClientSettings(Section):
    """The service that commands speak to, instead of doing the work themselves."""

    url: ServiceUrl | None
    key: Token | None
    patience: Annotated[float, Field(ge=0, allow_inf_nan=False)]
