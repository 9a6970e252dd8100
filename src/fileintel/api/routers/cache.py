"""`/cache`: the answer store, shared by all collections."""

from typing import Any

from fastapi import APIRouter, Depends

from fileintel.api import cache_answers
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.problems import documented
from fileintel.api.requests import Pruning, require_json
from fileintel.services import cache

router = APIRouter(prefix="/cache", tags=["cache"])


@router.get("", response_model=Envelope[cache_answers.CacheStats])
def show_cache(service: Service) -> Any:
    """How many answers are stored, how large they are and how often they were used, by model and purpose."""
    return success(cache.stats(service.workspace()))


@router.post(
    "/prune",
    response_model=Envelope[cache_answers.Pruned],
    responses=documented(400, 415),
    dependencies=[Depends(require_json)],
)
def prune_cache(service: Service, body: Pruning) -> Any:
    """Remove answers that were not used for some time, or are of a model. What a run in progress may need stays."""
    removed = cache.prune(service.workspace(), unused_for=body.unused_for, model=body.model, dry_run=body.dry_run)
    return success(removed)
