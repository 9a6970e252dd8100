"""`/collections/{collection}/prompts`: looking at the prompts of a collection, setting its own, fitting them to it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from fileintel.api import prompt_answers as answers
from fileintel.api.answers import Envelope, success
from fileintel.api.backend import Service
from fileintel.api.problems import documented
from fileintel.api.requests import CollectionName, PromptText, PromptTexts, Tuning, require_json
from fileintel.services import prompts, tuning
from fileintel.storable import Text

router = APIRouter(prefix="/collections/{collection}/prompts", tags=["prompts"])

PromptName = Annotated[Text, Path(max_length=200, description="Name of a prompt.", examples=["extract_graph.txt"])]


@router.get("", response_model=Envelope[list[answers.Prompt]], responses=documented(404))
def list_prompts(service: Service, collection: CollectionName) -> Any:
    """The prompts in effect for a collection."""
    return success(prompts.list_prompts(service.workspace(), collection))


@router.patch(
    "",
    response_model=Envelope[answers.PromptNames],
    responses=documented(400, 404, 415),
    dependencies=[Depends(require_json)],
)
def set_prompts(service: Service, collection: CollectionName, body: PromptTexts) -> Any:
    """Let the collection have several prompts of its own; all, or none where one has a mistake."""
    return success({"names": prompts.set_prompts(service.workspace(), collection, body.texts)})


@router.put(
    "/{name}",
    response_model=Envelope[answers.PromptNames],
    responses=documented(400, 404, 415),
    dependencies=[Depends(require_json)],
)
def set_prompt(service: Service, collection: CollectionName, name: PromptName, body: PromptText) -> Any:
    """Let the collection have a prompt of its own, from its next index or question on."""
    return success({"names": prompts.set_prompts(service.workspace(), collection, {name: body.text})})


@router.delete("/{name}", response_model=Envelope[answers.PromptNames], responses=documented(404))
def reset_prompt(service: Service, collection: CollectionName, name: PromptName) -> Any:
    """Take the collection's own prompt away: the one of the installation is in effect again."""
    return success({"names": prompts.reset(service.workspace(), collection, [name])})


@router.delete("", response_model=Envelope[answers.PromptNames], responses=documented(404))
def reset_prompts(service: Service, collection: CollectionName) -> Any:
    """Take all of the collection's own prompts away."""
    return success({"names": prompts.reset(service.workspace(), collection)})


@router.post(
    "/tune",
    response_model=Envelope[answers.Tuned],
    responses=documented(400, 404, 409, 415, 502),
    dependencies=[Depends(require_json)],
)
def tune_prompts(service: Service, collection: CollectionName, body: Tuning) -> Any:
    """Let the model find out what the collection is about, and fit prompts, language and entity types to that.

    Asks about three questions, and waits for their answers.
    """
    return success(tuning.tune(service.workspace(), collection, keep=body.keep))
