"""Putting the service together: routes, middleware, errors, and the OpenAPI document."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from fileintel import __version__
from fileintel.api import chat_errors, problems
from fileintel.api.backend import Backend
from fileintel.api.middleware import BodyLimit, LocalOnly, RequestIds
from fileintel.api.problems import Problem, documented
from fileintel.api.routers import (
    documents,
    graphrag,
    health,
    imports,
    openai,
    processing,
    runs,
)
from fileintel.api.routes import add_route
from fileintel.api.security import require_key
from fileintel.errors import DatabaseUnavailable
from fileintel.runs.spool import clear_stale
from fileintel.services import all_operations

BODY_BYTES = 1024 * 1024  # of a request that is no upload; questions and names are far smaller
UPLOADS = r"/api/v2/(?:collections/[^/]+/documents|graphrag/[^/]+/import)"
DESCRIPTION = """
Collections of documents, their knowledge graphs, and questions to them.

Successes come in an envelope (`success`, `data`, `error`, `timestamp`, `api_version`); errors are RFC 9457 problem
documents. Long work is a task: it is taken on with 202 and followed at the URL in `Location`.
"""


def create_app(backend: Backend, *, local_only: bool = False) -> FastAPI:
    """The service over `backend`, which it closes at its end.

    `local_only` keeps out what is not a program of this machine: for a loopback address without keys.
    """
    app = FastAPI(
        title="FileIntel",
        version=__version__,
        description=DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
    )
    app.state.backend = backend
    problems.install(app)
    app.add_middleware(BodyLimit, limit=BODY_BYTES, unlimited=UPLOADS)
    if local_only:
        app.add_middleware(LocalOnly)
    app.add_middleware(RequestIds)
    versioned = APIRouter(
        prefix="/api/v2", dependencies=[Depends(require_key)], responses=documented(401, 413, 422, 503)
    )
    routers = (documents, processing, graphrag, imports, runs)
    for router in (module.router for module in routers):
        versioned.include_router(router)
    for operation in all_operations():
        add_route(versioned, operation)
    app.include_router(versioned)
    app.include_router(openai.router, dependencies=[Depends(require_key)], responses=chat_errors.documented())
    app.include_router(health.router)
    _describe(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    backend: Backend = app.state.backend
    await run_in_threadpool(_clear_spool, backend)
    try:
        yield
    finally:
        await run_in_threadpool(backend.close)


def _clear_spool(backend: Backend) -> None:
    with suppress(DatabaseUnavailable):  # then nobody knows what is still waited for: the next start clears it
        clear_stale(backend.workspace())


def _operation_id(route: APIRoute) -> str:
    return route.name  # the handler's name: unique, and stable as long as callers' generated code has to be


def _describe(app: FastAPI) -> None:
    """Add the schema of problem documents to the OpenAPI document: no handler returns one, so it is not found."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        schemas = document["components"]["schemas"]
        if "Problem" not in schemas:
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs"))
            schemas["Problem"] = schema
        return document

    app.openapi = openapi  # type: ignore[method-assign]
