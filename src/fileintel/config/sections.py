"""The sections of the settings: keys, types and ranges. Their defaults are in `config/default.yaml` only.

A new setting is a line here and a line there. It says by its type whether it decides what an index holds: `Decisive`
or `Indecisive`; a section of which nothing does is an `IndecisiveSection`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
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


@dataclass(frozen=True)
class DecidesIndex:
    """Says of a setting whether another value makes another index, so that the one made before is out of date."""

    decides: bool


_T = TypeVar("_T")
Decisive = Annotated[_T, DecidesIndex(True)]
Indecisive = Annotated[_T, DecidesIndex(False)]  # it changes how an index is made, or is known by something else


class Section(BaseModel):
    """Settings that belong together: frozen, checked, without unknown keys, and shown without secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    @classmethod
    def says_of(cls, name: str) -> bool | None:
        """Return whether setting `name` says that it decides what an index holds; None when it says nothing."""
        said = [mark.decides for mark in cls.model_fields[name].metadata if isinstance(mark, DecidesIndex)]
        return said[-1] if said else None

    @classmethod
    def decides_index(cls, name: str) -> bool:
        """Return whether setting `name` decides what an index holds.

        A setting that says nothing does: an index that is made again for nothing is better than one that is wrongly
        taken for up to date.
        """
        return cls.says_of(name) is not False

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in self:
            yield name, value if isinstance(value, Section) else redacted(value)


class IndecisiveSection(Section):
    """Settings none of which decides what an index holds."""

    @classmethod
    def says_of(cls, name: str) -> bool | None:
        return False


class ServerSettings(IndecisiveSection):
    """One of several servers of the same model; `weight` is its share of the requests, relative to the others'."""

    base_url: ModelServer
    api_key: Token | None = None
    weight: Annotated[float, Field(gt=0, le=1000, strict=False)] = 1.0


Servers = Annotated[tuple[ServerSettings, ...], Field(strict=False)]


class LlmSettings(Section):
    """The chat model: where it is, how it is sampled, how long it is waited for."""

    base_url: Indecisive[ModelServer | None]
    api_key: Indecisive[Token | None]
    endpoints: Indecisive[Servers]
    model: Indecisive[Text | None]  # known by the name that the server gives it
    temperature: Decisive[Annotated[float, Field(ge=0, le=2)] | None]
    top_p: Decisive[Annotated[float, Field(gt=0, le=1)] | None]
    max_tokens: Decisive[Count | None]
    timeout: Indecisive[Seconds]
    patience: Indecisive[Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    max_retries: Indecisive[Annotated[int, Field(ge=0)]]
    adaptive: Indecisive[bool]
    extra_body: Indecisive[Annotated[dict[str, JsonValue], AfterValidator(_json_able)]]


class EmbeddingSettings(Section):
    """The embedding model and the size of its requests."""

    base_url: Indecisive[ModelServer | None]
    api_key: Indecisive[Token | None]
    endpoints: Indecisive[Servers]
    model: Indecisive[Text | None]  # known by the name that the server gives it
    dimensions: Decisive[Count | None]
    batch_size: Indecisive[Count]
    batch_tokens: Indecisive[Count]
    concurrency: Indecisive[Concurrency]
    max_input_tokens: Decisive[Count]


class ChunkingSettings(Section):
    """How documents are cut into text units, in tokens."""

    size: Decisive[Count]
    overlap: Decisive[Annotated[int, Field(ge=0)]]
    encoding: Decisive[Text]
    tokenizer_file: Indecisive[Path | None]  # known by its content

    @field_validator("overlap")
    @classmethod
    def _smaller_than_size(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("size")
        if size is not None and overlap >= size:
            raise ValueError(f"must be smaller than chunking.size, which is {size}")
        return overlap


class DocumentSettings(IndecisiveSection):
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

    format: Indecisive[Literal["auto", "tuple", "json"]]  # known by what was found


class GraphragSettings(Section):
    """How the index is made."""

    concurrency: Indecisive[Concurrency]
    share_from: Indecisive[Annotated[int, Field(ge=0)]]
    method: Decisive[Method]
    max_gleanings: Decisive[Annotated[int, Field(ge=0)]]
    entity_types: Decisive[Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]]
    language: Decisive[Text | None]
    max_cluster_size: Decisive[Count]
    use_lcc: Decisive[bool]
    seed: Decisive[Annotated[int, Field(ge=0, lt=2**64)]]
    description_max_words: Decisive[Count]
    description_max_input_tokens: Decisive[Count]
    report_max_words: Decisive[Count]
    report_max_input_tokens: Decisive[Count]
    report_context: Decisive[Literal["graph", "text"]]
    claims: Decisive[bool]
    claim_description: Decisive[Text]
    max_run_tokens: Indecisive[Count | None]
    max_gap_share: Indecisive[Share]
    keep_versions: Indecisive[Count]


class PromptSettings(IndecisiveSection):
    """Where prompts are, besides the shipped ones."""

    directory: Path | None


class QuerySettings(IndecisiveSection):
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


class StorageSettings(IndecisiveSection):
    """The database."""

    url: Annotated[SecretUrl, AfterValidator(_postgres_url)] | None
    pool_size: Annotated[int, Field(ge=2)]  # a run's heartbeat needs one beside the work
    pool_timeout: Seconds
    statement_timeout: Seconds | None
    patience: Seconds
    index_memory: Annotated[int, Field(ge=0)]


class CelerySettings(IndecisiveSection):
    """The task queue."""

    broker_url: SecretUrl | None
    result_backend: SecretUrl | None


class ApiSettings(IndecisiveSection):
    """The HTTP service."""

    host: Text
    port: Annotated[int, Field(ge=0, le=65535)]
    keys: Annotated[tuple[Token, ...], Field(strict=False)]


class ClientSettings(IndecisiveSection):
    """The service that commands speak to, instead of doing the work themselves."""

    url: ServiceUrl | None
    key: Token | None
    patience: Annotated[float, Field(ge=0, allow_inf_nan=False)]
