"""Vectors of documents' text units: for each collection and embedding model a set with its own table, dropped whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import ColumnElement, delete, exists, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fileintel.identity import content_id
from fileintel.storage.bulk_insert import insert_rows, vector_text
from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import Document, DocumentTextUnit, TextUnitVector, VectorSet
from fileintel.storage.search import DISTANCE, Near, indexed_distance, looking_widely, question_text
from fileintel.storage.versions import EXACT_SEARCH_ROWS, HALFVEC_LARGEST, vector_expression


def open_set(session: Session, collection_id: str, model: str, size: int) -> VectorSet:
    """The set of a collection by a model, with vectors of `size` numbers; made if it is not there yet."""
    identity = content_id("vector set", collection_id, model, size)
    new = insert(VectorSet).values(id=identity, collection_id=collection_id, model=model, size=size)
    made = session.execute(new.on_conflict_do_nothing().returning(VectorSet.id)).scalar_one_or_none()
    if made is not None:
        table = partition_name(identity)
        # attached, because CREATE TABLE … PARTITION OF would lock out all searches
        session.execute(text(f"CREATE TABLE {table} (LIKE text_unit_vectors INCLUDING DEFAULTS INCLUDING INDEXES)"))
        session.execute(text(f"ALTER TABLE text_unit_vectors ATTACH PARTITION {table} FOR VALUES IN ('{identity}')"))
    return session.get_one(VectorSet, identity)


def add(session: Session, set_id: str, vectors: Iterable[tuple[str, bytes]]) -> None:
    """Write vectors: text unit id and 32-bit floats. Those that are there already stay."""
    rows = ({"set_id": set_id, "text_unit_id": id_, "vector": vector_text(vector)} for id_, vector in vectors)
    insert_rows(session, TextUnitVector, rows, into=partition_name(set_id))


def lacking(
    session: Session, collection_id: str, set_id: str, after: tuple[str, int] | None, limit: int
) -> list[DocumentTextUnit]:
    """Up to `limit` text units without a vector, by document and number, behind that document id and number."""
    statement = select(DocumentTextUnit).where(_in_collection(collection_id), ~_has_vector(set_id))
    if after is not None:
        statement = statement.where(tuple_(DocumentTextUnit.document_id, DocumentTextUnit.number) > after)
    ordered = statement.order_by(DocumentTextUnit.document_id, DocumentTextUnit.number).limit(limit)
    return list(session.execute(ordered).scalars())


@dataclass(frozen=True)
class Coverage:
    """How many text units a collection has, and how many of them a set has vectors of."""

    text_units: int
    with_vector: int

    @property
    def lacking(self) -> int:
        """Text units that no question finds."""
        return self.text_units - self.with_vector


def coverage(session: Session, collection_id: str, set_id: str | None) -> Coverage:
    """Count text units and vectors; without a set, there are none."""
    counted = select(func.count()).select_from(DocumentTextUnit).where(_in_collection(collection_id))
    units = session.execute(counted).scalar_one()
    found = session.execute(counted.where(_has_vector(set_id))).scalar_one() if set_id else 0
    return Coverage(units, found)


def nearest(session: Session, vector_set: VectorSet, vector: Sequence[float], limit: int) -> list[Near]:
    """The text units whose vectors are nearest to this one, the nearest first."""
    values = {"set": vector_set.id, "question": question_text(vector), "limit": limit}
    rows = _nearest(vector_set.size).execute(session, values)
    found = [Near(str(identity), float(similarity)) for identity, similarity in rows]
    return sorted(found, key=lambda one: (-one.similarity, one.id))


@cache
def _nearest(size: int) -> Statement:
    return looking_widely(
        f"SELECT text_unit_id, 1 - ({DISTANCE}) FROM text_unit_vectors "
        "JOIN document_text_units AS unit ON unit.id = text_unit_id "
        f"WHERE set_id = CAST(:set AS uuid) ORDER BY {indexed_distance(size)} LIMIT :limit"
    )


def tidy(session: Session, vector_set: VectorSet) -> None:
    """After vectors were added: remove those of text units that are gone, and build an HNSW index (Malkov, Yashunin
    2018, through pgvector) over a set that is too large for an exact search. It is kept up to date from then on."""
    table = partition_name(vector_set.id)
    delete_orphans(session, vector_set)
    count = session.execute(
        select(func.count()).select_from(TextUnitVector).where(TextUnitVector.set_id == vector_set.id)
    ).scalar_one()
    if count > EXACT_SEARCH_ROWS and vector_set.size <= HALFVEC_LARGEST:
        expression, operators = vector_expression(vector_set.size)
        session.execute(
            text(f"CREATE INDEX IF NOT EXISTS {table}_hnsw ON {table} USING hnsw (({expression}) {operators})")
        )
    session.execute(text(f"ANALYZE {table}"))


def delete_orphans(session: Session, vector_set: VectorSet) -> int:
    """Remove the vectors of text units that are gone; returns how many they were."""
    orphaned = ~exists().where(DocumentTextUnit.id == TextUnitVector.text_unit_id)
    removed = session.execute(delete(TextUnitVector).where(TextUnitVector.set_id == vector_set.id, orphaned))
    return int(removed.rowcount)  # type: ignore[attr-defined]


def all_sets(session: Session) -> list[VectorSet]:
    """The sets of all collections."""
    return list(session.execute(select(VectorSet).order_by(VectorSet.id)).scalars())


def sets_of(session: Session, collection_id: str) -> list[VectorSet]:
    """All sets of a collection, the newest first."""
    statement = select(VectorSet).where(VectorSet.collection_id == collection_id)
    return list(session.execute(statement.order_by(VectorSet.created_at.desc())).scalars())


def forget_document(session: Session, document: Document) -> None:
    """Remove the vectors of a document's text units, before the document is."""
    ids = select(DocumentTextUnit.id).where(DocumentTextUnit.document_id == document.id)
    for vector_set in sets_of(session, document.collection_id):
        session.execute(
            delete(TextUnitVector).where(TextUnitVector.set_id == vector_set.id, TextUnitVector.text_unit_id.in_(ids))
        )


def drop_all(session: Session, set_ids: Iterable[str]) -> None:
    """Delete sets with their tables. It waits for searches to end: give it a transaction of its own."""
    for identity in set_ids:
        session.execute(text(f"DROP TABLE IF EXISTS {partition_name(identity)}"))
        session.execute(delete(VectorSet).where(VectorSet.id == identity))


def partition_name(set_id: str) -> str:
    """The table that holds a set's vectors."""
    return f"text_unit_vectors_{set_id.replace('-', '')}"


def _in_collection(collection_id: str) -> ColumnElement[bool]:
    return DocumentTextUnit.document_id.in_(select(Document.id).where(Document.collection_id == collection_id))


def _has_vector(set_id: str) -> ColumnElement[bool]:
    return exists().where(TextUnitVector.set_id == set_id, TextUnitVector.text_unit_id == DocumentTextUnit.id)
