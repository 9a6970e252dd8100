"""What the stand-in can be told to do; travels as JSON from the test to the server process."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EMBEDDINGS = "embeddings"  # the purpose of every embeddings request
CHAT = "chat"  # the purpose of a chat request without the purpose header

# Seconds; or ("lognormal", mean in seconds, sigma), drawn from the content of the request; or one of these for each
# purpose, with "*" for all others.
Latency = float | Sequence[Any] | Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """A way to fail, and the requests that meet it.

    Parameters:
        kind: One of `faults.KINDS`.
        share: The share of the requests that fail. Drawn from the question and the number of the attempt, so that it
            does not depend on the order of arrival; with `first_n_attempts`, from the question alone.
        count: Only that many requests fail, the first to arrive.
        purpose: Only requests of that purpose; "embeddings" for embeddings.
        match: Only requests whose text contains this.
        first_n_attempts: Only the first attempts at the same question.
        retry_after: Seconds for the `Retry-After` header of 429 and 503; as an HTTP date with `retry_after_date`.
        seconds: How long a slow trickle takes.
        param: The parameter that is not supported.
    """

    kind: str
    share: float = 1.0
    count: int | None = None
    purpose: str | None = None
    match: str | None = None
    first_n_attempts: int | None = None
    retry_after: float | None = None
    retry_after_date: bool = False
    seconds: float = 1.0
    param: str = "max_tokens"


@dataclass(frozen=True)
class Canned:
    """A fixed answer for the requests of a purpose, or whose text contains `match`, or both."""

    answer: str
    purpose: str | None = None
    match: str | None = None


@dataclass(frozen=True)
class Settings:
    """How the stand-in behaves.

    Parameters:
        latency: How long an answer takes, see `Latency`.
        silent: Requests of all kinds are read, and nothing is said, as long as this is so.
        max_concurrent: Requests that are worked on at once; others wait in a queue, as in vLLM. None: no limit.
        faults: The first that fits a request is met.
        api_key: The key that requests must carry, else 401.
        models: The models that are served, others get 404. Empty: every model.
        owner: What the server calls itself where it lists its models, such as "vllm".
        embedding_dims: The size of vectors.
        json_schema_support: False: 400 for every `response_format`; "json_object": only that one is understood.
        context_length: Tokens (of four characters) from which on a prompt gets 400.
        answers: "engine" (the built-in extractive model), "synthetic" (same shapes, nearly no CPU), or
            "module:function" with `function(purpose, messages, schema_name) -> str`, importable in another process.
        canned: Fixed answers; the first that fits is given.
        keep_bodies: Remember the requests for `StandIn.questions()`; turn it off in benchmarks.
        seed: Of the draws for latency and faults.
    """

    latency: Latency = 0.0
    silent: bool = False
    max_concurrent: int | None = None
    faults: tuple[Fault, ...] = ()
    api_key: str | None = None
    models: tuple[str, ...] = ()
    owner: str = "standin"
    embedding_dims: int = 384
    json_schema_support: bool | str = True
    context_length: int | None = None
    answers: str = "engine"
    canned: tuple[Canned, ...] = field(default_factory=tuple)
    keep_bodies: bool = True
    seed: int = 0

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """These settings with the fields of `changes`, which may come from JSON."""
        values = dict(changes)
        if "faults" in values:
            values["faults"] = tuple(_read(Fault, fault) for fault in values["faults"])
        if "canned" in values:
            values["canned"] = _canned(values["canned"])
        if "models" in values:
            values["models"] = tuple(values["models"])
        if callable(values.get("answers")):
            values["answers"] = path_of(values["answers"])
        return dataclasses.replace(self, **values)


def to_json(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of settings as plain values; unknown names are errors here, not in the other process."""
    checked = Settings().changed(changes)
    return {name: _plain(getattr(checked, name)) for name in changes}


def path_of(function: Callable[..., str]) -> str:
    """ "module:function" of a function that another process can import."""
    if "<" in function.__qualname__:
        raise ValueError(f"{function.__qualname__} cannot be imported: answers need a function of a module")
    return f"{function.__module__}:{function.__qualname__}"


def _canned(given: Mapping[str, str] | Sequence[Any]) -> tuple[Canned, ...]:
    if isinstance(given, Mapping):
        return tuple(Canned(answer, match=match) for match, answer in given.items())
    return tuple(_read(Canned, each) for each in given)


def _read(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else kind(**value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
