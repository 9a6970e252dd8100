"""Operations as tests call them: in this process with a workspace, or wherever an installation leads to."""

from collections.abc import Mapping, Sequence
from typing import Any

from fileintel.cli.output import fields_of
from fileintel.installation.contract import Installation
from fileintel.operations import Context, Operation
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.services import collections, documents, graph, prompts, runs, status
from fileintel.services.collections import Collection
from fileintel.workspace import Workspace

Place = Workspace | Installation


def do(place: Place, operation: Operation[Any, Any], **fields: Any) -> Any:
    """The result of an operation whose request has these fields."""
    request = operation.ask(fields)
    if isinstance(place, Workspace):
        return operation(Context.local(place), request)
    return place.do(operation, request)


def create_collection(place: Place, name: str) -> Collection:
    made: Collection = do(place, collections.create_collection, name=name)
    return made


def list_collections(place: Place) -> list[Collection]:
    return list(do(place, collections.list_collections).items)


def show_collection(place: Place, collection: str) -> Collection:
    found: Collection = do(place, collections.show_collection, collection=collection)
    return found


def change_collection(place: Place, collection: str, changes: Mapping[str, Any]) -> Collection:
    changed: Collection = do(place, collections.change_collection, collection=collection, **changes)
    return changed


def delete_collection(place: Place, collection: str) -> Collection:
    deleted: Collection = do(place, collections.delete_collection, collection=collection)
    return deleted


def list_documents(place: Place, collection: str) -> list[dict[str, Any]]:
    found = do(place, documents.list_documents, collection=collection, limit=1000)
    return [dict(fields_of(one)) for one in found.items]


def find_document(place: Place, document: str) -> dict[str, Any]:
    return dict(fields_of(do(place, documents.find_document, document=document)))


def show_document(place: Place, document: str, collection: str) -> dict[str, Any]:
    return dict(fields_of(do(place, documents.show_document, document=document, collection=collection)))


def edit_document(
    place: Place, document: str, changes: Mapping[str, Any], collection: str | None = None
) -> dict[str, Any]:
    within = collection or find_document(place, document)["collection_id"]
    edited = do(place, documents.edit_document, document=document, collection=within, **changes)
    return dict(fields_of(edited))


def delete_document(place: Place, document: str, collection: str | None = None) -> dict[str, Any]:
    within = collection or find_document(place, document)["collection_id"]
    return dict(fields_of(do(place, documents.delete_document, document=document, collection=within)))


def list_prompts(place: Place, collection: str) -> list[dict[str, Any]]:
    return [one.model_dump() for one in do(place, prompts.list_prompts, collection=collection)]


def set_prompts(place: Place, collection: str, texts: Mapping[str, str]) -> list[str]:
    return list(do(place, prompts.set_prompts, collection=collection, texts=dict(texts)).names)


def reset_prompts(place: Place, collection: str, names: Sequence[str] = ()) -> list[str]:
    if not names:
        return list(do(place, prompts.reset_prompts, collection=collection).names)
    reset = (do(place, prompts.reset_prompt, collection=collection, name=name) for name in names)
    return [name for one in reset for name in one.names]


def tune(place: Place, collection: str, *, keep: bool = True) -> dict[str, Any]:
    return dict(do(place, prompts.tune_prompts, collection=collection, keep=keep).model_dump())


def list_entities(place: Place, collection: str) -> list[dict[str, Any]]:
    return [dict(fields_of(one)) for one in do(place, graph.list_entities, collection=collection).items]


def list_communities(place: Place, collection: str) -> list[dict[str, Any]]:
    return [dict(fields_of(one)) for one in do(place, graph.list_communities, collection=collection, limit=1000).items]


def show_context(place: Place, collection: str, number: int) -> dict[str, Any]:
    return dict(fields_of(do(place, graph.show_context, collection=collection, number=number)))


def delete_index(place: Place, collection: str) -> int:
    return int(do(place, graph.delete_index, collection=collection).versions)


def index_status(place: Place, collection: str) -> dict[str, Any]:
    return dict(fields_of(do(place, status.show_index_status, collection=collection)))


def list_runs(place: Place) -> list[dict[str, Any]]:
    return [dict(fields_of(one)) for one in do(place, runs.list_runs).items]


def show_run(place: Place, run: str) -> dict[str, Any]:
    return dict(fields_of(do(place, runs.show_run, run=run)))


def cancel_run(place: Place, run: str) -> dict[str, Any]:
    return dict(fields_of(do(place, runs.cancel_run, run=run)))


def pause_run(place: Place, run: str) -> dict[str, Any]:
    return dict(fields_of(do(place, runs.pause_run, run=run)))


def resume_run(workspace: Workspace, dispatcher: CeleryDispatcher | None, run: str) -> dict[str, Any]:
    context = Context(workspace.settings, lambda: workspace, (lambda: dispatcher) if dispatcher else None)
    return dict(fields_of(runs.resume_run(context, runs.OfRun(run=run))))
