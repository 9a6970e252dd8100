"""The workspace: settings, and the things that they lead to (database, model servers), opened when first needed."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from fileintel.config import Endpoint, Settings
from fileintel.errors import ConfigError, ModelServerRefused, ModelServerUnavailable
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.llm.gate import Gate
from fileintel.storage import schema
from fileintel.storage.engine import Database

if TYPE_CHECKING:
    from fileintel.builtin_model.launch import BuiltinModelServer
    from fileintel.llm.caller import Caller
    from fileintel.llm.client import ModelClient
    from fileintel.llm.readiness import Readiness
    from fileintel.llm.streaming import Narrator
    from fileintel.local.postgres import EmbeddedPostgres

T = TypeVar("T")
BUILTIN_MODEL_NAME = "built-in extractive, no language model"


class _Once(Generic[T]):
    """A property that is made when it is first asked for, once: `cached_property` would make another one for each
    greenlet that asks while it is made, and two clients have two gates."""

    def __init__(self, make: Callable[["Workspace"], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, workspace: "Workspace", owner: type) -> T:
        made = workspace.__dict__
        with workspace.lock(self._name):
            if self._name not in made:
                made[self._name] = self._make(workspace)
        found: T = made[self._name]
        return found


class Workspace:
    """Owns what a command or a service process holds open. Close it, or use it as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._postgres: EmbeddedPostgres | None = None
        self._builtin: BuiltinModelServer | None = None
        self._clients: list[ModelClient] = []
        self._locks: dict[str, AbstractContextManager[bool]] = {}

    def lock(self, name: str) -> AbstractContextManager[bool]:
        """The lock under which something of this workspace is made."""
        return self._locks.setdefault(name, threading.RLock())

    @property
    def home(self) -> Path:
        """Where this installation keeps its files."""
        return Path(self.settings.home)

    @_Once
    def unchecked_database(self) -> Database:
        """The database, whatever its schema: `db upgrade` needs it before it is in order."""
        storage = self.settings.storage
        url = storage.url.get_secret_value() if storage.url else None
        if url is None:
            from fileintel.local.postgres import EmbeddedPostgres

            self._postgres = EmbeddedPostgres(self.home)
            url = self._postgres.join()
        return Database(
            url,
            storage.pool_size,
            storage.pool_timeout,
            storage.statement_timeout,
            storage.patience,
            revive=self._postgres.join if self._postgres else lambda: None,
        )

    @_Once
    def database(self) -> Database:
        """The database, at this version's schema. The embedded one is brought there by itself.

        Raises:
          DatabaseUnavailable: it does not answer, or `fileintel db upgrade` has to be run first.
        """
        database = self.unchecked_database
        if self._postgres is not None and schema.revision(database) != schema.HEAD:
            schema.upgrade(database)
        schema.require_head(database)
        return database

    @_Once
    def prompts(self) -> PromptLibrary:
        """The prompts, with the user's own folder in front."""
        directory = self.settings.prompts.directory
        if directory is not None and not Path(directory).is_dir():
            raise ConfigError(f"prompts.directory is {directory}, which is no folder")
        return PromptLibrary(Path(directory) if directory else None)

    @_Once
    def chat(self) -> "ModelClient":
        """The client of the chat model, its model known.

        Raises:
          ModelServerUnavailable, ModelServerRefused: see `_with_model`.
        """
        return self._client(self.settings.chat_endpoints(), self.settings.graphrag.concurrency, "llm.model")

    @_Once
    def narrator(self) -> "Narrator":
        """What tells answers of the chat model while they are written."""
        from fileintel.llm.streaming import Narrator

        return Narrator(self.chat, self.settings.llm.extra_body, self.settings.llm.timeout)

    @_Once
    def embedder(self) -> "ModelClient":
        """The client of the embedding model, its model known."""
        return self._client(self.settings.embedding_endpoints(), self.settings.embedding.concurrency, "embedding.model")

    @property
    def chat_model_name(self) -> str:
        """The chat model as results name it; the built-in one is named plainly."""
        endpoint = self.chat.endpoint
        return BUILTIN_MODEL_NAME if endpoint.builtin else str(endpoint.model)

    def check_models(self) -> None:
        """Ask both servers whether they are there, take the key, and know the model. Costs nothing.

        Raises:
          ModelServerUnavailable: a server does not answer.
          ModelServerRefused: it does not take the key, or does not know the model.
        """
        for client in (self.chat, self.embedder):
            self.check_model(client)

    @_Once
    def readiness(self) -> "Readiness":
        """Whether both servers are ready for a person's questions: the same, asked only of one that has not answered
        lately, and through its gate."""
        from fileintel.llm.caller import Caller
        from fileintel.llm.readiness import Readiness

        return Readiness((self.chat, self.embedder), lambda client: self.check_model(client, Caller(urgent=True)))

    def check_model(self, client: "ModelClient", caller: "Caller | None" = None) -> None:
        """Whether the server of one model is there, for work that needs no other; `caller` as `ModelClient.models`
        takes it."""
        offered = client.models(caller)
        if offered is not None and not client.endpoint.builtin and not _is_offered(str(client.endpoint.model), offered):
            raise ModelServerRefused(
                f"model server {client.endpoint.shown_url} does not know the model {client.endpoint.model!r}; "
                f"it offers: {', '.join(offered) or 'none'}"
            )

    def tend(self) -> None:
        """Start the built-in model server again if it was killed. To be called now and then."""
        if self._builtin is not None:
            with suppress(ModelServerUnavailable):  # a later call may succeed; meanwhile requests wait
                self._builtin.ensure()

    def close(self) -> None:
        """Close what was opened."""
        for client in self._clients:
            client.close()
        if "narrator" in self.__dict__:
            self.narrator.close()
        if "unchecked_database" in self.__dict__:
            self.unchecked_database.close()
        if self._builtin is not None:
            self._builtin.stop()
        if self._postgres is not None:
            self._postgres.leave()

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _client(self, endpoints: Sequence[Endpoint], concurrency: int, setting: str) -> "ModelClient":
        if endpoints[0].builtin:
            endpoints = [replace(endpoints[0], base_url=self._builtin_url())]
        # half of the start of a command that asks no model would be the import of its client
        from fileintel.llm.client import ModelClient, Patience

        llm = self.settings.llm
        patience = Patience(timeout=llm.timeout, waiting=llm.patience, retries=llm.max_retries)
        (first, gate), *others = [(endpoint, Gate(_share(endpoint, endpoints, concurrency))) for endpoint in endpoints]
        client = ModelClient(first, gate, patience, llm.extra_body, others=others, adaptive=llm.adaptive)
        if first.model is None:
            try:
                client.endpoint = replace(first, model=_only_model(client, setting))
            except BaseException:
                client.close()  # the next attempt makes another one
                raise
        self._clients.append(client)
        return client

    def _builtin_url(self) -> str:
        with self.lock("builtin"):
            if self._builtin is None:
                from fileintel.builtin_model.launch import BuiltinModelServer

                self._builtin = BuiltinModelServer()
            return self._builtin.start()


def _share(endpoint: Endpoint, among: Sequence[Endpoint], concurrency: int) -> int:
    """How many of the requests that may be under way at once one of several servers gets."""
    return max(1, round(concurrency * endpoint.weight / sum(each.weight for each in among)))


def _only_model(client: "ModelClient", setting: str) -> str:
    """The model of a server that has just one."""
    offered = client.models() or []
    if len(offered) != 1:
        choices = f"it offers: {', '.join(offered)}" if offered else "it does not say which it has"
        raise ConfigError(f"set {setting}: the server {client.endpoint.shown_url} has no single model ({choices})")
    return offered[0]


def _is_offered(model: str, offered: Sequence[str]) -> bool:
    """Whether a server that lists these models knows one by that name. Ollama lists as `NAME:latest` what it also
    calls `NAME`; gateways list patterns."""
    return any(name in (model, f"{model}:latest") or ("*" in name and fnmatchcase(model, name)) for name in offered)
