"""The index function: documents, settings and a model's answers in, an index version out.

`build` reads like the table of stages in docs/architecture.md. Running it again with the same inputs gives the
same rows; what was answered before is not asked again. That is how a run resumes.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fileintel.config import Settings
from fileintel.errors import EmptyCollectionError, RunFailed
from fileintel.graphrag import load, rows
from fileintel.graphrag.context import Context, Contexts
from fileintel.graphrag.fanout import Fanout, Request
from fileintel.graphrag.graph_context import GraphContexts
from fileintel.graphrag.journal import RunJournal
from fileintel.graphrag.model import Claim, Community, Entity, Graph, Relationship, Report, TextUnit
from fileintel.graphrag.progress import Progress
from fileintel.graphrag.prompts import CLAIMS, DESCRIBE, REPORT, REPORT_TEXT, PromptKind, PromptLibrary
from fileintel.graphrag.stages import claims, cluster, describe, embed, extract, fast, merging, report
from fileintel.graphrag.text_context import TextContexts
from fileintel.graphrag.token_scale import TokenScale
from fileintel.llm.questions import Sampling
from fileintel.llm.tokens import Tokenizer
from fileintel.storage import runs, versions
from fileintel.storage.bulk import insert_rows
from fileintel.storage.engine import Database
from fileintel.storage.models import (
    Base,
    CommunityReport,
    Covariate,
    Document,
    Embedding,
    IndexedDocument,
)  # fmt: skip
from fileintel.storage.models import (
    Community as CommunityRow,
)
from fileintel.storage.models import (
    Entity as EntityRow,
)
from fileintel.storage.models import (
    Relationship as RelationshipRow,
)
from fileintel.storage.models import (
    TextUnit as TextUnitRow,
)

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


class Stopped(Exception):
    """The run was told to stop; what it got is kept, and it can go on at any time."""


@dataclass(frozen=True)
class Ingredients:
    """What a run is made of. `chat_model` and `embedding_model` are names; `embedding_size` was measured."""

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


@dataclass(frozen=True)
class Built:
    """The parts of a finished index, before it is written."""

    documents: Sequence[Document]
    units: list[TextUnit]
    graph: Graph
    claims: list[Claim]
    communities: list[Community]
    reports: dict[int, Report]
    contexts: dict[int, Context]
    vectors: dict[tuple[str, str], bytes]

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


def prompts_of(settings: Settings, form: extract.Format) -> list[PromptKind]:
    """The prompts that decide an index with these settings."""
    claimed = [CLAIMS] if settings.graphrag.claims else []
    reported = REPORT_TEXT if settings.graphrag.report_context == "text" else REPORT
    if settings.graphrag.method == fast.METHOD:
        return [*claimed, reported]
    return [*form.prompts, DESCRIBE, *claimed, reported]


def build(run: Ingredients, fanout: Fanout) -> Built:
    """Run all stages up to the point where the index can be written.

    Raises:
      Stopped: the fan-out was told to stop.
      EmptyCollectionError: there is no text in the documents.
      RunFailed: a stage has more gaps than the settings allow.
      What `Fanout.run` raises.
    """
    stages = _Stages(run)
    units = _text_units(run)

    asks_for_records = run.settings.graphrag.method != fast.METHOD
    if asks_for_records:
        fanout.add(stages.scale.watching(stages.extract.requests(units)))
    if run.settings.graphrag.claims:
        fanout.add(stages.claims.requests(units))
    fanout.add(stages.embed.text_units(units))
    _work(fanout, until=lambda: stages.extract.finished() and stages.claims.finished())
    _check_gaps(run, extract.STAGE)

    graph = merging.merge(stages.extract.extractions, units) if asks_for_records else _noun_graph(run, units, fanout)
    found_claims = stages.claims.claims(merging.shown_titles(graph))
    communities = _cluster(run, graph)

    undescribed = stages.describe.undescribed(graph)
    waiting = {thing.id for thing in undescribed}
    stages.begin_reports(graph, units, found_claims, communities, undescribed)
    fanout.add(stages.describe.requests(undescribed))
    fanout.add(stages.embed.entities(e for e in graph.entities.values() if e.id not in waiting))
    for request in stages.report.requests():
        fanout.add([request])
    _work(fanout)
    for stage in (describe.STAGE, report.STAGE, embed.STAGE):
        _check_gaps(run, stage)

    return Built(
        run.documents,
        units,
        graph,
        found_claims,
        communities,
        stages.report.reports,
        stages.report.contexts,
        stages.embed.vectors,
    )


def publish(run: Ingredients, built: Built) -> str:
    """Write an index beside the one in use, then make it the one in use; returns the version's id.

    Raises:
      LeaseLost: another worker holds the run now; nothing of this one is visible.
    """
    lease = run.journal.lease
    run.progress.begin(PUBLISH, 1)
    with run.database.transaction() as session:
        version = versions.begin(
            session,
            lease,
            run.collection_id,
            fingerprint=run.fingerprint,
            embedding_model=run.embedding_model,
            embedding_size=run.embedding_size,
        )
    for table, table_rows in _tables(version.id, built):
        into = versions.partition_name(version.id) if table is Embedding else None
        with run.database.transaction() as session:
            insert_rows(session, table, table_rows, into=into)
            runs.renew(session, lease)  # last, because it locks the run's row against the keeper of the lease
    with run.database.transaction() as session:
        versions.build_vector_indexes(session, version.id, run.embedding_size)
    with run.database.transaction() as session:
        versions.publish(session, lease, version.id, built.counts())
    with run.database.transaction() as session:  # of its own: dropping waits for whoever is searching
        versions.drop_all(session, versions.beyond(session, run.collection_id, run.settings.graphrag.keep_versions))
    run.progress.item_done(PUBLISH)
    return version.id


class _Stages:
    """The stages of one run, wired: a description that comes in lets reports and vectors begin."""

    def __init__(self, run: Ingredients) -> None:
        settings = run.settings.graphrag
        self._run = run
        self._language = settings.language
        self._tokenizer = Tokenizer(run.settings.chunking.encoding)
        self.scale = TokenScale(self._tokenizer.count)
        llm = run.settings.llm
        self._sampling = Sampling(llm.temperature, llm.top_p, llm.max_tokens)
        chat = (run.chat_model, self._sampling, run.progress)
        model, sampling, progress = chat
        load_prompt = run.prompts.load
        first, more, check = run.form.prompts
        self.extract = extract.ExtractStage(
            model,
            (load_prompt(first), load_prompt(more), load_prompt(check)),
            sampling,
            progress,
            entity_types=settings.entity_types,
            language=self._language,
            max_gleanings=settings.max_gleanings,
            form=run.form,
        )
        self.claims = claims.ClaimsStage(
            model,
            load_prompt(CLAIMS),
            sampling,
            progress,
            entity_types=settings.entity_types,
            claim_description=settings.claim_description,
            language=self._language,
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
        self.report: report.ReportStage

    def begin_reports(
        self,
        graph: Graph,
        units: Sequence[TextUnit],
        found_claims: Sequence[Claim],
        communities: Sequence[Community],
        undescribed: Iterable[Entity | Relationship],
    ) -> None:
        """Prepare the reports; they need the graph."""
        settings = self._run.settings.graphrag
        budget = self.scale.ours(settings.report_max_input_tokens)
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

    def _described(self, thing: Entity | Relationship) -> Iterable[Request]:
        if isinstance(thing, Entity):
            yield from self.embed.entities([thing])
        yield from self.report.described(thing)


def _text_units(run: Ingredients) -> list[TextUnit]:
    run.progress.begin(LOAD, len(run.documents))
    run.progress.complete(LOAD, len(run.documents))
    run.progress.begin(TEXT_UNITS)
    units = load.text_units(run.database, list(run.documents), run.settings.chunking)
    run.progress.complete(TEXT_UNITS, len(units))
    if not units:
        raise EmptyCollectionError("the collection's documents hold no text: add some with `fileintel documents add`")
    return units


def _noun_graph(run: Ingredients, units: list[TextUnit], fanout: Fanout) -> Graph:
    """The graph of the fast method. Vectors are asked for meanwhile, and a stop is heard."""
    run.progress.begin(extract.STAGE, len(units))
    read = itertools.count(1)

    def read_one() -> None:
        run.progress.item_done(extract.STAGE)
        if next(read) % READ_BETWEEN_TURNS == 0:
            turns = iter((False,))
            _work(fanout, until=lambda: next(turns, True))

    return fast.noun_graph(units, run.settings.graphrag.entity_types, read_one)


def _cluster(run: Ingredients, graph: Graph) -> list[Community]:
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


def _work(fanout: Fanout, until: Callable[[], bool] = lambda: False) -> None:
    if not fanout.run(until):
        raise Stopped


def _check_gaps(run: Ingredients, stage: str) -> None:
    counts = next(counts for counts in run.progress.counts() if counts.name == stage)
    allowed = run.settings.graphrag.max_gap_share
    if counts.total and counts.failed / counts.total > allowed:
        raise RunFailed(
            f"stage {stage}: {counts.failed} of {counts.total} items failed, more than "
            f"graphrag.max_gap_share={allowed} allows; `fileintel graphrag status` lists why"
        )


def _tables(version_id: str, built: Built) -> Iterable[tuple[type[Base], Iterable[dict[str, Any]]]]:
    period = datetime.now(UTC).date().isoformat()
    yield (
        IndexedDocument,
        (
            {
                "version_id": version_id,
                "id": document.id,
                "human_readable_id": number,
                "title": document.title,
                "name": document.name,
                "sha256": document.sha256,
                "created_at": document.created_at.isoformat(),
            }
            for number, document in enumerate(built.documents)
        ),
    )
    yield TextUnitRow, rows.text_unit_rows(version_id, built.units)
    yield EntityRow, rows.entity_rows(version_id, built.graph, built.units)
    yield RelationshipRow, rows.relationship_rows(version_id, built.graph, built.units)
    yield (
        CommunityRow,
        rows.community_rows(version_id, built.communities, built.graph, built.units, period, built.contexts),
    )
    yield CommunityReport, rows.report_rows(version_id, built.reports, built.communities, period)
    yield Covariate, rows.covariate_rows(version_id, built.claims, built.units)
    yield Embedding, rows.embedding_rows(version_id, built.vectors)
