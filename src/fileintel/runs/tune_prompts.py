"""Fitting the prompts of a collection to what it is about, with the model's help."""

from collections.abc import Sequence
from dataclasses import dataclass

from fileintel.config import Settings
from fileintel.errors import EmptyCollectionError, ModelServerRefused
from fileintel.graphrag import tuning
from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.prompt_kinds import KINDS
from fileintel.graphrag.prompts import PromptLibrary, check_template
from fileintel.graphrag.stages import load
from fileintel.llm.client import Tally
from fileintel.llm.questions import Answered, Sampling
from fileintel.llm.tokenizer_file import tokenizer_for
from fileintel.llm.tokens import Tokenizer
from fileintel.runs.collection_settings import library_for, settings_for
from fileintel.runs.single_question import ask_once
from fileintel.storage import collections, documents, prompts
from fileintel.workspace import Workspace


@dataclass(frozen=True)
class TunedPrompts:
    """What was found out about a collection, and which prompts were made of that, by name. `examples` counts the
    passages in them; `llm` the calls and tokens."""

    collection: str
    domain: str
    language: str
    languages: Sequence[str]
    entity_types: Sequence[str]
    examples: int
    prompts: dict[str, str]
    llm: dict[str, int]


@dataclass(frozen=True)
class _Sample:
    """The collection that is looked at."""

    collection_id: str
    name: str
    settings: Settings
    library: PromptLibrary
    tokenizer: Tokenizer
    units: Sequence[TextUnit]


def tune(workspace: Workspace, collection_name: str, *, keep: bool = True) -> TunedPrompts:
    """Find out what a collection is about, and fit its prompts, its language and its entity types to that.

    Parameters:
      keep: let the collection have them; else they are only returned.

    Raises:
      NotFoundError, EmptyCollectionError: there is nothing to read.
      ModelServerUnavailable, ModelServerRefused: the model does not give what is needed.
    """
    sample, tally = _sample(workspace, collection_name), Tally()
    profile = _profile(workspace, sample, tally)
    examples = _examples(workspace, sample, profile, tally)
    made = tuning.tuned_prompts(PromptLibrary(), profile, examples)
    for name, text in made.items():
        check_template(KINDS[name], text, f"prompt {name}")
    if keep:
        _save(workspace, sample, profile, made)
    return TunedPrompts(
        collection=sample.name,
        domain=profile.domain,
        language=profile.language,
        languages=profile.languages,
        entity_types=profile.entity_types,
        examples=len(examples),
        prompts=made,
        llm={
            "calls": tally.calls,
            "prompt_tokens": tally.prompt_tokens,
            "completion_tokens": tally.completion_tokens,
        },
    )


def _sample(workspace: Workspace, collection_name: str) -> _Sample:
    with workspace.database.transaction() as session:
        collection = collections.find(session, collection_name)
        found = documents.in_collection(session, collection.id)
        library = library_for(workspace, session, collection)
    settings = settings_for(workspace, collection)
    chunking, tokenizer = settings.chunking, tokenizer_for(settings.chunking)
    units = load.text_units(workspace.database, found, chunking)
    if not units:
        raise EmptyCollectionError(f"collection {collection.name!r} holds no text to fit prompts to")
    return _Sample(collection.id, collection.name, settings, library, tokenizer, units)


def _profile(workspace: Workspace, sample: _Sample, tally: Tally) -> tuning.Profile:
    model = str(workspace.chat.endpoint.model)
    question = tuning.profile_question(
        model, sample.library, _sampling(sample.settings), sample.units, sample.tokenizer.truncate
    )
    outcome = ask_once(workspace, question, tally)
    if not isinstance(outcome, Answered):
        raise ModelServerRefused(
            f"the model does not tell what {sample.name!r} is about ({outcome.reason}): {outcome.last_error}"
        )
    profile: tuning.Profile = outcome.value
    return profile


def _examples(workspace: Workspace, sample: _Sample, profile: tuning.Profile, tally: Tally) -> list[tuning.Example]:
    """What the model makes of some passages with the shipped prompt; a passage without entities is no example."""
    asked = tuning.example_questions(
        str(workspace.chat.endpoint.model),
        PromptLibrary(),
        _sampling(sample.settings),
        sample.units,
        sample.tokenizer.truncate,
        profile,
    )
    outcomes = ((passage, ask_once(workspace, question, tally)) for passage, question in asked)
    examples = (
        tuning.Example(passage, tuning.without_invented(PromptLibrary(), outcome.value, passage))
        for passage, outcome in outcomes
        if isinstance(outcome, Answered)
    )
    return [example for example in examples if example.extraction.entities]


def _save(workspace: Workspace, sample: _Sample, profile: tuning.Profile, made: dict[str, str]) -> None:
    own = {"language": profile.sole_language, "entity_types": list(profile.entity_types)}
    with workspace.database.transaction() as session:
        prompts.save(session, sample.collection_id, made)
        collections.change_settings(session, sample.collection_id, own)


def _sampling(settings: Settings) -> Sampling:
    return Sampling(settings.llm.temperature, settings.llm.top_p, settings.llm.max_tokens)
