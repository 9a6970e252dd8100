"""Messages to workers. A run's row is written first, its message only says where to look."""

from contextlib import suppress
from typing import Any, Protocol

from fileintel.errors import ServiceUnavailable
from fileintel.queues import task_name
from fileintel.runs.lease import is_gone
from fileintel.storage import runs
from fileintel.storage.models import Run
from fileintel.storage.states import RunKind, RunState
from fileintel.workspace import Workspace

BROKER_SECONDS = 2.0  # for a broker to say that it is there; on loopback and in a cluster it takes milliseconds
WORKER_SECONDS = 1.0  # for workers to say that they are there; all of them are waited for
HELP_CALLS = 4  # messages of one call for help; a broker gives them to the workers in turn
HELP_EXPIRES_SECONDS = 15.0  # by then the run has called again, if it still wants help
ONCE_MORE = {"max_retries": 1, "interval_start": 0}  # a broker that was restarted is met with a broken connection


class Dispatcher(Protocol):
    """Sends a run's message to a worker."""

    def send(self, run: Run) -> None:
        """Say "look at this run".

        Raises:
          ServiceUnavailable: the broker does not answer.
        """


class CeleryDispatcher:
    """Sends messages through Celery. Messages carry ids only."""

    TASKS = {kind: task_name(kind.value) for kind in RunKind}  # noqa: RUF012

    def __init__(self, app: Any) -> None:
        self._app = app

    def send(self, run: Run) -> None:
        ids = {"collection_id": run.collection_id, "run_id": run.id}
        self.send_task(task_name("import" if run.method == runs.IMPORT else run.kind), kwargs=ids, task_id=run.id)

    def send_task(self, name: str, **options: Any) -> None:
        """Send a task that is no run; `options` are those of Celery's `send_task`.

        Raises:
          ServiceUnavailable: the broker does not answer.
        """
        from kombu.exceptions import OperationalError

        try:
            self._app.send_task(name, retry=True, retry_policy=ONCE_MORE, **options)
        except (OperationalError, OSError) as error:
            raise ServiceUnavailable(f"the message broker does not answer: {error}") from error

    def call_helpers(self, run_id: str) -> None:
        """Ask workers to help with a run. Nothing depends on it: a broker that does not answer is no matter."""
        with suppress(ServiceUnavailable):
            for _ in range(HELP_CALLS):
                self.send_task(task_name("help"), kwargs={"run_id": run_id}, expires=HELP_EXPIRES_SECONDS)

    def check(self) -> None:
        """Look whether messages can be sent.

        Raises:
          ServiceUnavailable: no broker is configured, or it does not answer.
        """
        from kombu.exceptions import OperationalError

        if not self._app.conf.broker_url:
            raise ServiceUnavailable("no message broker is configured")
        try:
            with self._app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=0, timeout=BROKER_SECONDS)
                connection.default_channel.close()
        except (OperationalError, OSError) as error:
            raise ServiceUnavailable(f"the message broker does not answer: {error}") from error

    def served_queues(self) -> dict[str, list[str]]:
        """The queues of each worker that answers within WORKER_SECONDS.

        Raises:
          ServiceUnavailable: the broker does not answer.
        """
        from kombu.exceptions import OperationalError

        self.check()  # without a broker, the question to the workers would be repeated for six seconds
        try:
            answers = self._app.control.inspect(timeout=WORKER_SECONDS).active_queues() or {}
        except (OperationalError, OSError) as error:
            raise ServiceUnavailable(f"the message broker does not answer: {error}") from error
        return {name: [queue["name"] for queue in queues] for name, queues in answers.items()}


def send_unattended(workspace: Workspace, dispatcher: Dispatcher) -> list[str]:
    """Send the messages of runs without a worker again; returns their ids. Many may do this at once.

    Raises:
      ServiceUnavailable: the broker does not answer; what was not sent is sent later.
    """
    with workspace.database.transaction() as session:
        waiting = [run for run in runs.take_unattended(session, is_gone) if RunKind(run.kind) in CeleryDispatcher.TASKS]
    for run in waiting:
        dispatcher.send(run)
    return [run.id for run in waiting]


def send_again(workspace: Workspace, dispatcher: Dispatcher, run_id: str) -> None:
    """Send the message of a run that its worker has handed back, unless a person wants it to rest.

    Raises:
      ServiceUnavailable: the broker does not answer; another worker sends it later.
    """
    with workspace.database.transaction() as session:
        run = runs.find(session, run_id)
        wanted = run.state == RunState.QUEUED.value
        if wanted:
            runs.note_message(session, [run.id])
    if wanted:
        dispatcher.send(run)
