"""168 community reports through the real report stage, over HTTP, with everything stored in PostgreSQL.

Answers take 3.5 s on average (lognormal, sigma 0.4), 50 at once. Once all communities can be written at once; once
the evidence of a parent does not fit into a question, so that it waits for its children's reports: three levels.
"""

from fileintel import runtime

runtime.go_green()

import sys  # noqa: E402

from benchmarks import communities, measuring, results  # noqa: E402
from benchmarks.ideal import CHAT, schedule  # noqa: E402
from benchmarks.simulator.behaviour import Behaviour  # noqa: E402
from benchmarks.workplace import Workplace, begin_run, workplace  # noqa: E402
from fileintel.graphrag.context import ContextBuilder  # noqa: E402
from fileintel.graphrag.fanout import Fanout  # noqa: E402
from fileintel.graphrag.prompts import REPORT  # noqa: E402
from fileintel.graphrag.stages.report import ReportStage  # noqa: E402
from fileintel.llm.questions import Sampling  # noqa: E402
from fileintel.llm.tokens import Tokenizer  # noqa: E402
from fileintel.services.workspace import Workspace  # noqa: E402

SLOTS = 50
WIDE, NARROW = 50_000, 2_500  # tokens of evidence in one question: all of it, or only that of the lowest level


def write_reports(place: Workplace, name: str, max_tokens: int) -> measuring.Spent:
    """Write all reports; what it took from the first question on."""
    graph, found = communities.hierarchy()
    with Workspace(place.settings(graphrag__concurrency=SLOTS)) as workspace:
        bench = begin_run(workspace, name)
        stage = ReportStage(
            str(workspace.chat.endpoint.model),
            workspace.prompts.load(REPORT),
            Sampling(),
            bench.progress,
            contexts=ContextBuilder(graph, [], max_tokens, Tokenizer().count),
            communities=found,
            undescribed=[],
            max_words=2000,
            language=None,
            written=lambda _report: (),
        )
        requests = stage.requests()  # lays out and counts the evidence: that is the clustering's side of the door
        with Fanout(workspace.chat, workspace.embedder, bench.journal, bench.tally, limit=SLOTS) as fanout:
            with measuring.measured() as spent:
                for request in requests:
                    fanout.add([request])
                fanout.run()
            assert len(stage.reports) == len(found), f"{len(stage.reports)} of {len(found)} reports"
    return spent


def compare(place: Workplace, name: str, max_tokens: int, target: float, mean: float) -> list[results.Line]:
    """One variant, beside its ideal schedule."""
    place.simulator.configure(Behaviour(slots=SLOTS, mean=mean, keep=True))
    spent = write_reports(place, name, max_tokens)
    records = place.simulator.records()
    tasks = measuring.tasks_of(records)
    total = sum(task.seconds for task in tasks)
    ideal = schedule(tasks, {CHAT: SLOTS, "embed": 8}).makespan
    foresight = schedule(tasks, {CHAT: SLOTS, "embed": 8}, foresight=True).makespan
    print(f"-- {name}", file=sys.stderr)
    return [
        results.at_most(f"{name}: wall time over the ideal schedule's", spent.wall / ideal, 1.05, digits=3),
        results.at_least(f"{name}: sum of answer times over wall time", total / spent.wall, target),
        results.told(f"{name}: wall time", spent.wall, " s"),
        results.told(f"{name}: ideal schedule", ideal, " s"),
        results.told(f"{name}: ideal schedule with foresight", foresight, " s"),
        results.at_most(
            f"{name}: slot time lost while a question was ready", measuring.idle_share(records, SLOTS) * 100, 2, " %"
        ),
        results.told(f"{name}: CPU of this process for each report", spent.cpu / len(records) * 1000, " ms"),
    ]


def main() -> int:
    """Both variants."""
    parser = results.arguments("reports_168", __doc__ or "")
    parser.add_argument("--mean", type=float, default=3.5, help="seconds of an answer on average")
    options = parser.parse_args()
    runtime.watch_hub()
    lines: list[results.Line] = []
    for name, max_tokens, target in (("independent", WIDE, 34), ("three levels", NARROW, 25)):
        with workplace() as place:  # of its own: the second would find answers of the first in the store
            lines += compare(place, name, max_tokens, target, options.mean)
    lines.append(
        results.at_most("longest time that the hub stood still", runtime.hub_stalls().longest * 1000, 100, " ms")
    )
    return results.present("reports-168", lines, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
