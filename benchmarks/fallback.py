"""The same run on a gevent, a threads and a prefork pool: one worker, 50 questions at once, answers of 3.5 s each on
average.

Gevent is the pool that the graph queues are made for; the others are for machines on which it does not work.
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

SLOTS = 50
POOLS = {"gevent": 100, "threads": 4, "prefork": 2}  # and how many tasks each takes at once
MOST = 1.3  # times as long as gevent
CHARACTERS, DOCUMENTS = 400_000, 4


def run(pool: str, characters: int, mean: float) -> Worked:
    """The run on a worker with this pool, all from nothing."""
    with workplace() as place:
        place.simulator.configure(
            Behaviour(
                slots=SLOTS,
                mean=mean,
                embedding_slots=EMBEDDING_SLOTS,
                embedding_seconds=EMBEDDING_SECONDS,
                keep=True,
            )
        )
        with crew(place, 1, SLOTS, pool, POOLS[pool]) as at_work:
            return at_work.index(characters, DOCUMENTS)


def report(pool: str, worked: Worked, gevent: Worked) -> list[results.Line]:
    """The figures of one pool."""
    chats = [record for record in worked.records if record.purpose != EMBED]
    assert len(chats) == len({record.identity for record in chats}), "a question was asked twice"
    ideal = schedule(tasks_of(worked.records), {CHAT: SLOTS, EMBED: EMBEDDING_SLOTS, MERGING: 1}).makespan
    lines = [
        results.told(f"{pool}: wall time", worked.wall, " s", digits=1),
        results.told(f"{pool}: wall time over the ideal schedule's", worked.wall / ideal),
        results.told(f"{pool}: chat requests", len(chats), digits=0),
        results.told(f"{pool}: CPU of the worker for each call", worked.cpu / len(worked.records) * 1000, " ms"),
    ]
    if worked is gevent:
        return lines
    return [results.at_most(f"{pool}: wall time over gevent's", worked.wall / gevent.wall, MOST), *lines]


def main() -> int:
    """One after the other."""
    parser = results.arguments("fallback", __doc__ or "")
    parser.add_argument("--mean", type=float, default=3.5, help="seconds of an answer on average")
    parser.add_argument("--characters", type=int, default=CHARACTERS, help="size of the collection")
    options: argparse.Namespace = parser.parse_args()
    found = {pool: run(pool, options.characters, options.mean) for pool in POOLS}
    lines = [line for pool, worked in found.items() for line in report(pool, worked, found["gevent"])]
    return results.present("fallback", lines, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
