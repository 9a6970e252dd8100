"""One model server: its connections, its gate, what it understands, and how well it is."""

import json
import time
from dataclasses import replace
from typing import Any

import httpx
import openai

from fileintel.config import Endpoint
from fileintel.errors import ModelServerRefused, ModelServerUnavailable
from fileintel.llm.adaptive_limit import FLOOR, AdaptiveLimit, NoMetrics
from fileintel.llm.dialect import Dialect
from fileintel.llm.faults import Cure, Fault, describe_fault
from fileintel.llm.gate import Gate
from fileintel.llm.patience import FAILING_TOGETHER, TimeLimits, Trail
from fileintel.llm.responses import usage
from fileintel.llm.server_metrics import Load, metrics_url, read_load
from fileintel.llm.transport import ModelHttp

PURPOSE_HEADER = "X-FileIntel-Purpose"
LOOK_SECONDS = 10.0  # for a request that asks nothing of the model
METRICS_SECONDS = 2.0
WELL_SECONDS = 60.0  # a server that has answered is believed to be ready for so long, unless it is known to be away
LATELY_SECONDS = 10.0  # a server that refuses all requests for so long is not busy
FORGOTTEN_SECONDS = 60.0  # a fault that was not seen again for so long is over
# what servers call themselves (`owned_by` of /v1/models) that make sure of a JSON schema: vLLM, SGLang and llama.cpp
SCHEMA_FOLLOWERS = frozenset({"vllm", "sglang", "llamacpp"})


class _OpenAI(openai.OpenAI):
    """Tells no server about this machine. To find it out, the package starts a process, which under gevent stopped
    all greenlets for up to seconds on a busy machine (openai 2.54: `platform_headers`)."""

    def platform_headers(self) -> dict[str, str]:
        return {}


class ModelServer:
    """Speaks to one endpoint. The openai package builds and sends the requests and sorts errors.

    Parameters:
      gate: bounds the requests in flight to that endpoint in this process.
      longest: seconds that a request may take at most.
      adaptive: whether the gate's limit follows what the server can use.
    """

    def __init__(self, endpoint: Endpoint, gate: Gate, longest: float, *, adaptive: bool = True) -> None:
        self.endpoint = endpoint
        self.gate = gate
        self.dialect = Dialect()
        self.limits = TimeLimits(longest)
        follows = adaptive and gate.reading().ceiling > FLOOR  # below, there is nothing to adapt
        self.adaptive_limit = AdaptiveLimit(gate, self._load) if follows else None
        self._last_answer = self._last_sign = float("-inf")
        self._silent_since: float | None = None
        self._last_fault = float("-inf")
        self._failing: set[int] = set()
        self.promises_schemas = False  # as it says of itself; until it has told its models, it has not
        self._openai = _OpenAI(
            api_key=endpoint.api_key,
            base_url=endpoint.base_url,
            max_retries=0,
            http_client=ModelHttp(endpoint.base_url, gate.reading().ceiling),
        )

    def close(self) -> None:
        """Close the connections."""
        self._openai.close()

    def post(self, path: str, body: bytes, purpose: str, seconds: float) -> dict[str, Any]:
        """One request, to be made while a slot of the gate is held; the response as it was parsed.

        Raises:
          openai.OpenAIError: it failed. ValueError: the response is no JSON object.
        """
        if self.adaptive_limit is not None:
            self.adaptive_limit.look()
        began, in_flight = time.monotonic(), self.gate.in_flight
        response = self._openai.post(
            path,
            cast_to=httpx.Response,
            content=body,
            options={"headers": {PURPOSE_HEADER: purpose}, "timeout": seconds},
        )
        answer = json.loads(response.content)
        if not isinstance(answer, dict):
            raise ValueError("the response is not a JSON object")
        self._answered(answer, began, in_flight)
        return answer

    def _answered(self, answer: dict[str, Any], began: float, in_flight: int) -> None:
        self._last_answer = self._last_sign = time.monotonic()
        self._silent_since = None
        self._failing.clear()
        self.gate.succeeded()
        self.limits.took(self._last_answer - began)
        if self.adaptive_limit is not None:
            tokens = usage(answer, "prompt_tokens"), usage(answer, "completion_tokens")
            self.adaptive_limit.answered(in_flight, self._last_answer - began, *tokens)

    def models(self) -> list[str] | None:
        """Return the models that the server offers; None when it does not tell.

        Raises:
          ModelServerUnavailable: it does not answer.
          ModelServerRefused: it does not accept the key.
        """
        try:
            response = self._get("/models", LOOK_SECONDS)
            self._last_sign = time.monotonic()
            entries = response.json()["data"]
            self.promises_schemas = any(entry.get("owned_by") in SCHEMA_FOLLOWERS for entry in entries)
            return sorted(str(entry["id"]) for entry in entries) or None  # an empty list says nothing
        except openai.APIStatusError as error:
            if error.status_code == 401:  # with 403 a key may not list models, and may ask them all the same
                raise ModelServerRefused(self.about(describe_fault(error))) from error
            if error.status_code in (500, 502, 503, 504):
                raise ModelServerUnavailable(self.about(describe_fault(error))) from error
            return None
        except (openai.APIConnectionError, httpx.HTTPError) as error:
            raise ModelServerUnavailable(self.about(describe_fault(error))) from error
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def look(self) -> Fault | None:
        """Return whether a server that was away is back: None if it is, else what is the matter. Costs nothing."""
        try:
            self._get("/models", LOOK_SECONDS)
        except openai.APIStatusError as error:
            fault = describe_fault(error)
            if fault.cure is Cure.WAIT or error.status_code >= 500:
                return replace(fault, cure=Cure.WAIT)
        except (openai.APIConnectionError, httpx.HTTPError) as error:
            return replace(describe_fault(error), cure=Cure.WAIT)
        self.gate.found()
        return None

    def failed(self, fault: Fault, trail: Trail) -> None:
        """Remember a fault that may be the server's own."""
        now = time.monotonic()
        if self._silent_since is None or now - self._last_fault > FORGOTTEN_SECONDS:
            self._silent_since = now
            self._failing.clear()
        self._last_fault = now
        if fault.reason == "server_error":
            self._failing.add(id(trail))

    def is_well(self) -> bool:
        """Return whether it has answered lately, if only which models it has, and is not known to be away."""
        return self.gate.away_since() is None and time.monotonic() - self._last_sign < WELL_SECONDS

    def doubt(self) -> None:
        """Believe it to be well again only when it has given a sign of it."""
        self._last_sign = float("-inf")

    def answered_lately(self) -> bool:
        """Return whether a request was answered a moment ago."""
        return time.monotonic() - self._last_answer < LATELY_SECONDS

    def silent_seconds(self) -> float:
        """For how long it has only failed; 0 when its last request was answered."""
        return 0.0 if self._silent_since is None else time.monotonic() - self._silent_since

    def is_ill(self) -> bool:
        """Return whether different questions fail together, with no answer in between."""
        return len(self._failing) >= FAILING_TOGETHER

    @property
    def name(self) -> str:
        """The server and its model, for messages."""
        return f"model server {self.endpoint.shown_url}, model {self.endpoint.model or '(not set)'}"

    def about(self, fault: Fault) -> str:
        """Return a fault in a line that names the server."""
        return f"{self.name}: {fault.message}"

    def _get(self, path: str, seconds: float) -> httpx.Response:
        return self._openai.get(path, cast_to=httpx.Response, options={"timeout": seconds})

    def _load(self) -> Load | None:
        try:
            response = self._get(metrics_url(self.endpoint.base_url), METRICS_SECONDS)
        except openai.APIStatusError:
            raise NoMetrics from None
        except (openai.OpenAIError, httpx.HTTPError):
            return None
        load = read_load(response.text, self.endpoint.model)
        if load is None:
            raise NoMetrics
        return load
