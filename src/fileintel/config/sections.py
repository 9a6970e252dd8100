"""Settings: shipped defaults < the user's file < environment < command line. Unknown keys are errors.

`load_settings` reads the sources, checks them and gives typed, frozen values that know where they came from.
The defaults themselves are in `config/default.yaml`, and only there. Secrets never show.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
    PrivateAttr,
    Secret,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from fileintel.errors import ConfigError
from fileintel.settings_sources import explained, keys_of, read_layers

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_EMBEDDING_MODEL = "text-embedding-3-small"
BUILTIN = "builtin"
BUILTIN_CHAT_MODEL = "fileintel-extractive"
BUILTIN_EMBEDDING_MODEL = "fileintel-hashed-384"
KEYLESS = "none"  # sent to servers without keys: clients insist on one
MASK = "**********"

_PASSWORD = re.compile(r"(://[^:@/?#]*:).*(?=@)", re.DOTALL)  # up to the last @, as passwords may hold one
_SECRET_NAME = r"api[-_]?key|secret|passw|authorization|credential|(?:access|auth)[-_]?token"
_SECRET_PARAMETER = re.compile(rf"([?&][^=&#]*(?:{_SECRET_NAME})[^=&#]*=)[^&#]*", re.IGNORECASE)


def masked_url(url: str) -> str:
    """A URL without its password, in either of the places where it can be."""
    return _SECRET_PARAMETER.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1{MASK}", url))


class SecretUrl(Secret[str]):
    """A URL that shows all but its password."""

    def _display(self) -> str:
        url = self.get_secret_value()
        return masked_url(url) if "://" in url else MASK


def redacted(value: object) -> Any:
    """A setting's value as JSON takes it, without secrets."""
    if isinstance(value, SecretStr | SecretUrl):
        return str(value)
    if isinstance(value, str):
        return masked_url(value) if "://" in value else value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, _Section):
        return {name: redacted(inner) for name, inner in value}
    if isinstance(value, Mapping):
        return {name: MASK if _names_secret(name, inner) else redacted(inner) for name, inner in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list | tuple) else value


def _names_secret(name: object, value: object) -> bool:
    return value is not None and re.search(_SECRET_NAME, str(name), re.IGNORECASE) is not None


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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in self:
            yield name, value if isinstance(value, _Section) else redacted(value)


class ServerSettings(_Section):
    """One of several servers of the same model; `weight` is its share of the requests, relative to the others'."""

    base_url: ModelServer
    api_key: Token | None = None
    weight: Annotated[float, Field(gt=0, le=1000, strict=False)] = 1.0


Servers = Annotated[tuple[ServerSettings, ...], Field(strict=False)]


class LlmSettings(_Section):
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


class EmbeddingSettings(_Section):
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


class ChunkingSettings(_Section):
    """How documents are cut into text units, in tokens."""

    size: Count
    overlap: Annotated[int, Field(ge=0)]
    encoding: Text

    @field_validator("overlap")
    @classmethod
    def _smaller_than_size(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("size")
        if size is not None and overlap >= size:
            raise ValueError(f"must be smaller than chunking.size, which is {size}")
        return overlap


class DocumentSettings(_Section):
    """Bounds for one file, and what is made of it when it was read."""

    max_file_mb: Count
    max_seconds: Count
    max_memory_mb: Count
    max_pages: Count
    max_expanded_mb: Count
    embed_on_upload: bool
    extract_metadata: bool
    metadata_max_input_tokens: Count


class ExtractionSettings(_Section):
    """How a model is asked for entities and relationships."""

    format: Literal["auto", "tuple", "json"]


class GraphragSettings(_Section):
    """How the index is made."""

    concurrency: Concurrency
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
    max_gap_share: Share
    keep_versions: Count


class PromptSettings(_Section):
    """Where prompts are, besides the shipped ones."""

    directory: Path | None


class QuerySettings(_Section):
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

    @field_validator("local_community_share", "drift_community_share")
    @classmethod
    def _shares_fit(cls, share: float, info: ValidationInfo) -> float:
        other = str(info.field_name).replace("community", "text_unit")
        text_units = info.data.get(other)
        if text_units is not None and text_units + share > 1:
            raise ValueError(f"must be at most 1 together with query.{other}, which is {text_units}")
        return share


class StorageSettings(_Section):
    """The database."""

    url: Annotated[SecretUrl, AfterValidator(_postgres_url)] | None
    pool_size: Annotated[int, Field(ge=2)]  # a run's heartbeat needs one beside the work
    pool_timeout: Seconds
    statement_timeout: Seconds | None
    patience: Seconds


class CelerySettings(_Section):
    """The task queue."""

    broker_url: SecretUrl | None
    result_backend: SecretUrl | None


class ApiSettings(_Section):
    """The HTTP service."""

    host: Text
    port: Annotated[int, Field(ge=0, le=65535)]
    keys: Annotated[tuple[Token, ...], Field(strict=False)]


class ClientSettings(_Section):
    """The service that commands speak to, instead of doing the work themselves."""

    url: ServiceUrl | None
    key: Token | None
    patience: Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, repr=False)
class Endpoint:
    """A model and the server that has it.

    Parameters:
      base_url: of the OpenAI protocol; the word "builtin" for a built-in model, which gets its URL when it starts.
      api_key: never empty.
      model: None when the server has to be asked what it has.
      weight: its share of the requests, relative to that of other servers of the same model.
    """

    base_url: str
    api_key: str
    model: str | None
    builtin: bool = False
    weight: float = 1.0

    @property
    def shown_url(self) -> str:
        """The URL as it may be logged."""
        return masked_url(self.base_url)

    def __repr__(self) -> str:
        return f"Endpoint({self.shown_url!r}, model={self.model!r}, builtin={self.builtin})"


@dataclass(frozen=True)
class SettingOrigin:
    """A setting in effect: dotted key, value (JSON-able, redacted), and the place that it came from."""

    key: str
    value: Any
    origin: str


class Settings(_Section):
    """All settings, by section. Made by `load_settings`."""

    home: Path
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]
    llm: LlmSettings
    embedding: EmbeddingSettings
    chunking: ChunkingSettings
    documents: DocumentSettings
    extraction: ExtractionSettings
    graphrag: GraphragSettings
    prompts: PromptSettings
    query: QuerySettings
    storage: StorageSettings
    celery: CelerySettings
    api: ApiSettings
    client: ClientSettings
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def origins(self) -> list[SettingOrigin]:
        """Every setting with its value and origin, in the order of `config/default.yaml`."""
        return [SettingOrigin(key, redacted(value), self._origins.get(key, "code")) for key, value in self._flat()]

    def snapshot(self) -> dict[str, Any]:
        """All values as JSON takes them, nested by section, without secrets: for keeping with a run."""
        return _nested((key, redacted(value)) for key, value in self._flat())

    def with_graphrag(self, **values: Any) -> "Settings":
        """These settings with other ones under `graphrag`, which must be valid: for a collection with its own."""
        return self.model_copy(update={"graphrag": self.graphrag.model_copy(update=values)})

    def chat_endpoint(self) -> Endpoint:
        """The chat model: the user's server, OpenAI's when there is only a key, else the built-in one.

        Raises:
          ConfigError: there is a model but no server for it, or OpenAI's without a model or a key.
        """
        endpoint = _chat_server(self.llm)
        if endpoint.model is None and _is_official(endpoint.base_url):
            raise ConfigError("set llm.model (FILEINTEL__LLM__MODEL or --set llm.model=…): OpenAI has many models")
        return endpoint

    def embedding_endpoint(self) -> Endpoint:
        """The embedding model: the user's choice, else what goes with the chat model's server.

        A server of one's own that is known for chat only is not asked for vectors: the built-in ones are taken.

        Raises:
          ConfigError: there is a model or a key but no server for it, or OpenAI's without a key.
        """
        return _embedding_server(self.embedding, _chat_server(self.llm))

    def chat_endpoints(self) -> list[Endpoint]:
        """All servers of the chat model; raises as `chat_endpoint`."""
        return _all_servers(self.llm.endpoints, self.chat_endpoint())

    def embedding_endpoints(self) -> list[Endpoint]:
        """All servers of the embedding model; raises as `embedding_endpoint`."""
        return _all_servers(self.embedding.endpoints, self.embedding_endpoint())

    def _flat(self) -> Iterable[tuple[str, object]]:
        for name, value in self:
            if isinstance(value, _Section):
                yield from ((f"{name}.{key}", inner) for key, inner in value)
            else:
                yield name, value


def _all_servers(servers: tuple[ServerSettings, ...], first: Endpoint) -> list[Endpoint]:
    """The servers of a list, with the model of the first; where there is no list, the only one."""

    def key(server: ServerSettings) -> str:
        if server.api_key is not None:
            return server.api_key.get_secret_value()
        return first.api_key if urlsplit(server.base_url).hostname == urlsplit(first.base_url).hostname else KEYLESS

    return [Endpoint(server.base_url, key(server), first.model, weight=server.weight) for server in servers] or [first]


def _first(section: str, own_url: str | None, servers: tuple[ServerSettings, ...]) -> ServerSettings | None:
    """The first of a list of servers, if there is one.

    Raises:
      ConfigError: there is also a single one, or the built-in one is among them.
    """
    if servers and own_url is not None:
        raise ConfigError(f"{section}.base_url and {section}.endpoints are both set: keep one of them")
    if any(server.base_url == BUILTIN for server in servers):
        raise ConfigError(f"{section}.endpoints: the built-in model has no second server; set {section}.base_url")
    return servers[0] if servers else None


def _chat_server(llm: LlmSettings) -> Endpoint:
    key = llm.api_key.get_secret_value() if llm.api_key else None
    first = _first("llm", llm.base_url, llm.endpoints)
    if first is not None:
        own = first.api_key.get_secret_value() if first.api_key else key
        return replace(_served("llm", first.base_url, own or KEYLESS, llm.model), weight=first.weight)
    url = llm.base_url or (OPENAI_URL if key else BUILTIN)
    if url == BUILTIN:
        return _builtin("llm", llm.model, BUILTIN_CHAT_MODEL)
    return _served("llm", url, key or KEYLESS, llm.model)


def _embedding_server(own: EmbeddingSettings, chat: Endpoint) -> Endpoint:
    key = own.api_key.get_secret_value() if own.api_key else None
    url = own.base_url
    first = _first("embedding", url, own.endpoints)
    if first is not None:
        url = first.base_url
        key = first.api_key.get_secret_value() if first.api_key else key
    if url is None and chat.builtin:
        url = OPENAI_URL if key else BUILTIN
    elif url is None and (own.model or _is_official(chat.base_url)):
        url = chat.base_url
    elif url is None and key:
        raise ConfigError("embedding.api_key is set, but not what it is for: set embedding.base_url or embedding.model")
    if url in (None, BUILTIN):
        return _builtin("embedding", own.model, BUILTIN_EMBEDDING_MODEL)
    # a key goes only to the host that it was given for
    inherited = chat.api_key if urlsplit(url).hostname == urlsplit(chat.base_url).hostname else KEYLESS
    return _served(
        "embedding", url, key or inherited, own.model or (OPENAI_EMBEDDING_MODEL if _is_official(url) else None)
    )


def _builtin(section: str, wanted: str | None, model: str) -> Endpoint:
    if wanted not in (None, model):
        raise ConfigError(
            f"{section}.model is {wanted!r}, but there is no server for it: set {section}.base_url, or "
            f"{section}.api_key for OpenAI's (the built-in model is {model})"
        )
    return Endpoint(BUILTIN, KEYLESS, model, builtin=True)


def _served(section: str, url: str, key: str, model: str | None) -> Endpoint:
    if key == KEYLESS and _is_official(url):
        raise ConfigError(f"set {section}.api_key (FILEINTEL__{section.upper()}__API_KEY): OpenAI's server wants a key")
    return Endpoint(url, key, model)


def _is_official(url: str) -> bool:
    return urlsplit(url).hostname == urlsplit(OPENAI_URL).hostname


def load_settings(overrides: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings of all sources.

    Parameters:
      overrides: from the command line, by dotted key; texts are read as in the environment, other values as they are.
      environ: by default that of the process.

    Raises:
      ConfigError: one line: the key, where it was found, and what is wrong with it.
    """
    layer = read_layers(_KEYS, overrides or {}, os.environ if environ is None else environ)
    try:
        settings = Settings.model_validate(_nested((key, found.value) for key, found in layer.items()))
    except ValidationError as error:
        raise ConfigError(explained(error, layer, _KEYS)) from None
    settings._origins = {key: found.origin for key, found in layer.items()}
    return settings


def _nested(flat: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in flat:
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    return nested


_KEYS = keys_of(Settings)
