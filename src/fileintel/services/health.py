"""Whether the parts that this installation needs are there."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from fileintel import storage
from fileintel.errors import FileIntelError, ServiceUnavailable
from fileintel.operations import GET, Context, Nothing, Result, Right, operation
from fileintel.queues import GRAPHRAG_QUEUES, PREFORK_QUEUES

if TYPE_CHECKING:
    from fileintel.config import Endpoint, Settings
    from fileintel.llm.client import ModelClient
    from fileintel.runs.dispatch import CeleryDispatcher
    from fileintel.workspace import Workspace


class Part(Result):
    """Something that the service needs, and whether it is there."""

    part: str = Field(examples=["broker"])
    state: str = Field(description="`ok` or `failed`.", examples=["ok"])
    detail: str = Field(examples=["answers"])


@operation(GET, "/graphrag/system-status", right=Right.READER)
def check_system(context: Context, request: Nothing) -> list[Part]:
    """Whether everything that work needs is there: database, broker, workers, models. Asks all of them."""
    if context.open_dispatcher is not None:
        return _of_service(context.settings, context.open_workspace, context.open_dispatcher)
    workspace = context.workspace
    return [
        _part("database", lambda: _database(workspace)),
        _part("chat model", lambda: _model(workspace.chat)),
        _part("embedding model", lambda: _model(workspace.embedder)),
    ]


def check_service(
    settings: "Settings", open_workspace: "Callable[[], Workspace]", check_broker: Callable[[], None]
) -> list[Part]:
    """The state of what the HTTP service needs. Models are named (`configured`), not asked.

    Parameters:
      check_broker: raises ServiceUnavailable unless the broker answers.
    """
    from fileintel.workspace import BUILTIN_MODEL_NAME

    def database() -> str:
        workspace = open_workspace()
        storage.schema.require_head(workspace.database)
        return f"{_database(workspace)}, schema {storage.schema.HEAD}"

    def broker() -> str:
        check_broker()
        return "answers"

    return [
        _part("database", database),
        _part("broker", broker),
        _configured("chat model", settings.chat_endpoint, BUILTIN_MODEL_NAME),
        _configured("embedding model", settings.embedding_endpoint),
    ]


def _of_service(
    settings: "Settings", open_workspace: "Callable[[], Workspace]", open_dispatcher: "Callable[[], CeleryDispatcher]"
) -> list[Part]:
    """The state of each part of a service, its workers and models included. All of them are asked, which may take
    seconds; but for the built-in model, which each worker has for itself."""

    def broker() -> str:
        open_dispatcher().check()
        return "answers"

    def model(endpoint: "Endpoint", client: "Callable[[], ModelClient]") -> str:
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


def _configured(name: str, endpoint: "Callable[[], Endpoint]", builtin: str | None = None) -> Part:
    """A model's server, not asked; `builtin` is what to call the built-in model, if not by its name."""
    part = _part(name, lambda: _shown(endpoint(), builtin))
    return part.model_copy(update={"state": "configured"}) if part.state == "ok" else part


def _shown(endpoint: "Endpoint", builtin: str | None) -> str:
    if endpoint.builtin:
        return builtin or f"{endpoint.model} (built in)"
    return f"{endpoint.model or 'the only model'} at {endpoint.shown_url}"


def _part(name: str, test: Callable[[], str]) -> Part:
    try:
        return Part(part=name, state="ok", detail=test())
    except FileIntelError as error:
        return Part(part=name, state="failed", detail=str(error))


def _database(workspace: "Workspace") -> str:
    workspace.database.check()
    return "PostgreSQL" if workspace.settings.storage.url else f"embedded PostgreSQL in {workspace.home}"


def _model(client: "ModelClient") -> str:
    client.models()
    endpoint = client.endpoint
    return f"{endpoint.model} (built in)" if endpoint.builtin else f"{endpoint.model} at {endpoint.shown_url}"
