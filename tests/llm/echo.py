"""Answers of the stand-in that say what they were asked; importable from its process."""

import json
from collections.abc import Sequence
from typing import Any


def echo(purpose: str, messages: Sequence[dict[str, Any]], _schema_name: str | None) -> str:
    """The first user message, as an object for the purpose "json"."""
    text = next(message["content"] for message in messages if message["role"] == "user")
    return json.dumps({"echo": text, "n": 1}) if purpose == "json" else f"echo of {text} " * 3
