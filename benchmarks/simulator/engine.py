"""The simulated engine: slots, the waiting queue, the time that answers take, and what was asked."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import answers
from .behaviour import Behaviour, identity_of

EMBED = "embed"


@dataclass(slots=True)
class Job:
    """One request, from its arrival to its answer."""

    purpose: str
    identity: bytes
    arrived: float
    seconds: float
    respond: Callable[[bytes], None]
    body: bytes
    started: float = 0.0
    ended: float = 0.0
    prompt: str = ""
    texts: int = 0
    timer: asyncio.TimerHandle | None = None
    gone: bool = False


class Slots:
    """At most `limit` jobs run at once; the others wait in the order of their arrival."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        self._loop = loop
        self.limit = limit
        self.running = 0
        self.waiting: deque[Job] = deque()
        self.peak = 0

    def take(self, job: Job) -> None:
        """Start a job, or let it wait."""
        if self.running >= self.limit:
            self.waiting.append(job)
        else:
            self._start(job)

    def cancel(self, job: Job) -> None:
        """The client has gone away: the engine drops the sequence, as vLLM does."""
        if job.gone or job.ended:
            return
        job.gone = True
        if job.timer is not None:
            job.timer.cancel()
            self._leave()
        else:
            self.waiting.remove(job)

    def _start(self, job: Job) -> None:
        self.running += 1
        self.peak = max(self.peak, self.running)
        job.started = time.monotonic()
        if job.seconds > 0:
            job.timer = self._loop.call_later(job.seconds, self._finish, job)
        else:
            self._finish(job)

    def _finish(self, job: Job) -> None:
        job.ended = time.monotonic()
        job.timer = None
        self._leave()
        job.respond(job.body)
        job.body = b""

    def _leave(self) -> None:
        self.running -= 1
        while self.waiting and self.running < self.limit:
            self._start(self.waiting.popleft())


class Engine:
    """Answers chat and embedding requests, and remembers them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.configure(Behaviour())

    def configure(self, behaviour: Behaviour) -> None:
        """Behave like this from now on, and forget what was."""
        self.behaviour = behaviour
        self.chat = Slots(self._loop, behaviour.slots)
        self.embeddings = Slots(self._loop, behaviour.embedding_slots)
        self.jobs: list[Job] = []
        self.requests = 0

    def ask(self, request: dict[str, Any], purpose: str, respond: Callable[[bytes], None]) -> tuple[Slots, Job]:
        """A chat request."""
        messages = request["messages"]
        parts = [part for message in messages for part in (message["role"], str(message["content"]))]
        identity = identity_of(parts)
        purpose = purpose or answers.purpose_of(messages)
        text = answers.answer(purpose, messages, identity, _schema_of(request))
        body = _completion(str(request.get("model")), text, sum(map(len, parts)) // 4)
        job = Job(purpose, identity, time.monotonic(), self.behaviour.seconds(identity), respond, body)
        if self.behaviour.keep:
            job.prompt = "\n".join(parts)
        return self._take(self.chat, job)

    def embed(self, request: dict[str, Any], respond: Callable[[bytes], None]) -> tuple[Slots, Job]:
        """An embeddings request."""
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        behaviour = self.behaviour
        identities = [identity_of((str(text),)) for text in texts]
        vectors = [answers.vector(identity, behaviour.dimensions) for identity in identities]
        body = _embeddings(str(request.get("model")), vectors, sum(len(str(text)) for text in texts) // 4)
        seconds = behaviour.embedding_seconds * len(texts)
        job = Job(EMBED, b"".join(identities)[:64], time.monotonic(), seconds, respond, body, texts=len(texts))
        if behaviour.keep:
            job.prompt = "\n".join(map(str, texts))
        return self._take(self.embeddings, job)

    def _take(self, slots: Slots, job: Job) -> tuple[Slots, Job]:
        self.requests += 1
        self.jobs.append(job)
        slots.take(job)
        return slots, job

    def records(self) -> list[dict[str, Any]]:
        """The answered requests; `needs` are places in this list: the questions whose answers a prompt holds."""
        done = [job for job in self.jobs if job.ended]
        place = {answers.mark_of(job.identity): at for at, job in enumerate(done) if job.purpose != EMBED}
        return [
            {
                "purpose": job.purpose,
                "identity": job.identity.hex(),
                "arrived": job.arrived,
                "started": job.started,
                "ended": job.ended,
                "seconds": job.seconds,
                "texts": job.texts,
                "needs": sorted({place[mark] for mark in answers.MARK.findall(job.prompt) if mark in place} - {at}),
            }
            for at, job in enumerate(done)
        ]

    def prompts(self) -> Sequence[str]:
        """The prompts of the chat requests in the order in which they were started."""
        chats = [job for job in self.jobs if job.started and job.purpose != EMBED]
        return [job.prompt for job in sorted(chats, key=lambda job: job.started)]


def _schema_of(request: dict[str, Any]) -> dict[str, Any] | None:
    form = request.get("response_format") or {}
    schema: dict[str, Any] | None = form.get("json_schema", {}).get("schema")
    return schema


def _completion(model: str, text: str, prompt_tokens: int) -> bytes:
    tokens = len(text) // 4
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": tokens,
                "total_tokens": prompt_tokens + tokens,
            },
        }
    ).encode()


def _embeddings(model: str, vectors: Sequence[str], tokens: int) -> bytes:
    data = ",".join(f'{{"object":"embedding","index":{at},"embedding":{vector}}}' for at, vector in enumerate(vectors))
    usage = f'{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}'
    return f'{{"object":"list","model":{json.dumps(model)},"data":[{data}],"usage":{usage}}}'.encode()
