"""Where the adaptive limit comes to rest: servers that can use fewer requests at once than are configured.

A simulated server with fewer slots than requests are sent: with `/metrics`, and without it, so that only the time
that answers take tells. What is lost is compared to a limit that was set to the server's slots by hand.
"""

from fileintel import runtime

runtime.go_green()

import sys  # noqa: E402

from benchmarks import measuring, results  # noqa: E402
from benchmarks.overhead import question  # noqa: E402
from benchmarks.simulator.behaviour import Behaviour  # noqa: E402
from benchmarks.workplace import Workplace, workplace  # noqa: E402
from fileintel.llm.client import ModelClient, Tally  # noqa: E402
from fileintel.runtime import make_pool  # noqa: E402
from fileintel.workspace import Workspace  # noqa: E402

CONFIGURED = 50
MEAN = 0.5  # seconds of an answer


def rests_at(chat: ModelClient, calls: int, kind: str) -> tuple[float, float, int]:
    """The limit over the last third of the calls on average, seconds of the whole, and the most requests at once."""
    limits: list[int] = []
    tally = Tally()

    def call(number: int) -> None:
        chat.ask(question(number, kind), tally)
        limits.append(chat.gate.reading().limit)

    pool = make_pool(CONFIGURED)
    with measuring.measured() as spent:
        for number in range(calls):
            pool.spawn(call, number)
        pool.join()  # type: ignore[attr-defined]  # it is a green one
    last = limits[-len(limits) // 3 :]
    return sum(last) / len(last), spent.wall, chat.gate.reading().peak


def compare(place: Workplace, slots: int, *, metrics: bool, calls: int) -> list[results.Line]:
    """One server."""
    name = f"{slots} slots, {'with' if metrics else 'without'} metrics"
    place.simulator.configure(Behaviour(slots=slots, mean=MEAN, metrics=metrics))
    with Workspace(place.settings(graphrag__concurrency=CONFIGURED)) as workspace:
        limit, wall, _ = rests_at(workspace.chat, calls, name)
    place.simulator.configure(Behaviour(slots=slots, mean=MEAN))
    with Workspace(place.settings(graphrag__concurrency=min(slots, CONFIGURED), llm__adaptive=False)) as workspace:
        _, by_hand, _ = rests_at(workspace.chat, calls, name)
    return [
        results.told(f"{name}: limit in the last third", limit, digits=0),
        results.at_most(f"{name}: wall time over that of the limit set by hand", wall / by_hand, 1.1),
    ]


def main() -> int:
    """A small server, a middling one, and one that can use all."""
    parser = results.arguments("knee", __doc__ or "")
    parser.add_argument("--calls", type=int, default=800)
    options = parser.parse_args()
    lines: list[results.Line] = []
    with workplace() as place:
        for slots in (12, 24, 64):
            for metrics in (True, False):
                lines += compare(place, slots, metrics=metrics, calls=options.calls)
    return results.present("knee", lines, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
