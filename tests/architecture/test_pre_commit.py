"""The hooks of pre-commit are the programs of this environment; nothing is downloaded."""

import shlex

import yaml

from tests.architecture.source import ROOT

REPOSITORIES = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
HOOKS = [hook for repository in REPOSITORIES for hook in repository["hooks"]]


def test_hooks_are_local_programs() -> None:
    assert [repository["repo"] for repository in REPOSITORIES] == ["local"]
    assert {hook["language"] for hook in HOOKS} == {"system"}


def test_hooks_check_what_make_lint_checks() -> None:
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    called = {line.strip().removeprefix("$(BIN)/").removesuffix(" .") for line in lint.splitlines()[1:]}
    hooked = {hook["entry"].removeprefix(".venv/bin/").removesuffix(" --force-exclude") for hook in HOOKS}

    assert called == hooked
    assert all((ROOT / shlex.split(hook["entry"])[0]).exists() for hook in HOOKS)
