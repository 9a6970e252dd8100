"""Following a run of a service: through lost connections and restarts of the API."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from fileintel.errors import (
    EXIT_UNAVAILABLE,
    ConflictError,
    FileIntelError,
    NotFoundError,
    RunCancelled,
    ServiceUnavailable,
)
from fileintel.installation.contract import Progress, Row, Watcher, raise_where_it_rests
from fileintel.installation.interrupt import Interrupted, Parted
from fileintel.installation.remote.connection import CONNECT_SECONDS, Connection
from fileintel.installation.remote.events import Event, events_in
from fileintel.installation.remote.problems import Unfinished, told
from fileintel.services.runs import OfRun, RunWithStages, cancel_run

SILENCE_SECONDS = 45.0  # the service says something every 15 s at least
PAUSE_SECONDS = 0.25  # before the first attempt to connect again; the pause doubles
LONGEST_PAUSE_SECONDS = 5.0
TIMEOUT = httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)
ANSWER_WAIT_SECONDS = 45  # in one request; proxies lose patience after 60 s, and then the task is followed
ANSWER_TIMEOUT = httpx.Timeout(CONNECT_SECONDS, read=ANSWER_WAIT_SECONDS + 30.0)


class RemoteRuns:
    """Work that was handed to workers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def follow(self, run_id: str, watcher: Watcher) -> RunWithStages:
        """Wait for the end of a run.

        Raises:
          ServiceUnavailable: the service stays away for `client.patience` seconds; the run goes on.
        """
        seen = _Seen(run_id)
        outage = _Outage(self._connection, watcher)
        while True:
            failure: FileIntelError = ServiceUnavailable(
                f"the service at {self._connection.shown_url} ends its connections"  # as one does that is stopping
            )
            try:
                for event in self._events(seen, outage):
                    if (end := seen.hear(event, watcher)) is not None:
                        return end
            except FileIntelError as error:
                if error.exit_code != EXIT_UNAVAILABLE or not outage.knows_the_service:
                    raise
                failure = error
            outage.goes_on(failure)

    def followed(self, task_id: str, watcher: Watcher, *, cancel: bool) -> RunWithStages:
        """Wait for the end of a run that this command has started: Ctrl-C leaves it, or cancels it."""
        try:
            return self.follow(task_id, watcher)
        except Interrupted:
            if not cancel:
                raise parted_from(task_id) from None
        watcher.say("cancelling: what is under way is kept; Ctrl-C again stops waiting")
        try:
            self._connection.do(cancel_run, OfRun(run=task_id))
        except ConflictError:  # it has ended by itself meanwhile
            pass
        except Interrupted:
            raise parted_from(task_id) from None
        return self.followed(task_id, watcher, cancel=False)

    def answer(self, question: Row, *path: object) -> Row:
        """Ask at a path, and wait for the reply; it is followed where it takes longer than a request may."""
        body = {**question, "wait_seconds": ANSWER_WAIT_SECONDS}
        try:
            reply = self._connection.call("POST", *path, json=body, timeout=ANSWER_TIMEOUT)
        except Unfinished as unfinished:
            run = self.follow(unfinished.task, Silent())
            raise_unless_done(run)
            reply = run.result or {}
        return {name: one for name, one in reply.items() if name != "task_id"}

    def _events(self, seen: "_Seen", outage: "_Outage") -> Iterator[Event]:
        headers = {"Last-Event-ID": str(seen.number)}
        with self._connection.stream(
            "GET", "runs", seen.run_id, "events", headers=headers, timeout=TIMEOUT
        ) as response:
            outage.is_over()
            for event in events_in(response.iter_lines()):
                outage.is_forgotten()
                yield event


def raise_unless_done(run: RunWithStages) -> None:
    """Raise what ended a run, if something did: the error that it would have been without a service."""
    if run.state == "cancelled":
        raise RunCancelled(run.error or "the run was cancelled; its answers are kept")
    if run.state == "failed":
        result = run.result or {}
        raise told(result.get("code"), int(result.get("http_status", 500)), run.error or "the task has failed")


def parted_from(task_id: str) -> Parted:
    """Ctrl-C while a run of the service was followed."""
    return Parted(f"detached; the task goes on: `fileintel tasks wait {task_id}` follows it")


class Silent:
    """Hears everything, and tells only of lost connections."""

    def began(self, run_id: str) -> None:
        pass

    def happened(self, event: Row) -> None:
        pass

    def progressed(self, progress: Progress) -> None:
        pass

    def say(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)


@dataclass
class _Seen:
    """What has been heard of a run, so that nothing is heard twice."""

    run_id: str
    number: int = 0

    def hear(self, event: Event, watcher: Watcher) -> RunWithStages | None:
        """Pass an event on; returns the run at its end."""
        if event.kind == "end":
            return self._ended(event.data)
        if event.kind == "progress":
            raise_where_it_rests(event.data["state"], event.data.get("error"))
            watcher.progressed(Progress.of(event.data["stages"], event.data.get("llm", {})))
        elif event.number is not None and event.number > self.number:
            self.number = event.number
            watcher.happened(event.data)
        return None

    def _ended(self, run: dict[str, Any]) -> RunWithStages:
        if run["state"] == "deleted":
            raise NotFoundError(f"task {self.run_id} was deleted while it was followed")
        return RunWithStages.model_validate(run)


class _Outage:
    """The time for which a service is away: said once, waited for with growing pauses, and not for ever."""

    def __init__(self, connection: Connection, watcher: Watcher) -> None:
        self._connection = connection
        self._watcher = watcher
        self._since: float | None = None
        self._pause = PAUSE_SECONDS
        self.knows_the_service = False

    def is_over(self) -> None:
        """The service has answered."""
        self._since = None
        self.knows_the_service = True

    def is_forgotten(self) -> None:
        """The service has told something: the next outage is another one."""
        self._pause = PAUSE_SECONDS

    def goes_on(self, error: FileIntelError) -> None:
        """Wait before the next attempt; raise `error` once patience is at its end."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._watcher.say(f"the connection to {self._connection.shown_url} is lost; the task goes on, trying again")
        if now - self._since >= self._connection.patience:
            raise error
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
