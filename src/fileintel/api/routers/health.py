"""`/healthz`, `/readyz`, `/metrics`: for those who watch over the service."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from fileintel.api import answers
from fileintel.api.backend import Service
from fileintel.api.problems import NotReady, documented
from fileintel.api.security import OptionalKey, is_authorized, require_key
from fileintel.services import metrics
from fileintel.services.health import check_service

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def is_alive() -> dict[str, str]:
    """Whether the process answers. Depends on nothing else."""
    return {"status": "alive"}


@router.get("/readyz", responses=documented(422, 503))
def is_ready(service: Service, key: OptionalKey = None) -> dict[str, Any]:
    """Whether the database, at its newest schema, and the broker are there. Callers with a key see the parts."""
    parts = check_service(service.settings, service.workspace, service.check_broker)
    failed = [one.part for one in parts if one.state == "failed" and not one.part.endswith("model")]
    shown = {"parts": [one.model_dump() for one in parts]} if is_authorized(service.settings.api.keys, key) else {}
    if failed:
        raise NotReady(f"not there: {', '.join(failed)}", extra=shown)
    return {"status": "ready", **shown}


@router.get(
    "/metrics",
    response_class=Response,
    responses=answers.of_type("text/plain", "Prometheus text.") | documented(401, 503),
    dependencies=[Depends(require_key)],
)
def read_metrics(service: Service) -> Response:
    """Numbers for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(metrics.numbers(service.workspace())))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return Response(generate_latest(registry), media_type=EXPOSITION)


class _Numbers:
    """What the database knows, in Prometheus' terms. Jobs go with their collection, so their number is a gauge."""

    def __init__(self, numbers: metrics.Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("fileintel_graphrag_jobs", "Tasks in the database.", labels=["kind", "status"])
        for (kind, state), count in sorted(self._numbers.runs.items()):
            jobs.add_metric([kind, state], count)
        yield jobs
        store = self._numbers.store
        yield GaugeMetricFamily("fileintel_graphrag_answers", "Answers in the store.", value=store.answers)
        yield GaugeMetricFamily("fileintel_graphrag_answers_bytes", "Size of the answer store.", value=store.bytes)
        yield CounterMetricFamily(
            "fileintel_graphrag_cache_hits", "How often a stored answer was used again.", value=store.hits
        )
        yield GaugeMetricFamily(
            "fileintel_graphrag_hub_stalls",
            "How often a worker's greenlets had to wait for more than 100 ms, in the runs of the database.",
            value=self._numbers.hub_stalls,
        )
        yield GaugeMetricFamily(
            "fileintel_graphrag_longest_hub_stall_seconds",
            "The longest of these times.",
            value=self._numbers.longest_stall_ms / 1000,
        )
