"""Does work in a greenlet or a thread of its own while the caller goes on."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class BackgroundResult(Generic[T]):
    """Work that goes on during a block. A session of the block is not for the work, which opens its own; and the block
    must not hold one while it waits for the result: of many that do, each may wait for the last free connection.

    `work` is over when the block is, however that ends.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="alongside", daemon=True)

    def result(self) -> T:
        """What the work has brought, waited for. Raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def __enter__(self) -> "BackgroundResult[T]":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 -- whatever it is, `result` has to raise it
            self._error = error
