"""Whether the parts that this installation needs are there."""

from collections.abc import Callable, Collection, Mapping

from fileintel.config import Endpoint, Settings
from fileintel.errors import FileIntelError, ServiceUnavailable
from fileintel.llm.client import ModelClient
from fileintel.queues import GRAPHRAG_QUEUES, PREFORK_QUEUES
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.storage import schema
from fileintel.workspace import BUILTIN_MODEL_NAME, Workspace


def check(workspace: Workspace) -> list[dict[str, str]]:
    """The state of each part: `ok`, or `failed` with one line that says why."""
    return [
        _part("database", lambda: _database(workspace)),
        _part("chat model", lambda: _model(workspace.chat)),
        _part("embedding model", lambda: _model(workspace.embedder)),
    ]


def check_service(
    settings: Settings, open_workspace: Callable[[], Workspace], check_broker: Callable[[], None]
) -> list[dict[str, str]]:
    """The state of what the HTTP service needs, as `check` gives it. Models are named (`configured`), not asked."""

    def database() -> str:
        workspace = open_workspace()
        schema.require_head(workspace.database)
        return f"{_database(workspace)}, schema {schema.HEAD}"

    def broker() -> str:
        check_broker()
        return "answers"

    return [
        _part("database", database),
        _part("broker", broker),
        _configured("chat model", settings.chat_endpoint, BUILTIN_MODEL_NAME),
        _configured("embedding model", settings.embedding_endpoint),
    ]


def check_everything(
    settings: Settings, open_workspace: Callable[[], Workspace], open_dispatcher: Callable[[], CeleryDispatcher]
) -> list[dict[str, str]]:
    """The state of each part of a service, its workers and models included, as `check` gives it. All of them are
    asked, which may take seconds; but for the built-in model, which each worker has for itself."""

    def broker() -> str:
        open_dispatcher().check()
        return "answers"

    def model(endpoint: Endpoint, client: Callable[[], ModelClient]) -> str:
        return f"{endpoint.model} (built in)" if endpoint.builtin else _model(client())

    return [
        _part("database", lambda: _database(open_workspace())),
        _part("broker", broker),
        _part("workers", lambda: _workers(open_dispatcher().served_queues())),
        _part("chat model", lambda: model(settings.chat_endpoint(), lambda: open_workspace().chat)),
        _part("embedding model", lambda: model(settings.embedding_endpoint(), lambda: open_workspace().embedder)),
    ]


def _workers(queues_of: Mapping[str, Collection[str]]) -> str:
    """The names of the workers.

    Raises:
      ServiceUnavailable: nobody serves some queue that work is sent to.
    """
    served = {queue for queues in queues_of.values() for queue in queues}
    missing = [queue for queue in (*GRAPHRAG_QUEUES, *PREFORK_QUEUES) if queue not in served]
    if missing:
        raise ServiceUnavailable(
            f"no worker serves {', '.join(missing)}: `fileintel worker graph` and `fileintel worker main` start them"
        )
    return ", ".join(sorted(queues_of))


def _configured(name: str, endpoint: Callable[[], Endpoint], builtin: str | None = None) -> dict[str, str]:
    """A model's server, not asked; `builtin` is what to call the built-in model, if not by its name."""
    part = _part(name, lambda: _shown(endpoint(), builtin))
    return {**part, "state": "configured"} if part["state"] == "ok" else part


def _shown(endpoint: Endpoint, builtin: str | None) -> str:
    if endpoint.builtin:
        return builtin or f"{endpoint.model} (built in)"
    return f"{endpoint.model or 'the only model'} at {endpoint.shown_url}"


def _part(name: str, test: Callable[[], str]) -> dict[str, str]:
    try:
        return {"part": name, "state": "ok", "detail": test()}
    except FileIntelError as error:
        return {"part": name, "state": "failed", "detail": str(error)}


def _database(workspace: Workspace) -> str:
    workspace.database.check()
    return "PostgreSQL" if workspace.settings.storage.url else f"embedded PostgreSQL in {workspace.home}"


def _model(client: ModelClient) -> str:
    client.models()
    endpoint = client.endpoint
    return f"{endpoint.model} (built in)" if endpoint.builtin else f"{endpoint.model} at {endpoint.shown_url}"
