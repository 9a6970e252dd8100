"""What a local question costs outside the model, on an index of many entities: time and memory of one worker.

`python -m benchmarks.local_query [--entities 100000] [--questions 300]`

The index is written straight into the tables of a PostgreSQL of its own: names that few passages hold and hubs that
thousands do, three levels of communities, HNSW indexes. The model server answers at once, with citations of the first
source, entity, relationship and report of each context, so that all ways from a citation to a page are gone.

The process that asks is patched as the gevent worker is, and does what that does with the message of a question: it
takes the run, answers, writes the reply down.
"""

import sys

from fileintel import runtime

if __name__ == "__main__" and "--serve" not in sys.argv:
    runtime.go_green()

import argparse
import json
import random
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import text

from fileintel import garbage_collection
from fileintel.config import load_settings
from fileintel.llm.transport import PooledTransport
from fileintel.local.postgres import EmbeddedPostgres
from fileintel.storage import collections, runs, schema, versions
from fileintel.storage.engine import Database
from fileintel.workspace import Workspace

SIZE = 384  # numbers in a vector
PASSAGES_PER_DOCUMENT = 100
CHARACTERS = 4800  # of a passage: about 1,200 tokens
DIFFERENT_PASSAGES = 400
WARM_UP = 20  # questions before the measured ones
NAME = "large"
SAMPLES = Path(__file__).resolve().parents[1] / "examples" / "sources"

FILL = """
INSERT INTO indexed_documents (version_id, id, human_readable_id, title, name, sha256, created_at)
SELECT :v, md5('d' || g)::uuid, g, 'Document ' || g, 'document-' || g || '.txt', repeat('0', 64), now()
FROM generate_series(0, :documents - 1) g;
INSERT INTO text_units (version_id, id, human_readable_id, document_id, start, "end", first_page, last_page, n_tokens,
  text)
SELECT :v, md5('t' || g)::uuid, g, md5('d' || g / 100)::uuid, (g % 100) * 4800, (g % 100) * 4800 + 4800,
  (g % 100) * 2 + 1, (g % 100) * 2 + 2, 1200, p.text
FROM generate_series(0, :passages - 1) g JOIN bench_passages p ON p.id = g % :different;
INSERT INTO entities (version_id, id, human_readable_id, title, type, types, description, text_unit_ids, frequency,
  degree)
SELECT :v, md5('e' || g)::uuid, g, 'NAME ' || g, 'person', ARRAY['person'], left(p.text, 300),
  ARRAY(SELECT DISTINCT md5('t' || ((g * 31 + n * 7919) % :passages))::uuid
        FROM generate_series(1, least(3000, 1 + 3000 / (g + 1) + g % 4)) n), 1, 1
FROM generate_series(0, :entities - 1) g JOIN bench_passages p ON p.id = g % :different;
INSERT INTO relationships (version_id, id, human_readable_id, source, target, description, weight, combined_degree,
  text_unit_ids)
SELECT :v, md5('r' || g)::uuid, g, 'NAME ' || floor(:entities * pow((g * 0.6180339887) % 1, 3))::int,
  'NAME ' || (g * 7907 % :entities), left(p.text, 200), 1 + g % 9, 2 + g % 400,
  ARRAY[md5('t' || (g % :passages))::uuid, md5('t' || ((g * 13) % :passages))::uuid]
FROM generate_series(0, 2 * :entities - 1) g JOIN bench_passages p ON p.id = g % :different;
INSERT INTO communities (version_id, id, human_readable_id, community, level, parent, children, title, entity_ids,
  relationship_ids, text_unit_ids, period, size, residual)
SELECT :v, md5('c' || c)::uuid, c, c, level, -1, '{}', 'Community ' || c,
  members, '{}',
  (SELECT array_agg(DISTINCT md5('t' || ((c * 101 + n) % :passages))::uuid)
   FROM generate_series(1, least(:passages, 3 * size)) n), '2026-01-01', size, false
FROM (SELECT level, c, array_agg(md5('e' || e)::uuid) AS members, count(*) AS size FROM (
  SELECT 0 AS level, e % 100 AS c, e FROM generate_series(0, :entities - 1) e
  UNION ALL SELECT 1, 100 + e % 2000, e FROM generate_series(0, :entities - 1) e
  UNION ALL SELECT 2, 2100 + e % 10000, e FROM generate_series(0, :entities - 1) e
) each_level GROUP BY level, c) grouped;
INSERT INTO community_reports (version_id, id, human_readable_id, community, level, parent, children, title, summary,
  full_content, rank, rating_explanation, findings, full_content_json, period, size)
SELECT :v, c.id, c.human_readable_id, c.community, c.level, -1, '{}', c.title, '', left(p.text, 2500),
  c.community % 10, '', '[]', '{}', c.period, c.size
FROM communities c JOIN bench_passages p ON p.id = c.community % :different WHERE c.version_id = :v;
INSERT INTO embeddings (version_id, kind, item_id, vector)
SELECT :v, 'entity_description', md5('e' || g)::uuid,
  (SELECT array_agg(random() - 0.5) FROM generate_series(1, :size) WHERE g IS NOT NULL)::vector
FROM generate_series(0, :entities - 1) g;
INSERT INTO embeddings (version_id, kind, item_id, vector)
SELECT :v, 'text_unit_text', md5('t' || g)::uuid,
  (SELECT array_agg(random() - 0.5) FROM generate_series(1, :size) WHERE g IS NOT NULL)::vector
FROM generate_series(0, :passages - 1) g;
"""


class Model(BaseHTTPRequestHandler):
    """Answers at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """The list of models."""
        self._send({"object": "list", "data": [{"id": "bench", "object": "model"}]})

    def do_POST(self) -> None:
        """A vector drawn from the text, or an answer that cites."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            draw = random.Random(str(body["input"]))
            data = [
                {"index": place, "embedding": [draw.random() - 0.5 for _ in range(SIZE)]}
                for place in range(len(body["input"]))
            ]
            self._send({"data": data, "usage": {"prompt_tokens": 8}})
            return
        shown = body["messages"][-1]["content"]
        ids = [found.group(1) for letter in "SELR" if (found := re.search(rf"^({letter}\d+),", shown, re.MULTILINE))]
        answer = " ".join(f"Something is so, and stands there [{identity}]." for identity in ids)
        message = {"role": "assistant", "content": answer}
        usage = {"prompt_tokens": len(shown) // 4, "completion_tokens": 40}
        self._send({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _send(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)


class Stopwatch:
    """The time that requests to the model server take, by the wall clock and of this process's processor time."""

    def __init__(self) -> None:
        self.seconds = self.cpu = 0.0
        original = PooledTransport.handle_request

        def timed(transport: PooledTransport, request: Any) -> Any:
            began, ran = time.perf_counter(), time.thread_time()
            try:
                response = original(transport, request)
                response.read()
                return response
            finally:
                self.seconds += time.perf_counter() - began
                self.cpu += time.thread_time() - ran

        PooledTransport.handle_request = timed  # type: ignore[method-assign]


@contextmanager
def model_server() -> Iterator[str]:
    """The model in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.local_query", "--serve"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve() -> None:
    """Serve until the process is ended."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    server.serve_forever()


def fill(database: Database, entities: int) -> None:
    """Write the index."""
    passages = max(PASSAGES_PER_DOCUMENT, entities // 4)
    with database.transaction() as session:
        collection = collections.create(session, NAME)
        run = runs.create(session, collection.id)
        lease = runs.acquire(session, run.id, "bench")
        assert lease is not None
        version = versions.begin(
            session, lease, collection.id, fingerprint="", embedding_model="bench", embedding_size=SIZE
        )
        session.execute(text("CREATE TABLE bench_passages (id int PRIMARY KEY, text text)"))
        rows = [{"id": number, "text": passage} for number, passage in enumerate(prose())]
        session.execute(text("INSERT INTO bench_passages VALUES (:id, :text)"), rows)
        values = {
            "v": version.id,
            "entities": entities,
            "passages": passages,
            "documents": passages // PASSAGES_PER_DOCUMENT,
            "different": DIFFERENT_PASSAGES,
            "size": SIZE,
        }
        for statement in FILL.split(";\n"):
            if statement.strip():
                session.execute(_typed(statement), {n: v for n, v in values.items() if f":{n}" in statement})
        session.execute(text("DROP TABLE bench_passages"))
    with database.transaction() as session:
        versions.build_vector_indexes(session, version.id, SIZE, 1024)
    with database.transaction() as session:
        versions.publish(session, lease, version.id, {"entities": entities})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def prose() -> Iterator[str]:
    """Passages of the words of the sample collection, always the same."""
    draw = random.Random(1)
    texts = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("*.md"))]
    words = sorted(set(re.findall(r"[a-z]{2,}", " ".join(texts))))
    for _ in range(DIFFERENT_PASSAGES):
        sentences, length = [], 0
        while length < CHARACTERS:
            sentences.append(" ".join(draw.choices(words, k=draw.randint(6, 20))).capitalize() + ".")
            length += len(sentences[-1]) + 1
        yield " ".join(sentences)[:CHARACTERS]


def measure(workspace: Workspace, home: Path, count: int) -> dict[str, float]:
    """Ask, one question after the other; times in milliseconds, memory in MB.

    `cpu` is the processor time of this process and of all of the database's: what the wall clock would show on a
    machine with nothing else to do, whatever this one is doing.
    """
    from fileintel.graphrag.query.query_request import QueryRequest
    from fileintel.runs import execute, submission

    watch = Stopwatch()
    garbage_collection.tune_collector()
    before = resident()
    outside: list[float] = []
    own: list[float] = []
    cpu: list[float] = []
    this_time = time.time_ns()  # an answer from before would be found again
    for number in range(count + WARM_UP):
        query_request = QueryRequest(f"What is said about name {number} in {this_time}?")
        run_id = submission.submit_question(workspace, None, NAME, query_request).run_id
        database, watch.seconds, watch.cpu = database_cpu(home), 0.0, 0.0
        ran, began = time.process_time(), time.perf_counter()
        reply = execute.answer(workspace, run_id)
        outside.append(1000 * (time.perf_counter() - began - watch.seconds))
        ran = time.process_time() - ran - watch.cpu
        own.append(1000 * ran)
        cpu.append(1000 * (ran + database_cpu(home) - database))
        assert {citation["id"][0] for citation in reply["citations"]} == set("SELR"), reply
    measured = sorted(outside[WARM_UP:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "questions": count,
        "median_ms": round(statistics.median(measured), 1),
        "p95_ms": round(measured[int(0.95 * len(measured))], 1),
        "max_ms": round(measured[-1], 1),
        "own_cpu_median_ms": round(statistics.median(own[WARM_UP:]), 1),
        "cpu_median_ms": round(statistics.median(cpu[WARM_UP:]), 1),
        "cpu_p95_ms": round(sorted(cpu[WARM_UP:])[int(0.95 * count)], 1),
        "extra_memory_mb": round(peak - before, 1),
    }


def database_cpu(home: Path) -> float:
    """Seconds that the processes of the database in `home` have run so far."""
    seconds = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(home) in str((process / "cwd").readlink()):
                seconds += int((process / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            continue
    return seconds


def resident() -> float:
    """Resident memory of this process in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--home", type=Path, help="keep the database there, and use the one that is there already")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
    home = options.home or Path(tempfile.mkdtemp(prefix="fi-", dir="/var/tmp"))
    home.mkdir(parents=True, exist_ok=True)
    postgres = EmbeddedPostgres(home)
    try:
        with model_server() as base_url:
            overrides: dict[str, object] = {
                "home": str(home),
                "storage.url": postgres.join(),
                "llm.base_url": base_url,
                "llm.model": "bench",
                "embedding.model": "bench",
            }
            with Workspace(load_settings(overrides, {})) as workspace:
                schema.upgrade(workspace.unchecked_database)
                if not _is_filled(workspace.database):
                    began = time.monotonic()
                    fill(workspace.database, options.entities)
                    print(f"filled in {time.monotonic() - began:.0f} s", file=sys.stderr)
                print(json.dumps({"entities": options.entities, **measure(workspace, home, options.questions)}))
    finally:
        postgres.leave()
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)


def _is_filled(database: Database) -> bool:
    with database.transaction() as session:
        return any(name == NAME for name, _ in collections.with_index(session))


def _typed(statement: str) -> Any:
    statement = re.sub(r":(v)\b", r"CAST(:\1 AS uuid)", statement)
    statement = re.sub(r":(entities|passages|documents|different|size)\b", r"CAST(:\1 AS int)", statement)
    return text(statement)


if __name__ == "__main__":
    main()
