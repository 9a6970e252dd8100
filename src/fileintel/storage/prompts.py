"""The prompts of collections, and those that runs were made with. Texts are kept once, under their hash."""

import hashlib
from collections.abc import Iterable, Mapping

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fileintel.storage.fixed_sql import Statement
from fileintel.storage.models import CollectionPrompt, PromptText, utc_now

_OF_COLLECTION = Statement(
    "SELECT name, text FROM collection_prompts JOIN prompt_texts USING (sha256) "
    "WHERE collection_id = CAST(:collection AS uuid) ORDER BY name"
)


def text_hash(prompt: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(prompt.encode("utf-8")).hexdigest()


def of_collection(session: Session, collection_id: str) -> dict[str, str]:
    """A collection's own prompts: texts by name."""
    return {row.name: row.text for row in _OF_COLLECTION.execute(session, {"collection": collection_id})}


def keep(session: Session, prompts: Mapping[str, str]) -> dict[str, str]:
    """Keep the texts of prompts; returns their hashes, by name. To be named in the same transaction."""
    hashes = {name: text_hash(prompt) for name, prompt in prompts.items()}
    by_hash = {hashes[name]: prompt for name, prompt in prompts.items()}
    rows = [
        {"sha256": sha256, "text": prompt, "created_at": utc_now()}
        for sha256, prompt in sorted(by_hash.items())  # one order for all writers: no deadlock
    ]
    if rows:
        session.execute(insert(PromptText).values(rows).on_conflict_do_nothing())
    return hashes


def save(session: Session, collection_id: str, prompts: Mapping[str, str]) -> None:
    """Set prompts of a collection, by name."""
    rows = [
        {"collection_id": collection_id, "name": name, "sha256": sha256, "created_at": utc_now()}
        for name, sha256 in sorted(keep(session, prompts).items())
    ]
    if rows:
        statement = insert(CollectionPrompt).values(rows)
        changed = {name: statement.excluded[name] for name in ("sha256", "created_at")}
        session.execute(statement.on_conflict_do_update(index_elements=["collection_id", "name"], set_=changed))


def forget(session: Session, collection_id: str, names: Iterable[str] | None = None) -> None:
    """Take prompts from a collection, or all of them: the shipped ones are in use again."""
    statement = delete(CollectionPrompt).where(CollectionPrompt.collection_id == collection_id)
    if names is not None:
        statement = statement.where(CollectionPrompt.name.in_(list(names)))
    session.execute(statement)


def drop_unused(session: Session) -> None:
    """Delete the texts that no collection and no run names any more: fitted ones quote documents. In a transaction of
    its own, because it waits for transactions that keep a text at this moment, and they for it."""
    session.execute(text("LOCK TABLE prompt_texts IN SHARE ROW EXCLUSIVE MODE"))
    session.execute(
        text(
            "DELETE FROM prompt_texts AS t WHERE NOT EXISTS ("
            "SELECT FROM collection_prompts AS c WHERE c.sha256 = t.sha256) AND NOT EXISTS ("
            "SELECT FROM runs AS r CROSS JOIN LATERAL jsonb_each_text(r.prompts) AS p WHERE p.value = t.sha256)"
        )
    )


def texts(session: Session, hashes: Iterable[str]) -> dict[str, str]:
    """Kept texts by their hash."""
    statement = select(PromptText.sha256, PromptText.text).where(PromptText.sha256.in_(list(hashes)))
    return {row.sha256: row.text for row in session.execute(statement)}
