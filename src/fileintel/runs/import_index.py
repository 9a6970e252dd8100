"""Taking over an index that `graphrag` made: its documents, its graph and its reports, as a version of a collection."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from fileintel.errors import (
    FileIntelError,
    IndexFolderError,
    LeaseLost,
    ModelServerRefused,
    NotFoundError,
    RunCancelled,
)
from fileintel.graphrag import publishing
from fileintel.graphrag.imports.folder import Tables, read_tables
from fileintel.graphrag.imports.folder import check_tables as check_tables
from fileintel.graphrag.imports.tables import Imported, import_graph
from fileintel.graphrag.imports.texts import Home, SourceText, placed_units, source_texts
from fileintel.graphrag.imports.vectors import known_vectors
from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.pipeline import PUBLISH, BuildInputs, IndexParts
from fileintel.graphrag.stages import embed, extract
from fileintel.graphrag.vectors import AnsweredVectors, KnownVectors, VectorSource
from fileintel.identity import content_id
from fileintel.llm.client import Tally
from fileintel.llm.questions import Answered, EmbeddingQuestion
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.runs.embedding_size import PROBE_TEXT
from fileintel.runs.lease import this_process
from fileintel.runs.run_context import Asking, Claim, RunContext, perform, work_in
from fileintel.storable import storable
from fileintel.storage import collections, documents, runs, versions
from fileintel.storage.models import Collection, Document
from fileintel.workspace import Workspace

METHOD = runs.IMPORT
UPLOAD = runs.UPLOADED_INDEX
NO_MODEL = "not known: the index was imported"


@dataclass(frozen=True)
class _Found:
    """A folder's index, read and put right; nothing has been written yet."""

    tables: Tables
    sources: list[SourceText]
    graph: Imported


def import_index(
    workspace: Workspace, collection_name: str, directory: Path, *, vectors: bool = True
) -> dict[str, Any]:
    """Read an index folder of `graphrag` into a collection, which is made if need be, and let it answer questions.

    The documents' texts become documents of the collection, so that citations lead to pages and a later
    `index` builds from them; files that are there already (our exports tell which) are used as they are. Vectors that
    the embedding model in use has made are taken over (our exports name the model), all others are made anew; with
    `vectors=False` there are none, and questions cannot be asked.

    Returns:
      `collection`, `version` (its number), `counts` of rows by table, and `put_right`: what the folder contradicted
      itself in, counted.

    Raises:
      UsageError: no collection can have that name.
      IndexFolderError: the folder holds no whole index; nothing was written.
      ConflictError: another process is at work on the collection.
      ModelServerUnavailable, ModelServerRefused: no vectors can be made.
    """
    _check_place(workspace, collection_name)
    found = _found(directory)
    if vectors:
        _check_embedder(workspace)
    collection, is_new = _collection(workspace, collection_name)
    added: list[str] = []
    try:
        taken: dict[str, Any] = {}

        def body(context: RunContext) -> None:
            taken.update(_taken_over(context, collection, found, vectors, added))

        context = RunContext(workspace, _begin(workspace, collection, found, vectors))
        work_in(context, body, resumable=False)  # workers cannot see the folders of this machine
        return taken
    except BaseException:
        _take_back(workspace, collection, added, is_new)
        raise


def _taken_over(
    context: RunContext, collection: Collection, found: _Found, vectors: bool, added: list[str]
) -> dict[str, Any]:
    """Write what was found, and tell what that is. The ids of new documents are noted in `added`."""
    workspace = context.workspace
    stored, homes = _documents(workspace, collection, found, added)
    units, uncertain = placed_units(found.tables, found.sources, homes)
    found.graph.put_right["text units that are not in their document word for word"] += uncertain
    version_id = _publish(context, collection, found, stored, units, vectors)
    with workspace.database.transaction() as session:
        version = versions.find(session, version_id)
        assert version is not None  # it was published a moment ago, and retention keeps the newest
        return {
            "collection": collection.name,
            "version": version.number,
            "counts": version.counts,
            "put_right": {what: count for what, count in found.graph.put_right.items() if count},
        }


def import_uploaded(workspace: Workspace, run_id: str) -> None:
    """Do a queued run that imports an uploaded index; see `perform`."""
    perform(workspace, run_id, take_over)


def take_over(context: RunContext) -> dict[str, Any] | None:
    """Take over the uploaded tables that a run names, and delete them once the run is over. An import of a folder of
    some machine, whose process has died, can only be told to have failed.

    Returns the result, or None where an earlier attempt has published the version.

    Raises: as `import_index`; the collection is then as it was.
    """
    workspace, run_id = context.workspace, context.run.id
    parameters = context.run.parameters
    with workspace.database.transaction() as session:
        versions.drop_unfinished(session, run_id)  # a worker that died may have begun
        collection = collections.find(session, context.run.collection_id)
        published = versions.published_by(session, run_id)
    if published is not None:
        return None
    if UPLOAD not in parameters:
        raise IndexFolderError("the import was interrupted: import the folder again")
    vectors, added = bool(parameters["vectors"]), list[str]()
    try:
        if vectors:
            _check_embedder(workspace)
        found = _found(Path(str(parameters[UPLOAD])))
        context.renew(fingerprint=_fingerprint(found), models=_models(workspace, vectors))
        return _taken_over(context, collection, found, vectors, added)
    except BaseException as error:
        _take_back(workspace, collection, added, is_new=False)  # its run is what tells of the failure
        if isinstance(error, FileIntelError) and not isinstance(error, LeaseLost | RunCancelled):
            # where an upload lies is no business of the caller's
            message = without_place(str(error), str(parameters[UPLOAD]))
            raise type(error)(f"{message}{_what_is_left(workspace, collection)}") from error
        raise


def _what_is_left(workspace: Workspace, collection: Collection) -> str:
    """Return a hint for a collection that an import has left empty, since it may have been made for the import."""
    with workspace.database.transaction() as session:
        if documents.ids_in_collection(session, collection.id):
            return ""
    name = shlex.quote(collection.name)
    return f"; collection {collection.name!r} is empty: import again, or `fileintel collections delete {name}`"


def without_place(message: str, folder: str) -> str:
    """Return an error of an uploaded index without the folder of this machine that it lies in."""
    return message.replace(f"{folder}/", "").replace(folder, "the upload")


def _found(directory: Path) -> _Found:
    tables = read_tables(directory)
    return _Found(tables, source_texts(tables), import_graph(tables))


def _check_place(workspace: Workspace, name: str) -> None:
    """Whether there is a collection of that name or id, or can be one: to be known before the tables are read."""
    with workspace.database.transaction() as session:
        try:
            collections.find(session, name)
        except NotFoundError:
            collections.check_name(name)


def _check_embedder(workspace: Workspace) -> None:
    endpoint = workspace.embedder.endpoint
    offered = workspace.embedder.models()
    if offered is not None and not endpoint.builtin and endpoint.model not in offered:
        raise ModelServerRefused(f"model server {endpoint.shown_url} does not know the model {endpoint.model!r}")


def _collection(workspace: Workspace, name: str) -> tuple[Collection, bool]:
    with workspace.database.transaction() as session:
        try:
            return collections.find(session, name), False
        except NotFoundError:
            return collections.create(session, name), True


def _begin(workspace: Workspace, collection: Collection, found: _Found, vectors: bool) -> Claim:
    models = _models(workspace, vectors)
    with workspace.database.transaction() as session:
        run = runs.create(
            session,
            collection.id,
            method=METHOD,
            fingerprint=_fingerprint(found),
            parameters={"folder": storable(str(found.tables.directory))},
            models=models,
        )
        lease = runs.acquire(session, run.id, this_process())
        assert lease is not None  # it is new
        return Claim(run, lease)


def _models(workspace: Workspace, vectors: bool) -> dict[str, Any]:
    endpoint = workspace.embedder.endpoint if vectors else None
    return {
        "chat": NO_MODEL,
        "chat_builtin": False,
        "embedding": endpoint.model if endpoint else None,
        "embedding_builtin": endpoint.builtin if endpoint else False,
    }


def _fingerprint(found: _Found) -> str:
    rows = repr([(name, len(found.tables[name])) for name in found.tables.rows])
    return (
        f"{METHOD}:"
        + hashlib.sha256("\n".join([rows, *(source.sha256 for source in found.sources)]).encode()).hexdigest()
    )


def _documents(
    workspace: Workspace, collection: Collection, found: _Found, added: list[str]
) -> tuple[list[Document], list[Home]]:
    """The documents of the collection that the sources are, each once, and for each source where its text is now. The
    ids of new documents are noted in `added`."""
    stored: dict[str, Document] = {}
    homes = []
    for number, source in enumerate(found.sources):
        with workspace.database.transaction() as session:
            document = _there_already(session, collection, source)
            if document is None:
                document = _store(session, collection, source, found.tables.directory, number)
                added.append(document.id)
                homes.append(Home(document.id, source.text, [start for _, _, start, _, _ in source.pages()]))
            else:
                homes.append(_home(session, document.id))
            stored[document.id] = document
    return list(stored.values()), homes


def _there_already(session: Session, collection: Collection, source: SourceText) -> Document | None:
    """The document that was read from the same file, whatever pages it has here, or that an import has made."""
    if source.file and (document := documents.with_content(session, collection.id, source.file.sha256)):
        return document
    return documents.with_content(session, collection.id, source.sha256)


def _home(session: Session, document_id: str) -> Home:
    pages = [(page.start, page.text) for page in documents.all_pages(session, document_id)]
    return Home(document_id, "".join(text for _, text in pages), [start for start, _ in pages])


def _store(session: Session, collection: Collection, source: SourceText, directory: Path, number: int) -> Document:
    pages = list(source.pages())
    document = Document(
        id=content_id("document", collection.id, source.sha256),
        collection_id=collection.id,
        sha256=source.sha256,
        name=source.name,
        title=source.title,
        source=storable(f"{directory}#{number}"),
        media_type=source.media_type,
        encoding=None if source.has_pages else "utf-8",
        size=source.size,
        pages=len(pages),
        characters=len(source.text),
        properties={},
        **({"created_at": source.created_at} if source.created_at else {}),
    )
    documents.add(session, document)
    documents.add_pages(session, document.id, pages)
    return document


def _take_back(workspace: Workspace, collection: Collection, added: Sequence[str], is_new: bool) -> None:
    """Leave the collection as it was before."""
    with workspace.database.transaction() as session:
        for identity in added:
            documents.remove(session, identity)
        if is_new:
            collections.remove(session, collection.id)


def _publish(
    context: RunContext,
    collection: Collection,
    found: _Found,
    stored: Sequence[Document],
    units: list[TextUnit],
    vectors: bool,
) -> str:
    workspace = context.workspace
    asking = context.asking((embed.STAGE, PUBLISH), workspace.embedder if vectors else None)
    size = _vector_size(workspace, asking.tally) if vectors else 0
    inputs = BuildInputs(
        database=workspace.database,
        settings=workspace.settings,
        prompts=workspace.prompts,
        form=extract.TUPLE,  # of a question that is not asked
        journal=asking.journal,
        progress=asking.progress,
        collection_id=collection.id,
        documents=stored,
        chat_model=NO_MODEL,
        embedding_model=str(workspace.embedder.endpoint.model) if vectors else "",
        embedding_size=size,
        fingerprint=_fingerprint(found),
    )
    made = _vectors(asking, inputs, found, units) if vectors else KnownVectors({})
    graph = found.graph
    built = IndexParts(
        stored, units, graph.graph, graph.claims, graph.communities, graph.reports, contexts={}, vectors=made
    )
    try:
        return publishing.publish(inputs, built)
    finally:
        asking.journal.write_progress()


def _vector_size(workspace: Workspace, tally: Tally) -> int:
    model, dimensions = str(workspace.embedder.endpoint.model), workspace.settings.embedding.dimensions
    (answer,) = workspace.embedder.embed([EmbeddingQuestion("probe", model, PROBE_TEXT, 10, dimensions)], tally)
    if not isinstance(answer, Answered):
        raise ModelServerRefused(f"embedding model {model}: {answer.last_error}")
    return len(answer.value)


def _vectors(asking: Asking, inputs: BuildInputs, found: _Found, units: Sequence[TextUnit]) -> VectorSource:
    workspace = asking.context.workspace
    settings = workspace.settings.embedding
    tokenizer = tokenizer_for(workspace.settings.chunking)
    stage = embed.EmbedStage(
        inputs.embedding_model,
        inputs.progress,
        size=inputs.embedding_size,
        dimensions=settings.dimensions,
        fit=partial(tokenizer.fit, max_tokens=settings.max_input_tokens),
    )
    graph = found.graph
    known = known_vectors(found.tables, graph, units, inputs.embedding_model, inputs.embedding_size)
    there = {identity for _, identity in known}
    with asking.fanout(workspace.embedder, workspace.embedder) as fanout:
        fanout.add(stage.text_units(unit for unit in units if unit.id not in there))
        fanout.add(stage.entities(e for e in graph.graph.entities.values() if e.id not in there))
        for report in graph.reports.values():
            if embed.report_id(report) not in there:
                fanout.add(stage.report(report))
        fanout.ask()
    asked = AnsweredVectors(inputs.database, stage.answers, inputs.embedding_size)
    return KnownVectors({**known, **{(kind, identity): vector for kind, identity, vector in asked}})
