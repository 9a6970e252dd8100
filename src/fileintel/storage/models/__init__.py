"""The tables. Truth is here: everything else can be computed again from documents, settings and answers.

Three groups: what a person put in (`collections`), what was paid for (`answers`), and what runs made of it (`runs`,
and in `index` one set of graph rows for each version). Ids are UUID strings; times are UTC and aware.
"""

from fileintel.storage.models.answers import Answer, QuestionInFlight
from fileintel.storage.models.base import UUID_TEXT, Base, utc_now
from fileintel.storage.models.collections import (
    Collection,
    CollectionPrompt,
    Document,
    DocumentPage,
    DocumentTextUnit,
    PromptText,
    TextUnitVector,
    VectorSet,
)
from fileintel.storage.models.index import (
    Community,
    CommunityReport,
    Covariate,
    Embedding,
    Entity,
    IndexedDocument,
    IndexVersion,
    Relationship,
    TextUnit,
)
from fileintel.storage.models.runs import Gap, Run, RunEvent, RunStage
from fileintel.storage.models.shared_questions import RunHelper, SharedQuestion

__all__ = [
    "UUID_TEXT",
    "Answer",
    "Base",
    "Collection",
    "CollectionPrompt",
    "Community",
    "CommunityReport",
    "Covariate",
    "Document",
    "DocumentPage",
    "DocumentTextUnit",
    "Embedding",
    "Entity",
    "Gap",
    "IndexVersion",
    "IndexedDocument",
    "PromptText",
    "QuestionInFlight",
    "Relationship",
    "Run",
    "RunEvent",
    "RunHelper",
    "RunStage",
    "SharedQuestion",
    "TextUnit",
    "TextUnitVector",
    "VectorSet",
    "utc_now",
]
