"""docs/runs.md draws the states of a run as the program has them."""

import re

from fileintel.storage.states import ACTIVE_STATES, TRANSITIONS, RunState
from tests.architecture.source import ROOT

PAGE = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
ARROW = re.compile(r"^    (\S+) --> (\w+|\[\*\])", re.MULTILINE)


def test_the_diagram_has_the_transitions_of_the_program_and_no_others() -> None:
    drawn = {(start, end) for start, end in ARROW.findall(PAGE) if "[*]" not in (start, end)}
    known = {(start.value, end.value) for start, ends in TRANSITIONS.items() for end in ends}

    assert drawn == known


def test_the_diagram_ends_where_a_run_ends() -> None:
    ends = {start for start, end in ARROW.findall(PAGE) if end == "[*]"}

    assert ends == {state.value for state in RunState if state not in ACTIVE_STATES}


def test_each_state_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [state.value for state in RunState]
