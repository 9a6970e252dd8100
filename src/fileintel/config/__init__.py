"""Settings: shipped defaults < the user's file < environment < command line. Unknown keys are errors.

`load_settings` reads the sources, checks them and gives typed, frozen values that know where they came from.
The defaults themselves are in `config/default.yaml`, and only there. Secrets never show.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError

from fileintel.config.endpoints import Endpoint, chat_servers, embedding_servers
from fileintel.config.redaction import masked_url, redacted
from fileintel.config.sections import (
    ApiSettings,
    CelerySettings,
    ChunkingSettings,
    ClientSettings,
    DocumentSettings,
    EmbeddingSettings,
    ExtractionSettings,
    GraphragSettings,
    Indecisive,
    LlmSettings,
    LogLevel,
    PromptSettings,
    QuerySettings,
    Section,
    StorageSettings,
)
from fileintel.config.sources import explained, keys_of, read_layers
from fileintel.errors import ConfigError

__all__ = [
    "ChunkingSettings",
    "ClientSettings",
    "Endpoint",
    "SettingOrigin",
    "Settings",
    "load_settings",
    "masked_url",
]


@dataclass(frozen=True)
class SettingOrigin:
    """A setting in effect: dotted key, value (JSON-able, redacted), and the place that it came from."""

    key: str
    value: Any
    origin: str


class Settings(Section):
    """All settings, by section. Made by `load_settings`."""

    home: Indecisive[Path]
    log_level: Indecisive[LogLevel]
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
        """Return every setting with its value and origin, in the order of `config/default.yaml`."""
        return [SettingOrigin(key, redacted(value), self._origins.get(key, "code")) for key, value in self._flat()]

    def snapshot(self) -> dict[str, Any]:
        """Return all values as JSON takes them, nested by section and without secrets, to be kept with a run."""
        return _nested((key, redacted(value)) for key, value in self._flat())

    def decisive(self) -> dict[str, Any]:
        """Return the settings that decide what an index holds, by dotted key, as JSON takes their values."""
        return {key: redacted(value) for key, value in self._flat() if self._decides_index(key)}

    def with_graphrag(self, **values: Any) -> "Settings":
        """Return these settings with other values under `graphrag`, which must be valid: those of a collection."""
        return self.model_copy(update={"graphrag": self.graphrag.model_copy(update=values)})

    def chat_endpoint(self) -> Endpoint:
        """Return the chat model, and the first of its servers. Raises ConfigError as `chat_endpoints`."""
        return chat_servers(self.llm)[0]

    def embedding_endpoint(self) -> Endpoint:
        """Return the embedding model, and the first of its servers. Raises ConfigError as `embedding_endpoints`."""
        return embedding_servers(self.embedding, self.llm)[0]

    def chat_endpoints(self) -> list[Endpoint]:
        """Return all servers of the chat model.

        Raises:
          ConfigError: there is a model but no server for it, or OpenAI's without a model or a key.
        """
        return chat_servers(self.llm)

    def embedding_endpoints(self) -> list[Endpoint]:
        """Return all servers of the embedding model.

        Raises:
          ConfigError: there is a model or a key but no server for it, or OpenAI's without a key.
        """
        return embedding_servers(self.embedding, self.llm)

    def _decides_index(self, key: str) -> bool:
        section, _, name = key.rpartition(".")
        holder = getattr(self, section) if section else self
        return bool(holder.decides_index(name))

    def _flat(self) -> Iterable[tuple[str, object]]:
        for name, value in self:
            if isinstance(value, Section):
                yield from ((f"{name}.{key}", inner) for key, inner in value)
            else:
                yield name, value


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
