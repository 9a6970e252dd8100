"""Reads the program's source as syntax trees: which modules there are, and which of them each one imports."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "fileintel"
NOT_LOOKED_AT = ("storage/migrations/versions",)  # a migration is written once and never changed


@dataclass(frozen=True)
class Import:
    """One module of the program that another one imports, at whatever depth of its code.

    Parameters:
      importer, imported: dotted names, such as `fileintel.storage.runs`.
      names: what is taken from the imported module; empty when the module itself is taken.
      line: where the statement stands in the importer.
    """

    importer: str
    imported: str
    names: tuple[str, ...]
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@dataclass(frozen=True)
class Module:
    """One file of the program."""

    name: str
    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file as a syntax tree."""
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        """How many lines the file has, blank ones and comments included."""
        return self.text.count("\n")

    @property
    def is_package(self) -> bool:
        """Whether this is the `__init__` of a folder."""
        return self.path.name == "__init__.py"

    @property
    def part(self) -> str:
        """The folder, or the file, right below `fileintel` that the module is of: `storage`, `errors`."""
        names = self.name.split(".")
        return names[1] if len(names) > 1 else names[0]


class Source:
    """All modules below `src/fileintel`, and the imports between them."""

    def __init__(self, root: Path = ROOT) -> None:
        folder = root / "src"
        texts = {path: path.read_text("utf-8") for path in sorted((folder / PACKAGE).rglob("*.py"))}
        self.lines = sum(text.count("\n") for text in texts.values())
        looked_at = {
            _dotted(path.relative_to(folder)): path
            for path in texts
            if not any(part in path.as_posix() for part in NOT_LOOKED_AT)
        }
        self.modules = {name: Module(name, path, texts[path]) for name, path in looked_at.items()}

    @cached_property
    def imports(self) -> list[Import]:
        """Every import of a module by another one: at the top, in functions, and for type checkers only."""
        return [found for module in self.modules.values() for found in self._imports_of(module)]

    def _imports_of(self, module: Module) -> list[Import]:
        found: list[Import] = []
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                found += [Import(module.name, a.name, (), node.lineno) for a in node.names if a.name in self.modules]
            elif isinstance(node, ast.ImportFrom):
                found += self._imported_from(module, node)
        return [an_import for an_import in found if an_import.imported != module.name]

    def _imported_from(self, module: Module, node: ast.ImportFrom) -> list[Import]:
        origin = node.module or ""
        if node.level:
            folder = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
            origin = ".".join([*folder[: len(folder) - node.level + 1], *filter(None, [node.module])])
        submodules = [alias.name for alias in node.names if f"{origin}.{alias.name}" in self.modules]
        others = tuple(alias.name for alias in node.names if alias.name not in submodules)
        found = [Import(module.name, f"{origin}.{name}", (), node.lineno) for name in submodules]
        if others and origin in self.modules:
            found.append(Import(module.name, origin, others, node.lineno))
        return found

    def part_of(self, name: str) -> str:
        """The part of the program that a module, given by its dotted name, belongs to."""
        return self.modules[name].part


def _dotted(path: Path) -> str:
    names = list(path.with_suffix("").parts)
    return ".".join(names[:-1] if names[-1] == "__init__" else names)
