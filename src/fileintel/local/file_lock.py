"""Locks on files that the kernel takes back when their holder dies, for whatever reason."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

POLL_INTERVAL = 0.01  # seconds; polling, because a blocking flock would stop all greenlets of a process

_open_descriptors: set[int] = set()


def _forget_in_child() -> None:
    """A forked child would share its parent's locks and keep them alive after the parent's death.

    Closing the child's copy leaves the parent's lock in place.
    """
    for descriptor in list(_open_descriptors):
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _open_descriptors.clear()


os.register_at_fork(after_in_child=_forget_in_child)


class FileLock:
    """A shared or exclusive lock on `path`; works between processes and between objects of one process.

    The descriptor is closed in programs that this process starts and in children that it forks: a child
    that outlives its parent does not keep the lock. A forked child that wants it acquires it itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._process = 0  # the process that acquired it; a forked child has the object but not the lock

    @property
    def held(self) -> bool:
        """Return whether this process holds the lock."""
        return self._descriptor is not None and self._process == os.getpid()

    def fileno(self) -> int:
        """Return the locked descriptor, to hand the lock on to a child. Raises ValueError when it is not held."""
        if self._descriptor is None or not self.held:
            raise ValueError(f"{self.path} is not locked")
        return self._descriptor

    def acquire(self, *, exclusive: bool, limit: float) -> bool:
        """Take the lock, waiting up to `limit` seconds (0: one try). False when it could not be had.

        Raises: OSError when the file cannot be opened or created.
        """
        give_up = time.monotonic() + limit
        while not self._try(fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH):
            if time.monotonic() >= give_up:
                return False
            time.sleep(POLL_INTERVAL)
        return True

    def _try(self, kind: int) -> bool:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _open_descriptors.add(descriptor)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            # a lock on a file that was deleted in between keeps no other process out
            locked = os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except (BlockingIOError, FileNotFoundError):
            locked = False
        if locked:
            self._descriptor, self._process = descriptor, os.getpid()
        else:
            _close(descriptor)
        return locked

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._descriptor is not None and self.held:
            _close(self._descriptor)
        self._descriptor = None

    @contextlib.contextmanager
    def exclusively(self, limit: float) -> Iterator[bool]:
        """Hold the lock alone for a block; yields False when it could not be had within `limit` seconds."""
        acquired = self.acquire(exclusive=True, limit=limit)
        try:
            yield acquired
        finally:
            if acquired:
                self.release()


def _close(descriptor: int) -> None:
    _open_descriptors.discard(descriptor)
    os.close(descriptor)
