"""Contexts that have no room for a single piece: an error that names the setting, in every mode."""

import pytest

from fileintel.errors import ConfigError
from tests import doing
from tests.query.town import COLLECTION, Place, add, ask, build, opened

TOO_SMALL = (
    ("local", "local_max_context_tokens"),
    ("basic", "vector_max_context_tokens"),
    ("global", "global_max_context_tokens"),
    ("drift", "drift_primer_tokens"),
    ("drift", "local_max_context_tokens"),
)


def test_a_context_without_room_for_a_single_piece_is_an_error_that_says_what_to_raise(place: Place) -> None:
    with opened(place) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 3)
        build(workspace)
    for mode, setting in TOO_SMALL:
        small = {f"query__{setting}": 8}
        with (
            opened(place, **small) as workspace,
            pytest.raises(ConfigError, match=rf"query\.{setting}=8 has no room for a .*: raise it"),
        ):
            ask(workspace, "Who drew the sluice?", mode=mode)


def test_a_report_that_is_too_long_is_shown_as_far_as_it_fits(place: Place) -> None:
    with opened(place) as workspace:
        doing.create_collection(workspace, COLLECTION)
        add(workspace, 0, 3)
        build(workspace)
        whole = ask(workspace, "What is drawn?", mode="global")
    with opened(place, query__global_max_context_tokens=60) as workspace:
        cut = ask(workspace, "What is drawn?", mode="global")
    assert cut["context"]["reports"] == whole["context"]["reports"] > 0
