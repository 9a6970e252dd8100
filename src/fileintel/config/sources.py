"""Where settings come from: files, the environment, the command line. Each source is read into one flat layer.

A layer maps dotted keys ("llm.model") to a value and the place that it was found at. Only names are checked here;
types and ranges are the models' matter, in `fileintel.config`. Nothing that may be a secret gets into a message.
"""

import difflib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, Secret, SecretStr, ValidationError

from fileintel.errors import ConfigError
from fileintel.resources import shipped

PREFIX = "FILEINTEL__"  # FILEINTEL__LLM__MODEL is llm.model
FILE_SUFFIX = "_FILE"  # of the variable that names a file with a secret in it
COMMAND_LINE = "command line"
DEFAULTS = "config/default.yaml"
DATA_FOLDER = "the user's data folder"

# Names that other tools use, too. The later of two for the same key wins, and FILEINTEL__ wins over all.
WELL_KNOWN = (
    ("GRAPHRAG_API_KEY", "llm.api_key"),
    ("OPENAI_API_KEY", "llm.api_key"),
    ("OPENAI_BASE_URL", "llm.base_url"),
    ("DATABASE_URL", "storage.url"),
    ("CELERY_BROKER_URL", "celery.broker_url"),
    ("CELERY_RESULT_BACKEND", "celery.result_backend"),
    ("FILEINTEL_API_URL", "client.url"),
    ("FILEINTEL_API_KEY", "client.key"),
    ("FILEINTEL_HOME", "home"),
    ("LOG_LEVEL", "log_level"),
)

_YAML_TAG = "tag:yaml.org,2002:"
# PyYAML reads YAML 1.1, where 1e-3 is a text; people mean the number
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")


@dataclass(frozen=True)
class Key:
    """What has to be known of a setting to read it: its form when written as text, and whether it is a secret."""

    form: Literal["text", "path", "list", "yaml"]
    secret: bool


@dataclass(frozen=True)
class Found:
    """A value, and where it was found."""

    value: object
    origin: str


Keys = Mapping[str, Key]
Layer = dict[str, Found]


def keys_of(model: type[BaseModel]) -> dict[str, Key]:
    """Return the dotted keys of a model of sections, as its annotations have them."""
    keys = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys.update({f"{name}.{key}": inner for key, inner in keys_of(field.annotation).items()})
        else:
            keys[name] = _key(field.annotation)
    return keys


def _key(annotation: Any) -> Key:
    types = [leaf for leaf in _leaves(annotation) if isinstance(leaf, type)]
    if any(issubclass(leaf, BaseModel) for leaf in types):  # a list of mappings, which may have secrets in them
        return Key("yaml", True)
    secret = any(issubclass(leaf, Secret | SecretStr) for leaf in types)
    if get_origin(annotation) is dict:
        return Key("yaml", secret)
    if get_origin(annotation) is tuple:
        return Key("list", secret)
    if Path in types:
        return Key("path", secret)
    return Key("text" if secret or str in types or get_origin(annotation) is Literal else "yaml", secret)


def _leaves(annotation: Any) -> list[Any]:
    inner = get_args(annotation)
    return [leaf for part in inner for leaf in _leaves(part)] if inner else [annotation]


def read_layers(keys: Keys, overrides: Mapping[str, object], environ: Mapping[str, str]) -> Layer:
    """Return all sources merged, the stronger over the weaker; `home` is filled in.

    Raises:
      ConfigError: a key is unknown, or a file cannot be read.
    """
    defaults = _from_file(shipped("config") / "default.yaml", keys, DEFAULTS)
    environment = _from_environment(environ, keys)
    command_line = _from_command_line(overrides, keys)
    stronger = {**environment, **command_line}
    if named := environ.get("FILEINTEL_CONFIG", "").strip():
        users = _from_file(_absolute(named, Path.cwd(), "FILEINTEL_CONFIG"), keys)
        merged = {**defaults, **users, **stronger}
    else:
        merged = {**defaults, **stronger}
    home = merged["home"]
    if home.value is None:
        home = merged["home"] = _data_folder()
    if not named and isinstance(home.value, Path) and os.path.isfile(path := home.value / "config.yaml"):
        users = _from_file(path, keys)
        if "home" in users:
            raise ConfigError(
                f"home ({users['home'].origin}): this file was found in the home folder; set FILEINTEL_HOME"
            )
        merged = {**defaults, **users, **stronger, "home": home}
    return merged


def check_known(key: str, origin: str, keys: Iterable[str]) -> None:
    """Raise ConfigError, with the nearest keys, unless `key` is a setting."""
    known = list(keys)
    if key not in known:
        raise ConfigError(f"unknown setting {key} ({origin}): {_hint(key, known)}see `fileintel config show`")


def _hint(key: str, known: list[str]) -> str:
    inside = [each for each in known if each.startswith(f"{key}.")]
    if inside:
        return f"it is a section, so set one of its keys, such as {inside[0]}; "
    name = key.rpartition(".")[2]
    elsewhere = [each for each in known if each.endswith(f".{name}")]
    sections = {each.partition(".")[0] for each in known}
    near = elsewhere or difflib.get_close_matches(key, sorted({*known, *sections}), n=1, cutoff=0.5)
    return f"did you mean {' or '.join(near)}? " if near else ""


_PLAIN_WORDS = (  # for pydantic's
    ("Value error, ", ""),
    ("Input should be ", "must be "),
    ("input was not a valid JSON value", "must be made of texts, numbers, lists and mappings"),
    ("a valid string", "a text"),
    ("a valid integer", "a whole number"),
    ("a valid number", "a number"),
    ("a valid boolean", "true or false"),
    ("a valid tuple", "a list"),
    ("a valid dictionary", "a mapping, {key: value}"),
    ("Tuple should have at least 1 item after validation, not 0", "must not be empty"),
    ("String should have at least 1 character", "must not be empty"),
    ("Value should have at least 1 item after validation, not 0", "must not be empty"),
)


def explained(error: ValidationError, layer: Layer, keys: Keys) -> str:
    """Return what is wrong with which keys, and where they were found, in one line."""
    faults: dict[str, str] = {}  # the first of each key
    for fault in error.errors(include_url=False, include_input=False):
        place = [str(part) for part in fault["loc"]]
        key = place[0] if place[0] in keys else ".".join(place[:2])
        message = fault["msg"]
        for technical, plain in _PLAIN_WORDS:
            message = message.replace(technical, plain)
        found = layer.get(key, Found(None, DEFAULTS))
        # a rule of ours says in its own words what is needed; for the others, say what is there instead
        instead = "" if keys[key].secret or fault["type"] == "value_error" else _instead(found.value)
        faults.setdefault(key, f"{key} ({found.origin}): {message}{instead}")
    return "; ".join(faults.values())


def _instead(value: object) -> str:
    if isinstance(value, str | int | float | None):
        text = json.dumps(value, ensure_ascii=False)
        return f", not {text}" if len(text) <= 40 and "://" not in text else ""
    return ""


def _data_folder() -> Found:
    from platformdirs import user_data_path

    return Found(_absolute(str(user_data_path("fileintel")), Path.cwd(), "home"), DATA_FOLDER)


def _absolute(text: str, base: Path, what: str) -> Path:
    expanded = os.path.expanduser(text)
    if expanded.startswith("~"):
        raise ConfigError(f"{what}: {text} cannot be resolved, as this user has no home directory; set FILEINTEL_HOME")
    return Path(os.path.abspath(base / expanded))


# The command line and the environment: values are written as text.


def _from_command_line(overrides: Mapping[str, object], keys: Keys) -> Layer:
    layer: Layer = {}
    for key, value in overrides.items():
        check_known(key, COMMAND_LINE, keys)
        read = _from_text(value, key, keys[key], COMMAND_LINE) if isinstance(value, str) else value
        layer[key] = Found(read, COMMAND_LINE)
    return layer


def _from_environment(environ: Mapping[str, str], keys: Keys) -> Layer:
    layer: Layer = {}
    for name, key in (*WELL_KNOWN, *_prefixed(environ, keys)):
        for text, origin in _variable(environ, name, keys[key].secret):
            layer[key] = Found(_from_text(text, key, keys[key], origin), origin)
    return layer


def _prefixed(environ: Mapping[str, str], keys: Keys) -> Iterator[tuple[str, str]]:
    """Yield the FILEINTEL__ variables that are set, without _FILE, and their keys."""
    for name in sorted(environ):
        if not name.startswith(PREFIX) or not environ[name].strip():
            continue
        variable = name
        key = _key_of(name)
        if key not in keys and name.endswith(FILE_SUFFIX):
            variable = name.removesuffix(FILE_SUFFIX)
            target = keys.get(_key_of(variable))
            if target is not None and not target.secret:
                raise ConfigError(f"unknown setting {key} (environment {name}): only secrets are read from files")
            key = _key_of(variable) if target else key
        check_known(key, f"environment {name}", keys)
        yield variable, key


def _key_of(variable: str) -> str:
    return variable.removeprefix(PREFIX).replace("__", ".").lower()


def _variable(environ: Mapping[str, str], name: str, secret: bool) -> Iterator[tuple[str, str]]:
    """The text of a variable, or of the file that its _FILE variant names, and where it is from; empty is unset."""
    text = environ.get(name, "").strip()
    path = environ.get(name + FILE_SUFFIX, "").strip() if secret else ""
    if text and path:
        raise ConfigError(f"{name} and {name}{FILE_SUFFIX} are both set (environment): keep one of them")
    if text:
        yield text, f"environment {name}"
    elif path:
        yield _secret_in(path, name + FILE_SUFFIX), f"environment {name}{FILE_SUFFIX}"


def _secret_in(path: str, variable: str) -> str:
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or no path at all
        raise ConfigError(f"{variable}: cannot read {path}: {_reason(error)}") from None
    if not content:
        # taken for unset, an empty file of keys would open the API to all users
        raise ConfigError(f"{variable}: {path} is empty")
    return content


def _from_text(text: str, key: str, kind: Key, origin: str) -> object:
    text = text.strip()
    if kind.form == "list" and not text.startswith("["):
        return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]
    if kind.form in ("text", "path"):
        if text in ("", "null"):
            return None
        return text if kind.form == "text" else _absolute(text, Path.cwd(), f"{key} ({origin})")
    node = _compose(text, f"{key} ({origin})", with_line=False)
    return None if node is None else _value_of(node, kind, Path.cwd(), f"{key} ({origin})")


# Files: YAML, read as nodes, because these know their line and the text as it was written.


def _from_file(path: Path, keys: Keys, origin: str | None = None) -> Layer:
    """Return a file of settings as a layer; each value's origin is `origin`, or the file and the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the settings in {path}: {_reason(error)}") from None
    root = _compose(text, str(path))
    if root is None or _is_null(root):
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}: settings are written as 'section:' with 'key: value' below")
    sections = {key.partition(".")[0] for key in keys if "." in key}
    layer: Layer = {}
    for key, node, line in _entries(root, sections):
        place = f"{path}, line {line}"
        check_known(key, place, keys)
        if key in layer:
            raise ConfigError(f"{key} ({place}): it is set twice in this file")
        layer[key] = Found(_value_of(node, keys[key], path.parent, f"{key} ({place})"), origin or place)
    return layer


def _entries(root: yaml.MappingNode, sections: set[str]) -> Iterator[tuple[str, yaml.Node, int]]:
    """Dotted key, value and line of everything in a file."""
    for name, node in root.value:
        section = _name(name)
        if section in sections and isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield f"{section}.{_name(key)}", value, key.start_mark.line + 1
        elif not (section in sections and _is_null(node)):  # a section with all its keys commented out is null
            yield section, node, name.start_mark.line + 1


def _name(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "(a key that is no text)"


def _value_of(node: yaml.Node, kind: Key, base: Path, place: str) -> object:
    """Return the value of a node. Texts are taken as written, so that `language: no` is not False."""
    if not node.tag.startswith(_YAML_TAG):
        raise ConfigError(f"{place}: YAML tags (!…) have no meaning here; put the text in quotes")
    if kind.form in ("text", "path") and isinstance(node, yaml.ScalarNode):
        if _is_null(node):
            return None
        return str(node.value) if kind.form == "text" else _absolute(str(node.value), base, place)
    if kind.form == "list" and isinstance(node, yaml.SequenceNode):
        return [item.value if isinstance(item, yaml.ScalarNode) else None for item in node.value]
    try:
        value = yaml.SafeLoader("").construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError(f"{place}: {_problem(error)}") from None
    except (ValueError, TypeError):  # PyYAML's constructors: an impossible date, an unhashable key
        raise ConfigError(f"{place}: this is not a value") from None
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def _compose(text: str, place: str, with_line: bool = True) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark and with_line else ""
        raise ConfigError(f"{place}{line}: this is not valid YAML: {_problem(error)}") from None


def _is_null(node: yaml.Node) -> bool:
    return node.tag == f"{_YAML_TAG}null"


def _problem(error: yaml.YAMLError) -> str:
    """Return what is wrong, without what the parser quotes: it might be a piece of a secret."""
    problem = getattr(error, "problem", None) or "unreadable characters"
    return re.sub(r"'[^']{2,}'|\"[^\"]{2,}\"", "…", problem)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "it is not a path"
