"""What holds for every text, however odd."""

import hashlib
import json
import math
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.builtin_model import engine

from .asking import about_data, about_text, records, report_data, section
from .prose_samples import ENGLISH, FINNISH, FRENCH, GERMAN, MINUTES, NOVEL

SAMPLES = (ENGLISH, GERMAN, FRENCH, FINNISH, MINUTES, NOVEL)
PURPOSES = (
    "extract",
    "glean",
    "glean_check",
    "describe",
    "claims",
    "report",
    "local_answer",
    "global_map",
    "global_reduce",
    "metadata",
    "passage_answer",
)
NAMES = [
    "Ilse Brandt ",
    "Dr. Krohn ",
    "the Harbour Commission ",
    "In 1904 she joined ",
    "Elle entra à la Commission du port",
]
FOREIGN = ["Helsingin yliopistossa ", "von der ", "’s ", "d'Arc ", "Ä", "ß", "ſ", "İ", "\ud800", "«", "»", "—"]
DELIMITERS = ["<|>", "##", "(", ")", "((", "\x00", "\n\n", " ", ". ", '"', ",", "# ", "<|COMPLETE|>", '("entity"<|>']
DATA = ["<text>", "</text>", "<data>", "</data>", "-----Entities-----\n", "-----Sources-----\n", "id,title\n", 'S1,"']
REQUESTS = ["[S99]", "[Data: Entities (1)]", "Question: ", "Name: A\nDescriptions: [", "]", '"x", ', "id,text\n"]
PIECES = st.sampled_from(NAMES + FOREIGN + DELIMITERS + DATA + REQUESTS)
TEXTS = st.lists(PIECES | st.text(max_size=12), max_size=30).map("".join)
SPOKEN = "Brandt Krohn sluice opened Altona 1912 [S99] [R7] the flood of people. Who? ## (x)"
WORDS = st.sampled_from(SPOKEN.split())
PROSE = st.lists(WORDS, min_size=1, max_size=30).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, later=TEXTS)
def test_every_text_gets_an_answer_for_every_purpose(text: str, later: str) -> None:
    for purpose in (*PURPOSES, None):
        engine.answer(purpose, about_text(text, ("assistant", later), ("user", "more")))
        engine.answer(purpose, [{"role": "user", "content": text}])


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_records_are_well_formed_and_relate_only_entities_that_are_given(text: str) -> None:
    found = records(engine.answer("extract", about_text(text)))
    names = [fields[1] for fields in found if fields[0] == '"entity"']
    assert len(set(names)) == len(names)
    for fields in found:
        assert len(fields) == (4 if fields[0] == '"entity"' else 5)
        assert all(fields)
        assert not any(mark in field for field in fields for mark in ("(", ")", "\x00", "\n", "##", "<|"))
        if fields[0] == '"relationship"':
            assert {fields[1], fields[2]} <= set(names)
            assert fields[1] != fields[2]
            assert 1 <= int(fields[4]) <= 10
        else:
            assert fields[1] == fields[1].upper()


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(PROSE, min_size=1, max_size=5), question=PROSE)
def test_an_answer_cites_only_ids_that_are_in_the_data(texts: list[str], question: str) -> None:
    rows = [(f"S{at}", "book", 1, text) for at, text in enumerate(texts)]
    data = section("Sources", ("id", "document", "pages", "text"), rows)
    answer = engine.answer("local_answer", about_data(data, question=question))
    cited = {name for group in re.findall(r"\[([A-Z]\d+(?:, [A-Z]\d+)*)\]", answer) for name in group.split(", ")}
    assert cited <= {row[0] for row in rows}


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_vectors_are_unit_vectors_of_the_same_size(text: str) -> None:
    (vector,) = engine.embed([text])
    assert len(vector) == engine.DIMENSIONS
    assert math.isclose(sum(value * value for value in vector), 1.0, abs_tol=1e-3)
    assert vector == [round(value, 6) for value in vector]


def test_similar_texts_have_closer_vectors_than_unrelated_ones() -> None:
    question, near, far = engine.embed(
        ["Who built the sluice at Altona?", "The sluices of Altona were built in 1912.", "Permissions were changed."]
    )
    product = [sum(one * other for one, other in zip(question, vector, strict=True)) for vector in (near, far)]
    assert product[0] > 0.3 > product[1] + 0.1


def everything() -> str:
    """A hash over the answers to many requests."""
    digest = hashlib.sha256()
    for text in SAMPLES:
        first = engine.answer("extract", about_text(text))
        digest.update(first.encode())
        digest.update(engine.answer("glean", about_text(text, ("assistant", first))).encode())
        digest.update(engine.answer("claims", about_text(text)).encode())
        digest.update(engine.answer("metadata", about_text(text)).encode())
        digest.update(engine.answer("report", about_data(*report_data(text))).encode())
        data = section("Sources", ("id", "document", "pages", "text"), [("S1", "b", 1, text)])
        reports = section("Reports", ("id", "title", "content"), [("R1", "b", text)])
        for question in ("What happened?", "When was the sluice opened by Brandt?"):
            digest.update(engine.answer("local_answer", about_data(data, question=question)).encode())
            digest.update(engine.answer("global_map", about_data(reports, question=question)).encode())
        digest.update(engine.answer(None, about_text(text)).encode())
        digest.update(json.dumps(engine.embed([text])).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_another_process_with_another_hash_seed_gives_the_same_bytes(seed: str) -> None:
    code = "from tests.builtin_model.test_laws import everything; print(everything())"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == everything()
