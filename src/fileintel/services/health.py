"""Whether the parts that this installation needs are there."""

from collections.abc import Callable

from fileintel.errors import FileIntelError
from fileintel.llm.client import ModelClient
from fileintel.services.workspace import Workspace


def check(workspace: Workspace) -> list[dict[str, str]]:
    """The state of each part: `ok`, or `failed` with one line that says why."""
    return [
        _part("database", lambda: _database(workspace)),
        _part("chat model", lambda: _model(workspace.chat)),
        _part("embedding model", lambda: _model(workspace.embedder)),
    ]


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
