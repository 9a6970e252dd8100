"""Routes of the HTTP service out of declared operations."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Response
from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo

from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Backend, Service
from fileintel.api.problems import documented
from fileintel.api.requests import require_json
from fileintel.operations import Context, Operation
from fileintel.operations.declaration import on_the_wire
from fileintel.operations.types import Request

LOOK_AGAIN_SECONDS = 2  # Retry-After of work that was just taken on


def add_route(router: APIRouter, operation: Operation[Any, Any]) -> None:
    """Let a router answer at an operation's path, and at the one that it had before. Results come in the envelope."""
    errors = {*operation.errors, *((400, 415) if operation.has_body else ())}
    places = [(operation.name, operation.path, False)]
    if operation.formerly is not None:
        places.append((*operation.formerly, True))
    for name, path, is_former in places:
        router.add_api_route(
            path,
            _endpoint(operation),
            methods=[operation.verb],
            name=name,
            description=operation.description,
            tags=[operation.tag],
            deprecated=is_former or None,
            status_code=operation.status,
            response_model=Envelope.__class_getitem__(operation.result),
            responses=documented(*sorted(errors)) if errors else None,
            dependencies=[Depends(require_json)] if operation.has_body else None,
        )


def context_of(service: Backend) -> Context:
    """What operations work with in the process of the service."""
    return Context(service.settings, service.workspace, service.dispatcher)


def _endpoint(operation: Operation[Any, Any]) -> Callable[..., Any]:
    def endpoint(_service: Backend, _response: Response, _body: BaseModel | None = None, **given: Any) -> Any:
        if _body is not None:
            given |= {name: getattr(_body, name) for name in _body.model_fields_set}
        # every value was checked against its field; those that are not given have their defaults
        request = operation.request.model_construct(_fields_set=None, **_named(operation, given))
        found = operation(context_of(_service), request)
        if operation.status in (201, 202):
            lead_to(found.location, _response, again=operation.status == 202)
        return success(found)

    endpoint.__name__ = operation.name
    endpoint.__signature__ = inspect.Signature(_parameters(operation))  # type: ignore[attr-defined]
    return endpoint


def lead_to(location: str, response: Response, *, again: bool = True) -> None:
    """Let the headers of a response lead to what was made; with `again`, to what is not done yet."""
    response.headers["Location"] = location
    if again:
        response.headers["Retry-After"] = str(LOOK_AGAIN_SECONDS)


def _named(operation: Operation[Any, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Values by the names that `model_construct` takes: aliases where there are any."""
    return {on_the_wire(name, operation.request.model_fields[name]): value for name, value in given.items()}


def _parameters(operation: Operation[Any, Any]) -> list[inspect.Parameter]:
    found = [_parameter(name, field, Path) for name, field in operation.path_fields.items()]
    found += [_parameter(name, field, Query) for name, field in operation.query_fields.items()]
    found += [
        _parameter(name, field, Header, alias=header) for name, (header, field) in operation.header_fields.items()
    ]
    if operation.has_body:
        found.append(_keyword("_body", Annotated[_body(operation), Body()]))
    return [_keyword("_service", Service), _keyword("_response", Response), *found]


def _parameter(name: str, field: FieldInfo, kind: Callable[..., Any], alias: str | None = None) -> inspect.Parameter:
    about = kind(description=field.description, examples=field.examples, alias=alias or on_the_wire(name, field))
    annotation = Annotated.__class_getitem__((field.annotation, *field.metadata, about))  # type: ignore[attr-defined]
    return _keyword(name, annotation, inspect.Parameter.empty if field.is_required() else field.default)


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _body(operation: Operation[Any, Any]) -> type[BaseModel]:
    """The JSON body: the request without what stands in the path and in headers."""
    if len(operation.body_fields) == len(operation.request.model_fields):
        return operation.request
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in operation.body_fields.items()}
    made: type[BaseModel] = create_model(
        operation.request.__name__, __base__=Request, __doc__=operation.request.__doc__, **fields
    )
    return made
