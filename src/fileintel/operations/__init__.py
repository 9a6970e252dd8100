"""Operations: a use case is declared once, on the function of `services/` that does it.

    @operation(GET, "/graphrag/{collection}/coverage", right=Right.READER, errors=(404, 409))
    def show_coverage(context: Context, request: OfVersion) -> Coverage:
        \"\"\"What of its documents the index covers, and what is missing from it.\"\"\"

From this follow the route of the HTTP service with its OpenAPI text, the call of the command line in this process or
through a service, and, with `tool`, a tool for assistants. What a declaration says is in `declaration`; requests and
results are made of the types in `types`, lists of `paging`. Everything here is light to import, and so are the modules
of `services/`: a command that only speaks HTTP must not wait for SQLAlchemy.
"""

from fileintel.operations.context import Context
from fileintel.operations.declaration import DELETE, GET, PATCH, POST, PUT, Operation, Right, declared, operation
from fileintel.operations.paging import Page, PageRequest
from fileintel.operations.types import Nothing, Request, Result

__all__ = [
    "DELETE",
    "GET",
    "PATCH",
    "POST",
    "PUT",
    "Context",
    "Nothing",
    "Operation",
    "Page",
    "PageRequest",
    "Request",
    "Result",
    "Right",
    "declared",
    "operation",
]
