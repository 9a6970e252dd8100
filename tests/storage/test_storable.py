"""What a text becomes before it is stored."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.storable import storable, storable_value


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(), max_size=30))
def test_a_storable_text_is_utf_8_without_nul_and_stays_so(text: str) -> None:
    kept = storable(text)
    assert "\x00" not in kept
    assert kept.encode().decode() == kept
    assert storable(kept) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x00b", "ab"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d\x00\ude00", "😀"),
        ("\ud83d and \ude00", "\ufffd and \ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("the end \ud83d", "the end \ufffd"),
        ("\ufeffmark \udc80", "\ufeffmark \ufffd"),
    ],
)
def test_halves_of_a_pair_are_joined_and_a_half_that_stands_alone_is_marked(text: str, kept: str) -> None:
    assert storable(text) == kept


@given(text=st.text(max_size=30).filter(lambda text: "\x00" not in text))
def test_a_text_that_can_be_stored_is_left_as_it_is(text: str) -> None:
    assert storable(text) is text


def test_all_texts_within_a_value_are_storable() -> None:
    value = {"a\x00": ["b\ud800", {"c": ("d\x00", 1, None, True, 2.5)}]}
    assert storable_value(value) == {"a": ["b\ufffd", {"c": ["d", 1, None, True, 2.5]}]}
    assert storable_value(json.loads('"\\ud83d"') + json.loads('"\\ude00"')) == "😀"
