"""The Dockerfile and what is kept out of its context."""

import fnmatch
import re
from pathlib import Path

import pytest

from tests.deployment.compose import DOCKERFILE, ROOT, of_fileintel

INSTRUCTIONS = re.findall(r"^([A-Z]+) ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
FINAL = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


def sources() -> list[str]:
    copies = [words.split() for name, words in INSTRUCTIONS if name == "COPY" and "--from" not in words]
    return [source for copy in copies for source in copy[:-1]]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern that fits it or a folder above it decides."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept_out = False
    above = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    for pattern in (line for line in lines if line and not line.startswith("#")):
        wanted = pattern.removeprefix("!").removeprefix("**/")
        anywhere = pattern.startswith("**/")
        if any(fnmatch.fnmatchcase(Path(each).name if anywhere else each, wanted) for each in above):
            kept_out = not pattern.startswith("!")
    return kept_out


def test_what_is_copied_exists_and_is_in_the_context() -> None:
    assert sources()
    for source in sources():
        assert (ROOT / source).exists(), source
        assert not ignored(source), source
    assert not ignored("src/fileintel/celery_config.py")


OTHERS = ".git .git/config .venv .uv tests tests/conftest.py docs .env .env.example settings.env .github"
COMPILED = "src/fileintel/__pycache__/config.cpython-312.pyc"


@pytest.mark.parametrize("path", [*OTHERS.split(), COMPILED])
def test_what_the_image_does_not_need_stays_out(path: str) -> None:
    assert ignored(path)


def test_both_stages_start_from_the_same_pinned_python() -> None:
    bases = [words.split()[0] for name, words in INSTRUCTIONS if name == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.12\.\d+-slim-\w+", bases[0])


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (.+)$", FINAL, re.MULTILINE)
    assert users == ["10001:10001"]
    assert {service["user"] for service in of_fileintel().values()} == set(users)


def test_dependencies_come_from_the_lock_with_their_hashes() -> None:
    (install,) = [words for name, words in INSTRUCTIONS if name == "RUN" and "--requirements" in words]
    assert {"--require-hashes", "--constraints", "requirements.lock", "pyproject.toml"} <= set(install.split())
    pinned = re.findall(r"\b(uv|hatchling|setuptools)==\d+(?:\.\d+)+", DOCKERFILE)
    assert sorted(pinned) == ["hatchling", "setuptools", "uv"]


def test_no_tool_that_installs_is_in_the_final_stage() -> None:
    assert "pip uninstall" in FINAL
    assert not re.search(r"apt-get|pip install|uv ", FINAL)


def test_what_runs_when_nothing_is_said_is_the_api_and_it_can_be_stopped() -> None:
    assert 'CMD ["fileintel", "api"]' in FINAL
    assert "STOPSIGNAL SIGTERM" in FINAL
    assert "VOLUME /var/lib/fileintel" in FINAL
