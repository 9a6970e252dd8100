"""The queues, the tasks on them and the workers that serve them: one place for the Celery application, the senders of
messages, `fileintel up`, `fileintel worker` and the tests. It imports nothing, so that a command that only starts a
worker does not load Celery."""

from dataclasses import dataclass

GRAPHRAG_INDEXING, GRAPHRAG_QUERIES = "graphrag_indexing", "graphrag_queries"
GRAPHRAG_QUEUES = (GRAPHRAG_INDEXING, GRAPHRAG_QUERIES)
DEFAULT = "default"  # housekeeping, and tasks without a route
DOCUMENT_PROCESSING, EMBEDDING_PROCESSING = "document_processing", "embedding_processing"
LLM_PROCESSING, RAG_PROCESSING = "llm_processing", "rag_processing"
PREFORK_QUEUES = (DEFAULT, DOCUMENT_PROCESSING, EMBEDDING_PROCESSING, LLM_PROCESSING, RAG_PROCESSING)

# for each kind of run, and for other work of the workers: the Celery task that does it, and the task's queue
TASKS = {
    "index": ("fileintel.tasks.graphrag.build_graphrag_index_task", GRAPHRAG_INDEXING),
    "help": ("fileintel.tasks.graphrag.help_with_index_task", GRAPHRAG_INDEXING),
    "question": ("fileintel.tasks.graphrag.query_graphrag_task", GRAPHRAG_QUERIES),
    "documents": ("fileintel.tasks.documents.process_documents_task", DOCUMENT_PROCESSING),
    "import": ("fileintel.tasks.importing.import_index_task", DOCUMENT_PROCESSING),
    "embedding": ("fileintel.tasks.embedding.embed_documents_task", EMBEDDING_PROCESSING),
    "metadata": ("fileintel.tasks.metadata.extract_metadata_task", LLM_PROCESSING),
    "passage_question": ("fileintel.tasks.questions.answer_question_task", RAG_PROCESSING),
    "clean_up": ("fileintel.tasks.housekeeping.clean_up_task", DEFAULT),
}


def task_name(kind: str) -> str:
    """Return the name of the Celery task that does a kind of work."""
    return TASKS[kind][0]


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
