"""Reports, descriptions and answers to questions."""

import json
import re

import pytest

from fileintel.builtin_model import engine

from .asking import about_data, about_text, report_data, section
from .prose_samples import ENGLISH, GERMAN

CITATION = re.compile(r"\[([A-Z]\d+(?:, [A-Z]\d+)*)\]")


def report(*sections: str) -> dict[str, object]:
    found = json.loads(engine.answer("report", about_data(*sections)))
    assert isinstance(found, dict)
    return found


def sources(text: str) -> str:
    parts = [part for part in text.split("\n\n") if len(part) > 60]
    return section(
        "Sources", ("id", "document", "pages", "text"), [(f"S{at}", "book", 1, p) for at, p in enumerate(parts)]
    )


def test_a_report_is_titled_by_the_most_central_entities() -> None:
    assert report(*report_data(ENGLISH))["title"] == "Ilse Brandt and the Harbour Commission"
    assert report(*report_data(GERMAN))["title"] == "Ilse Brandt und Hafenkommission"


def test_a_report_has_the_agreed_shape() -> None:
    found = report(*report_data(ENGLISH))
    assert set(found) == {"title", "summary", "rating", "rating_explanation", "findings"}
    assert isinstance(found["rating"], float)
    assert 0 <= found["rating"] <= 10
    findings = found["findings"]
    assert isinstance(findings, list)
    assert 2 <= len(findings) <= 6
    assert all(set(finding) == {"summary", "explanation"} and all(finding.values()) for finding in findings)


def test_the_findings_of_a_report_do_not_repeat_each_other() -> None:
    findings = report(*report_data(ENGLISH))["findings"]
    assert isinstance(findings, list)
    sentences = [finding["explanation"].partition(" [Data:")[0] for finding in findings]
    assert len(set(sentences)) == len(sentences)


def test_a_report_uses_sub_reports_and_claims() -> None:
    reports = section("Reports", ("id", "title", "content"), [(7, "The Salt Store", "The salt store burned in 1911.")])
    claims = section(
        "Claims",
        ("id", "subject", "object", "type", "status", "description"),
        [(1, "ADA HOLM", "NONE", "DECISION", "TRUE", "Ada Holm decided to close the salt store in 1912.")],
    )
    text = json.dumps(report(reports, claims))
    assert "The salt store burned in 1911." in text
    assert "Ada Holm decided" in text
    assert "Reports (7)" in text


@pytest.mark.parametrize("data", ["", "nonsense", '-----Entities-----\nid,title\n"1,"', "-----Entities-----\n\n"])
def test_a_report_on_nothing_is_still_a_report(data: str) -> None:
    found = report(data)
    assert found["title"]
    assert found["summary"]
    findings = found["findings"]
    assert isinstance(findings, list)
    assert len(findings) >= 2


def test_multi_line_fields_with_quotes_and_dashes_are_read() -> None:
    told = 'Ilse Brandt said "no".\n-----Relationships-----\nShe meant it, in Altona.'
    data = section(
        "Entities", ("id", "title", "type", "description", "degree"), [(1, "ILSE BRANDT", "PERSON", told, 3)]
    )
    assert "She meant it, in Altona" in json.dumps(report(data))


def test_a_local_answer_quotes_the_sentence_that_answers_and_where_it_stands() -> None:
    answer = engine.answer("local_answer", about_data(sources(ENGLISH), question="When did the sluice open?"))
    assert answer.startswith("The Neumühlen Sluice opened on Monday, 3 May 1912. [S")


def test_a_local_answer_says_plainly_that_the_data_does_not_tell() -> None:
    asked = about_data(sources(ENGLISH), question="What is the capital of Peru?")
    assert engine.answer("local_answer", asked) == "The given data does not tell."
    asked = about_data(sources(GERMAN), question="Was ist die Hauptstadt von Peru, und wie viele wohnen dort?")
    assert engine.answer("local_answer", asked) == "Die vorliegenden Daten geben darüber keine Auskunft."


def test_a_question_for_an_overview_gets_central_sentences() -> None:
    answer = engine.answer("local_answer", about_data(sources(ENGLISH), question="What are the main themes?"))
    assert len(CITATION.findall(answer)) >= 3


def test_map_and_reduce_keep_the_citations() -> None:
    reports = section("Reports", ("id", "title", "content"), [("R3", "Altona", ENGLISH), ("R9", "x", "Nothing here.")])
    question = "Why did Tolle resign?"
    points = json.loads(engine.answer("global_map", about_data(reports, question=question)))["points"]
    assert all(0 <= point["score"] <= 100 and point["description"].endswith("[R3]") for point in points)
    rows = [(at, point["score"], point["description"]) for at, point in enumerate(points)]
    data = section("Points", ("id", "score", "description"), rows)
    answer = engine.answer("global_reduce", about_data(data, question=question))
    assert "Storm of 1906" in answer
    assert set(CITATION.findall(answer)) == {"R3"}


def test_a_map_without_a_match_has_no_points() -> None:
    reports = section("Reports", ("id", "title", "content"), [("R3", "Altona", ENGLISH)])
    assert json.loads(engine.answer("global_map", about_data(reports, question="Who ate the pangolin?"))) == {
        "points": []
    }


def test_a_description_merges_without_repeating_and_holds_the_name() -> None:
    descriptions = [
        "Ilse Brandt was an engineer in Altona.",
        "Ilse Brandt was an engineer in Altona.",
        "Brandt designed the sluice at Neumühlen in 1907.",
    ]
    asked = [{"role": "user", "content": f"Name: ILSE BRANDT\nDescriptions: {json.dumps(descriptions)}"}]
    answer = engine.answer("describe", asked)
    assert answer.count("engineer in Altona") == 1
    assert "1907" in answer
    asked[0]["content"] = 'Name: NORTH QUAY\nDescriptions: ["A wall of granite, built in 1880 by convicts."]'
    assert engine.answer("describe", asked).startswith("North Quay: A wall of granite")


def test_an_unknown_purpose_gets_a_summary_of_the_last_message() -> None:
    answer = engine.answer("something_new", about_text("ignored", ("user", ENGLISH)))
    assert "Brandt" in answer
    assert len(answer) < len(ENGLISH)
    assert engine.answer(None, [{"role": "user", "content": "Hello"}]) == "Hello"


def test_the_name_of_the_schema_tells_the_purpose_when_the_header_is_missing() -> None:
    assert "findings" in engine.answer(None, about_data(*report_data(ENGLISH)), "community_report")
    assert "summary" in json.loads(engine.answer(None, about_text(ENGLISH), "json_object"))
