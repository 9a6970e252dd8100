"""Reading a report out of what models send."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.graphrag.model import Community, Finding, Report
from fileintel.graphrag.rows import full_content_json
from fileintel.graphrag.stages.report import MIDDLE_RATING, parse_report
from fileintel.llm.questions import InvalidAnswer

REPORT = {
    "title": "The sluice at Kestervag",
    "summary": "Who built it and who was against it.",
    "rating": 7.5,
    "rating_explanation": "Much of the collection is about it.",
    "findings": [{"summary": "It was late.", "explanation": "It was opened in 1912 [Data: Entities (5, 7)]."}],
}
READ = {**REPORT, "findings": [Finding("It was late.", "It was opened in 1912 [Data: Entities (5, 7)].")]}
TEXT = json.dumps(REPORT, indent=2)

PLAIN = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=30)
WORDS = PLAIN.map(str.strip).filter(bool)
FOUND = st.fixed_dictionaries({"summary": WORDS, "explanation": WORDS})
REPORTS = st.fixed_dictionaries(
    {
        "title": WORDS,
        "summary": WORDS,
        "rating": st.floats(0, 10),
        "rating_explanation": WORDS,
        "findings": st.lists(FOUND, max_size=4),
    }
)


@settings(max_examples=100, deadline=None)
@given(content=REPORTS, ascii_only=st.booleans(), indent=st.sampled_from((None, 2)))
def test_a_well_formed_report_is_read_as_it_is(
    content: dict[str, object], ascii_only: bool, indent: int | None
) -> None:
    read = parse_report(json.dumps(content, ensure_ascii=ascii_only, indent=indent))
    assert {**read, "findings": [asdict(finding) for finding in read["findings"]]} == content


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}",
        f"Here is the report:\n\n{TEXT}\n\nI hope that helps {{really}}!",
        f"I use {{curly}} braces. Sure:\n```json\n{TEXT}\n```\nDone.",
        f"[{TEXT}]",
        TEXT.replace("\n}", ",\n}").replace("]\n", ",]\n"),
        TEXT.replace('": ', '" : '),
        TEXT.replace('"title"', "'title'"),
        TEXT.removesuffix("}"),
    ],
)
def test_a_report_is_read_in_every_form_that_models_give_it(text: str) -> None:
    assert parse_report(text) == READ


@pytest.mark.parametrize("length", range(60, len(TEXT), 17))
def test_a_truncated_report_is_what_is_there_of_it_or_refused(length: int) -> None:
    try:
        read = parse_report(TEXT[:length])
    except InvalidAnswer:
        assert '"summary": "' not in TEXT[:length]
    else:
        assert read["title"] == REPORT["title"]
        assert str(REPORT["summary"]).startswith(read["summary"])


@pytest.mark.parametrize(
    ("given_rating", "rating"),
    [
        ("8", 8.0), ('"8/10"', 8.0), ('"8 out of 10"', 8.0), ('"8,5"', 8.5), ('"8.5."', 8.5), ('"Rating: 8"', 8.0),
        ("11", 10.0), ("-1", 0.0), ('"-3"', 0.0), ("0", 0.0),
        ("NaN", MIDDLE_RATING), ("Infinity", MIDDLE_RATING), ("1e999", MIDDLE_RATING), ("null", MIDDLE_RATING),
        ('"high"', MIDDLE_RATING), ("true", MIDDLE_RATING), ("[8]", MIDDLE_RATING), ("9" * 5000, MIDDLE_RATING),
    ],
)  # fmt: skip
def test_a_rating_is_between_0_and_10_or_in_the_middle(given_rating: str, rating: float) -> None:
    assert parse_report(f'{{"title": "t", "summary": "s", "rating": {given_rating}}}')["rating"] == rating


@pytest.mark.parametrize(
    ("findings", "read"),
    [
        ('["It was late.", ""]', [Finding("It was late.", "It was late.")]),
        ('"It was late."', [Finding("It was late.", "It was late.")]),
        ('{"summary": "It was late.", "explanation": "Very."}', [Finding("It was late.", "Very.")]),
        ('[{"summary": "It was late."}]', [Finding("It was late.", "It was late.")]),
        ('[{"explanation": "Very."}]', [Finding("Very.", "Very.")]),
        ("[null, 3, [], {}]", []),
        ("null", []),
        ("7", []),
    ],
)
def test_findings_are_read_in_every_form(findings: str, read: list[Finding]) -> None:
    assert parse_report(f'{{"title": "t", "summary": "s", "findings": {findings}}}')["findings"] == read


def test_a_report_without_anything_but_title_and_summary_is_fine() -> None:
    assert parse_report('{"title": " t ", "summary": "s"}') == {
        "title": "t", "summary": "s", "rating": MIDDLE_RATING, "rating_explanation": "", "findings": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot write this report.",
        "{}",
        "[]",
        "{" * 100_000,
        '{"title": ' * 5_000,
        '{"title": "t"}',
        '{"summary": "s"}',
        '{"title": "", "summary": "s"}',
        '{"title": "\\u0000", "summary": "s"}',
        '{"title": "t", "summary": ["s"]}',
        '{"title": 5, "summary": "s"}',
    ],
)
def test_an_answer_without_title_or_summary_is_refused(text: str) -> None:
    with pytest.raises(InvalidAnswer) as refused:
        parse_report(text)
    assert len(str(refused.value).splitlines()) == 1


def test_texts_can_be_stored() -> None:
    summary = "half \\ud800 and whole \\ud83d\\ude00"
    read = parse_report(f'{{"title": "NUL \\u0000", "summary": "{summary}", "findings": ["\\udc00"]}}')
    assert (read["title"], read["summary"]) == ("NUL", "half \ufffd and whole 😀")
    assert read["findings"][0].summary == "\ufffd"


SCRAPS = st.sampled_from(
    ('{"title": "t"', ', "summary": "s"', "}", "{", "[", "]", '"', ",", ":", "\\", "\\ud800", "\x00", "```\n", "NaN")
)


@settings(max_examples=200, deadline=None)
@given(text=st.lists(SCRAPS | st.text(max_size=6), max_size=20).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse_report(text)
    except InvalidAnswer:
        return
    assert read["title"]
    assert read["summary"]
    assert 0 <= read["rating"] <= 10
    "".join([read["title"], read["summary"], read["rating_explanation"]]).encode()


@given(
    title=st.text(),
    summary=st.text(),
    rating=st.floats(0, 10),
    findings=st.lists(st.builds(Finding, st.text(), st.text()), max_size=3),
)
def test_the_json_of_a_report_is_what_the_standard_library_writes(
    title: str, summary: str, rating: float, findings: list[Finding]
) -> None:
    report = Report(Community("id", 1, 0, -1, [], [], []), title, summary, rating, "why", findings)
    content = {
        "title": title,
        "summary": summary,
        "findings": [asdict(finding) for finding in findings],
        "rating": rating,
        "rating_explanation": "why",
    }
    assert full_content_json(report) == json.dumps(content, ensure_ascii=False, indent=4)
