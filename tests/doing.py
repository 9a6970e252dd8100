"""Operations in this process, as tests call them."""

from typing import Any

from fileintel.operations import Context, Operation
from fileintel.workspace import Workspace


def do(workspace: Workspace, operation: Operation[Any, Any], **fields: Any) -> Any:
    """The result of an operation whose request has these fields."""
    return operation(Context.local(workspace), operation.request(**fields))
