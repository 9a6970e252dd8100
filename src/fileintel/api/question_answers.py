"""Answers to questions, as the documentation shows them."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from fileintel.operations import Result


class Citation(Result):
    """Where a statement of an answer comes from."""

    id: str = Field(examples=["S3"])
    document_id: str
    document: str = Field(examples=["paper.pdf"])
    title: str
    page: int
    page_label: str | None
    start: int
    end: int
    quote: str


class PassageCoverage(Result):
    """How much of a collection an answer from passages could rest on; `note` says what to do about the rest."""

    passages: int
    with_vector: int
    uncut_documents: int = Field(description="Documents that are not cut with the present settings.")
    note: str | None


def _sorted(numbers: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(numbers.items()))  # the table does not keep the order of keys


class Answer(Result):
    """The answer to a question, with its sources. `version` is that of the index, null for an answer from passages;
    `gaps` counts what is missing from the index, or passages without a vector."""

    task_id: str
    collection: str
    question: str
    mode: str = Field(examples=["local"])
    picked: str | None = Field(description="In the mode auto: the mode that was picked, and why.")
    answer: str
    data: Any = Field(description="What an answer in JSON holds.")
    citations: list[Citation]
    unknown_citations: int
    context: Annotated[dict[str, Any], AfterValidator(_sorted)] = Field(
        description="How much of what the model was shown."
    )
    model: str
    version: int | None
    gaps: int
    note: str | None = Field(description="What the answer could not rest on.")
    llm: dict[str, int]


class PassageAnswer(Answer):
    """The answer to a question from the passages that are nearest to it."""

    coverage: PassageCoverage
