"""Which servers the settings mean: a user's own, OpenAI's where there is only a key, or the built-in model."""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from fileintel.config.redaction import masked_url
from fileintel.config.sections import BUILTIN, EmbeddingSettings, LlmSettings, ServerSettings
from fileintel.errors import ConfigError

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_EMBEDDING_MODEL = "text-embedding-3-small"
BUILTIN_CHAT_MODEL = "fileintel-extractive"
BUILTIN_EMBEDDING_MODEL = "fileintel-hashed-384"
KEYLESS = "none"  # sent to servers without keys: clients insist on one


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


def chat_servers(llm: LlmSettings) -> list[Endpoint]:
    """Return the servers of the chat model: the user's, OpenAI's when there is only a key, else the built-in one.

    Raises:
      ConfigError: there is a model but no server for it, or OpenAI's without a model or a key.
    """
    first = _chat_server(llm)
    if first.model is None and _is_official(first.base_url):
        raise ConfigError("set llm.model (FILEINTEL__LLM__MODEL or --set llm.model=…): OpenAI has many models")
    return _with_all(llm.endpoints, first)


def embedding_servers(own: EmbeddingSettings, llm: LlmSettings) -> list[Endpoint]:
    """Return the servers of the embedding model: the user's choice, else what goes with the chat model's server.

    A server of one's own that is known for chat only is not asked for vectors: the built-in ones are taken.

    Raises:
      ConfigError: there is a model or a key but no server for it, or OpenAI's without a key.
    """
    return _with_all(own.endpoints, _embedding_server(own, _chat_server(llm)))


def _with_all(servers: tuple[ServerSettings, ...], first: Endpoint) -> list[Endpoint]:
    """Return the servers of a list, with the model of the first; where there is no list, the only one."""

    def key(server: ServerSettings) -> str:
        if server.api_key is not None:
            return server.api_key.get_secret_value()
        return first.api_key if urlsplit(server.base_url).hostname == urlsplit(first.base_url).hostname else KEYLESS

    return [Endpoint(server.base_url, key(server), first.model, weight=server.weight) for server in servers] or [first]


def _first(section: str, own_url: str | None, servers: tuple[ServerSettings, ...]) -> ServerSettings | None:
    """Return the first of a list of servers, if there is one.

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
