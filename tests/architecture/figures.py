"""Counts how simple the program is in the large: the figures of docs/development.md, from the source itself.

`python -m tests.architecture` prints them; `--source FOLDER` counts another checkout.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.layers import violations
from tests.architecture.source import Import, Module, Source

SMALL_FILE = 50  # lines: below it a file often holds one function or a synonym
LONG_FUNCTION = 40  # lines
VAGUE_WORDS = re.compile(r"\b(somebody|someone|nobody|whoever|who asks|what is told)\b", re.IGNORECASE)
UNTYPED = re.compile(r"\b(dict|Mapping|MutableMapping)\[str, (Any|object)\]|\bRow\[Any\]|\bRowMapping\b")
SQL_CALLS = {"execute", "scalars", "scalar", "get", "get_one", "add", "add_all", "merge", "delete", "flush", "refresh"}
SQL_HANDLES = {"session", "_session", "connection", "cursor"}


@dataclass(frozen=True)
class Found:
    """Something that was counted, with the place where it stands."""

    module: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.what}"


def lines(source: Source) -> int:
    """Lines of the program, blank ones, comments and migrations included."""
    return source.lines


def imported_by_one(source: Source) -> list[str]:
    """Modules that exactly one other module imports."""
    pairs = {(an_import.importer, an_import.imported) for an_import in source.imports}
    counted = Counter(imported for _, imported in pairs)
    return [name for name, module in source.modules.items() if counted[name] == 1 and not module.is_package]


def small_files(source: Source) -> list[str]:
    """Modules of fewer than 50 lines, `__init__` files left out."""
    return [m.name for m in source.modules.values() if m.lines < SMALL_FILE and not m.is_package]


def long_functions(source: Source) -> list[Found]:
    """Functions of more than 40 lines, docstring included, nested functions counted with the one around them."""
    return [
        Found(module.name, node.lineno, f"{node.name} has {length} lines")
        for module in source.modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONG_FUNCTION
    ]


def functions(source: Source) -> int:
    """How many functions and methods there are."""
    return sum(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for module in source.modules.values()
        for node in ast.walk(module.tree)
    )


def vague_words(source: Source) -> list[Found]:
    """Lines that say who does something without saying which part of the program that is."""
    return [
        Found(module.name, number, word[0])
        for module in source.modules.values()
        for number, line in enumerate(module.text.splitlines(), 1)
        if (word := VAGUE_WORDS.search(line))
    ]


def sql_outside_storage(source: Source) -> list[Found]:
    """Statements, and uses of a session other than handing it on, in modules outside of `storage`."""
    return [
        found
        for module in source.modules.values()
        if module.part != "storage"
        for node in ast.walk(module.tree)
        for found in _sql_in(module, node)
    ]


def _sql_in(module: Module, node: ast.AST) -> Iterator[Found]:
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
        taken = {alias.name for alias in node.names} - {"Session"}
        if taken:
            yield Found(module.name, node.lineno, f"imports {', '.join(sorted(taken))} of {node.module}")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SQL_CALLS:
        handle = node.func.value
        name = handle.id if isinstance(handle, ast.Name) else handle.attr if isinstance(handle, ast.Attribute) else ""
        if name in SQL_HANDLES:
            yield Found(module.name, node.lineno, f"calls {name}.{node.func.attr}")


def untyped_results(source: Source) -> list[Found]:
    """Functions and methods whose result is annotated as a dictionary of anything, or as an untyped row."""
    aliases = _untyped_aliases(source)
    return [
        Found(module.name, node.lineno, f"{node.name} -> {ast.unparse(node.returns)}")
        for module in source.modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.returns is not None
        and _is_untyped(source, module, node.returns, aliases)
    ]


def untyped_across_layers(source: Source) -> list[Found]:
    """Those of `untyped_results` that are public and that a module of another part calls by name.

    A name counts as called from another part when a module there imports the module that defines it and has an
    attribute or a name of that spelling. That is more than the calls there are, and never fewer but through an object
    that was handed over by a third module.
    """
    across = []
    for found in untyped_results(source):
        name = found.what.partition(" ")[0]
        if not name.startswith("_") and _named_elsewhere(source, found.module, name):
            across.append(found)
    return across


def _untyped_aliases(source: Source) -> set[tuple[str, str]]:
    """Names that stand for an untyped dictionary, each with the module that defines it."""
    found = set[tuple[str, str]]()
    for module in source.modules.values():
        for node in module.tree.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                value = ast.unparse(node.value)
                if UNTYPED.match(value.removeprefix("list[")):
                    found.add((module.name, node.targets[0].id))
    return found


def _is_untyped(source: Source, module: Module, returned: ast.expr, aliases: set[tuple[str, str]]) -> bool:
    text = returned.value if isinstance(returned, ast.Constant) and isinstance(returned.value, str) else None
    shown = text or ast.unparse(returned)
    if UNTYPED.search(shown):
        return True
    words = set(re.findall(r"[\w.]+", shown))
    known = {name for origin, name in aliases if origin == module.name}
    for an_import in (i for i in source.imports if i.importer == module.name):
        short = an_import.imported.rpartition(".")[2]
        here = {name for origin, name in aliases if origin == an_import.imported}
        known |= here & set(an_import.names)
        known |= {f"{short}.{name}" for name in here}
    return bool(words & known)


def _named_elsewhere(source: Source, module: str, name: str) -> bool:
    part = source.part_of(module)
    users = {i.importer for i in source.imports if i.imported == module and source.part_of(i.importer) != part}
    return any(
        (isinstance(node, ast.Attribute) and node.attr == name) or (isinstance(node, ast.Name) and node.id == name)
        for user in users
        for node in ast.walk(source.modules[user].tree)
    )


def import_cycles(source: Source) -> list[list[str]]:
    """Groups of modules that import each other while they are loaded (Tarjan 1972), largest first.

    Imports in functions and for type checkers do not count: they cannot stop the program from starting.
    """
    loaded = {name: set[str]() for name in source.modules}
    for module in source.modules.values():
        at_load = set(_lines_at_load(module.tree))
        loaded[module.name] |= {i.imported for i in source.imports if i.importer == module.name and i.line in at_load}
    return sorted(_components(loaded), key=len, reverse=True)


def _lines_at_load(tree: ast.Module) -> Iterator[int]:
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node.lineno
        waiting += ast.iter_child_nodes(node)


def _components(edges: dict[str, set[str]]) -> list[list[str]]:
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for following in edges[name]:
            if following not in number:
                visit(following)
                lowest[name] = min(lowest[name], lowest[following])
            elif following in stack:
                lowest[name] = min(lowest[name], number[following])
        if lowest[name] == number[name]:
            component = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(component) > 1:
                found.append(sorted(component))

    for name in edges:
        if name not in number:
            visit(name)
    return found


def layer_violations(source: Source) -> list[Import]:
    """Imports that the table of layers does not allow."""
    return violations(source)
