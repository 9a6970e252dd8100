"""Which part of the program may import which, and who may import the built-in model.

An arrow goes down only. The entries (`api`, `cli`, `mcp`, `tasks`) call `services` and nothing below. But what hands
work over, follows it or does it calls `runs` too: the API, the Celery tasks, and the installation, which is what
commands and assistants talk to. A part that is not in the table may not exist: a new folder needs a line here.

Not import-linter: its `layers` contract lets an import jump over layers, which is the very thing that entries must not
do; `forbidden` contracts for each pair would be this table written longer, and the figures of
`python -m tests.architecture` need the imports of each module anyway.
"""

from tests.architecture.source import Import, Source

# what every part may use: one hierarchy of errors, ids from content, shipped files, what can be stored, where
# sentences end, green or threads, settings
FOUNDATION = {
    "errors": set[str](),
    "identity": set[str](),
    "resources": set[str](),
    "storable": set[str](),
    "child_processes": set[str](),
    "sentence_ends": set[str](),
    "garbage_collection": set[str](),
    "queues": set[str](),
    "runtime": {"garbage_collection"},
    "config": {"errors", "resources"},
}
BASE = set(FOUNDATION) - {"queues"}

ALLOWED: dict[str, set[str]] = {
    **FOUNDATION,
    "storage": BASE,
    "llm": BASE,
    "documents": BASE | {"llm"},
    "builtin_model": BASE,
    "local": BASE | {"queues", "storage"},
    "fanout": BASE | {"llm", "storage"},
    "graphrag": BASE | {"fanout", "documents", "llm", "storage", "builtin_model"},
    # what a process holds open: it builds the clients and starts the servers of a bare machine
    "workspace": BASE | {"graphrag", "llm", "storage", "local", "builtin_model"},
    "runs": BASE | {"workspace", "graphrag", "fanout", "documents", "llm", "storage", "queues"},
    # how use cases are declared; light, and only types of the workspace and of runs are known to it
    "operations": BASE | {"runs", "workspace"},
    "services": BASE | {"operations", "runs", "workspace", "graphrag", "documents", "llm", "storage", "queues"},
    "broker": BASE,
    "celery_config": BASE | {"services", "runs", "broker", "queues"},
    "tasks": BASE | {"celery_config", "services", "runs", "workspace", "queues"},
    # the same commands here or through a service: it does the work of a run in this process, or speaks HTTP
    "installation": BASE | {"operations", "services", "runs", "workspace", "graphrag", "documents", "fileintel"},
    "api": BASE | {"celery_config", "operations", "services", "runs", "workspace", "queues", "fileintel"},
    "mcp": BASE | {"installation", "operations", "services", "fileintel"},
    "cli": BASE | {"mcp", "installation", "operations", "services", "workspace", "local", "queues", "fileintel"},
    "__main__": BASE | {"cli"},
    "fileintel": set(),  # the package itself: its version
}

# the model of machines without a model server: reached over HTTP, but for who starts it and who needs no answers
BUILTIN_MODEL_USERS = {"fileintel.workspace", "fileintel.graphrag.stages.fast"}


def violations(source: Source) -> list[Import]:
    """The imports that the table does not allow, in the order of their modules."""
    return [an_import for an_import in source.imports if not _allowed(source, an_import)]


def _allowed(source: Source, an_import: Import) -> bool:
    importer, imported = source.part_of(an_import.importer), source.part_of(an_import.imported)
    if importer == imported:
        return True
    if imported == "builtin_model" and an_import.importer not in BUILTIN_MODEL_USERS:
        return False
    return imported in ALLOWED.get(importer, set())
