"""The index function: documents, settings and a model's answers in, an index version out.

`build` reads like the table of stages in docs/architecture.md. Running it again with the same inputs gives the
same rows; what was answered before is not asked again. That is how a run resumes.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from fileintel.config import Settings
from fileintel.errors import EmptyCollectionError, RunFailed, UsageError
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.journal import RunJournal
from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.garbage_collection import exempted_from_gc
from fileintel.graphrag import load
from fileintel.graphrag.contexts.context import Context, Contexts
from fileintel.graphrag.contexts.graph_context import GraphContexts
from fileintel.graphrag.contexts.text_context import TextContexts
from fileintel.graphrag.model import Claim, Community, Entity, Graph, Relationship, Report, TextUnit
from fileintel.graphrag.prompts import CLAIMING, DESCRIBE, REPORT, REPORT_TEXT, PromptKind, PromptLibrary
from fileintel.graphrag.stages import claims, cluster, describe, embed, extract, merging, report
from fileintel.graphrag.token_scale import TokenScale
from fileintel.graphrag.vectors import AnsweredVectors, VectorSource
from fileintel.llm.questions import Sampling
from fileintel.llm.tokenizer_file import load_ahead, tokenizer_for
from fileintel.runtime import free_in_slices, yielding
from fileintel.storage.engine import Database
from fileintel.storage.models import Document

FAST = "fast"  # the method that asks nothing for records
SENDING_SECONDS = 0.05  # that the first questions take to be sent; to load what counts tokens would slow that down
READ_BETWEEN_TURNS = 25  # text units that the fast method reads in some tenths of a second
LOAD, TEXT_UNITS, PUBLISH = "load", "text_units", "publish"
STAGES = (
    LOAD,
    TEXT_UNITS,
    extract.STAGE,
    claims.STAGE,
    describe.STAGE,
    cluster.STAGE,
    report.STAGE,
    embed.STAGE,
    PUBLISH,
)
# what the questions of a stage are asked for; stages that are not named ask none
_PURPOSES = {
    extract.STAGE: extract.PURPOSES,
    claims.STAGE: claims.PURPOSES,
    describe.STAGE: ("describe",),
    report.STAGE: ("report",),
    embed.STAGE: ("embed", "probe"),
}


class Stopped(Exception):
    """The run was told to stop; what it got is kept, and it can go on at any time."""


class Paused(Stopped):
    """A person wants the run to rest; it goes on once it is resumed."""


@dataclass(frozen=True)
class BuildInputs:
    """What a run is made of. `chat_model` and `embedding_model` are names; `embedding_size` was measured.
    `form_is_settled`: whether it is known by now that the model can be asked in this form; the fan-out finds out."""

    database: Database
    settings: Settings
    prompts: PromptLibrary
    form: extract.Format
    journal: RunJournal
    progress: Progress
    collection_id: str
    documents: Sequence[Document]
    chat_model: str
    embedding_model: str
    embedding_size: int
    fingerprint: str
    form_is_settled: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class IndexParts:
    """The parts of a finished index, before it is written. A context manager: afterwards they are let go."""

    documents: Sequence[Document]
    units: list[TextUnit]
    graph: Graph
    claims: list[Claim]
    communities: list[Community]
    reports: dict[int, Report]
    contexts: dict[int, Context]
    vectors: VectorSource

    def free_in_slices(self) -> None:
        """Free the largest parts, which nobody may need any more, without a stall."""
        free_in_slices(self.graph.entities, self.graph.relationships, self.units, self.claims)
        free_in_slices(self.communities, self.reports, self.contexts)
        self.vectors.free_in_slices()

    def __enter__(self) -> "IndexParts":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None or isinstance(error, Exception):  # else the process is about to end
            self.free_in_slices()

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {
            "documents": len(self.documents),
            "text_units": len(self.units),
            "entities": len(self.graph.entities),
            "relationships": len(self.graph.relationships),
            "communities": len(self.communities),
            "reports": len(self.reports),
            "covariates": len(self.claims),
        }


WriteGraph = Callable[[IndexParts, Callable[[], None]], None]


def prompts_of(settings: Settings, form: extract.Format) -> list[PromptKind]:
    """The prompts that decide an index with these settings."""
    claimed = CLAIMING if settings.graphrag.claims else ()
    reported = REPORT_TEXT if settings.graphrag.report_context == "text" else REPORT
    if settings.graphrag.method == FAST:
        return [*claimed, reported]
    return [*form.prompts, DESCRIBE, *claimed, reported]


def asked_afresh_from(stage: str) -> frozenset[str]:
    """The purposes of the questions that are asked afresh by a rebuild from `stage` on: those of that stage and of
    all later ones. A vector follows from its text, so only a rebuild from `embed` asks for those that are there.

    Raises:
      UsageError: there is no such stage.
    """
    if stage not in STAGES:
        raise UsageError(f"there is no stage {stage!r}: use one of {', '.join(STAGES)}")
    later = (stage,) if stage == embed.STAGE else STAGES[STAGES.index(stage) : STAGES.index(embed.STAGE)]
    return frozenset(purpose for name in later for purpose in _PURPOSES.get(name, ()))


def build(run: BuildInputs, fanout: Fanout, write_graph: WriteGraph = lambda _built, _turn: None) -> IndexParts:
    """Run all stages up to the point where all of the index can be written. `write_graph` is given what is there when
    the graph is complete: all but the last reports and vectors, which are added to it while it writes.

    Raises:
      Stopped, Paused: the fan-out was told to stop.
      EmptyCollectionError: there is no text in the documents.
      RunFailed: a stage has more gaps than the settings allow.
      What `Fanout.run` raises.
    """
    units = _text_units(run)
    stages = _Stages(run, units)
    try:
        return _built(run, fanout, write_graph, units, stages)
    except Exception:
        stages.free_in_slices()  # freed at a stroke, all of it would hold up a worker that goes on for seconds
        raise
    finally:
        vars(stages).clear()  # they know each other: else nothing but the garbage collector could free them


def _built(
    run: BuildInputs, fanout: Fanout, write_graph: WriteGraph, units: list[TextUnit], stages: "_Stages"
) -> IndexParts:
    """What `build` returns."""
    asks_for_records = run.settings.graphrag.method != FAST
    if asks_for_records:
        fanout.add(stages.counted(stages.extract.requests(units)))
    if run.settings.graphrag.claims:
        fanout.add(stages.claims.requests(units))
    fanout.add(stages.embed.text_units(units))
    _take_turn(run, fanout)
    load_ahead(run.settings.chunking, SENDING_SECONDS)
    _work(run, fanout, until=lambda: stages.extract.finished() and stages.claims.finished())
    for stage in (extract.STAGE, claims.STAGE):
        _check_gaps(run, fanout, stage)

    graph = stages.graph = stages.merged.graph() if asks_for_records else _noun_graph(run, units, fanout)
    found_claims = stages.claims.claims(merging.shown_titles(graph))
    communities = _cluster(run, graph)

    undescribed = report.in_order_of_reports(stages.describe.undescribed(graph), communities, graph)
    undescribed = _first(stages.describe.is_folded, undescribed)  # the longest chains of questions start first
    waiting = exempted_from_gc({thing.id for thing in yielding(undescribed)})
    reporting = stages.begin_reports(graph, units, found_claims, communities, undescribed)
    fanout.add(stages.describe.requests(undescribed))
    fanout.add(stages.embed.entities(e for e in graph.entities.values() if e.id not in waiting))
    for request in yielding(reporting.requests()):
        fanout.add([request])
    built = IndexParts(
        run.documents,
        units,
        graph,
        found_claims,
        communities,
        reporting.reports,
        reporting.contexts,
        AnsweredVectors(run.database, stages.embed.answers, run.embedding_size),
    )
    _work(run, fanout, until=stages.describe.finished)
    free_in_slices(undescribed)  # the graph holds the same things, and is to be the last that does
    _check_gaps(run, fanout, describe.STAGE)
    write_graph(built, partial(_take_turn, run, fanout))
    _work(run, fanout)
    for stage in (report.STAGE, embed.STAGE):
        _check_gaps(run, fanout, stage)
    reporting.free_in_slices()
    return built


def _first(
    preferred: Callable[[Entity | Relationship], bool], things: Iterable[Entity | Relationship]
) -> list[Entity | Relationship]:
    """The things in their order, but for those that are preferred, which come first."""
    chosen: tuple[list[Entity | Relationship], list[Entity | Relationship]] = ([], [])
    for thing in yielding(things):
        chosen[not preferred(thing)].append(thing)
    return exempted_from_gc(chosen[0] + chosen[1])


class _Stages:
    """The stages of one run, wired: a description that comes in lets reports and vectors begin."""

    def __init__(self, run: BuildInputs, units: Sequence[TextUnit]) -> None:
        settings = run.settings.graphrag
        self._run = run
        self._language = settings.language
        self._tokenizer = tokenizer_for(run.settings.chunking)
        # the model's own tokens need no comparison
        self._scale = None if self._tokenizer.exact else TokenScale(self._tokenizer.count, self._tokenizer.is_loaded)
        llm = run.settings.llm
        self._sampling = Sampling(llm.temperature, llm.top_p, llm.max_tokens)
        chat = (run.chat_model, self._sampling, run.progress)
        model, sampling, progress = chat
        load_prompt = run.prompts.load
        first, more, check = run.form.prompts
        self.merged = merging.InOrder(unit.number for unit in units)
        self.extract = extract.ExtractStage(
            model,
            (load_prompt(first), load_prompt(more), load_prompt(check)),
            sampling,
            progress,
            entity_types=settings.entity_types,
            language=self._language,
            max_gleanings=settings.max_gleanings,
            slots=self._slots,
            form=run.form,
            over=self.merged.over,
        )
        self.claims = claims.ClaimsStage(
            model,
            (load_prompt(CLAIMING[0]), load_prompt(CLAIMING[1]), load_prompt(CLAIMING[2])),
            sampling,
            progress,
            entity_types=settings.entity_types,
            claim_description=settings.claim_description,
            language=self._language,
            max_gleanings=settings.max_gleanings,
            slots=self._slots,
        )
        self.describe = describe.DescribeStage(
            model,
            load_prompt(DESCRIBE),
            sampling,
            progress,
            count_tokens=self._tokenizer.count,
            max_input_tokens=settings.description_max_input_tokens,
            max_words=settings.description_max_words,
            language=self._language,
            described=self._described,
        )
        self.embed = embed.EmbedStage(
            run.embedding_model,
            progress,
            size=run.embedding_size,
            dimensions=run.settings.embedding.dimensions,
            fit=partial(self._tokenizer.fit, max_tokens=run.settings.embedding.max_input_tokens),
        )
        self.graph, self.communities = Graph(), list[Community]()  # once they are there
        self.report: report.ReportStage | None = None

    def free_in_slices(self) -> None:
        """Free the largest parts where nothing will come of them."""
        self.merged.free_in_slices()
        free_in_slices(self.graph.entities, self.graph.relationships, self.communities)
        if self.report is not None:
            self.report.free_in_slices()
            free_in_slices(self.report.reports, self.report.contexts)

    def counted(self, requests: Iterator[Request]) -> Iterator[Request]:
        """The same requests, their answers compared with what we count where that can tell something."""
        return requests if self._scale is None else self._scale.watching(requests)

    def begin_reports(
        self,
        graph: Graph,
        units: Sequence[TextUnit],
        found_claims: Sequence[Claim],
        communities: list[Community],
        undescribed: Iterable[Entity | Relationship],
    ) -> report.ReportStage:
        """Prepare the reports; they need the graph."""
        self.communities = communities
        settings = self._run.settings.graphrag
        budget = settings.report_max_input_tokens
        if self._scale:
            budget = self._scale.ours(budget)
        contexts: Contexts
        if settings.report_context == "text":
            contexts = TextContexts(graph, units, budget, self._tokenizer.count)
        else:
            contexts = GraphContexts(graph, found_claims, budget, self._tokenizer.count)
        self.report = report.ReportStage(
            self._run.chat_model,
            self._run.prompts.load(REPORT_TEXT if settings.report_context == "text" else REPORT),
            self._sampling,
            self._run.progress,
            contexts=contexts,
            communities=communities,
            undescribed=undescribed,
            max_words=settings.report_max_words,
            language=self._language,
            written=self.embed.report,
        )
        return self.report

    def _slots(self) -> int:
        """How many questions can be under way at once, those of helpers included."""
        return self._run.settings.graphrag.concurrency * self._run.journal.workers

    def _described(self, thing: Entity | Relationship) -> Iterable[Request]:
        if isinstance(thing, Entity):
            yield from self.embed.entities([thing])
        assert self.report is not None  # nothing is described before
        yield from self.report.described(thing)


def _text_units(run: BuildInputs) -> list[TextUnit]:
    run.progress.begin(LOAD, len(run.documents))
    run.progress.complete(LOAD, len(run.documents))
    run.progress.begin(TEXT_UNITS)
    units = load.text_units(run.database, list(run.documents), run.settings.chunking)
    run.progress.complete(TEXT_UNITS, len(units))
    if not units:
        raise EmptyCollectionError("the collection's documents hold no text: add some with `fileintel documents add`")
    return units


def _noun_graph(run: BuildInputs, units: list[TextUnit], fanout: Fanout) -> Graph:
    """The graph of the fast method. Vectors are asked for meanwhile, and a stop is heard."""
    from fileintel.graphrag.stages import fast  # what reads names is not needed by other runs

    run.progress.begin(extract.STAGE, len(units))
    read = itertools.count(1)

    def read_one() -> None:
        run.progress.item_done(extract.STAGE)
        if next(read) % READ_BETWEEN_TURNS == 0:
            _take_turn(run, fanout)

    return fast.noun_graph(units, run.settings.graphrag.entity_types, read_one)


def _cluster(run: BuildInputs, graph: Graph) -> list[Community]:
    settings = run.settings.graphrag
    run.progress.begin(cluster.STAGE)
    communities = cluster.cluster(
        graph, max_cluster_size=settings.max_cluster_size, use_lcc=settings.use_lcc, seed=settings.seed
    )
    run.progress.complete(cluster.STAGE, len(communities))
    if repeats := cluster.repeated(communities):
        run.journal.warn(
            cluster.STAGE,
            f"{len(repeats)} of {len(communities)} communities hold the same as their only child: "
            f"each such pair is asked about once, and has one report twice",
        )
    return communities


def _work(run: BuildInputs, fanout: Fanout, until: Callable[[], bool] = lambda: False) -> None:
    if not fanout.run(until):
        raise Paused if run.journal.pausing else Stopped


def _take_turn(run: BuildInputs, fanout: Fanout) -> None:
    if not fanout.turn():
        raise Paused if run.journal.pausing else Stopped


def _check_gaps(run: BuildInputs, fanout: Fanout, stage: str) -> None:
    counts = next(counts for counts in run.progress.counts() if counts.name == stage)
    allowed = run.settings.graphrag.max_gap_share
    if counts.total and counts.failed / counts.total > allowed:
        _work(run, fanout, until=run.form_is_settled)  # all of it may have been asked for in the wrong format
        raise RunFailed(
            f"stage {stage}: {counts.failed} of {counts.total} items failed, more than "
            f"graphrag.max_gap_share={allowed} allows; "
            f"`fileintel tasks show {run.journal.lease.run_id} --json` lists why"
        )
