"""Every task goes to the queue that it belongs to, and every queue has work."""

import inspect

import pytest

from fileintel.celery_config import GRAPHRAG_QUEUES, PREFORK_QUEUES, ROUTES, app, make_app
from fileintel.errors import NoIndexError
from fileintel.runs.dispatch import CeleryDispatcher
from fileintel.storage.states import RunKind

app.loader.import_default_modules()
TASKS = sorted(name for name in app.tasks if not name.startswith("celery."))
OF_A_RUN = ("import_index_task", "help_with_index_task")  # they belong to a run that somebody else has made
EXPECTED = {
    "build_graphrag_index_task": "graphrag_indexing",
    "query_graphrag_task": "graphrag_queries",
    "process_documents_task": "document_processing",
    "embed_documents_task": "embedding_processing",
    "extract_metadata_task": "llm_processing",
    "answer_question_task": "rag_processing",
    "import_index_task": "document_processing",
    "help_with_index_task": "graphrag_indexing",
    "clean_up_task": "default",
}


def queue_of(task: str) -> str:
    """Where the application sends a task of this name."""
    return str(app.amqp.router.route({}, task)["queue"].name)


def test_every_registered_task_is_routed_to_its_queue() -> None:
    assert {name.rpartition(".")[2]: queue_of(name) for name in TASKS} == EXPECTED


def test_every_route_is_that_of_a_registered_task_and_every_queue_has_one() -> None:
    assert set(ROUTES) == set(TASKS)
    assert {queue_of(name) for name in TASKS} == {*PREFORK_QUEUES, *GRAPHRAG_QUEUES}


def test_every_kind_of_run_is_sent_to_a_registered_task() -> None:
    assert set(CeleryDispatcher.TASKS) == set(RunKind)
    assert set(CeleryDispatcher.TASKS.values()) <= set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_can_be_called_with_a_collection_alone_unless_it_belongs_to_a_run(name: str) -> None:
    parameters = inspect.signature(app.tasks[name].run).parameters.values()
    needed = [one.name for one in parameters if one.default is inspect.Parameter.empty]
    if name.endswith(OF_A_RUN):
        assert "run_id" in needed
    else:
        assert needed in (["collection_id"], [])
    assert app.tasks[name].__doc__


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_a_task_that_cannot_be_done_is_one_line_in_the_log_and_a_bug_has_its_traceback(
    level: str, caplog: pytest.LogCaptureFixture
) -> None:
    own = make_app("memory://", "cache+memory://")

    @own.task(name="tests.index")  # type: ignore[untyped-decorator]
    def index(is_bug: bool) -> None:
        raise ValueError("a bug") if is_bug else NoIndexError("there is no index yet")

    with caplog.at_level(level):
        ended = index.apply((False,))
        assert isinstance(ended.result, NoIndexError)
        (line,) = [record for record in caplog.records if "there is no index yet" in record.getMessage()]
        assert (line.exc_info, line.exc_text) == (None, None)
        assert "tests.index" in line.getMessage()
        caplog.clear()
        index.apply((True,))
        (line,) = [record for record in caplog.records if "a bug" in record.getMessage()]
        assert line.exc_info
