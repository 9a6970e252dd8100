"""An index of any size from its texts to its files, at answers that take no time: seconds and memory for each thousand
text units, stage by stage.

`python -m benchmarks.scale [--text-units 1000,10000]`

Each size is indexed in a process of its own, with a PostgreSQL of its own. Answers are made in that process
(`benchmarks.large_collection`) and go through the fan-out into the answer store; no HTTP is spoken, whose price for
each call `benchmarks.overhead` shows. Seconds are those of the processors, of the worker, its children and PostgreSQL
together, because they hardly depend on what else the machine does.
"""

from fileintel import runtime

runtime.go_green()

import json  # noqa: E402
import logging  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterator, Sequence  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from typing import Any, cast  # noqa: E402

from benchmarks import large_collection, results  # noqa: E402
from benchmarks.phases import Phases  # noqa: E402
from benchmarks.workplace import BenchRun, Workplace, begin_run, workplace  # noqa: E402
from fileintel import garbage_collection  # noqa: E402
from fileintel.fanout.fanout import Fanout  # noqa: E402
from fileintel.graphrag import pipeline, publishing  # noqa: E402
from fileintel.graphrag.export import export_index  # noqa: E402
from fileintel.graphrag.pipeline import BuildInputs  # noqa: E402
from fileintel.graphrag.stages import cluster, extract, report  # noqa: E402
from fileintel.llm.client import ModelClient  # noqa: E402
from fileintel.storage import coverage, documents, runs, versions  # noqa: E402
from fileintel.storage.models import IndexVersion  # noqa: E402
from fileintel.storage.states import RunState  # noqa: E402
from fileintel.workspace import Workspace  # noqa: E402

MODEL = "made in this process"
FLAT = 1.3
WARM_UP_UNITS = 30


def phase_of(counts: dict[str, tuple[int, int, float]]) -> str:
    """What a run is at, told by total, done and seconds of its stages."""
    total, done, seconds = 0, 1, 2
    if counts[pipeline.PUBLISH][total]:
        return "write"
    if counts[cluster.STAGE][seconds]:
        if counts[report.STAGE][total]:
            return "describe, report, embed"
        return "contexts" if counts[cluster.STAGE][total] else "cluster"
    if counts[extract.STAGE][total]:
        return "merge" if counts[extract.STAGE][done] >= counts[extract.STAGE][total] else "extract, embed"
    return "cut"


def index(place: Workplace, text_units: int, dimensions: int) -> dict[str, Any]:
    """Index a collection of this size; what was measured."""
    settings = place.settings(storage__index_memory=4096)
    with Workspace(settings) as workspace:
        with Phases(place.home) as phases:  # what a process loads once, whatever it indexes, is loaded now
            index_one(place, workspace, begin_run(workspace, "small"), WARM_UP_UNITS, dimensions, phases)
        garbage_collection.tune_collector()
        bench = begin_run(workspace, "large")
        with Phases(place.home) as phases:
            version_id = index_one(place, workspace, bench, text_units, dimensions, phases)
        with workspace.database.transaction() as session:
            counts = session.get_one(IndexVersion, version_id).counts
        stalls = phases.stalls()
    return {
        "text_units": counts["text_units"],
        "counts": counts,
        "calls": bench.tally.calls,
        "phases": phases.spent(),
        "memory_mb": phases.peak_mb(),
        "base_mb": phases.base_mb,
        "stall_ms": stalls.computing * 1000,
        "stall_wall_ms": stalls.waiting * 1000,
        "culprit": stalls.culprit,
    }


def index_one(
    place: Workplace, workspace: Workspace, bench: BenchRun, text_units: int, dimensions: int, phases: Phases
) -> str:
    """Write a collection, index and export it; returns the id of the version."""
    with workspace.database.transaction() as session:
        collection_id = runs.find(session, bench.journal.lease.run_id).collection_id
    large_collection.write(workspace.database, collection_id, text_units)
    with garbage_collection.young_objects_only():
        version_id = build(workspace, bench, collection_id, dimensions, phases)
    export(place, workspace, version_id, phases)
    phases.end()
    with workspace.database.transaction() as session:
        runs.finish(session, bench.journal.lease, RunState.SUCCEEDED)
    return version_id


def build(workspace: Workspace, bench: BenchRun, collection_id: str, dimensions: int, phases: Phases) -> str:
    """Build and publish; returns the id of the version."""
    settings = workspace.settings
    model = cast(ModelClient, large_collection.Model(dimensions))
    with workspace.database.transaction() as session:
        found = documents.in_collection(session, collection_id)
    run = BuildInputs(
        database=workspace.database,
        settings=settings,
        prompts=workspace.prompts,
        form=extract.FORMATS["tuple"],
        journal=bench.journal,
        progress=bench.progress,
        collection_id=collection_id,
        documents=found,
        chat_model=MODEL,
        embedding_model=MODEL,
        embedding_size=dimensions,
        fingerprint="scale",
    )
    phases.follow(lambda: phase_of({c.name: (c.total, c.done, c.seconds) for c in bench.progress.counts()}))
    with Fanout(model, model, bench.journal, bench.tally, limit=settings.graphrag.concurrency) as fanout:
        built = pipeline.build(run, fanout)
    with indexing_vectors(phases), built:
        return publishing.publish(run, built)


@contextmanager
def indexing_vectors(phases: Phases) -> Iterator[None]:
    """HNSW indexes are a phase of their own."""
    original: Callable[..., None] = versions.build_vector_indexes

    def marked(*arguments: Any) -> None:
        phases.begin("index vectors")
        original(*arguments)
        phases.begin("publish")

    versions.build_vector_indexes = marked  # type: ignore[assignment]
    try:
        yield
    finally:
        versions.build_vector_indexes = original


def export(place: Workplace, workspace: Workspace, version_id: str, phases: Phases) -> None:
    """What is done with an index afterwards: its status, its files."""
    with workspace.database.transaction() as session:
        version = session.get_one(IndexVersion, version_id)
        phases.begin("status")
        coverage.of_version(session, version)
    phases.begin("export")
    export_index(workspace.database, version, place.home / "export")
    runtime.in_native_thread(shutil.rmtree, place.home / "export")  # which is no part of what is measured


def one(text_units: int, dimensions: int) -> int:
    """In a process of its own: index one size and print what was measured as JSON."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    with workplace() as place:
        measured = index(place, text_units, dimensions)
    print(json.dumps(measured))
    return 0


def measure(text_units: int, options: Any) -> dict[str, Any]:
    """Index one size."""
    words = [sys.executable, "-m", "benchmarks.scale", "--one", str(text_units)]
    words += ["--dimensions", str(options.dimensions)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def figures(measured: dict[str, Any]) -> list[results.Line]:
    """The figures of one size."""
    thousands = measured["text_units"] / 1000
    name = f"{measured['text_units']:,} text units"
    counts = measured["counts"]
    lines = [
        results.Line(
            f"{name}: entities, relationships, communities",
            " / ".join(f"{counts[kind]:,}" for kind in ("entities", "relationships", "communities")),
        ),
        results.told(f"{name}: answers", measured["calls"], digits=0),
        results.told(f"{name}: processor time for each thousand", _seconds(measured) / thousands, " s"),
        results.told(f"{name}: memory for each thousand", _memory(measured) / thousands, " MB"),
        results.told(f"{name}: most memory of worker and children", measured["memory_mb"], " MB", digits=0),
        results.at_most(f"{name}: longest stall of the hub, its own computing", measured["stall_ms"], 100, " ms", 0),
        results.told(f"{name}: the same by the wall clock", measured["stall_wall_ms"], " ms", digits=0),
    ]
    for phase in measured["phases"]:
        each = f"worker {phase['cpu']:.1f}, PostgreSQL {phase['database']:.1f}, wall {phase['wall']:.1f}"
        lines.append(results.Line(f"{name}: {phase['name']}", f"{_of(phase) / thousands:.2f} s a thousand ({each} s)"))
    return lines


def compared(all_measured: Sequence[dict[str, Any]]) -> list[results.Line]:
    """How much more a thousand text units cost in the largest collection than in the smallest."""

    def growth(value: Callable[[dict[str, Any]], float]) -> float:
        smallest, largest = (value(one) / one["text_units"] for one in (all_measured[0], all_measured[-1]))
        return largest / smallest

    if len(all_measured) < 2:
        return []
    return [
        results.at_most("processor time for each thousand, largest over smallest", growth(_seconds), FLAT),
        results.at_most("memory for each thousand, largest over smallest", growth(_memory), FLAT),
    ]


def _of(phase: dict[str, Any]) -> float:
    return float(phase["cpu"] + phase["database"])


def _seconds(measured: dict[str, Any]) -> float:
    return sum(map(_of, measured["phases"]))


def _memory(measured: dict[str, Any]) -> float:
    return float(measured["memory_mb"] - measured["base_mb"])


def main() -> int:
    """All sizes, one after the other."""
    parser = results.arguments("scale", __doc__ or "")
    parser.add_argument("--text-units", default="1000,10000", help="sizes, separated by commas")
    parser.add_argument("--dimensions", type=int, default=128, help="of vectors")
    parser.add_argument("--one", type=int, help="index this size in this process, and print JSON")
    options = parser.parse_args()
    if options.one:
        return one(options.one, options.dimensions)
    found = []
    for size in map(int, options.text_units.split(",")):
        found.append(measure(size, options))
        print(f"-- {size}", *(f"{line.what}: {line.result}" for line in figures(found[-1])), sep="\n", flush=True)
    lines = compared(found) + [line for measured in found for line in figures(measured)]
    return results.present("scale", lines, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
