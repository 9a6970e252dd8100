"""The workspace: settings, and the things that they lead to (database, model servers), opened when first needed."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from fileintel.config import Endpoint, Settings
from fileintel.errors import ConfigError, ModelServerRefused, ModelServerUnavailable
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.llm.gate import Gate
from fileintel.storage import schema
from fileintel.storage.engine import Database

if TYPE_CHECKING:
    from fileintel.embedded.postgres import EmbeddedPostgres
    from fileintel.llm.client import ModelClient
    from fileintel.llm.errand import Errand
    from fileintel.llm.extractive.launch import BuiltinModelServer
    from fileintel.llm.readiness import Readiness
    from fileintel.llm.streaming import Narrator

BUILTIN_MODEL_NAME = "built-in extractive, no language model"


class Workspace:
    """Owns what a command or a service process holds open. Close it, or use it as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._postgres: EmbeddedPostgres | None = None
        self._builtin: BuiltinModelServer | None = None
        self._clients: list[ModelClient] = []

    @property
    def home(self) -> Path:
        """Where this installation keeps its files."""
        return Path(self.settings.home)

    @cached_property
    def unchecked_database(self) -> Database:
        """The database, whatever its schema: `db upgrade` needs it before it is in order."""
        storage = self.settings.storage
        url = storage.url.get_secret_value() if storage.url else None
        if url is None:
            from fileintel.embedded.postgres import EmbeddedPostgres

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

    @cached_property
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

    @cached_property
    def prompts(self) -> PromptLibrary:
        """The prompts, with the user's own folder in front."""
        directory = self.settings.prompts.directory
        if directory is not None and not Path(directory).is_dir():
            raise ConfigError(f"prompts.directory is {directory}, which is no folder")
        return PromptLibrary(Path(directory) if directory else None)

    @cached_property
    def chat(self) -> "ModelClient":
        """The client of the chat model, its model known.

        Raises:
          ModelServerUnavailable, ModelServerRefused: see `_with_model`.
        """
        return self._client(self.settings.chat_endpoints(), self.settings.graphrag.concurrency, "llm.model")

    @cached_property
    def narrator(self) -> "Narrator":
        """What tells answers of the chat model while they are written."""
        from fileintel.llm.streaming import Narrator

        return Narrator(self.chat, self.settings.llm.extra_body, self.settings.llm.timeout)

    @cached_property
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

    @cached_property
    def readiness(self) -> "Readiness":
        """Whether both servers are ready for a person's questions: the same, asked only of one that has not answered
        lately, and through its gate."""
        from fileintel.llm.errand import Errand
        from fileintel.llm.readiness import Readiness

        return Readiness((self.chat, self.embedder), lambda client: self.check_model(client, Errand(urgent=True)))

    def check_model(self, client: "ModelClient", errand: "Errand | None" = None) -> None:
        """Whether the server of one model is there, for work that needs no other; `errand` as `ModelClient.models`
        takes it."""
        offered = client.models(errand)
        if offered is not None and not client.endpoint.builtin and client.endpoint.model not in offered:
            raise ModelServerRefused(
                f"model server {client.endpoint.shown_url} does not know the model {client.endpoint.model!r}; "
                f"it offers: {', '.join(offered) or 'none'}"
            )

    def tend(self) -> None:
        """Start the built-in model server again, should somebody have killed it. To be called now and then."""
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
        if self._builtin is None:
            from fileintel.llm.extractive.launch import BuiltinModelServer

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
