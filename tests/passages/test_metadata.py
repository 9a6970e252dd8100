"""Metadata of documents: a model's, a person's, the file's; what is shown, and what an extraction leaves alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.documents import metadata
from fileintel.documents.metadata import EDITED, EXTRACTED, FIELDS, FILE, LISTS
from fileintel.errors import NotFoundError, UsageError
from fileintel.graphrag.stages.metadata import parse_metadata
from fileintel.llm.questions import InvalidAnswer
from fileintel.llm.tokens import Tokenizer
from fileintel.services import documents
from fileintel.workspace import Workspace
from tests import doing
from tests.standin import StandIn
from tests.standin.settings import Canned, Fault

from .conftest import COLLECTION, Opener
from .working import METADATA, done, stage

INTERVIEW = "interview-erna-sollid-1991.md"
LIST = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3, unique=True)
VALUES = {field: LIST if field in LISTS else st.text("abc ", max_size=6) for field in FIELDS}
SOME = st.fixed_dictionaries({}, optional=VALUES)


def shown(workspace: Workspace, name: str = INTERVIEW) -> Any:
    return doing.show_document(workspace, name, COLLECTION)


def edit(workspace: Workspace, **changes: Any) -> Any:
    return doing.edit_document(workspace, INTERVIEW, changes, COLLECTION)


def test_a_model_is_asked_once_about_each_document(workspace: Workspace, model_server: StandIn) -> None:
    assert shown(workspace)["metadata_from"] == {"title": "file"}
    run = done(workspace, METADATA)
    assert run["state"] == "succeeded"
    assert run["result"] == {"documents": 3, "with_metadata": 3, "model": "standin"}
    assert model_server.stats().answered == {"metadata": 3}
    interview = shown(workspace)
    assert interview["metadata"]["title"] == "Interview with Erna Sollid, 22 May 1991"
    assert interview["metadata"]["authors"] == ["Ingeborg Thessen"]
    assert interview["metadata"]["date"] == "1991-05-22"
    assert interview["metadata"]["document_type"] == "interview"
    assert set(interview["metadata_from"].values()) == {"extracted"}
    again = done(workspace, METADATA)
    assert stage(again, "metadata")["cached"] == 3
    assert model_server.stats().answered == {"metadata": 3}
    assert shown(workspace)["extraction"] == interview["extraction"]  # the moment of the first time


def test_a_question_holds_the_beginning_of_a_document_up_to_the_budget(
    workspace: Workspace, opened: Opener, model_server: StandIn
) -> None:
    texts = [
        "".join(documents.document_text(workspace, one["id"])).strip()
        for one in doing.list_documents(workspace, COLLECTION)
    ]
    done(opened(documents__metadata_max_input_tokens=60), METADATA)
    asked = [question["body"] for question in model_server.questions()]
    assert len(asked) == 3
    for body in asked:
        assert body["response_format"]["json_schema"]["name"] == "metadata"
        begun = body["messages"][-1]["content"].removeprefix("<text>\n").removesuffix("\n</text>")
        assert 50 <= Tokenizer().count(begun) <= 60
        assert any(text.startswith(begun) for text in texts)


def test_what_a_person_says_wins_and_no_extraction_overwrites_it(workspace: Workspace) -> None:
    edit(workspace, title="  My title ", keywords=["dyke", "dyke", ""])
    done(workspace, METADATA)
    found = shown(workspace)
    assert (found["title"], found["metadata"]["title"]) == ("My title", "My title")
    assert found["metadata"]["keywords"] == ["dyke"]
    assert (found["metadata_from"]["title"], found["metadata_from"]["authors"]) == ("edited", "extracted")
    assert edit(workspace, title=None)["metadata"]["title"] == "Interview with Erna Sollid, 22 May 1991"
    assert edit(workspace, authors=[])["metadata"]["authors"] == []  # "nobody" is an answer, too
    assert shown(workspace)["metadata_from"]["authors"] == "edited"


def test_wrong_edits_are_refused_and_change_nothing(workspace: Workspace) -> None:
    before = shown(workspace)
    for changes in ({}, {"publisher": "x"}, {"title": ["x"]}, {"authors": "Anna"}, {"title": "x" * 20_000}):
        with pytest.raises(UsageError):
            doing.edit_document(workspace, INTERVIEW, changes, COLLECTION)
    with pytest.raises(NotFoundError):
        doing.edit_document(workspace, "nothing.md", {"title": "x"}, COLLECTION)
    assert shown(workspace) == before


def test_an_answer_that_cannot_be_read_is_a_gap_with_its_reason(workspace: Workspace, model_server: StandIn) -> None:
    model_server.configure(canned=[Canned("I would rather not.", purpose="metadata", match="Erna Sollid, 22 May")])
    run = done(workspace, METADATA)
    assert (run["state"], run["result"]["with_metadata"]) == ("succeeded_with_gaps", 2)
    assert shown(workspace)["extraction"] is None
    model_server.configure(canned=[])
    assert done(workspace, METADATA)["state"] == "succeeded"
    assert shown(workspace)["extraction"] is not None


def test_a_run_fails_when_most_answers_cannot_be_read(workspace: Workspace, model_server: StandIn) -> None:
    model_server.configure(faults=[Fault("context_length", purpose="metadata")])
    run = done(workspace, METADATA)
    assert run["state"] == "failed"
    assert "3 of 3 items failed" in run["error"]


@given(file=SOME, extracted=SOME, edited=SOME)
def test_a_person_goes_before_a_model_and_a_model_before_the_file(file: Any, extracted: Any, edited: Any) -> None:
    found, origins = metadata.shown(file, extracted, edited)
    assert set(found) == set(FIELDS)
    for field in FIELDS:
        for source, values in ((EDITED, edited), (EXTRACTED, extracted), (FILE, file)):
            if field in values:
                assert (found[field], origins[field]) == (values[field], source)
                break
        else:
            assert found[field] in (None, [])
            assert field not in origins


@given(edited=SOME, changes=st.fixed_dictionaries({}, optional={f: st.none() | v for f, v in VALUES.items()}))
def test_an_edit_changes_what_it_names_and_only_that(edited: Any, changes: Any) -> None:
    if not changes:
        return
    after = metadata.edited_with(edited, changes)
    assert {field for field in FIELDS if after.get(field) != edited.get(field)} <= set(changes)
    assert {field for field, value in changes.items() if value is None}.isdisjoint(after)
    assert metadata.edited_with(after, changes) == after


@given(SOME)
def test_an_answer_of_the_form_asked_for_is_read_as_it_is(values: Any) -> None:
    cleaned = {f: v if f in LISTS else " ".join(v.split()) for f, v in values.items()}
    expected = {field: value for field, value in cleaned.items() if value}
    if values:
        assert parse_metadata(json.dumps(values)) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('```json\n{"title": "T", "authors": "A; B"}\n```', {"title": "T", "authors": ["A", "B"]}),
        ('{"Title": " A\\n title ", "authors": [{"name": "A"}, null, 3]}', {"title": "A title", "authors": ["A"]}),
        ('{"title": "Unknown", "date": 1964, "language": "EN"}', {"date": "1964", "language": "en"}),
        ('{"title": null, "keywords": ["a", "a", "N/A"], "abstract": true}', {"keywords": ["a"]}),
        ('{"title": "' + "x" * 900 + '"}', {"title": "x" * 500}),
    ],
)
def test_answers_as_models_give_them_are_read(answer: str, expected: dict[str, Any]) -> None:
    assert parse_metadata(answer) == expected


@pytest.mark.parametrize("answer", ["", "no", "[]", "{}", '{"name": "x"}', '{"title'])
def test_answers_that_say_nothing_are_invalid(answer: str) -> None:
    with pytest.raises(InvalidAnswer):
        parse_metadata(answer)


def test_what_files_say_of_themselves_is_put_into_the_fields() -> None:
    properties = {"author": "Berg, Anna; Olsen, Per", "created": "2018-06-29T12:00:00Z", "keywords": "a, b;c", "x": "y"}
    assert metadata.of_file("T", properties) == {
        "title": "T",
        "authors": ["Berg, Anna", "Olsen, Per"],
        "date": "2018-06-29",
        "keywords": ["a", "b", "c"],
    }
    assert metadata.of_file("", {}) == {}
