"""Reads the load of inference servers from their metrics, in Prometheus' text format, under /metrics."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

# the requests that are being computed and those that wait for it, by server
_GAUGES = {
    "vllm:num_requests_running": "running",
    "vllm:num_requests_waiting": "waiting",
    "sglang:num_running_reqs": "running",
    "sglang:num_queue_reqs": "waiting",
    "tgi_batch_current_size": "running",
    "tgi_queue_size": "waiting",
    "llamacpp:requests_processing": "running",
    "llamacpp:requests_deferred": "waiting",
}
_LINE = re.compile(rf"^({'|'.join(_GAUGES)})(?:\{{([^}}\n]*)\}})?[ \t]+(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)", re.MULTILINE)
_MODEL = re.compile(r'model_name="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Load:
    """Requests of all clients: being computed, and waiting in the server's queue."""

    running: float
    waiting: float


def metrics_url(base_url: str) -> str:
    """Return the URL of a server's metrics: beside /v1."""
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix("/v1") + "/metrics", query=""))


def read_load(text: str, model: str | None) -> Load | None:
    """Return the load, summed over the engines of a server; None when the metrics do not tell it.

    Where several models are named, and `model` is among them, only its lines count.
    """
    lines = [(_GAUGES[name], _model(labels), float(value)) for name, labels, value in _LINE.findall(text)]
    if any(named == model for _, named, _ in lines):
        lines = [line for line in lines if line[1] == model]
    sums: dict[str, float] = {}
    for gauge, _, value in lines:
        sums[gauge] = sums.get(gauge, 0.0) + value
    return Load(sums["running"], sums["waiting"]) if sums.keys() >= {"running", "waiting"} else None


def _model(labels: str) -> str | None:
    found = _MODEL.search(labels)
    return found.group(1) if found else None
