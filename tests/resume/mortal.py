"""What befalls a worker at a chosen transaction, without a process: it dies, its database is away, or it is slow."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from sqlalchemy.orm import Session

from fileintel.errors import DatabaseUnavailable
from fileintel.storage.engine import Database


class Death(BaseException):
    """The process is no more. Nobody handles this."""


class Moment(Enum):
    """When it happens, as the transaction goes."""

    BEFORE = "before it"
    UNCOMMITTED = "before its commit"
    COMMITTED = "after its commit"


class Fate:
    """Calls `strike` at the `at`-th transaction of a database, counted from 0.

    When that is a death, the database is out of reach from then on: kill -9 leaves nothing else behind.
    """

    def __init__(self, database: Database, at: int, moment: Moment, strike: Callable[[], object]) -> None:
        self._original = database.transaction
        self._numbers = itertools.count()
        self._at, self._moment, self._strike = at, moment, strike
        self._lock = threading.Lock()
        self._dead = False
        database.transaction = self._transaction  # type: ignore[method-assign]

    @property
    def transactions(self) -> int:
        """How many there have been; to be asked once."""
        return next(self._numbers)

    @contextmanager
    def _transaction(self, *, alone: bool = False) -> Iterator[Session]:
        if self._dead:
            raise Death
        with self._lock:
            mine = next(self._numbers) == self._at
        self._come(mine, Moment.BEFORE)
        with self._original(alone=alone and not mine) as session:  # so that there is something before its commit
            yield session
            self._come(mine, Moment.UNCOMMITTED)
        self._come(mine, Moment.COMMITTED)

    def _come(self, mine: bool, moment: Moment) -> None:
        if mine and moment is self._moment:
            try:
                self._strike()
            except Death:
                self._dead = True
                raise


def die() -> None:
    """kill -9."""
    raise Death


def go_away() -> None:
    """PostgreSQL gives no answer, this once."""
    raise DatabaseUnavailable("PostgreSQL does not answer: as told by the test")
