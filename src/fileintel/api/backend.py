"""What the routes share: one workspace and one way to the workers, opened when first needed."""

import logging
import threading
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from fileintel.config import Settings
from fileintel.errors import DatabaseUnavailable, ServiceUnavailable
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.runs.spool import spool_of
from fileintel.workspace import Workspace

BROKER_TIMEOUT_SECONDS = 5.0  # without one, a broker that hangs would hold a thread for ever
OPENING_SECONDS = 15.0  # for another thread that opens the database; longer than one attempt to connect
REOPEN_SECONDS = 5.0  # at most once in this time

logger = logging.getLogger(__name__)


class Backend:
    """Owns the workspace of this process. Threads share it: sessions are made for each use.

    No model is asked here, and the built-in one is not started: workers do that.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = False  # what waits or streams looks at it about once a second
        self._lock = threading.Lock()
        self._workspace: Workspace | None = None
        self._celery: Any = None
        self._reopened_at = float("-inf")

    @property
    def spool(self) -> Path:
        """Where files lie that came in and are not read yet, or are about to go out."""
        return spool_of(self.settings)

    def workspace(self) -> Workspace:
        """The workspace, its database at this version's schema.

        Raises:
          DatabaseUnavailable: it does not answer; the next call tries again.
        """
        if self._workspace is None:
            if not self._lock.acquire(timeout=OPENING_SECONDS):
                raise DatabaseUnavailable("the database is still being opened: try again later")
            try:
                if self._workspace is None:
                    self._workspace = self._opened()
            finally:
                self._lock.release()
        return self._workspace

    def dispatcher(self) -> CeleryDispatcher:
        """The way to the workers.

        Raises:
          ServiceUnavailable: no broker is configured.
        """
        url = self.settings.celery.broker_url
        if url is None:
            raise ServiceUnavailable("no message broker is configured: set celery.broker_url (CELERY_BROKER_URL)")
        with self._lock:
            if self._celery is None:
                self._celery = _sending_app(url.get_secret_value())
        return CeleryDispatcher(self._celery)

    def check_broker(self) -> None:
        """Raise ServiceUnavailable unless the broker answers."""
        self.dispatcher().check()

    def database_was_away(self) -> None:
        """Join the embedded server anew with the next request, which starts it again. A server of somebody else's
        comes back by itself, and the connection pool finds it."""
        if self.settings.storage.url is not None or time.monotonic() - self._reopened_at < REOPEN_SECONDS:
            return
        self._reopened_at = time.monotonic()
        old, self._workspace = self._workspace, None
        if old is not None:
            threading.Thread(target=old.close, name="closing", daemon=True).start()

    def stop_waiting(self) -> None:
        """The process is about to end: whatever waits or streams is to come to its end."""
        self.stopping = True

    def close(self) -> None:
        """Give back what was opened."""
        with self._lock:
            if self._workspace is not None:
                self._workspace.close()
            if self._celery is not None:
                self._celery.close()

    def _opened(self) -> Workspace:
        workspace = Workspace(self.settings)
        try:
            workspace.database.check()
        except BaseException:
            workspace.close()
            raise
        return workspace


def _sending_app(broker_url: str) -> Any:
    from fileintel.celery_config import make_app

    # without a result backend: it would be asked with each message, and results are in PostgreSQL
    app = make_app(broker_url, None)
    if broker_url.startswith(("redis", "sentinel")):
        app.conf.broker_transport_options = {
            **app.conf.broker_transport_options,
            "socket_timeout": BROKER_TIMEOUT_SECONDS,
            "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
        }
    app.conf.broker_connection_timeout = BROKER_TIMEOUT_SECONDS
    return app


async def _of_app(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


Service = Annotated[Backend, Depends(_of_app)]
