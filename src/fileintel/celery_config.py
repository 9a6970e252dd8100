"""The Celery application: queues, routes, and what a worker does when it starts.

    celery -A fileintel.celery_config:app worker --pool=gevent --concurrency=100 \
        --queues=graphrag_indexing,graphrag_queries --hostname=graphrag_gevent@%h
    celery -A fileintel.celery_config:app worker --pool=prefork --concurrency=4 \
        --queues=default,document_processing,embedding_processing,llm_processing,rag_processing \
        --hostname=main_prefork@%h

Celery patches the standard library for gevent when its command line says `--pool=gevent` or `-P gevent` (not
with `-Pgevent`, and not by configuration). This module adds psycogreen then, and does nothing elsewhere. A
gevent pool in a process that is not patched would do one thing at a time without a word: it is refused.

Truth about the work is in PostgreSQL. A message only says "look at run N": losing one, or getting it twice,
costs nothing.
"""

from fileintel import garbage_collection, runtime

runtime.go_green_database()  # before anything connects

import logging  # noqa: E402
import os  # noqa: E402
from typing import Any  # noqa: E402

from celery import Celery, Task  # noqa: E402
from celery.signals import (  # noqa: E402
    celeryd_init,
    task_failure,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from kombu.entity import Queue  # noqa: E402

from fileintel import broker  # noqa: E402
from fileintel.errors import EXIT_UNAVAILABLE, FileIntelError, ServiceUnavailable  # noqa: E402
from fileintel.queues import DEFAULT, GRAPHRAG_QUEUES, PREFORK_QUEUES, TASKS  # noqa: E402

logger = logging.getLogger(__name__)

ROUTES = {name: {"queue": queue} for name, queue in TASKS.values()}
TASK_MODULES = sorted({name.rpartition(".")[0] for name in ROUTES})

# Longer than the longest run: with late acknowledgement Redis hands out again what is not acknowledged after this
# time, also while it is still being worked on. A second delivery finds the run's lease held and leaves.
VISIBILITY_TIMEOUT_SECONDS = 7 * 24 * 3600
RESULTS_KEPT_SECONDS = 14 * 24 * 3600  # outlives the longest run
# A gevent worker with 100 greenlets acknowledges more at once than kombu's default pool of 10 connections serves:
# acknowledgements then fail, and tasks run twice.
BROKER_CONNECTIONS = 300
TRACE_LOGGER = "celery.app.trace"  # says how tasks have ended

broker.mend()


class SentAtOnce(Task):  # type: ignore[misc]
    """A task whose call fails at once where its message cannot be sent. Celery's own would wait for a broker, and
    without one it would look for RabbitMQ on this machine."""

    abstract = True

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Send the task, as `delay` does too.

        Raises:
          ServiceUnavailable: no broker is configured, or it does not answer.
        """
        from fileintel.runs.dispatch import ONCE_MORE, CeleryDispatcher

        if not self.app.conf.task_always_eager:
            try:
                CeleryDispatcher(self.app).check()
            except ServiceUnavailable as error:
                raise ServiceUnavailable(f"{error}; set celery.broker_url (CELERY_BROKER_URL)") from None
        return super().apply_async(args, kwargs, **{"retry_policy": ONCE_MORE, **options})


def make_app(broker_url: str | None, result_backend: str | None) -> Celery:
    """Make an application for a broker and a result backend."""
    app = Celery("fileintel", broker=broker_url, backend=result_backend, task_cls=SentAtOnce)
    app.conf.update(
        include=TASK_MODULES,
        task_queues=[Queue(name, routing_key=name) for name in (*PREFORK_QUEUES, *GRAPHRAG_QUEUES)],  # type: ignore[no-untyped-call]
        task_default_queue=DEFAULT,
        task_create_missing_queues=False,
        task_routes=ROUTES,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_track_started=True,
        result_expires=RESULTS_KEPT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a broker may be away for a night
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "max_connections": BROKER_CONNECTIONS,
        },
        redis_max_connections=BROKER_CONNECTIONS,
        # over AMQP the default heartbeat holds a gevent worker to about ten messages a second
        broker_heartbeat=0,
        worker_send_task_events=True,
        task_send_sent_event=True,
        # how tasks ordinarily end that cannot be done: the run has the reason, and a traceback would add nothing
        task_annotations={"*": {"throws": (FileIntelError,)}},
        enable_utc=True,
        timezone="UTC",
    )
    return app


def _urls() -> tuple[str | None, str | None]:
    from fileintel.config import load_settings

    celery = load_settings().celery
    broker = celery.broker_url.get_secret_value() if celery.broker_url else None
    if celery.result_backend:
        return broker, celery.result_backend.get_secret_value()
    # Redis keeps results as well; RabbitMQ sends them back to the caller
    return broker, broker if broker is None or broker.startswith("redis") else "rpc://"


app = make_app(*_urls())


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _refuse_an_unpatched_gevent_pool(options: Any = None, **_: Any) -> None:
    """A gevent pool that is not patched does one thing at a time, silently: better not to start."""
    given = options or {}
    pool = str(given.get("pool_cls") or given.get("pool") or "")
    if "gevent" in pool and not runtime.is_green():
        raise SystemExit(
            "error: the gevent pool is not patched: write --pool=gevent or -P gevent as words of their own "
            "(not -Pgevent), or use --pool=threads"
        )


@worker_ready.connect  # type: ignore[untyped-decorator]
def _check_and_tell(**_: Any) -> None:
    """Prove that what has to yield does, and say how this worker works."""
    from fileintel.runs import selfcheck, worker

    garbage_collection.tune_collector()
    runtime.watch_hub()
    workspace = worker.workspace()
    try:
        worker.await_database()
        for line in selfcheck.check_concurrency(workspace):
            logger.warning("self-check passed: %s", line)
    except (selfcheck.SelfCheckFailed, FileIntelError) as error:
        logger.critical("self-check failed: %s", error)
        os._exit(EXIT_UNAVAILABLE)  # an exception here would leave the worker running
    logger.warning(
        "Community reports configuration: async_mode=%s, concurrent_requests=%s",
        "gevent" if runtime.is_green() else "threads",
        workspace.settings.graphrag.concurrency,
    )
    worker.start_sweeping(app)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _hand_over(**_: Any) -> None:
    """A warm shutdown: runs stop sending, keep what arrives, and are handed to the next worker."""
    from fileintel.runs import worker

    worker.ask_to_stop()


@task_failure.connect  # type: ignore[untyped-decorator]
def _tell_what_failed(sender: Any = None, exception: BaseException | None = None, **_: Any) -> None:
    """One line of a task that could not be done. Celery writes one at the level INFO, which is not shown by a worker
    that was started as Celery's own command starts it."""
    if isinstance(exception, FileIntelError) and not logging.getLogger(TRACE_LOGGER).isEnabledFor(logging.INFO):
        logger.warning("%s: %s", getattr(sender, "name", "a task"), exception)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _close(**_: Any) -> None:
    from fileintel.runs import worker

    worker.close()
