"""The prompts of a collection: looking at them, and setting its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from fileintel.errors import UsageError
from fileintel.graphrag.prompt_kinds import KINDS
from fileintel.graphrag.prompts import PromptKind, PromptLibrary, check_template
from fileintel.storage import collections, prompts
from fileintel.workspace import Workspace


def list_prompts(workspace: Workspace, collection_name: str) -> list[dict[str, Any]]:
    """The prompts in effect: name, where each comes from, its hash and its length in characters.

    Raises:
      NotFoundError: there is no such collection.
      PromptError: one cannot be read.
    """
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        own = prompts.of_collection(session, collection.id)
    library = workspace.prompts.with_own(own)
    shipped = PromptLibrary()
    found = []
    for name, kind in KINDS.items():
        text = library.text(kind)
        origin = "collection" if name in own else "shipped" if text == shipped.text(kind) else "prompts.directory"
        found.append(
            {"name": name, "origin": origin, "sha256": prompts.text_hash(text), "characters": len(text), "text": text}
        )
    return found


def set_prompts(workspace: Workspace, collection_name: str, texts: Mapping[str, str]) -> list[str]:
    """Let a collection have these prompts, by name, from its next index or question on; returns the names.

    Raises:
      NotFoundError: there is no such collection.
      UsageError: there is no prompt of that name.
      PromptError: one has a mistake in it; none is set then.
    """
    for name, text in texts.items():
        check_template(kind_named(name), text, f"prompt {name}")
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        prompts.save(session, collection.id, texts)
    return sorted(texts)


def reset(workspace: Workspace, collection_name: str, names: Sequence[str] = ()) -> list[str]:
    """Take its own prompts from a collection, or those of these names; returns the names of those it had.

    Raises:
      NotFoundError, UsageError: there is no such collection, or no prompt of that name.
    """
    for name in names:
        kind_named(name)
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        own = prompts.of_collection(session, collection.id)
        prompts.forget(session, collection.id, names or None)
    return [name for name in own if not names or name in names]


def of_run(workspace: Workspace, hashes: Mapping[str, str]) -> dict[str, str]:
    """The texts of the prompts that a run was made with, by name; `hashes` are what its status tells."""
    with workspace.database.transaction() as session:
        texts = prompts.texts(session, hashes.values())
    return {name: texts[sha256] for name, sha256 in hashes.items() if sha256 in texts}


def kind_named(name: str) -> PromptKind:
    """The kind of prompt that has this file name.

    Raises:
      UsageError: there is none.
    """
    if name not in KINDS:
        raise UsageError(f"there is no prompt {name!r}: there are {', '.join(KINDS)}")
    return KINDS[name]
