"""The index function: documents, settings and a model's answers in, an index version out.

Running it again with the same inputs gives the same rows; what was answered before is not asked again. That is how a
run resumes. A stage is one file in `stages`, and one entry in `TABLE`.
"""

from collections.abc import Callable
from functools import partial

from fileintel.config import Settings
from fileintel.errors import RunFailed, UsageError
from fileintel.fanout.fanout import Fanout
from fileintel.graphrag.build import BuildInputs, IndexParts
from fileintel.graphrag.prompts import PromptKind
from fileintel.graphrag.stages import claims, cluster, describe, embed, extract, load, report
from fileintel.graphrag.stages.formats import FAST, Format
from fileintel.graphrag.stages.stage import Build, Moment, Stage, StageRun
from fileintel.llm.tokenizer_file import load_ahead
from fileintel.runtime import free_in_slices

__all__ = ["FAST", "PARSERS", "PUBLISH", "STAGES", "TABLE", "BuildInputs", "IndexParts", "build"]

PUBLISH = "publish"
TABLE: tuple[Stage, ...] = (
    load.LOADING,
    load.CUTTING,
    extract.DECLARATION,
    claims.DECLARATION,
    describe.DECLARATION,
    cluster.DECLARATION,
    report.DECLARATION,
    embed.DECLARATION,
    Stage(PUBLISH),
)
STAGES = tuple(stage.name for stage in TABLE)
PARSERS = {name: parser for stage in TABLE for name, parser in stage.parsers.items()}
SENDING_SECONDS = 0.05  # the first questions need this long to be sent; loading what counts tokens would delay them

WriteGraph = Callable[[IndexParts, Callable[[], None]], None]


def build(run: BuildInputs, fanout: Fanout, write_graph: WriteGraph = lambda _parts, _turn: None) -> IndexParts:
    """Run all stages up to the point where the index can be published.

    Parameters:
      write_graph: is given the parts when the graph is complete; the last reports and vectors come in while it writes.

    Raises:
      Stopped, Paused: the fan-out was told to stop.
      EmptyCollectionError: there is no text in the documents.
      RunFailed: a stage has more gaps than the settings allow.
      What `Fanout.run` raises.
    """
    take_turn = partial(_take_turn, run, fanout)
    build = Build(run, load.read(run), TABLE, fanout, take_turn)
    try:
        _tell(build, StageRun.text_units_are_cut)  # extract, claims, embed ask
        take_turn()
        load_ahead(run.settings.chunking, SENDING_SECONDS)
        _complete(build, fanout, Moment.GRAPH)
        _tell(build, StageRun.texts_are_read)  # extract merges the graph, claims are collected, cluster divides
        _tell(build, StageRun.graph_is_divided)  # describe, report, embed ask
        _complete(build, fanout, Moment.WRITING)
        free_in_slices(build.undescribed)  # the graph holds the same things, and is to be the last that does
        write_graph(build.parts, take_turn)
        _complete(build, fanout, Moment.PUBLISHING)
        build.free_in_slices()
        return build.parts
    except Exception:
        build.free_in_slices()  # freed at a stroke, all of it would hold up a worker that goes on for seconds
        build.parts.free_in_slices()
        raise
    finally:
        build.close()


def prompts_of(settings: Settings, form: Format) -> list[PromptKind]:
    """The prompts that decide an index with these settings, in the order of the stages."""
    enabled = (stage for stage in TABLE if stage.is_enabled(settings))
    return [kind for stage in enabled for kind in stage.prompts_for(stage, settings, form)]


def asked_afresh_from(stage: str) -> frozenset[str]:
    """The purposes of the questions that a rebuild from `stage` on asks afresh: those of that stage and of all later
    ones that do not merely follow from them (`Stage.asked_with_earlier`).

    Raises:
      UsageError: there is no such stage.
    """
    if stage not in STAGES:
        raise UsageError(f"there is no stage {stage!r}: use one of {', '.join(STAGES)}")
    later = (one for one in TABLE[STAGES.index(stage) :] if one.name == stage or one.asked_with_earlier)
    return frozenset(purpose for one in later for purpose in one.purposes)


def _tell(build: Build, moment: Callable[[StageRun, Build], None]) -> None:
    """Tell all stages, in the order of the table, that a moment has come. `moment` is a method of `StageRun`."""
    for stage in build.stages.values():
        getattr(stage, moment.__name__)(build)


def _complete(build: Build, fanout: Fanout, moment: Moment) -> None:
    """Work until the stages are finished that are to be complete before this moment."""
    names = [stage.name for stage in TABLE if stage.complete_before == moment]
    awaited = [build.stages[name] for name in names if name in build.stages]
    is_last = moment == Moment.PUBLISHING
    _work(build.run, fanout, until=lambda: not is_last and all(stage.finished() for stage in awaited))
    for name in names:
        _check_gaps(build.run, fanout, name)


def _work(run: BuildInputs, fanout: Fanout, until: Callable[[], bool] = lambda: False) -> None:
    if not fanout.run(until):
        raise run.journal.stop_requests.error()


def _take_turn(run: BuildInputs, fanout: Fanout) -> None:
    if not fanout.turn():
        raise run.journal.stop_requests.error()


def _check_gaps(run: BuildInputs, fanout: Fanout, stage: str) -> None:
    try:
        run.journal.check_gaps(stage, run.settings.graphrag.max_gap_share)
    except RunFailed:
        _work(run, fanout, until=run.form_is_settled)  # all of it may have been asked for in the wrong format
        raise
