"""How far a run is: counts of items for each stage, in memory. The journal writes them down now and then."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fileintel.storage.run_counts import StageCounts


@dataclass
class _Stage:
    name: str
    total: int = 0
    done: int = 0
    cached: int = 0
    failed: int = 0
    began: float | None = None
    ended: float | None = None

    def counts(self, now: float) -> StageCounts:
        seconds = 0.0 if self.began is None else (self.ended or now) - self.began
        return StageCounts(self.name, self.total, self.done, self.cached, self.failed, round(seconds, 3))


class Progress:
    """Counts the items of each stage.

    `done` counts items that are over, well or not; `cached` those of them whose answers were all in the store,
    `failed` those that ended as a gap. Records are what answers hold: kept, or dropped for a reason.
    """

    def __init__(self, stages: Iterable[str]) -> None:
        self._stages = {name: _Stage(name) for name in stages}
        self._records_kept = 0
        self._records_dropped: Counter[str] = Counter()
        self._records_mended: Counter[str] = Counter()

    def begin(self, name: str, total: int = 0) -> None:
        """A stage has begun, with `total` more items known."""
        stage = self._stages[name]
        stage.began = stage.began or time.monotonic()
        stage.ended = None
        stage.total += total

    def item_done(self, name: str, *, cached: bool = False, failed: bool = False) -> None:
        """One item of a stage is over."""
        stage = self._stages[name]
        stage.began = stage.began or time.monotonic()
        stage.done += 1
        stage.cached += cached
        stage.failed += failed
        if stage.done >= stage.total:
            stage.ended = time.monotonic()

    def complete(self, name: str, items: int | None = None) -> None:
        """A stage without questions is over; `items` is what it made."""
        stage = self._stages[name]
        if items is not None:
            stage.total = stage.done = items
        stage.began = stage.began or time.monotonic()
        stage.ended = time.monotonic()

    def counts(self) -> list[StageCounts]:
        """The counts of all stages, in the pipeline's order."""
        now = time.monotonic()
        return [stage.counts(now) for stage in self._stages.values()]

    def records_read(self, kept: int, dropped: Mapping[str, int], mended: Mapping[str, int]) -> None:
        """An answer was read: records kept, and by reason those dropped and those put right."""
        self._records_kept += kept
        self._records_dropped.update(dropped)
        self._records_mended.update(mended)

    def records(self) -> dict[str, Any]:
        """What became of the records of all answers: `kept`, `dropped` by reason, `mended` by reason."""
        return {
            "kept": self._records_kept,
            "dropped": dict(sorted(self._records_dropped.items())),
            "mended": dict(sorted(self._records_mended.items())),
        }
