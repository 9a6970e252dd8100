"""Tasks on the document queue, for a prefork worker."""

from typing import Any

from celery import shared_task

from fileintel.services import performing, tasks, worker


@shared_task(name="fileintel.tasks.documents.process_documents_task")  # type: ignore[untyped-decorator]
def process_documents_task(collection_id: str, run_id: str) -> dict[str, Any]:
    """Read uploaded files into a collection; returns the run as `fileintel tasks show` prints it."""
    del collection_id  # the run knows it; the message carries it for those who read messages
    workspace = worker.workspace()
    performing.read_documents(workspace, run_id)
    return tasks.show(workspace, run_id)
