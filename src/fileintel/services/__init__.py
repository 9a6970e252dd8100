"""Use cases: what a person does, each declared as an operation; see `fileintel.operations`.

A module holds the requests, the results and the functions of one subject. It is imported by every command, also by one
that only speaks HTTP to a service, so it loads what it needs of the lower layers when a function is called: SQL is
`storage.SUBJECT`, everything else is imported inside of the functions.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fileintel.operations import Operation


def all_operations() -> "list[Operation[Any, Any]]":
    """The operations of all modules here, by module."""
    from fileintel.operations import declared  # not above: a help page shall not wait for pydantic

    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return declared()
