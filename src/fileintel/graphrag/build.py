"""What a build is made from, and what it has made so far: the inputs of a run and the parts of an index."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from types import TracebackType

from fileintel.config import Settings
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.progress import Progress
from fileintel.graphrag.contexts.context import Context
from fileintel.graphrag.model import Claim, Community, Graph, Report, TextUnit
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.graphrag.stages.formats import Format
from fileintel.graphrag.vectors import KnownVectors, VectorSource
from fileintel.runtime import free_in_slices
from fileintel.storage.engine import Database
from fileintel.storage.models import Document


@dataclass(frozen=True)
class BuildInputs:
    """Everything that one build of an index reads, fixed before the build starts.

    Parameters:
      form: the format in which records are asked for.
      chat_model, embedding_model: the names under which the servers know them.
      embedding_size: numbers in each vector, as the model returned them when it was probed.
      fingerprint: a hash over documents, settings, prompts and models; the version keeps it.
      form_is_settled: whether the server has confirmed `form`; the answer comes through the fan-out.
    """

    database: Database
    settings: Settings
    prompts: PromptLibrary
    form: Format
    journal: RunJournal
    progress: Progress
    collection_id: str
    documents: Sequence[Document]
    chat_model: str
    embedding_model: str
    embedding_size: int
    fingerprint: str
    form_is_settled: Callable[[], bool] = lambda: True


@dataclass
class IndexParts:
    """The parts of an index before they are written. Stages fill them in; `publishing.VersionWriter` writes them.

    A context manager: the parts are freed in slices at its end, so that no other greenlet has to wait.

    Attributes:
      contexts: what each report was written from, by the number of its community.
      results: what further stages have made, by the name of the stage.
    """

    documents: Sequence[Document]
    units: list[TextUnit]
    graph: Graph = field(default_factory=Graph)
    claims: list[Claim] = field(default_factory=list)
    communities: list[Community] = field(default_factory=list)
    reports: dict[int, Report] = field(default_factory=dict)
    contexts: dict[int, Context] = field(default_factory=dict)
    vectors: VectorSource = field(default_factory=lambda: KnownVectors({}))
    results: dict[str, list[object]] = field(default_factory=dict)

    @property
    def period(self) -> str:
        """The day of the newest document. Upstream has the day of indexing; this one is the same however often the
        same documents are indexed."""
        return max(document.created_at for document in self.documents).astimezone(UTC).date().isoformat()

    def free_in_slices(self) -> None:
        """Free the largest parts without a stall, when nothing reads them any more."""
        free_in_slices(self.graph.entities, self.graph.relationships, self.units, self.claims)
        free_in_slices(self.communities, self.reports, self.contexts, *self.results.values())
        self.vectors.free_in_slices()

    def __enter__(self) -> "IndexParts":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None or isinstance(error, Exception):  # else the process is about to end
            self.free_in_slices()
