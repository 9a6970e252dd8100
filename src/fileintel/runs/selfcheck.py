"""Whether this process really does many things at once: sockets, name look-ups and PostgreSQL must yield.

Each probe runs several slow operations side by side. Where they take turns, the time adds up.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator

from fileintel import runtime
from fileintel.storage import engine
from fileintel.workspace import Workspace

SIDE_BY_SIDE = 5
SLOW_SECONDS = 0.2  # of one operation
MOST_SECONDS = SLOW_SECONDS * SIDE_BY_SIDE * 0.8  # one after the other they would take longer


class SelfCheckFailed(Exception):
    """Something that should yield does not."""


def check_concurrency(workspace: Workspace) -> Iterator[str]:
    """Run the probes; yields a line for each that passed.

    Raises:
      SelfCheckFailed: operations took turns.
    """
    with _EchoServer() as server:
        yield _passed("sockets", _side_by_side(server.call))
    if runtime.is_green():
        yield f"name look-ups leave the hub free: {_green_resolver()}"
    workspace.database.check()
    yield f"psycogreen is {_state_of_psycogreen()}"

    def sleep_in_the_database() -> None:
        with workspace.database.transaction() as session:
            engine.sleep(session, SLOW_SECONDS)

    yield _passed("PostgreSQL", _side_by_side(sleep_in_the_database))


def _side_by_side(operation: Callable[[], None]) -> float:
    """Seconds for SIDE_BY_SIDE operations at once."""
    threads = [threading.Thread(target=operation, daemon=True) for _ in range(SIDE_BY_SIDE)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - started


def _passed(what: str, seconds: float) -> str:
    if seconds > MOST_SECONDS:
        raise SelfCheckFailed(
            f"{what}: {SIDE_BY_SIDE} operations of {SLOW_SECONDS} s took {seconds:.2f} s, one after the other; "
            f"is the process patched (--pool=gevent as one word of its own)?"
        )
    return f"{what}: {SIDE_BY_SIDE} operations of {SLOW_SECONDS} s side by side in {seconds:.2f} s"


def _green_resolver() -> str:
    """The module of gevent's resolver, after a look-up that has gone through it."""
    import gevent

    socket.getaddrinfo("localhost", None)
    resolver = type(gevent.get_hub().resolver).__module__
    if "blocking" in resolver:
        raise SelfCheckFailed(f"name look-ups block: the resolver is {resolver}; set GEVENT_RESOLVER=ares or thread")
    return resolver


def _state_of_psycogreen() -> str:
    """`on` where greenlets run, `off` where threads do: either driver is wrong in the place of the other."""
    if runtime.is_database_green() != runtime.is_green():
        raise SelfCheckFailed(
            "psycogreen and gevent's patches must come together: start the worker with the plain celery command"
        )
    return "on" if runtime.is_database_green() else "off"


class _EchoServer:
    """A server on loopback that answers each call after a while, each in a thread of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "_EchoServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def call(self) -> None:
        """Connect and wait for the answer."""
        with socket.create_connection(self._listener.getsockname()) as connection:
            connection.recv(1)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    @staticmethod
    def _answer(connection: socket.socket) -> None:
        time.sleep(SLOW_SECONDS)
        with connection:
            connection.sendall(b".")
