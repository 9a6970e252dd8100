"""Collections: named sets of documents."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fileintel.errors import ConflictError, NotFoundError, UsageError
from fileintel.identity import as_id, content_id
from fileintel.storage.models import Collection, Document

LONGEST_NAME = 200  # characters
_FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # the last ones turn text around


@dataclass(frozen=True)
class CollectionSummary:
    """A collection as lists show it."""

    id: str
    name: str
    description: str
    documents: int
    indexed: bool
    created_at: datetime
    language: str | None = None
    entity_types: list[str] | None = None


def check_name(name: str) -> str:
    """The name, if a collection can have it.

    Raises:
      UsageError: it is empty, too long, holds a slash or a control character, or is a dot or two (names stand in URLs,
        where dots mean folders); or it reads as the id of a collection.
    """
    if not name.strip() or name != name.strip():
        raise UsageError(f"{name!r} cannot be the name of a collection: give a name without space around it")
    if name in {".", ".."}:
        raise UsageError(f"{name!r} cannot be the name of a collection: give one with more than dots")
    if as_id(name) is not None:
        raise UsageError(f"{name!r} cannot be the name of a collection: it reads as an id, by which another one may go")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"the collection's name has {len(name)} characters: {LONGEST_NAME} are allowed")
    if _FORBIDDEN.search(name):
        raise UsageError(f"{name!r} cannot be the name of a collection: no slashes and no control characters, please")
    return name


def create(session: Session, name: str, description: str = "") -> Collection:
    """A new, empty collection. Its id follows from its name.

    Raises:
      ConflictError: the name is taken.
    """
    identity = content_id("collection", name)
    added = session.execute(
        insert(Collection).values(id=identity, name=name, description=description).on_conflict_do_nothing()
    )
    if added.rowcount == 0:  # type: ignore[attr-defined]
        raise ConflictError(f"there is a collection {name!r} already")
    return session.get_one(Collection, identity)


def find(session: Session, name_or_id: str) -> Collection:
    """The collection of that id or name. An id wins: workers know collections by nothing else, and none may be taken
    for another one because of a name.

    Raises:
      NotFoundError: there is none.
    """
    by_name = Collection.name == name_or_id
    statement = select(Collection).where(by_name)
    if (identity := as_id(name_or_id)) is not None:
        by_id = Collection.id == identity
        statement = select(Collection).where(or_(by_id, by_name)).order_by(by_id.desc())
    found = session.execute(statement.limit(1)).scalar()
    if found is None:
        raise NotFoundError(
            f"there is no collection {name_or_id!r}: `fileintel collections list` shows those there are"
        )
    return found


def summaries(session: Session) -> list[CollectionSummary]:
    """All collections by name, with their number of documents."""
    documents = select(func.count()).where(Document.collection_id == Collection.id).scalar_subquery()
    rows = session.execute(select(Collection, documents).order_by(Collection.name))
    return [summarize(collection, count) for collection, count in rows]


def page(session: Session, limit: int, after: str | None = None) -> list[CollectionSummary]:
    """Up to `limit` collections by name, behind the name `after`."""
    statement = (
        select(Collection, func.count(Document.id))
        .outerjoin(Document, Document.collection_id == Collection.id)
        .group_by(Collection.id)
        .order_by(Collection.name)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Collection.name > after)
    return [summarize(collection, count) for collection, count in session.execute(statement)]


class IndexedCollection(NamedTuple):
    """The name of a collection that has an index, and when it was made."""

    name: str
    created_at: datetime


def with_index(session: Session) -> list[IndexedCollection]:
    """The collections that have an index, by name."""
    statement = select(Collection.name, Collection.created_at).where(Collection.current_version_id.is_not(None))
    return [IndexedCollection(*row) for row in session.execute(statement.order_by(Collection.name))]


def summary(session: Session, collection: Collection) -> CollectionSummary:
    """One collection as lists show it."""
    count = session.execute(select(func.count()).where(Document.collection_id == collection.id)).scalar_one()
    return summarize(collection, count)


def change_settings(session: Session, collection_id: str, changes: Mapping[str, Any]) -> Collection:
    """Change settings of a collection; None takes one away, so that the program's is in effect again."""
    statement = select(Collection).where(Collection.id == collection_id).with_for_update()
    collection = session.execute(statement, execution_options={"populate_existing": True}).scalar_one()
    settings = {**collection.settings, **changes}
    collection.settings = {name: value for name, value in settings.items() if value is not None}
    session.flush()
    return collection


def remove(session: Session, collection_id: str) -> None:
    """Delete a collection's row; what belongs to it goes with it."""
    session.execute(delete(Collection).where(Collection.id == collection_id))


def summarize(collection: Collection, documents: int) -> CollectionSummary:
    """A collection with that many documents as lists show it."""
    return CollectionSummary(
        id=collection.id,
        name=collection.name,
        description=collection.description,
        documents=documents,
        indexed=collection.current_version_id is not None,
        created_at=collection.created_at,
        language=collection.settings.get("language"),
        entity_types=collection.settings.get("entity_types"),
    )
