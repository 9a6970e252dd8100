"""The body of a metadata run: it asks the chat model for the metadata of a collection's documents."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy.orm import Session

from fileintel.documents.metadata import Metadata
from fileintel.fanout.run_fanout import RunFanout
from fileintel.graphrag.prompts import Prompt
from fileintel.graphrag.stages.metadata import METADATA, STAGE, MetadataStage
from fileintel.llm.questions import Sampling
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.runs.collection_settings import library_for
from fileintel.runs.run_context import Asking, Observer, RunContext, ignore, never, perform
from fileintel.storage import collections, documents, runs
from fileintel.workspace import Workspace

STAGES = (STAGE,)
DOCUMENTS_PER_WRITE = 50
PAGES_AT_ONCE = 10
CHARACTERS_PER_TOKEN = 8  # more than any language has: so much text surely holds the budget


def extract_metadata(
    workspace: Workspace, run_id: str, stopping: Callable[[], bool] = never, observe: Observer = ignore
) -> bool:
    """Do a queued run that extracts the metadata of a collection's documents; see `perform`."""
    return perform(workspace, run_id, ask_for_metadata, stopping=stopping, observe=observe)


def ask_for_metadata(context: RunContext) -> None:
    """Ask the chat model about each document of a collection. A document that it was asked about before costs nothing.

    Raises:
      ModelServerUnavailable, ModelServerRefused: the model cannot be asked.
      PromptError, ConfigError: the prompt or the token encoding cannot be used.
      RunFailed: more documents have got no metadata than the settings allow.
    """
    workspace, chat = context.workspace, context.workspace.chat
    with workspace.database.transaction() as session:
        library = library_for(workspace, session, collections.find(session, context.run.collection_id))
    prompt = library.load(METADATA)
    workspace.check_model(chat)
    asking = context.asking(STAGES, chat)
    with asking.fanout(chat, chat) as fanout:
        _Extraction(asking, fanout, prompt).run()


class _Extraction:
    """One run at work."""

    def __init__(self, asking: Asking, fanout: RunFanout, prompt: Prompt) -> None:
        self._context = asking.context
        self._workspace = workspace = self._context.workspace
        settings = workspace.settings
        self._journal = asking.journal
        self._progress = asking.progress
        self._fanout = fanout
        self._model_name = workspace.chat_model_name
        self._tokenizer = tokenizer_for(settings.chunking)
        self._budget = settings.documents.metadata_max_input_tokens
        llm = settings.llm
        self._stage = MetadataStage(
            str(workspace.chat.endpoint.model),
            prompt,
            Sampling(llm.temperature, llm.top_p, llm.max_tokens),
            asking.progress,
        )
        self._seen: set[str] = set()
        self._context.renew(models={"chat": workspace.chat.endpoint.model})

    def run(self) -> None:
        """Until every document has been asked about: those that come in meanwhile are taken along."""
        while not self._is_over():
            with self._workspace.database.transaction() as session:
                unseen = self._unseen(session)
            self._seen.update(unseen)
            self._progress.begin(STAGE, len(unseen))
            self._fanout.add(self._stage.requests(self._beginnings(unseen)))
            done = False
            while not done:
                self._fanout.ask(until=lambda: self._stage.waiting >= DOCUMENTS_PER_WRITE)
                done = self._stage.waiting < DOCUMENTS_PER_WRITE
                self._write(self._stage.take())
            self._journal.check_gaps(STAGE, self._workspace.settings.graphrag.max_gap_share)

    def _is_over(self) -> bool:
        self._journal.write_progress()
        return self._context.finish_unless(lambda session: bool(self._unseen(session)), self._result)

    def _result(self, session: Session) -> dict[str, Any]:
        documents_, extracted = documents.extracted_count(session, self._context.run.collection_id)
        return {"documents": documents_, "with_metadata": extracted, "model": self._model_name}

    def _unseen(self, session: Session) -> list[str]:
        found = documents.ids_in_collection(session, self._context.run.collection_id)
        return [document_id for document_id in found if document_id not in self._seen]

    def _beginnings(self, document_ids: list[str]) -> Iterator[tuple[str, str]]:
        for document_id in document_ids:
            text = self._beginning(document_id)
            if text:
                yield document_id, text
            else:  # it was deleted meanwhile, or has no text
                self._progress.item_done(STAGE)

    def _beginning(self, document_id: str) -> str:
        """The first pages of a document, up to the budget."""
        parts: list[str] = []
        number = length = 0
        while length < self._budget * CHARACTERS_PER_TOKEN:
            with self._workspace.database.transaction() as session:
                batch = documents.pages_from(session, document_id, number, PAGES_AT_ONCE)
            if not batch:
                break
            parts += [page.text for page in batch]
            length += sum(len(page.text) for page in batch)
            number = batch[-1].number + 1
        return self._tokenizer.truncate("".join(parts), self._budget).strip()

    def _write(self, found: dict[str, Metadata]) -> None:
        with self._workspace.database.transaction() as session:
            for document_id, metadata in found.items():
                documents.set_extracted(session, document_id, metadata, self._model_name)
            runs.renew(
                session, self._context.lease
            )  # last, because it locks the run's row against the keeper of the lease
