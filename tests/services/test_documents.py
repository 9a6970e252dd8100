"""What collections and documents may be called, and how documents are told apart that have one name."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fileintel.errors import AmbiguousName, NotFoundError, UsageError
from fileintel.runs.add_documents import add_documents
from fileintel.workspace import Workspace
from tests import doing
from tests.services.conftest import COLLECTION, TEXTS


def test_a_name_that_several_documents_have_is_refused_with_their_ids(
    workspace: Workspace, write_document: Callable[[str, str], Path]
) -> None:
    (name, *_) = TEXTS
    for number in range(6):
        doing.create_collection(workspace, f"other {number}")
        path = str(write_document(name, f"Something else {number}."))
        (added,) = add_documents(workspace, f"other {number}", [path])
        assert added.problem is None
    inside = doing.show_document(workspace, name, COLLECTION)
    with pytest.raises(AmbiguousName) as refused:
        doing.find_document(workspace, name)
    assert (refused.value.http_status, refused.value.exit_code) == (409, 1)
    message = str(refused.value)
    named = re.findall(r"[0-9a-f-]{36}", message)
    assert (len(named), named[0]) == (5, inside["id"])
    assert message.endswith(", …)")
    assert doing.find_document(workspace, named[1])["name"] == name
    with pytest.raises(NotFoundError):
        doing.find_document(workspace, "nothing.txt")


@pytest.mark.parametrize("character", ["\x07", "\x7f", "\x9b", "\u2028", "\u202a", "\u202e", "\u2066", "\u2069"])
def test_the_name_of_a_collection_cannot_steer_what_shows_it(workspace: Workspace, character: str) -> None:
    with pytest.raises(UsageError, match="no control characters") as refused:
        doing.create_collection(workspace, f"port{character}gpj")
    assert character not in str(refused.value)


@pytest.mark.parametrize("name", ["Västra hamnen", "港湾", "بندر", "e\u0301t\u200dé", "a b.c-d_e:f"])
def test_the_name_of_a_collection_can_be_in_any_script(workspace: Workspace, name: str) -> None:
    assert doing.create_collection(workspace, name).name == name
