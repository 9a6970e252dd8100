"""The prompts of a collection: looking at them, setting its own, and fitting them to it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from fileintel import storage
from fileintel.errors import UsageError
from fileintel.operations import DELETE, GET, PATCH, POST, PUT, Context, Right, operation
from fileintel.operations.types import OfCollection
from fileintel.storable import Text

if TYPE_CHECKING:
    from fileintel.graphrag.prompts import PromptKind
    from fileintel.workspace import Workspace

TUNING_SECONDS = 1800.0  # three questions to a model that may be busy

PromptName = Annotated[Text, Field(max_length=200, description="Name of a prompt.", examples=["extract_graph.txt"])]


class Prompt(BaseModel):
    """A prompt in effect."""

    name: str = Field(examples=["extract_graph.txt"])
    origin: str = Field(
        description="`collection`, `prompts.directory` (a folder of the installation) or `shipped`.",
        examples=["shipped"],
    )
    sha256: str
    characters: int
    text: str


class PromptNames(BaseModel):
    """The prompts that were set, or taken away."""

    names: list[str] = Field(examples=[["extract_graph.txt"]])


class PromptTexts(OfCollection):
    """Several prompts."""

    texts: dict[Text, str] = Field(
        min_length=1, max_length=100, description="By name.", examples=[{"extract_graph_loop.txt": "More? Y or N."}]
    )


class OfPrompt(OfCollection):
    """Which prompt of a collection."""

    name: PromptName


class PromptText(OfPrompt):
    """A prompt."""

    text: str = Field(max_length=200_000, description="The template, with its placeholders in braces.")


class Tuning(OfCollection):
    """How to fit prompts to a collection."""

    keep: bool = Field(default=True, description="Let the collection have them; else they are only returned.")


class Tuned(BaseModel):
    """What was found out about a collection, and which prompts were made of that."""

    collection: str
    domain: str
    language: str = Field(examples=["German"])
    languages: list[str] = Field(description="All languages of the collection, where it has several.")
    entity_types: list[str] = Field(examples=[["judge", "statute"]])
    examples: int = Field(description="Passages of the collection that stand in the prompts as examples.")
    prompts: dict[str, str] = Field(description="The prompts that were made, by name.")
    llm: dict[str, int]


@operation(GET, "/collections/{collection}/prompts", right=Right.READER, errors=(404,), tag="prompts")
def list_prompts(context: Context, request: OfCollection) -> list[Prompt]:
    """The prompts in effect for a collection.

    Raises:
      NotFoundError: there is no such collection.
      PromptError: one cannot be read.
    """
    from fileintel.graphrag.prompt_kinds import KINDS
    from fileintel.graphrag.prompts import PromptLibrary

    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, request.collection)
        own = storage.prompts.of_collection(session, collection.id)
    library = context.workspace.prompts.with_own(own)
    shipped = PromptLibrary()
    found = []
    for name, kind in KINDS.items():
        text = library.text(kind)
        origin = "collection" if name in own else "shipped" if text == shipped.text(kind) else "prompts.directory"
        sha256 = storage.prompts.text_hash(text)
        found.append(Prompt(name=name, origin=origin, sha256=sha256, characters=len(text), text=text))
    return found


@operation(PATCH, "/collections/{collection}/prompts", right=Right.WRITER, errors=(404,), tag="prompts")
def set_prompts(context: Context, request: PromptTexts) -> PromptNames:
    """Let the collection have several prompts of its own; all, or none where one has a mistake.

    Raises:
      NotFoundError: there is no such collection.
      UsageError: there is no prompt of that name.
      PromptError: one has a mistake in it.
    """
    return _set(context, request.collection, request.texts)


@operation(PUT, "/collections/{collection}/prompts/{name}", right=Right.WRITER, errors=(404,), tag="prompts")
def set_prompt(context: Context, request: PromptText) -> PromptNames:
    """Let the collection have a prompt of its own, from its next index or question on."""
    return _set(context, request.collection, {request.name: request.text})


@operation(DELETE, "/collections/{collection}/prompts/{name}", right=Right.WRITER, errors=(404,), tag="prompts")
def reset_prompt(context: Context, request: OfPrompt) -> PromptNames:
    """Take the collection's own prompt away: the one of the installation is in effect again."""
    return _reset(context, request.collection, [request.name])


@operation(DELETE, "/collections/{collection}/prompts", right=Right.WRITER, errors=(404,), tag="prompts")
def reset_prompts(context: Context, request: OfCollection) -> PromptNames:
    """Take all of the collection's own prompts away."""
    return _reset(context, request.collection, [])


@operation(
    POST,
    "/collections/{collection}/prompts/tune",
    right=Right.WRITER,
    errors=(404, 409, 502),
    tag="prompts",
    patience=TUNING_SECONDS,
)
def tune_prompts(context: Context, request: Tuning) -> Tuned:
    """Let the model find out what the collection is about, and fit prompts, language and entity types to that.

    Asks about three questions, and waits for their answers.
    """
    from fileintel.runs.tune_prompts import tune

    return Tuned.model_validate(asdict(tune(context.workspace, request.collection, keep=request.keep)))


def of_run(workspace: "Workspace", hashes: Mapping[str, str]) -> dict[str, str]:
    """The texts of the prompts that a run was made with, by name; `hashes` are what its status tells."""
    with workspace.database.transaction() as session:
        texts = storage.prompts.texts(session, hashes.values())
    return {name: texts[sha256] for name, sha256 in hashes.items() if sha256 in texts}


def _set(context: Context, collection_name: str, texts: Mapping[str, str]) -> PromptNames:
    from fileintel.graphrag.prompts import check_template

    for name, text in texts.items():
        check_template(_kind_named(name), text, f"prompt {name}")
    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, collection_name)
        storage.prompts.save(session, collection.id, texts)
    return PromptNames(names=sorted(texts))


def _reset(context: Context, collection_name: str, names: Sequence[str]) -> PromptNames:
    for name in names:
        _kind_named(name)
    with context.workspace.database.transaction() as session:
        collection = storage.collections.find(session, collection_name)
        own = storage.prompts.of_collection(session, collection.id)
        storage.prompts.forget(session, collection.id, names or None)
    return PromptNames(names=[name for name in own if not names or name in names])


def _kind_named(name: str) -> "PromptKind":
    from fileintel.graphrag.prompt_kinds import KINDS

    if name not in KINDS:
        raise UsageError(f"there is no prompt {name!r}: there are {', '.join(KINDS)}")
    return KINDS[name]
