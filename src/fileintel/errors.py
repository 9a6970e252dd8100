"""Every error that a user can meet, with the exit code and the HTTP status that it stands for.

A message is one line: what happened, where, and what to do next. The command line prints it
without a traceback and exits with `exit_code`; the API answers with `http_status` and `code`.

Exit codes: 0 done, 1 failed, 2 usage, 3 finished with gaps, 4 cancelled, 5 budget reached,
69 a service is unavailable, 130 interrupted.
"""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_GAPS = 3
EXIT_CANCELLED = 4
EXIT_BUDGET = 5
EXIT_UNAVAILABLE = 69
EXIT_INTERRUPTED = 130


class FileIntelError(Exception):
    """Something that the user can understand and act upon."""

    code = "failed"
    http_status = 500
    exit_code = EXIT_FAILED


class UsageError(FileIntelError):
    """What was asked for cannot be meant: a bad name, an unknown option, contradicting arguments."""

    code = "usage"
    http_status = 422
    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type, or does not fit another one."""

    code = "config"
    http_status = 500


class NotFoundError(FileIntelError):
    """Nothing is stored under that name or id."""

    code = "not_found"
    http_status = 404


class ConflictError(FileIntelError):
    """How things stand does not allow it: a name is taken, a task is over, another run is at work."""

    code = "conflict"
    http_status = 409


class AmbiguousName(ConflictError):
    """Several documents have that name; the id says which one is meant."""

    code = "ambiguous_name"


class NothingToRetry(ConflictError):
    """The task has done all that it was to do."""

    code = "nothing_to_retry"


class EmptyCollectionError(FileIntelError):
    """The collection holds no document with text, so there is nothing to index."""

    code = "empty_collection"
    http_status = 409


class NoIndexError(FileIntelError):
    """The collection has no published index yet."""

    code = "no_index"
    http_status = 409


class IndexGone(FileIntelError):
    """The index version was deleted while it was read."""

    code = "index_gone"
    http_status = 409


class DocumentError(FileIntelError):
    """A file cannot be read as a document: damaged, protected, empty, too large, or of an unknown kind."""

    code = "document"
    http_status = 422


class PromptError(FileIntelError):
    """A prompt file has an unknown placeholder, or lacks one that it needs."""

    code = "prompt"
    http_status = 422
    exit_code = EXIT_USAGE


class ModelServerUnavailable(FileIntelError):
    """The model server does not answer."""

    code = "model_server_unavailable"
    http_status = 503
    exit_code = EXIT_UNAVAILABLE


class ModelServerRefused(FileIntelError):
    """The model server answers, and will not do what is asked: wrong key, unknown model, wrong path."""

    code = "model_server_refused"
    http_status = 502


class NoUsableAnswer(FileIntelError):
    """The model has answered, twice, with something that is not of the form asked for, or not at all."""

    code = "no_usable_answer"
    http_status = 502


class EmbeddingSizeChanged(FileIntelError):
    """The embedding model returns vectors of another size than before under the same name."""

    code = "embedding_size_changed"
    http_status = 409


class DatabaseUnavailable(FileIntelError):
    """PostgreSQL does not answer, or cannot be started."""

    code = "database_unavailable"
    http_status = 503
    exit_code = EXIT_UNAVAILABLE


class DatabaseConflict(DatabaseUnavailable):
    """PostgreSQL has undone a transaction in favour of another one: it may succeed when it is tried again."""

    code = "database_conflict"


class ServiceUnavailable(FileIntelError):
    """A part of the service, such as the message broker, does not answer."""

    code = "service_unavailable"
    http_status = 503
    exit_code = EXIT_UNAVAILABLE


class RunFailed(FileIntelError):
    """An index run ended without a publishable result; its answers are kept."""

    code = "run_failed"


class RunCancelled(FileIntelError):
    """The run was cancelled; its answers are kept."""

    code = "run_cancelled"
    http_status = 409
    exit_code = EXIT_CANCELLED


class BudgetReached(FileIntelError):
    """The run has paid for as many tokens as it may; it is paused, and its answers are kept."""

    code = "budget_reached"
    http_status = 409
    exit_code = EXIT_BUDGET


class LeaseLost(FileIntelError):
    """Another worker has taken this run over, so this one stops before it writes again."""

    code = "lease_lost"
    http_status = 409


class ExportError(FileIntelError):
    """The export could not be written; nothing half-written is left behind."""

    code = "export"


class IndexFolderError(FileIntelError):
    """A folder cannot be read as an index of graphrag; nothing of it was taken over."""

    code = "index_folder"
    http_status = 422


class NoVectorsError(FileIntelError):
    """There are no vectors of the embedding model in use, so nothing can be found by nearness to a question."""

    code = "no_vectors"
    http_status = 409
