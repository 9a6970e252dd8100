"""What decides an index: documents, settings, prompts, models. Read once, before anything begins."""

import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from fileintel.config import Settings
from fileintel.errors import EmptyCollectionError
from fileintel.graphrag import pipeline
from fileintel.graphrag.prompt_kinds import INDEXING
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.graphrag.stages.extract import FORMATS, TUPLE, Format
from fileintel.graphrag.stages.load import are_cut
from fileintel.identity import digest
from fileintel.llm.client import Tally
from fileintel.llm.questions import ChatQuestion
from fileintel.llm.tokenizer_file import counted_with, load_ahead
from fileintel.runs import extraction_format
from fileintel.runs.collection_settings import library_for, settings_for
from fileintel.runs.index_request import GapRequest, IndexRequest
from fileintel.storage import collections, documents, run_counts, runs, versions
from fileintel.storage.models import Collection, Document, IndexVersion, Run
from fileintel.workspace import Workspace


@dataclass(frozen=True)
class Inputs:
    """What decides an index, read once at the start. `settings` and `prompts` are those of the collection; `spent`
    counts what had to be asked to know the format, which `doubt` has still to confirm."""

    collection: Collection
    documents: list[Document]
    current: IndexVersion | None
    settings: Settings
    prompts: PromptLibrary
    form: Format
    fingerprint: str
    spent: Tally
    doubt: ChatQuestion | None = None

    def in_tuples(self, workspace: Workspace) -> "Inputs":
        """The same, but asked in tuples: the server does not honour schemas."""
        fingerprint = _fingerprint(workspace, self.documents, self.settings, self.prompts, TUPLE)
        return replace(self, form=TUPLE, fingerprint=fingerprint, spent=Tally(), doubt=None)

    def is_complete(self, session: Session) -> bool:
        """Whether the version in use, or a later one, is made of these inputs and lacks nothing."""
        assert self.current is not None
        made_of_them = [
            version
            for version in versions.published(session, self.collection.id)
            if version.number >= self.current.number and version.fingerprint == self.fingerprint
        ]
        return any(not run_counts.gaps(session, version.run_id) for version in made_of_them)

    def remembered_settings(self) -> dict[str, Any]:
        """The settings as a run keeps them: a file that decides what comes out, by its content too."""
        kept = self.settings.snapshot()
        kept["chunking"]["counted_with"] = counted_with(self.settings.chunking)
        return kept


def read_inputs(workspace: Workspace, request: IndexRequest) -> Inputs:
    """What decides the index that is asked for.

    Raises:
      NotFoundError, EmptyCollectionError: there is nothing to index.
      PromptError: a prompt cannot be used.
      ModelServerUnavailable, ModelServerRefused: the model cannot be asked which format it honours.
    """

    def read(
        session: Session,
    ) -> tuple[Collection, list[Document], IndexVersion | None, Run | None, PromptLibrary]:
        collection = collections.find(session, request.collection)
        current = versions.current(session, collection) if collection.current_version_id else None
        found = documents.in_collection(session, collection.id)
        unfinished = runs.active(session, collection.id)
        return collection, found, current, unfinished, library_for(workspace, session, collection)

    collection, found, current, unfinished, library = workspace.database.retrying(read)
    if not found:
        raise EmptyCollectionError(
            f"collection {collection.name!r} is empty: add documents with "
            f"`fileintel documents add {shlex.quote(collection.name)} PATH`"
        )
    for kind in INDEXING:
        library.load(kind)  # a wrong prompt is told before anything has begun
    settings = settings_for(workspace, collection, request.method)
    if not are_cut(found, settings.chunking):
        load_ahead(settings.chunking)  # while the model is asked
    spent = Tally()
    if settings.graphrag.method == pipeline.FAST:
        finding = extraction_format.Finding(TUPLE.name)  # nothing is asked for records
    else:
        since = None
        if request.fresh and not isinstance(request, GapRequest):
            since = datetime.now(UTC) if unfinished is None else unfinished.created_at
        finding = extraction_format.extraction_format(workspace, unfinished, spent, since=since)
    form = FORMATS[finding.name]
    fingerprint = _fingerprint(workspace, found, settings, library, form)
    return Inputs(collection, found, current, settings, library, form, fingerprint, spent, finding.doubt)


def _fingerprint(
    workspace: Workspace, found: list[Document], settings: Settings, library: PromptLibrary, form: Format
) -> str:
    """A hash over all that decides the index, the answers apart."""
    decisive = settings.decisive()
    sampling = tuple(decisive.pop(f"llm.{name}") for name in ("temperature", "top_p", "max_tokens"))
    decisive["chunking.encoding"] = counted_with(settings.chunking)
    return digest(
        repr(sorted(decisive.items())),
        repr(sampling),
        form.name,
        library.fingerprint(pipeline.prompts_of(settings, form)),
        str(workspace.chat.endpoint.model),
        str(workspace.embedder.endpoint.model),
        *(f"{document.name}\n{document.sha256}" for document in found),
    )
