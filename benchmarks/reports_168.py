"""168 community reports through the real report stage, over HTTP, with everything stored in PostgreSQL.

Answers take 3.5 s on average (lognormal, sigma 0.4), 50 at once. Once all communities can be written at once; once
the evidence of a parent does not fit into a question, so that it waits for its children's reports: three levels.
"""

from fileintel import runtime

runtime.go_green()

import sys  # noqa: E402

from benchmarks import communities, measuring, results  # noqa: E402
from benchmarks.ideal import CHAT, Task, schedule  # noqa: E402
from benchmarks.simulator.behaviour import Behaviour  # noqa: E402
from benchmarks.workplace import Workplace, begin_run, workplace  # noqa: E402
from fileintel.fanout.fanout import Fanout  # noqa: E402
from fileintel.graphrag.contexts.graph_context import GraphContexts  # noqa: E402
from fileintel.graphrag.stages.report import REPORT, ReportStage  # noqa: E402
from fileintel.llm.questions import Sampling  # noqa: E402
from fileintel.llm.tokens import Tokenizer  # noqa: E402
from fileintel.workspace import Workspace  # noqa: E402

SLOTS = 50
DRAWS = 51
# tokens of evidence in one question: all of it; or what a community of the lowest level has and hardly more, so that
# every child's report is needed above
WIDE, NARROW = 50_000, 1_500


def write_reports(place: Workplace, name: str, max_tokens: int) -> tuple[measuring.Spent, runtime.Stalls]:
    """Write all reports; what it took from the first question on, and how the hub fared meanwhile."""
    graph, found = communities.hierarchy()
    with Workspace(place.settings(graphrag__concurrency=SLOTS)) as workspace:
        bench = begin_run(workspace, name)
        stage = ReportStage(
            str(workspace.chat.endpoint.model),
            workspace.prompts.load(REPORT),
            Sampling(),
            bench.progress,
            contexts=GraphContexts(graph, [], max_tokens, Tokenizer().count),
            communities=found,
            undescribed=[],
            max_words=2000,
            language=None,
            written=lambda _report: (),
        )
        requests = stage.requests()  # lays out and counts the evidence: that is the clustering's side of the door
        with Fanout(workspace.chat, workspace.embedder, bench.journal, bench.tally, limit=SLOTS) as fanout:
            watcher = runtime.HubWatcher()
            with measuring.measured() as spent:
                for request in requests:
                    fanout.add([request])
                fanout.run()
            watcher.stop()
            assert len(stage.reports) == len(found), f"{len(stage.reports)} of {len(found)} reports"
    return spent, watcher.stalls()


def typical_seed(place: Workplace, max_tokens: int, mean: float) -> int:
    """Of many draws of answer times the one whose ideal schedule is the median: the longest of 168 answers decides
    much, and one draw taken at random may be lucky or not. Found without waiting, as the questions are the same."""
    place.simulator.configure(Behaviour(slots=SLOTS, keep=True))
    write_reports(place, "for the draw", max_tokens)
    records = place.simulator.records()

    def ideal(seed: int) -> float:
        behaviour = Behaviour(mean=mean, seed=seed)
        tasks = [Task(behaviour.seconds(bytes.fromhex(record.identity)), record.needs) for record in records]
        return schedule(tasks, {CHAT: SLOTS}).makespan

    return sorted(range(DRAWS), key=ideal)[DRAWS // 2]


def compare(name: str, max_tokens: int, target: float, mean: float) -> list[results.Line]:
    """One variant beside its ideal schedule."""
    with workplace() as place:
        seed = typical_seed(place, max_tokens, mean)
    with workplace() as place:  # another one: the answers must not be in the store
        place.simulator.configure(Behaviour(slots=SLOTS, mean=mean, seed=seed, keep=True))
        spent, stalls = write_reports(place, name, max_tokens)
        records = place.simulator.records()
    tasks = measuring.tasks_of(records)
    rests_on = sum(len(task.needs) for task in tasks)
    assert rests_on == (communities.MIDDLE + communities.BOTTOM if max_tokens == NARROW else 0), rests_on
    ideal = schedule(tasks, {CHAT: SLOTS}).makespan
    foresight = schedule(tasks, {CHAT: SLOTS}, foresight=True).makespan
    answers = sum(task.seconds for task in tasks)
    lost = measuring.idle_share(records, SLOTS)
    return [
        results.at_most(f"{name}: wall time over the ideal schedule's", spent.wall / ideal, 1.05, digits=3),
        results.at_least(f"{name}: sum of answer times over wall time", answers / spent.wall, target),
        results.told(f"{name}: the same for the ideal schedule", answers / ideal, digits=1),
        results.told(f"{name}: wall time", spent.wall, " s"),
        results.told(f"{name}: ideal schedule", ideal, " s"),
        results.told(f"{name}: ideal schedule with foresight", foresight, " s"),
        results.at_most(f"{name}: slot time lost while a question was ready", lost * 100, 2, " %"),
        results.told(f"{name}: CPU of this process for each report", spent.cpu / len(records) * 1000, " ms"),
        results.at_most(f"{name}: longest time that the hub stood still", stalls.longest * 1000, 100, " ms"),
    ]


def main() -> int:
    """Both variants."""
    parser = results.arguments("reports_168", __doc__ or "")
    parser.add_argument("--mean", type=float, default=3.5, help="seconds of an answer on average")
    options = parser.parse_args()
    lines: list[results.Line] = []
    for name, max_tokens, target in (("independent", WIDE, 34), ("three levels", NARROW, 25)):
        lines += compare(name, max_tokens, target, options.mean)
    return results.present("reports-168", lines, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
