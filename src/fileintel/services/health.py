"""Whether the parts that this installation needs are there."""

from collections.abc import Callable

from fileintel.config import Endpoint, Settings
from fileintel.errors import FileIntelError
from fileintel.llm.client import ModelClient
from fileintel.services.workspace import BUILTIN_MODEL_NAME, Workspace
from fileintel.storage import schema


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
        _configured("chat model", settings.chat_endpoint),
        _configured("embedding model", settings.embedding_endpoint),
    ]


def _configured(name: str, endpoint: Callable[[], Endpoint]) -> dict[str, str]:
    part = _part(name, lambda: _shown(endpoint()))
    return {**part, "state": "configured"} if part["state"] == "ok" else part


def _shown(endpoint: Endpoint) -> str:
    if endpoint.builtin:
        return BUILTIN_MODEL_NAME
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
