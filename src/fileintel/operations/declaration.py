"""The declaration of an operation, and the list of all of them."""

import enum
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from fileintel.errors import UsageError
from fileintel.operations.context import Context
from fileintel.operations.types import InHeader, Request

GET, POST, PUT, PATCH, DELETE = "GET", "POST", "PUT", "PATCH", "DELETE"
_WITH_BODY = frozenset({POST, PUT, PATCH})
_SECTION = re.compile(r"^\s*(?:Parameters|Returns|Raises):", re.MULTILINE)  # of a docstring: for who reads the code

Asked = TypeVar("Asked", bound=Request)
Found = TypeVar("Found")


class Right(enum.Enum):
    """What a caller must be allowed to do."""

    READER = "reader"  # look at what is there, and ask questions
    WRITER = "writer"  # change collections and what is made of them, and start runs
    ADMIN = "admin"  # what concerns all collections


@dataclass(frozen=True)
class Wire:
    """A request as HTTP carries it. `segments` are the parts of the path, not quoted yet."""

    segments: Sequence[str]
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None


@dataclass(frozen=True)
class Operation(Generic[Asked, Found]):
    """A use case: callable, and described for everything that lets people call it.

    Parameters:
      name: unique among all operations; it is the operationId of the OpenAPI document.
      path: below `/api/v2`. Fields of the request that it names are parts of the path; of the others, those marked
        `InHeader` are headers, and the rest is the query of a GET or DELETE, and the JSON body of the other verbs.
      status: of a success. With 201 and 202 the result has a `location`, where to look at what was made.
      errors: the statuses of errors that callers have to expect, besides those of every route.
      formerly: a name and a path that it had before, and still has over HTTP.
      tool: what an assistant is told about it; None when it is no tool of the MCP server.
      patience: seconds that a client waits for the answer; None is its usual time.
    """

    function: Callable[[Context, Asked], Found]
    name: str
    verb: str
    path: str
    right: Right
    request: type[Asked]
    result: Any
    status: int
    errors: tuple[int, ...]
    tag: str
    formerly: tuple[str, str] | None
    tool: str | None
    patience: float | None

    def __call__(self, context: Context, request: Asked) -> Found:
        """Do it. Raises errors of `fileintel.errors`, and those that the function's text names."""
        return self.function(context, request)

    def ask(self, fields: Mapping[str, Any]) -> Asked:
        """A request with these fields.

        Raises:
          UsageError: one is not known, or its value cannot be used.
        """
        try:
            return self.request.model_validate(dict(fields))
        except ValidationError as error:
            raise UsageError(faults_of(error)) from error

    @property
    def description(self) -> str:
        """The text for callers: what the function's docstring says before its sections."""
        text = inspect.getdoc(self.function) or ""
        section = _SECTION.search(text)
        return (text[: section.start()] if section else text).strip()

    @property
    def has_body(self) -> bool:
        """Whether HTTP sends a JSON body."""
        return bool(self.body_fields)

    @cached_property
    def path_fields(self) -> dict[str, FieldInfo]:
        """The fields of the request that are parts of the path."""
        named = re.findall(r"\{(\w+)\}", self.path)
        return {name: self.request.model_fields[name] for name in named}

    @cached_property
    def header_fields(self) -> dict[str, tuple[str, FieldInfo]]:
        """The fields of the request that are headers, with the names of these."""
        return {
            name: (mark.name, field)
            for name, field in self.request.model_fields.items()
            for mark in field.metadata
            if isinstance(mark, InHeader)
        }

    @cached_property
    def query_fields(self) -> dict[str, FieldInfo]:
        """The fields of the request that are in the query."""
        return {} if self.verb in _WITH_BODY else self._rest

    @cached_property
    def body_fields(self) -> dict[str, FieldInfo]:
        """The fields of the request that are in the JSON body."""
        return self._rest if self.verb in _WITH_BODY else {}

    @property
    def _rest(self) -> dict[str, FieldInfo]:
        apart = self.path_fields.keys() | self.header_fields.keys()
        return {name: field for name, field in self.request.model_fields.items() if name not in apart}

    def wire(self, request: Asked) -> Wire:
        """A request as HTTP carries it. What the caller has not set is not sent."""
        given = request.model_dump(mode="json", by_alias=False, exclude_unset=True)
        segments = [
            str(given[part[1:-1]]) if part.startswith("{") else part for part in self.path.strip("/").split("/")
        ]

        def sent(fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
            return {on_the_wire(name, field): given[name] for name, field in fields.items() if name in given}

        query = {name: value for name, value in sent(self.query_fields).items() if value is not None}
        headers = {header: str(given[name]) for name, (header, _) in self.header_fields.items() if given.get(name)}
        return Wire(segments, query, headers, sent(self.body_fields) if self.has_body else None)

    @cached_property
    def _adapter(self) -> TypeAdapter[Found]:
        return TypeAdapter(self.result)

    def read(self, data: object) -> Found:
        """A result out of JSON data.

        Raises:
          ValueError: they are none.
        """
        return self._adapter.validate_python(data)


def faults_of(error: ValidationError) -> str:
    """What is wrong with a request, in one line."""
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())


def on_the_wire(name: str, field: FieldInfo) -> str:
    """The name that a field of a request has in HTTP."""
    return str(field.validation_alias or name)


_DECLARED: dict[str, Operation[Any, Any]] = {}


def operation(
    verb: str,
    path: str,
    *,
    right: Right,
    status: int = 200,
    errors: tuple[int, ...] = (),
    tag: str | None = None,
    formerly: tuple[str, str] | None = None,
    tool: str | None = None,
    patience: float | None = None,
) -> Callable[[Callable[[Context, Asked], Found]], Operation[Asked, Found]]:
    """Declare a function of a context and a request as an operation; see `Operation` for the parameters.

    Parameters:
      tag: the group of the OpenAPI document that it is in; by default the first part of the path.

    Raises:
      ValueError: the name is taken, or the path names no field of the request.
    """

    def declare(function: Callable[[Context, Asked], Found]) -> Operation[Asked, Found]:
        hints = get_type_hints(function, include_extras=True)
        made: Operation[Asked, Found] = Operation(
            function=function,
            name=function.__name__,
            verb=verb,
            path=path,
            right=right,
            request=hints["request"],
            result=hints["return"],
            status=status,
            errors=errors,
            tag=tag or path.split("/")[1],
            formerly=formerly,
            tool=tool,
            patience=patience,
        )
        missing = set(re.findall(r"\{(\w+)\}", path)) - made.request.model_fields.keys()
        if missing:
            raise ValueError(f"{function.__name__}: the request has no field {', '.join(sorted(missing))}")
        if made.name in _DECLARED:
            raise ValueError(f"there is an operation {made.name} already")
        _DECLARED[made.name] = made
        return made

    return declare


def declared() -> list[Operation[Any, Any]]:
    """The operations of the modules that are loaded; `fileintel.services.all_operations` loads them first."""
    return sorted(_DECLARED.values(), key=lambda one: one.function.__module__)
