"""One run with 1, 2 and 4 gevent workers, 50 questions at once each, answers of 3.5 s on average.

Real Celery workers on a Redis. The run is handed to one of them, which shares its questions with the others; the
simulated server has slots for all. The wall time counts from the first question about a text unit until the index is
published. Beside it stands the ideal schedule of the same answers and dependencies with as many slots.
"""

import argparse
import sys

from benchmarks import results
from benchmarks.crew import Worked, crew
from benchmarks.ideal import CHAT, schedule
from benchmarks.index import EMBEDDING_SECONDS, EMBEDDING_SLOTS, MERGING, tasks_of
from benchmarks.simulator.behaviour import Behaviour
from benchmarks.simulator.engine import EMBED
from benchmarks.workplace import workplace

SLOTS = 50  # of each worker
TARGETS = {2: 1.9, 4: 3.6}
CHARACTERS, DOCUMENTS = 8_000_000, 16


def run(workers: int, characters: int, mean: float) -> Worked:
    """The run with so many workers, all from nothing."""
    with workplace() as place:
        place.simulator.configure(
            Behaviour(
                slots=SLOTS * workers,
                mean=mean,
                embedding_slots=EMBEDDING_SLOTS,
                embedding_seconds=EMBEDDING_SECONDS,
                keep=True,
            )
        )
        with crew(place, workers, SLOTS) as at_work:
            return at_work.index(characters, DOCUMENTS)


def ideal(worked: Worked, slots: int) -> float:
    """Seconds of the ideal schedule with so many slots."""
    lanes = {CHAT: slots, EMBED: EMBEDDING_SLOTS, MERGING: 1}
    return schedule(tasks_of(worked.records), lanes).makespan


def report(workers: int, worked: Worked, alone: Worked) -> list[results.Line]:
    """The figures of one run beside those of the run with one worker."""
    name = f"{workers} worker{'s' if workers > 1 else ''}"
    chats = [record for record in worked.records if record.purpose != EMBED]
    assert len(chats) == len({record.identity for record in chats}), "a question was asked twice"
    slots = SLOTS * workers
    answers = sum(record.seconds for record in chats)
    lines = []
    if workers > 1:
        lines = [
            results.at_least(
                f"{name}: times as fast as one", alone.wall / worked.wall, TARGETS.get(workers, workers * 0.9), digits=2
            ),
            results.told(f"{name}: the same for ideal schedules", ideal(alone, SLOTS) / ideal(worked, slots)),
        ]
    return [
        *lines,
        results.told(f"{name}: wall time", worked.wall, " s", digits=1),
        results.told(f"{name}: wall time over the ideal schedule's", worked.wall / ideal(worked, slots)),
        results.told(f"{name}: chat requests", len(chats), digits=0),
        results.told(f"{name}: chat requests in flight on average", answers / worked.wall, digits=1),
        results.told(f"{name}: have answered at once", worked.workers, digits=0),
        results.told(f"{name}: CPU of all workers for each call", worked.cpu / len(worked.records) * 1000, " ms"),
    ]


def main() -> int:
    """One after the other."""
    parser = results.arguments("workers", __doc__ or "")
    parser.add_argument("--mean", type=float, default=3.5, help="seconds of an answer on average")
    parser.add_argument("--characters", type=int, default=CHARACTERS, help="size of the collection")
    parser.add_argument("--workers", type=int, action="append", help="only one worker and so many")
    options: argparse.Namespace = parser.parse_args()
    alone = run(1, options.characters, options.mean)
    lines = report(1, alone, alone)
    for workers in options.workers or TARGETS:
        lines += report(workers, run(workers, options.characters, options.mean), alone)
    return results.present("workers", lines, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
