"""A run's progress on stderr: a table that refreshes on a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from fileintel.cli.output import one_line, say
from fileintel.installation.contract import Progress, Row, StageProgress

LINE_SECONDS = 5.0  # between two lines without a terminal
TOLD_OF_EVENTS = ("state", "message", "reason")  # members of their data, what matters most first
RATE_WINDOW_SECONDS = 60.0  # the rate that an estimate rests on is measured over the last minute
RATE_MINIMUM_SECONDS = 3.0


class Display(Protocol):
    """Shows a run while it goes on."""

    def show(self, view: Progress) -> None:
        """The state of the run, about every second."""

    def close(self) -> None:
        """The run is over."""


class Quiet:
    """Shows nothing."""

    def show(self, view: Progress) -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """One line every few seconds, and one for each stage that ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._estimates = Estimates(clock)
        self._shown_at = float("-inf")
        self._over: set[str] = set()

    def show(self, view: Progress) -> None:
        self._estimates.note(view)
        for stage in view.stages:
            if stage.total and stage.done >= stage.total and stage.name not in self._over:
                self._over.add(stage.name)
                _write(f"{stage.name}: {_counts(stage)} in {stage.seconds:.1f} s")
        if self._clock() - self._shown_at >= LINE_SECONDS:
            self._shown_at = self._clock()
            working = [s for s in view.stages if s.total > 0 and s.done < s.total]
            parts = [f"{stage.name} {_counts(stage)}, {self._estimates.text(stage)}" for stage in working]
            if parts:
                _write(" | ".join(filter(None, [*parts, _pressure(view), _tokens(view)])))

    def close(self) -> None:
        pass


class Live:
    """A table that is drawn anew in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._estimates = Estimates()
        self._live = RichLive(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._live.start()

    def show(self, view: Progress) -> None:
        self._estimates.note(view)
        self._live.update(self._table(view), refresh=True)

    def close(self) -> None:
        self._live.stop()

    def _table(self, view: Progress) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table(box=None, padding=(0, 2, 0, 0), caption=f"{_pressure(view)}   {_tokens(view)}".strip())
        for heading in ("stage", "", "done", "cached", "failed", "left"):
            table.add_column(heading, justify="left" if heading in ("stage", "") else "right")
        for stage in view.stages:
            if stage.total:
                bar = ProgressBar(total=stage.total, completed=stage.done, width=30)
                done = f"{stage.done}/{stage.total}"
                left = self._estimates.text(stage) if stage.done < stage.total else ""
                table.add_row(stage.name, bar, done, str(stage.cached), str(stage.failed), left)
        return table


class Estimates:
    """How long stages will still take, from their rate over the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, list[tuple[float, int]]] = {}

    def note(self, view: Progress) -> None:
        """Remember how far the stages are now."""
        now = self._clock()
        for stage in view.stages:
            if stage.total:
                seen = self._seen.setdefault(stage.name, [])
                seen.append((now, stage.done))
                while now - seen[0][0] > RATE_WINDOW_SECONDS:
                    seen.pop(0)

    def seconds(self, stage: StageProgress) -> float | None:
        """Seconds until the known items of a stage are done; None while there is no rate to tell it from."""
        seen = self._seen.get(stage.name, [])
        if not seen or seen[-1][0] - seen[0][0] < RATE_MINIMUM_SECONDS or seen[-1][1] == seen[0][1]:
            return None
        rate = (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
        return (stage.total - stage.done) / rate

    def text(self, stage: StageProgress) -> str:
        """The same for people."""
        seconds = self.seconds(stage)
        if seconds is None:
            return "time left not known yet"
        return f"about {seconds:.0f} s left" if seconds < 120 else f"about {seconds / 60:.0f} min left"


def choose(quiet: bool) -> Display:
    """The display that fits where stderr leads."""
    if quiet:
        return Quiet()
    return Live() if sys.stderr.isatty() else Lines()


def _counts(stage: StageProgress) -> str:
    parts = [f"{stage.done}/{stage.total} done"]
    parts += [f"{stage.cached} cached"] * (stage.cached > 0)
    parts += [f"{stage.failed} failed"] * (stage.failed > 0)
    return ", ".join(parts)


def _pressure(view: Progress) -> str:
    gate = view.pressure
    if gate is None:
        return ""
    limit = f"{gate.limit}" if gate.limit == gate.ceiling else f"{gate.limit} (of {gate.ceiling})"
    in_flight = f"in flight {gate.in_flight}/{limit}"
    if gate.away_seconds is not None:
        return f"{in_flight}, the model server is away, for {gate.away_seconds:.0f} s now"
    return in_flight + (", throttled by the server" if gate.throttled else "")


def _tokens(view: Progress) -> str:
    llm = view.llm
    if not llm:
        return ""
    helped = f" by {llm['workers']} workers" if llm.get("workers", 1) > 1 else ""
    return f"{llm['calls']} calls{helped}, {llm['prompt_tokens']:,} tokens in, {llm['completion_tokens']:,} out"


def _write(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Following:
    """Tells a person how a task goes on: a `Watcher`.

    Parameters:
      quiet: only what went wrong with the connection is told.
      events: changes of the task's state are told as well.
    """

    def __init__(self, *, quiet: bool = False, events: bool = False) -> None:
        self._quiet = quiet
        self._events = events
        self._display: Display | None = None

    def began(self, run_id: str) -> None:
        if not self._quiet:
            say(f"task {run_id}")

    def happened(self, event: Row) -> None:
        if self._events and not self._quiet:
            told = next((event["data"][name] for name in TOLD_OF_EVENTS if event["data"].get(name)), "")
            say(f"{event['created_at']} {event['kind']}" + (f": {one_line(told)}" if told else ""))

    def progressed(self, progress: Progress) -> None:
        if self._display is None:
            self._display = choose(self._quiet)
        self._display.show(progress)

    def say(self, message: str) -> None:
        say(message)

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, *_: object) -> None:
        if self._display is not None:
            self._display.close()
