"""Greenlets that share a workspace; run in a process with greenlets."""

import time

import gevent

from fileintel.config import load_settings
from fileintel.llm.client import ModelClient
from fileintel.workspace import Workspace


def clients_of_greenlets(environment: dict[str, str]) -> int:
    """How many clients four greenlets get that ask for the chat model's at the same time."""
    models = ModelClient.models

    def slowly(client: ModelClient) -> list[str] | None:
        time.sleep(0.1)
        return models(client)

    ModelClient.models = slowly  # type: ignore[method-assign,assignment]
    with Workspace(load_settings(environ=environment)) as workspace:
        asking = [gevent.spawn(lambda: workspace.chat) for _ in range(4)]
        gevent.joinall(asking)
        return len({id(one.get()) for one in asking})
