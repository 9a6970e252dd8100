"""docker-compose.yml, .env.example and the Dockerfile as the tests read them: without Docker."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
ENV_EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")

# ${NAME}, ${NAME:-default}, ${NAME:?message}, and $$ for a dollar sign (compose-spec, "Interpolation")
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")

REQUIRED = {"POSTGRES_PASSWORD": "pw4tests", "FILEINTEL__API__KEYS": "key4tests", "FLOWER_BASIC_AUTH": "me:pw4tests"}


class MissingValueError(Exception):
    """A variable that the compose file insists on is not set."""


def example() -> dict[str, str]:
    """The variables of .env.example."""
    lines = [line for line in ENV_EXAMPLE.splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """A text of the compose file with its variables put in.

    Raises:
      MissingValueError: names the variable.
    """

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        given = environment.get(found["name"], "")
        if not given and found["kind"] == "?":
            raise MissingValueError(found["name"])
        return given or (found["rest"] or "" if found["kind"] == "-" else "")

    return VARIABLE.sub(value, text)


def raw() -> dict[str, Any]:
    """The file as it is written, variables and all."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE)
    return content


def services(**environment: str) -> dict[str, Any]:
    """The services with .env.example, the required values and what is given."""
    given = {**example(), **REQUIRED, **environment}

    def filled(value: Any) -> Any:  # as Docker Compose does: first YAML, then variables
        if isinstance(value, dict):
            return {key: filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        return interpolated(value, given) if isinstance(value, str) else value

    found: dict[str, Any] = filled(raw()["services"])
    return found


def of_fileintel(**environment: str) -> dict[str, Any]:
    """The services that run our own image."""
    return {name: one for name, one in services(**environment).items() if one["image"].startswith("fileintel:")}


def option(command: list[str], name: str) -> str:
    """The value of `--name=value` in a command."""
    (found,) = [word.partition("=")[2] for word in command if word.startswith(f"--{name}=")]
    return found
