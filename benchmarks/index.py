"""The whole command `fileintel graphrag index` beside the ideal schedule of the same answers and dependencies.

Generated collections of 200 kB and 5 MB, answers of 3.5 s and 0.35 s on average, 50 at once. The wall time counts from
the first question about a text unit to the end of the process; what comes before is the start (imports, the encoding,
the first transactions). A question depends on the
answers whose marks its prompt holds; besides, nothing that describes the graph can be asked before the last text unit
has been read. With `--upstream` the whole process is put beside `graphrag index`, with and without its memory tracing.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import corpus, measuring, prefixes, results, upstream
from benchmarks.ideal import CHAT, Task, schedule
from benchmarks.simulator import Record
from benchmarks.simulator.behaviour import Behaviour
from benchmarks.simulator.engine import EMBED
from benchmarks.workplace import Workplace, workplace

SLOTS, EMBEDDING_SLOTS = 50, 8
EMBEDDING_SECONDS = 0.005  # for one text: a batch of 64 takes a third of a second
MERGING = "merging"  # a lane of its own for the moment at which the graph is complete
READING = ("extract", "glean", "glean_check", "claims", "claims_glean")
FORMAT = "probe"  # the question by which a model is found to follow a schema: nothing rests on it
SIZES = {"200kB": (200_000, 4), "5MB": (5_000_000, 10)}  # characters, documents
MEANS = (3.5, 0.35)
TRACING = {"both": (False, True), "untraced": (False,)}


@dataclass(frozen=True)
class Indexed:
    """One run of the command."""

    command: measuring.Command
    records: list[Record]
    prompts: list[str]

    @property
    def wall(self) -> float:
        """Seconds from the first question about a text unit to the end of the process."""
        return self.command.ended - self.began

    @property
    def began(self) -> float:
        """When the first text unit was asked about."""
        return min(record.arrived for record in self.records if record.purpose in READING)


def run(place: Workplace, size: str, mean: float) -> Indexed:
    """Make a collection and index it."""
    characters, documents = SIZES[size]
    environment = place.environment(graphrag__concurrency=SLOTS, embedding__concurrency=EMBEDDING_SLOTS)
    fileintel = [sys.executable, "-m", "fileintel"]
    paths = corpus.write(place.home / size, characters, documents)
    for words in (["collections", "create", size], ["documents", "add", size, *map(str, paths)]):
        done = measuring.run_command([*fileintel, *words], environment, place.home)
        assert done.code == 0, done.output
    place.simulator.configure(_behaviour(mean))
    command = measuring.run_command([*fileintel, "graphrag", "index", size], environment, place.home)
    assert command.code == 0, command.output
    return Indexed(command, _after_the_start(place.simulator.records()), place.simulator.prompts())


def _behaviour(mean: float) -> Behaviour:
    return Behaviour(
        slots=SLOTS, mean=mean, embedding_slots=EMBEDDING_SLOTS, embedding_seconds=EMBEDDING_SECONDS, keep=True
    )


def _after_the_start(records: Sequence[Record]) -> list[Record]:
    """Without what was answered before the first question about a text unit; nothing rests on that."""
    began = min(record.arrived for record in records if record.purpose in READING)
    place = {at: new for new, at in enumerate(at for at, record in enumerate(records) if record.ended > began)}
    return [
        Record(**{**vars(records[at]), "needs": tuple(place[need] for need in records[at].needs if need in place)})
        for at in place
    ]


def tasks_of(records: Sequence[Record]) -> list[Task]:
    """The tasks with their dependencies; the last one is the merging of what was read, which takes no time."""
    read = tuple(at for at, record in enumerate(records) if record.purpose in READING)
    merged = len(records)
    tasks = []
    for record in records:
        needs = record.needs
        lane = EMBED if record.purpose == EMBED else CHAT
        tasks.append(Task(record.seconds, (*needs, merged) if _is_about_the_graph(record) else needs, lane))
    return [*tasks, Task(0.0, read, MERGING)]


def report(size: str, mean: float, indexed: Indexed) -> list[results.Line]:
    """The figures of one run."""
    name = f"{size}, {mean:g} s"
    tasks = tasks_of(indexed.records)
    ideal = schedule(tasks, {CHAT: SLOTS, EMBED: EMBEDDING_SLOTS, MERGING: 1}).makespan
    chats = [record for record in indexed.records if record.purpose != EMBED]
    answers = sum(record.seconds for record in chats)
    calls = len(indexed.records)
    shared = prefixes.repeated_share(indexed.prompts)
    return [
        results.at_most(f"{name}: wall time over the ideal schedule's", indexed.wall / ideal, 1.10, digits=3),
        results.told(f"{name}: wall time from the first text unit's question on", indexed.wall, " s"),
        results.told(f"{name}: ideal schedule", ideal, " s"),
        results.told(f"{name}: of it from the last text unit's answer to the next question", _merging(indexed), " s"),
        results.told(f"{name}: of it from the last answer to the end of the process", _publishing(indexed), " s"),
        results.told(f"{name}: start", indexed.began - indexed.command.began, " s"),
        results.told(f"{name}: whole process", indexed.command.ended - indexed.command.began, " s"),
        results.told(f"{name}: chat requests", len(chats), digits=0),
        results.told(f"{name}: chat requests in flight on average", answers / indexed.wall, digits=1),
        results.told(f"{name}: slot time lost while a question was ready", lost(indexed.records) * 100, " %"),
        results.told(f"{name}: CPU of the command for each call", indexed.command.cpu / calls * 1000, " ms"),
        results.told(f"{name}: peak memory", indexed.command.peak_mb, " MB", digits=0),
        results.told(f"{name}: share of prompt text that repeats a prefix", shared * 100, " %", digits=0),
    ]


def beside_upstream(
    place: Workplace,
    size: str,
    mean: float,
    ours: measuring.Command,
    tracing: Sequence[bool] = (False, True),
    keep: Path | None = None,
) -> list[results.Line]:
    """The whole process beside upstream's, on the same collection and server; `keep` gets the index that it makes."""
    name = f"{size}, {mean:g} s"
    lines, seconds = [], []
    for traced in tracing:
        place.simulator.configure(_behaviour(mean))
        theirs = upstream.run(place, *SIZES[size], traced=traced, slots=SLOTS, keep=keep)
        seconds.append(theirs.ended - theirs.began)
        records = place.simulator.records()
        chats = [record for record in records if record.purpose != EMBED]
        under_way = sum(record.seconds for record in chats) / seconds[-1]
        how = "as shipped" if traced else "without tracing"
        lines += [
            results.told(f"{name}: upstream {how}, whole process", seconds[-1], " s"),
            results.told(f"{name}: upstream {how}, chat requests", len(chats), digits=0),
            results.told(f"{name}: upstream {how}, chat requests in flight on average", under_way, digits=1),
            results.told(f"{name}: upstream {how}, CPU for each call", theirs.cpu / len(records) * 1000, " ms"),
            results.told(f"{name}: upstream {how}, peak memory", theirs.peak_mb, " MB", digits=0),
        ]
    ratio = min(seconds) / (ours.ended - ours.began)
    lines.append(results.at_least(f"{name}: times faster than the faster of these", ratio, 2 if mean >= 1 else 4))
    return lines


def _merging(indexed: Indexed) -> float:
    """Seconds in which the graph was merged and clustered and no question could be ready."""
    read = max(record.ended for record in indexed.records if record.purpose in READING)
    return min(record.arrived for record in indexed.records if _is_about_the_graph(record)) - read


def _publishing(indexed: Indexed) -> float:
    return indexed.command.ended - max(record.ended for record in indexed.records)


def _is_about_the_graph(record: Record) -> bool:
    return record.purpose not in (*READING, FORMAT) and (record.purpose != EMBED or bool(record.needs))


def lost(records: Sequence[Record]) -> float:
    """The share of slot time that was lost, where nothing about the graph is ready before all is read."""
    read = [at for at, record in enumerate(records) if record.purpose in READING]
    last = max(read, key=lambda at: records[at].ended)
    waiting = [record if record.purpose in (*READING, FORMAT, EMBED) else _needing(record, last) for record in records]
    return measuring.idle_share(waiting, SLOTS)


def _needing(record: Record, last: int) -> Record:
    return Record(**{**vars(record), "needs": (*record.needs, last)})


def main() -> int:
    """The combinations that were asked for."""
    parser = results.arguments("index", __doc__ or "")
    parser.add_argument("--size", choices=SIZES, action="append", help="only this size")
    parser.add_argument("--mean", type=float, action="append", help="seconds of an answer on average")
    parser.add_argument(
        "--upstream",
        nargs="?",
        const="both",
        choices=TRACING,
        help="graphrag index beside it, in both ways or only without its tracing; takes minutes",
    )
    parser.add_argument("--keep", type=Path, help="a folder for the index that graphrag makes, the last of several")
    options: argparse.Namespace = parser.parse_args()
    lines: list[results.Line] = []
    for size in options.size or SIZES:
        for mean in options.mean or MEANS:
            with workplace() as place:
                indexed = run(place, size, mean)
                lines += report(size, mean, indexed)
                if options.upstream:
                    traced = TRACING[options.upstream]
                    lines += beside_upstream(place, size, mean, indexed.command, traced, options.keep)
    return results.present("index", lines, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
