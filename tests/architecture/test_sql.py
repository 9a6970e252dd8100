"""SQL stands in `storage/` only: elsewhere a `Session` is handed on and never used."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import fileintel

PACKAGE = Path(fileintel.__file__).parent
MAY_WRITE_SQL = {"storage"}
ALLOWED = {("sqlalchemy.orm", "Session")}  # as a type
# what builds or sends statements within `storage`
INSIDE = {"fileintel.storage.bulk_insert": {"insert_rows"}, "fileintel.storage.fixed_sql": {"Statement"}}
SESSION_METHODS = {
    "add", "add_all", "begin", "commit", "connection", "delete", "execute", "expunge", "expunge_all", "flush", "get",
    "get_one", "merge", "query", "refresh", "rollback", "scalar", "scalars",
}  # fmt: skip


def sql_in(source: str) -> Iterator[str]:
    """What a module has of SQL, with the line."""
    for node in ast.walk(ast.parse(source)):
        for what in _sql_of(node):
            yield f"{getattr(node, 'lineno', 0)}: {what}"


def _sql_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (f"import {one.name}" for one in node.names if one.name.split(".")[0] == "sqlalchemy")
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        for one in node.names:
            foreign = module.split(".")[0] == "sqlalchemy" and (module, one.name) not in ALLOWED
            if foreign or one.name in INSIDE.get(module, ()):
                yield f"from {module} import {one.name}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        if node.func.attr in SESSION_METHODS and name.lstrip("_") == "session":
            yield f"{name}.{node.func.attr}()"


def modules() -> list[Path]:
    """The modules that may have none."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in MAY_WRITE_SQL]


def test_no_module_outside_of_storage_writes_sql() -> None:
    found = [f"{path.relative_to(PACKAGE)}:{what}" for path in modules() for what in sql_in(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import sqlalchemy",
        "import sqlalchemy.orm as orm",
        "from sqlalchemy import select",
        "from sqlalchemy.orm import Session, aliased",
        "from sqlalchemy.dialects.postgresql import insert",
        "from fileintel.storage.bulk_insert import insert_rows",
        "session.execute(statement)",
        "self._session.get(Run, identity)",
        "found = [row for row in session.scalars(statement)]",
    ],
)
def test_sql_is_found(line: str) -> None:
    assert len(list(sql_in(line))) == 1


def test_a_session_may_be_handed_on() -> None:
    assert list(sql_in("from sqlalchemy.orm import Session\ndef f(session: Session): runs.find(session, 'x')")) == []
