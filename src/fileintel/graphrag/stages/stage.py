"""What a stage of the pipeline declares, and what it is given while it works.

A stage is one file in this folder with one `Stage` declaration, and one entry in `pipeline.TABLE`. Everything that
lists stages reads the declarations: progress and status, `rebuild --from`, the prompts, the names under which questions
travel to other workers, and the tables that are written.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

from fileintel.config import Settings
from fileintel.fanout.fanout import Fanout
from fileintel.fanout.request import Request
from fileintel.graphrag.build import BuildInputs, IndexParts
from fileintel.graphrag.model import Entity, Relationship, Report
from fileintel.graphrag.prompts import Prompt, PromptKind
from fileintel.graphrag.stages.formats import Format
from fileintel.graphrag.token_scale import TokenScale
from fileintel.llm.questions import Sampling
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.llm.tokens import Tokenizer
from fileintel.storage.models import Base

Row = dict[str, Any]


class Moment(IntEnum):
    """The moments of a build that stages are completed for, and that tables are written at."""

    GRAPH = 1  # every text is read: the graph is put together and divided into communities
    WRITING = 2  # every description is there: the graph is written while reports are awaited
    PUBLISHING = 3  # everything is there


@dataclass(frozen=True)
class Table:
    """A table of the index that a stage fills.

    Parameters:
      name: under which the version counts its rows; None: they are not counted.
      rows: the rows for the version with this id, made from the parts of the index.
      written: the moment from which on the rows can be made.
    """

    model: type[Base]
    name: str | None
    rows: Callable[[str, IndexParts], Iterable[Row]]
    written: Moment = Moment.WRITING


class StageRun:
    """A stage at work in one build. A stage overrides the methods of the moments that it needs; each is called once for
    all stages, in the order of the table. Nothing here does I/O: questions are given to `Build.ask`."""

    def text_units_are_cut(self, build: "Build") -> None:
        """The text units are there: ask about them."""

    def texts_are_read(self, build: "Build") -> None:
        """What was asked about the text units is answered: put it into `build.parts`."""

    def graph_is_divided(self, build: "Build") -> None:
        """Graph, covariates and communities are there: ask about them."""

    def described(self, thing: Entity | Relationship) -> Iterable[Request]:
        """An entity or a relationship has its description; returns the questions that have waited for it."""
        return ()

    def reported(self, report: Report) -> Iterable[Request]:
        """A report is there; returns the questions that have waited for it."""
        return ()

    def finished(self) -> bool:
        """Whether nothing is open of what was asked until now. Looked at before `Stage.complete_before`."""
        return True

    def free_in_slices(self) -> None:
        """Free what is not part of the index, without a stall."""


def _all_prompts(stage: "Stage", _settings: Settings, _form: Format) -> Sequence[PromptKind]:
    return stage.prompts


@dataclass(frozen=True)
class Stage:
    """Declares a stage.

    Parameters:
      name: what status, progress and `rebuild --from` call it.
      purposes: those of its questions, as the answer store keeps them.
      prompts: every prompt that it may need.
      prompts_for: those of them that it needs with these settings and this format of records.
      parsers: what reads the answers, by the name under which a question travels to another worker.
      tables: that it fills.
      is_enabled: whether it takes part with these settings.
      begin: makes its part in one build; None where the driver itself does the work.
      complete_before: the build waits for it before this moment, and looks then whether it has too many gaps.
      asked_with_earlier: whether a rebuild from an earlier stage asks its questions afresh too.
    """

    name: str
    purposes: tuple[str, ...] = ()
    prompts: tuple[PromptKind, ...] = ()
    prompts_for: Callable[["Stage", Settings, Format], Sequence[PromptKind]] = _all_prompts
    parsers: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    is_enabled: Callable[[Settings], bool] = lambda _settings: True
    begin: Callable[["Build"], StageRun] | None = None
    complete_before: Moment = Moment.PUBLISHING
    asked_with_earlier: bool = True


class Build:
    """What stages are given in one build: its inputs, the parts of the index that are there, and the way to ask.

    Attributes:
      run: the inputs.
      parts: of the index, as far as they are there.
      undescribed: the things whose description is still asked for, and `awaited` their ids.
      take_turn: to be called now and then from long work: the fan-out goes on meanwhile, and a stop is heard.
    """

    def __init__(
        self,
        run: BuildInputs,
        parts: IndexParts,
        stages: Iterable[Stage],
        fanout: Fanout,
        take_turn: Callable[[], None],
    ) -> None:
        self.run = run
        self.parts = parts
        self.take_turn = take_turn
        self.undescribed: list[Entity | Relationship] = []
        self.awaited: set[str] = set()
        self._fanout = fanout
        self.stages = {
            stage.name: stage.begin(self)
            for stage in stages
            if stage.begin is not None and stage.is_enabled(run.settings)
        }

    def ask(self, requests: Iterable[Request]) -> None:
        """Give questions of one kind and one priority to the fan-out, which takes them when it has room."""
        self._fanout.add(requests)

    def ask_each(self, requests: Iterable[Request]) -> None:
        """Give questions to the fan-out that have a priority each."""
        for request in requests:
            self._fanout.add([request])

    def described(self, thing: Entity | Relationship) -> Iterable[Request]:
        """Tell all stages that a description is there; returns the questions that have waited for it."""
        for stage in self.stages.values():
            yield from stage.described(thing)

    def reported(self, report: Report) -> Iterable[Request]:
        """Tell all stages that a report is there; returns the questions that have waited for it."""
        for stage in self.stages.values():
            yield from stage.reported(report)

    def prompts(self, *kinds: PromptKind) -> tuple[Prompt, ...]:
        """The prompts of these kinds, loaded and checked."""
        return tuple(map(self.run.prompts.load, kinds))

    @property
    def sampling(self) -> Sampling:
        """The sampling parameters of chat questions."""
        llm = self.run.settings.llm
        return Sampling(llm.temperature, llm.top_p, llm.max_tokens)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Counts tokens for budgets."""
        return tokenizer_for(self.run.settings.chunking)

    @cached_property
    def scale(self) -> TokenScale | None:
        """Compares the server's counts of tokens with ours; None where our tokenizer is the model's own."""
        return None if self.tokenizer.exact else TokenScale(self.tokenizer.count, self.tokenizer.is_loaded)

    def slots(self) -> int:
        """How many questions can be under way at once, those of helpers included."""
        return self.run.settings.graphrag.concurrency * self.run.journal.workers

    def free_in_slices(self) -> None:
        """Free what only the stages hold, without a stall."""
        for stage in self.stages.values():
            stage.free_in_slices()

    def close(self) -> None:
        """Forget the stages. They know each other through this object: without this, nothing but the garbage collector
        could free them."""
        vars(self).clear()
