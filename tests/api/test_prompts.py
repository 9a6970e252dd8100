"""Prompts and settings of a collection over HTTP, as the command line asks for them."""

from collections.abc import Iterator

import pytest

from fileintel.config import load_settings
from fileintel.errors import NotFoundError, UsageError
from fileintel.installation.remote import RemoteInstallation
from tests import doing
from tests.api.installation import KEY, Caller, Installation

NAME = "extract_graph_loop.txt"


@pytest.fixture
def remote(attended: Installation) -> Iterator[RemoteInstallation]:
    environment = {"FILEINTEL_API_URL": attended.url, "FILEINTEL_API_KEY": KEY}
    with RemoteInstallation(load_settings(environ=environment).client) as installation:
        yield installation


def origins(remote: RemoteInstallation, collection: str) -> dict[str, str]:
    return {one["name"]: one["origin"] for one in doing.list_prompts(remote, collection)}


def test_a_collection_gets_prompts_of_its_own_and_loses_them(
    remote: RemoteInstallation, service: Caller, fresh_name: str
) -> None:
    service.collection(fresh_name)
    assert set(origins(remote, fresh_name).values()) == {"shipped"}
    assert doing.set_prompts(remote, fresh_name, {NAME: "More? Y or N."}) == [NAME]
    assert origins(remote, fresh_name)[NAME] == "collection"
    assert doing.reset_prompts(remote, fresh_name, [NAME]) == [NAME]
    assert doing.reset_prompts(remote, fresh_name, []) == []
    with pytest.raises(UsageError, match="there is no prompt"):
        doing.set_prompts(remote, fresh_name, {NAME: "More?", "nobody.txt": "x"})
    service.problem("PUT", f"/collections/{fresh_name}/prompts/{NAME}", 422, "prompt", json={"text": "{typo}"})
    assert set(origins(remote, fresh_name).values()) == {"shipped"}
    with pytest.raises(NotFoundError):
        doing.list_prompts(remote, "nobody")


def test_language_and_entity_types_are_set_and_taken_away(
    remote: RemoteInstallation, service: Caller, fresh_name: str
) -> None:
    service.collection(fresh_name)
    changed = doing.change_collection(remote, fresh_name, {"language": "German", "entity_types": ["ship", "dyke"]})
    assert (changed.language, changed.entity_types) == ("German", ["ship", "dyke"])
    changed = doing.change_collection(remote, fresh_name, {"language": None, "description": "Ships"})
    assert (changed.language, changed.entity_types, changed.description) == (None, ["ship", "dyke"], "Ships")
    with pytest.raises(UsageError):
        doing.change_collection(remote, fresh_name, {"entity_types": ["a, b"]})


def test_prompts_are_tuned_and_only_returned_where_they_are_not_to_be_kept(
    remote: RemoteInstallation, indexed: str
) -> None:
    tuned = doing.tune(remote, indexed, keep=False)
    assert tuned["language"] == "English"
    assert "extract_graph.txt" in tuned["prompts"]
    assert set(origins(remote, indexed).values()) == {"shipped"}
