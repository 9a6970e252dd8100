"""The vectors of an index on their way into it: by kind and id, some at a time."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Protocol

from fileintel.errors import EmbeddingSizeChanged, RunFailed
from fileintel.runtime import free_in_slices, yield_to_hub, yielding
from fileintel.storage import answers
from fileintel.storage.engine import Database

FLOAT_BYTES = 4
VECTORS_PER_QUERY = 250  # of 1,536 numbers: 1.5 MB

Vector = tuple[str, str, bytes]  # kind, id of the thing, 32-bit floats


class VectorSource(Protocol):
    """Gives vectors out."""

    def __iter__(self) -> Iterator[Vector]:
        """All of them, by kind and id."""

    def free_in_slices(self) -> None:
        """Free what is known of them, without a stall."""


class KnownVectors:
    """Vectors that are in memory."""

    def __init__(self, vectors: dict[tuple[str, str], bytes]) -> None:
        self._vectors = vectors

    def free_in_slices(self) -> None:
        free_in_slices(self._vectors)

    def __iter__(self) -> Iterator[Vector]:
        for (kind, identity), vector in sorted(self._vectors.items()):
            yield kind, identity, vector


class AnsweredVectors:
    """Vectors that are in the answer store, read when they are wanted.

    Parameters:
      keys: of their questions, by kind and id.
      size: numbers in each.
    """

    def __init__(self, database: Database, keys: Mapping[str, dict[str, bytes]], size: int) -> None:
        self._database = database
        self._keys = keys
        self._size = size

    def free_in_slices(self) -> None:
        free_in_slices(*self._keys.values())

    def __iter__(self) -> Iterator[Vector]:
        """All of them, by kind and id. No transaction is open between two.

        Raises:
          RunFailed: an answer has been removed from the store since it was given.
          EmbeddingSizeChanged: one has been replaced by another model's.
        """
        for kind in sorted(self._keys):
            of_kind = self._keys[kind]
            ids = iter(in_order(of_kind))
            while window := list(islice(ids, VECTORS_PER_QUERY)):
                wanted = [of_kind[identity] for identity in window]
                found = self._database.retrying(partial(answers.vectors, keys=wanted))
                for identity, key in zip(window, wanted, strict=True):
                    yield kind, identity, self._checked(found.get(key))

    def _checked(self, vector: bytes | None) -> bytes:
        if vector is None:
            raise RunFailed("stage publish: answers of this run were removed from the store meanwhile: start it again")
        if len(vector) != FLOAT_BYTES * self._size:
            raise EmbeddingSizeChanged(
                f"the answer store now holds a vector of {len(vector) // FLOAT_BYTES} numbers where this run was given "
                f"one of {self._size}: index again with --fresh, or set embedding.model"
            )
        return vector


def in_order(ids: Iterable[str]) -> Iterator[str]:
    """Ids as `sorted` has them, but sorted in portions: those that begin alike at once."""
    portions: dict[str, list[str]] = {}
    for identity in yielding(ids):
        portions.setdefault(identity[:2], []).append(identity)
    for beginning in sorted(portions):
        yield from sorted(portions[beginning])
        yield_to_hub()
