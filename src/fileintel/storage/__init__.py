"""PostgreSQL, and the only place with SQL: one module for each thing that is stored.

`from fileintel import storage` loads none of them; `storage.versions` is loaded when it is first used. So the modules
of `services/`, which a command that only speaks HTTP imports too, do not make it wait for SQLAlchemy (0.3 s).
"""
# ruff: noqa: F401

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every module that is used as `storage.NAME`
    from fileintel.storage import (
        answers,
        collections,
        comparison,
        control,
        coverage,
        documents,
        graph_rows,
        models,
        prompts,
        run_counts,
        run_events,
        runs,
        schema,
        upkeep,
        vectors,
        versions,
    )


def __getattr__(name: str) -> ModuleType:
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
