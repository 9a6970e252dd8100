"""Hearing an answer while it is written: one attempt at a streamed chat request.

Only the good case is dealt with here. Whatever goes wrong (a server that cannot stream, a refusal, a line that breaks)
is an `Unheard`, and the question is to be asked in the ordinary way, which knows a cure for each fault.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from fileintel.llm.caller import Caller
from fileintel.llm.client import ModelClient, Tally
from fileintel.llm.gate import ServerAway
from fileintel.llm.questions import Answered, ChatQuestion, InvalidAnswer, without_nul
from fileintel.llm.responses import MALFORMED, Completion, read_completion
from fileintel.llm.server import PURPOSE_HEADER, ModelServer
from fileintel.llm.transport import CONNECT_SECONDS, proxy_for, trusting_context

READ_BYTES = 65_536
CONNECTIONS = 16  # kept alive; above, further ones are opened and closed again


class Unheard(Exception):
    """The answer could not be heard to its end, or cannot be used; says why."""


@dataclass
class _Parts:
    """What has come of an answer."""

    texts: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any]) -> str:
        """Take in one event; returns the text that it brings."""
        if "error" in event:
            raise Unheard(f"the server broke off: {event['error']}")
        usage = event.get("usage")
        if isinstance(usage, dict):
            self.usage = usage
        text = ""
        for choice in event.get("choices") or ():
            content = (choice.get("delta") or {}).get("content")
            text += content if isinstance(content, str) else ""
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
        self.texts.append(text)
        return text

    def completion(self) -> Completion:
        """Return the whole, read as an answer that came in one piece."""
        choice = {"message": {"content": "".join(self.texts)}, "finish_reason": self.finish_reason}
        return read_completion({"choices": [choice], "usage": dict(self.usage)})


class Narrator:
    """Streams answers of a client's model, through the client's gate.

    Parameters:
      extra_body: merged into each request, as the client does.
      seconds: within which an answer has to be whole.
    """

    def __init__(self, client: ModelClient, extra_body: Mapping[str, Any], seconds: float) -> None:
        self._client = client
        self._extra_body = dict(extra_body)
        self._seconds = seconds
        self._managers: dict[str, urllib3.PoolManager] = {}  # by base URL

    def close(self) -> None:
        """Close the connections."""
        for manager in self._managers.values():
            manager.clear()

    def ask(self, question: ChatQuestion, tally: Tally, caller: Caller, hear: Callable[[str], None]) -> Answered:
        """One answer that parses; `hear` is called with each piece of it, between two reads.

        Raises:
          Unheard: ask in the ordinary way.
          CallerCancelled: the caller was.
          What `hear` raises.
        """
        parts = _Parts()
        try:
            with self._client.slot(caller) as server:
                tally.sent()
                try:
                    for event in self._events(server, question):
                        if text := parts.take(event):
                            hear(text)
                finally:
                    tally.returned()
        except ServerAway:
            raise Unheard("the server is away") from None
        return _answered(question, parts, tally)

    def _events(self, server: ModelServer, question: ChatQuestion) -> Iterator[dict[str, Any]]:
        deadline = time.monotonic() + self._seconds
        response = self._begin(server, question)
        try:
            if "event-stream" not in response.headers.get("content-type", ""):
                raise Unheard("the server does not stream")
            for line in _lines(response, deadline):
                data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
                if data == "[DONE]":
                    response.drain_conn()
                    response.release_conn()
                    return
                if data:
                    yield json.loads(data)
            raise Unheard("the stream ended before the answer did")
        except (HTTPError, OSError, *MALFORMED) as error:
            raise Unheard(f"{type(error).__name__}: {error}") from error
        finally:
            response.close()

    def _begin(self, server: ModelServer, question: ChatQuestion) -> urllib3.BaseHTTPResponse:
        endpoint = server.endpoint
        body = {
            "model": endpoint.model,
            **server.dialect.body(question, question.messages),
            **self._extra_body,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        base_url = str(endpoint.base_url).rstrip("/")
        try:
            response = self._manager(base_url).request(
                "POST",
                f"{base_url}/chat/completions",
                body=json.dumps(body).encode(),
                headers={
                    "Content-Type": "application/json",
                    "Authorization": f"Bearer {endpoint.api_key}",
                    PURPOSE_HEADER: question.purpose,
                },
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, self._seconds), read=self._seconds),
                preload_content=False,
                redirect=False,
            )
        except (HTTPError, OSError, UnicodeError) as error:
            raise Unheard(f"{type(error).__name__}: {error}") from error
        if response.status != 200:
            response.close()
            raise Unheard(f"the server answers {response.status}")
        return response

    def _manager(self, base_url: str) -> urllib3.PoolManager:
        if base_url not in self._managers:
            options: dict[str, Any] = {"maxsize": CONNECTIONS, "block": False, "retries": False}
            if urlsplit(base_url).scheme == "https":
                options["ssl_context"] = trusting_context()
            proxy = proxy_for(base_url)
            self._managers[base_url] = (
                urllib3.PoolManager(**options) if proxy is None else urllib3.ProxyManager(proxy, **options)
            )
        return self._managers[base_url]


def _lines(response: urllib3.BaseHTTPResponse, deadline: float) -> Iterator[str]:
    """Yield the lines of a body as they come."""
    rest = b""
    while part := response.read1(READ_BYTES):
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if time.monotonic() > deadline:
            raise Unheard("the answer did not end in time")
    if rest:
        yield rest.decode("utf-8", "replace")


def _answered(question: ChatQuestion, parts: _Parts, tally: Tally) -> Answered:
    completion = parts.completion()
    tally.answered(completion.prompt_tokens, completion.completion_tokens)
    if not without_nul(completion.text):
        raise Unheard("it is empty")
    try:
        value = question.read(completion.text)
    except (InvalidAnswer, RecursionError) as error:
        raise Unheard(str(error)) from error
    return Answered(
        value,
        completion.text,
        None,
        completion.finish_reason,
        completion.prompt_tokens,
        completion.completion_tokens,
    )
