"""Which queues there are, and how a worker for them is started: one place for the application, `fileintel up`,
`fileintel worker` and the tests. It imports nothing, so that whoever only starts a worker does not load Celery."""

from dataclasses import dataclass

GRAPHRAG_INDEXING, GRAPHRAG_QUERIES = "graphrag_indexing", "graphrag_queries"
GRAPHRAG_QUEUES = (GRAPHRAG_INDEXING, GRAPHRAG_QUERIES)
DEFAULT = "default"  # housekeeping, and tasks without a route
DOCUMENT_PROCESSING, EMBEDDING_PROCESSING = "document_processing", "embedding_processing"
LLM_PROCESSING, RAG_PROCESSING = "llm_processing", "rag_processing"
PREFORK_QUEUES = (DEFAULT, DOCUMENT_PROCESSING, EMBEDDING_PROCESSING, LLM_PROCESSING, RAG_PROCESSING)

CELERY = ("celery", "-A", "fileintel.celery_config:app", "worker")  # what follows `python -m`


@dataclass(frozen=True)
class WorkerKind:
    """A kind of worker: its queues, and the pool and the concurrency that are made for them.

    Parameters:
      name: of the node, with the pool that it mostly has: `graphrag_gevent@host`.
      concurrency: greenlets or processes.
    """

    name: str
    queues: tuple[str, ...]
    pool: str
    concurrency: int

    def options(self, pool: str | None = None, concurrency: int | None = None) -> list[str]:
        """The options of Celery's command line, each as one word: Celery patches for gevent only when it can read
        `--pool=gevent` there."""
        chosen = pool or self.pool
        return [
            f"--pool={chosen}",
            f"--concurrency={self.concurrency if concurrency is None else concurrency}",
            f"--queues={','.join(self.queues)}",
            f"--hostname={self.name}_{chosen}@%h",
        ]


# the gate decides how many requests are under way; a greenlet is a task that may wait for it
GRAPH_WORKER = WorkerKind("graphrag", GRAPHRAG_QUEUES, "gevent", 100)
MAIN_WORKER = WorkerKind("main", PREFORK_QUEUES, "prefork", 4)
