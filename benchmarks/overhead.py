"""What FileIntel costs by itself: prompts of 10 kB, answers that take no time, 50 at once.

CPU is that of the process alone (user and system), in milliseconds for each model call. Beside it the same calls by
bare urllib3, and by the openai package as it comes.
"""

from fileintel import runtime

runtime.go_green()

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import openai  # noqa: E402
import urllib3  # noqa: E402
from gevent.pool import Pool  # noqa: E402

from benchmarks import corpus, measuring, results  # noqa: E402
from benchmarks.simulator import Simulator  # noqa: E402
from benchmarks.simulator.behaviour import Behaviour  # noqa: E402
from benchmarks.workplace import Workplace, begin_run, workplace  # noqa: E402
from fileintel.fanout.fanout import Fanout  # noqa: E402
from fileintel.fanout.request import Outcome, Request  # noqa: E402
from fileintel.graphrag.stages.report import SCHEMA, parse_report  # noqa: E402
from fileintel.llm.client import Tally  # noqa: E402
from fileintel.llm.questions import Answered, ChatQuestion, Message, Sampling  # noqa: E402
from fileintel.workspace import Workspace  # noqa: E402

SLOTS = 50
INSTRUCTIONS = corpus.text(2_000, seed=1)
WARM_UP = 200  # calls that open connections and fill caches
COLLECTION = 200_000  # characters


def question(number: int, kind: str) -> ChatQuestion:
    """A report's question of 10 kB."""
    data = f"{kind} {number}\n" + corpus.text(8_000, seed=2)
    messages = (Message(role="system", content=INSTRUCTIONS), Message(role="user", content=data))
    return ChatQuestion("report", Simulator.model, messages, parse_report, Sampling(), SCHEMA)


def per_call(calls: int, call: Callable[[int], object]) -> float:
    """Milliseconds of CPU for each call, 50 at once."""
    pool = Pool(SLOTS)
    for number in range(WARM_UP):
        pool.spawn(call, -1 - number)
    pool.join(raise_error=True)
    with measuring.measured() as spent:
        for number in range(calls):
            pool.spawn(call, number)
        pool.join(raise_error=True)
    return spent.cpu / calls * 1000


def bare(base_url: str, calls: int) -> float:
    """The same requests by urllib3, with json on both sides and nothing else."""
    pool = urllib3.PoolManager(maxsize=SLOTS, block=False, retries=False)
    headers = {"Content-Type": "application/json", "X-FileIntel-Purpose": "report"}
    texts = {number: question(number, "bare") for number in range(-WARM_UP, calls)}

    def call(number: int) -> None:
        body = {"model": Simulator.model, "messages": list(texts[number].messages), "max_tokens": 4096}
        answer = pool.request("POST", f"{base_url}/chat/completions", body=json.dumps(body).encode(), headers=headers)
        parse_report(json.loads(answer.data)["choices"][0]["message"]["content"])

    return per_call(calls, call)


def as_it_comes(base_url: str, calls: int) -> float:
    """The same requests by the openai package with its own transport and types."""
    client = openai.OpenAI(api_key="none", base_url=base_url, max_retries=0)
    texts = {number: question(number, "openai") for number in range(-WARM_UP, calls)}

    def call(number: int) -> None:
        answer = client.chat.completions.create(
            model=Simulator.model,
            messages=list(texts[number].messages),  # type: ignore[arg-type]
            max_tokens=4096,
            extra_headers={"X-FileIntel-Purpose": "report"},
        )
        parse_report(answer.choices[0].message.content or "")

    return per_call(calls, call)


def client_path(place: Workplace, calls: int) -> float:
    """FileIntel's client: gate, request, response, parsed answer."""
    with Workspace(place.settings(graphrag__concurrency=SLOTS)) as workspace:
        chat, tally = workspace.chat, Tally()
        questions = {number: question(number, "client") for number in range(-WARM_UP, calls)}

        def call(number: int) -> None:
            assert isinstance(chat.ask(questions[number], tally), Answered)

        return per_call(calls, call)


def fanned_out(place: Workplace, calls: int) -> float:
    """The whole way of a question: keyed, looked up, asked, parsed, stored in PostgreSQL, delivered."""
    with Workspace(place.settings(graphrag__concurrency=SLOTS)) as workspace:
        bench = begin_run(workspace, "overhead")
        good: list[bool] = []

        def deliver(outcome: Outcome) -> None:
            good.append(isinstance(outcome, Answered))

        def ask(kind: str, count: int) -> None:
            # made ahead: the generator of the texts is no part of what is measured
            wanted = [Request("report", str(at), question(at, kind), deliver) for at in range(count)]
            with measuring.measured() as spent:
                fanout.add(wanted)
                fanout.run()
            cpu.append(spent.cpu / count * 1000)

        cpu: list[float] = []
        with Fanout(workspace.chat, workspace.embedder, bench.journal, bench.tally, limit=SLOTS) as fanout:
            ask("warm-up", WARM_UP)
            ask("stored", calls)
        assert all(good)
        assert len(good) == WARM_UP + calls
    return cpu[1]


def whole_command(place: Workplace) -> list[results.Line]:
    """`fileintel graphrag index` on a collection of 200 kB, as a process of its own."""
    environment = place.environment()
    folder: Path = place.home / "collection"
    paths = corpus.write(folder, COLLECTION, documents=4)
    fileintel = [sys.executable, "-m", "fileintel"]
    for words in (["collections", "create", "small"], ["documents", "add", "small", *map(str, paths)]):
        done = measuring.run_command([*fileintel, *words], environment, place.home)
        assert done.code == 0, done.output
    place.simulator.configure(Behaviour(slots=SLOTS))
    built = measuring.run_command([*fileintel, "graphrag", "index", "small"], environment, place.home)
    assert built.code == 0, built.output
    counts = place.simulator.counts()
    idle = measuring.run_command([*fileintel, "graphrag", "index", "small"], environment, place.home)
    return [
        results.at_most("start of the command to its first request", counts["first"] - built.began, 1.5, " s"),
        results.at_most("peak memory of the command, collection of 200 kB", built.peak_mb, 250, " MB", digits=0),
        results.told("model calls of the command", counts["requests"], digits=0),
        results.told("CPU of the command for each call, start included", built.cpu / counts["requests"] * 1000, " ms"),
        results.told("CPU of the command that finds nothing to do", idle.cpu, " s"),
        results.told(
            "CPU of the command for each call, beyond that", (built.cpu - idle.cpu) / counts["requests"] * 1000, " ms"
        ),
    ]


def main() -> int:
    """All of it."""
    parser = results.arguments("overhead", __doc__ or "")
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--only-client", action="store_true", help="only the client path and what it is compared to")
    options = parser.parse_args()
    with workplace(Behaviour(slots=SLOTS)) as place:
        urllib3_cpu = bare(place.simulator.base_url, options.calls)
        before = place.simulator.counts()
        client_cpu = client_path(place, options.calls)
        after = place.simulator.counts()
        server_cpu = (after["cpu"] - before["cpu"]) / (after["requests"] - before["requests"]) * 1000
        lines = [
            results.at_most("client path, CPU for each call", client_cpu, 0.8, " ms"),
            results.told("bare urllib3, the same calls", urllib3_cpu, " ms"),
            results.told("client path over bare urllib3", client_cpu / urllib3_cpu),
            results.told("the simulated server's own CPU for each call", server_cpu, " ms"),
        ]
        if not options.only_client:
            openai_cpu = as_it_comes(place.simulator.base_url, options.calls // 4)
            lines.append(results.told("openai package as it comes, the same calls", openai_cpu, " ms"))
            stored_cpu = fanned_out(place, options.calls)
            lines.insert(0, results.at_most("fan-out with everything stored, CPU for each call", stored_cpu, 2, " ms"))
            lines += whole_command(place)
    return results.present("overhead", lines, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
