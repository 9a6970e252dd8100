"""A process that dies, without one: from a chosen transaction on, its database is out of its reach.

The transaction is reached or not before the death, its commit happened or not: kill -9 leaves nothing else behind.
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from fileintel.errors import DatabaseUnavailable
from fileintel.storage.engine import Database


class Death(BaseException):
    """The process is no more. Nobody handles this."""


class Fate:
    """What happens to a database at its `at`-th transaction (from 0).

    Parameters:
      committed: whether that transaction is committed before it happens.
      deadly: the process dies; else PostgreSQL is only away for that one answer.
    """

    def __init__(self, database: Database, at: int, *, committed: bool, deadly: bool) -> None:
        self._original = database.transaction
        self._numbers = itertools.count()
        self._at, self._committed, self._deadly = at, committed, deadly
        self._lock = threading.Lock()
        self.met = False
        database.transaction = self._transaction  # type: ignore[method-assign]

    @property
    def transactions(self) -> int:
        """How many there were."""
        return next(self._numbers)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with self._lock:
            mine = next(self._numbers) == self._at
        if self.met and self._deadly:
            raise Death
        with self._original() as session:
            yield session
            if mine and not self._committed:
                self._strike()
        if mine:
            self._strike()

    def _strike(self) -> None:
        self.met = True
        raise Death if self._deadly else DatabaseUnavailable("PostgreSQL does not answer: as told by the test")
