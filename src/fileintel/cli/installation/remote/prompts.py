"""Prompts of a service."""

from collections.abc import Mapping, Sequence

import httpx

from fileintel.cli.installation.contract import Row
from fileintel.cli.installation.remote.connection import CONNECT_SECONDS, Connection

TUNING_TIMEOUT = httpx.Timeout(CONNECT_SECONDS, read=1800.0)  # three questions to a model that may be busy


class RemotePrompts:
    """What a model is asked, for each collection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, collection: str) -> list[Row]:
        return list(self._connection.get("collections", collection, "prompts"))

    def set(self, collection: str, texts: Mapping[str, str]) -> list[str]:
        answer = self._connection.call("PATCH", "collections", collection, "prompts", json={"texts": dict(texts)})
        return list(answer["names"])

    def reset(self, collection: str, names: Sequence[str]) -> list[str]:
        if not names:
            return list(self._connection.call("DELETE", "collections", collection, "prompts")["names"])
        answers = [self._connection.call("DELETE", "collections", collection, "prompts", name) for name in names]
        return [name for answer in answers for name in answer["names"]]

    def tune(self, collection: str, *, keep: bool) -> Row:
        path = ("collections", collection, "prompts", "tune")
        return dict(self._connection.call("POST", *path, json={"keep": keep}, timeout=TUNING_TIMEOUT))
