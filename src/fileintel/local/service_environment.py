"""The environment of a service: the settings of one command, so that other processes elsewhere read the same."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Secret, SecretStr

from fileintel.config import Settings
from fileintel.config.sources import COMMAND_LINE, FILE_SUFFIX, PREFIX, WELL_KNOWN

CONFIG = "FILEINTEL_CONFIG"
HOME = "FILEINTEL_HOME"


def service_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """`environ`, with every setting that is from it or from the command line spelled out.

    The programs of a service run in another folder and never see the command line. So paths become absolute, the
    content takes the place of a file's name, and `--set` becomes a variable. DATABASE_URL and CELERY_BROKER_URL are
    set when a database or a broker is configured, wherever that is.
    """
    replaced = {f"{name}{FILE_SUFFIX}" for name, _ in WELL_KNOWN}
    found = {name: value for name, value in environ.items() if not name.startswith(PREFIX) and name not in replaced}
    for setting in settings.origins():
        if setting.origin == COMMAND_LINE or setting.origin.startswith("environment "):
            found[PREFIX + setting.key.upper().replace(".", "__")] = _text(_value(settings, setting.key))
    if found.get(CONFIG, "").strip():
        found[CONFIG] = os.path.abspath(os.path.expanduser(found[CONFIG].strip()))
    urls = {
        "DATABASE_URL": settings.storage.url,
        "CELERY_BROKER_URL": settings.celery.broker_url,
        "CELERY_RESULT_BACKEND": settings.celery.result_backend,
    }
    for name, url in urls.items():
        found.pop(name, None)  # an empty one means none
        if url is not None:
            found[name] = url.get_secret_value()
    return {**found, HOME: str(settings.home), "LOG_LEVEL": settings.log_level}


def _value(settings: Settings, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _text(value: object) -> str:
    """Return a value as the environment is read: texts as they are, all others as JSON."""
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _plain(value: object) -> object:
    if isinstance(value, Secret | SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
