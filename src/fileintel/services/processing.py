"""Processing documents without a graph: passages, their vectors, metadata."""

from typing import Literal

from pydantic import Field

from fileintel.operations import POST, Context, Result, Right, operation
from fileintel.operations.types import IdempotencyKey, OfCollection
from fileintel.services.runs import Accepted, accepted


class ProcessingOrder(OfCollection):
    """What is to be made of a collection's documents; with neither, they are only cut into passages."""

    embed: bool = Field(default=False, description="Make the vectors that passages lack.")
    metadata: bool = Field(default=False, description="Ask the chat model for title, authors, date and the like.")
    idempotency_key: IdempotencyKey = None


class Processing(Accepted):
    """A task that makes one kind of thing of a collection's documents."""

    kind: Literal["documents", "embedding", "metadata"]


class ProcessingTasks(Result):
    """The tasks of a processing that was taken on, one for each kind."""

    tasks: list[Processing]

    @property
    def location(self) -> str:
        """Where HTTP has the first one."""
        return self.tasks[0].location


@operation(
    POST, "/collections/{collection}/process", right=Right.WRITER, status=202, errors=(404, 409), tag="documents"
)
def process_documents(context: Context, request: ProcessingOrder) -> ProcessingTasks:
    """Make vectors and metadata of all documents of a collection, a task for each. What is there already is not made
    again, and a task that is under way is given instead of a new one. `Location` leads to the first task.

    Raises:
      EmptyCollectionError: there is nothing to process.
      ActiveRunError: a run of the kind is about to end because it was cancelled.
    """
    from fileintel.runs import processing

    found = processing.submit(
        context.workspace,
        context.dispatcher,
        request.collection,
        processing.Order(embed=request.embed, metadata=request.metadata),
        idempotency_key=request.idempotency_key,
    )
    taken = [Processing.of(accepted(one.submitted), kind=one.kind.value) for one in found]
    return ProcessingTasks(tasks=taken)
