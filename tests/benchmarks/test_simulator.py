"""The simulated server: its slots, its times, and answers that the stages can read."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from benchmarks import corpus, measuring
from benchmarks.simulator import Record, Simulator
from benchmarks.simulator.behaviour import Behaviour, identity_of
from fileintel.graphrag.prompts import PromptLibrary
from fileintel.graphrag.stages.extract import FORMATS, Format
from fileintel.graphrag.stages.report import parse_report
from fileintel.llm.client import Tally
from fileintel.llm.questions import Answered, Schema
from fileintel.llm.server_metrics import Load, metrics_url, read_load
from tests.llm.asking import chat, client_of, embedding


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def ask_many(simulator: Simulator, count: int) -> list[Any]:
    with client_of(simulator.base_url, ceiling=count) as client, ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda n: client.ask(chat(f"question {n}"), Tally()), range(count)))


def test_so_many_run_at_once_and_the_others_wait_in_their_order(running: Simulator) -> None:
    running.configure(Behaviour(slots=3, mean=0.05, keep=True))
    assert all(isinstance(outcome, Answered) for outcome in ask_many(running, 12))
    records = running.records()
    assert running.counts()["peak"] == 3
    for record in records:
        assert sum(other.started <= record.started < other.ended for other in records) <= 3
    arrivals = sorted(records, key=lambda record: record.arrived)
    assert [record.started for record in arrivals] == sorted(record.started for record in records)


def test_the_time_of_an_answer_depends_on_its_question_alone(running: Simulator) -> None:
    runs: list[dict[str, float]] = []
    for slots in (2, 12):
        running.configure(Behaviour(slots=slots, mean=0.02, keep=True))
        ask_many(running, 12)
        runs.append({record.identity: record.seconds for record in running.records()})
    assert runs[0] == runs[1]
    assert len(set(runs[0].values())) == 12


def test_answer_times_have_the_mean_that_was_asked_for() -> None:
    behaviour = Behaviour(mean=3.5, sigma=0.4)
    seconds = [behaviour.seconds(identity_of([str(number)])) for number in range(4000)]
    assert sum(seconds) / len(seconds) == pytest.approx(3.5, rel=0.02)


def test_a_client_that_leaves_gives_its_slot_back(running: Simulator) -> None:
    running.configure(Behaviour(slots=1, mean=30.0, sigma=0.0))
    with client_of(running.base_url, timeout=0.1, retries=0) as client:
        assert not isinstance(client.ask(chat("too long"), Tally()), Answered)
    running_now = running.counts()
    assert (running_now["running"], running_now["waiting"]) == (0, 0)


def test_the_metrics_tell_what_runs_and_waits_until_they_are_switched_off(running: Simulator) -> None:
    running.configure(Behaviour(slots=1))
    with urllib.request.urlopen(metrics_url(running.base_url)) as answer:
        assert read_load(answer.read().decode(), Simulator.model) == Load(0.0, 0.0)
    running.configure(Behaviour(metrics=False))
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(metrics_url(running.base_url))


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_answers_can_be_read_and_what_rests_on_them_is_known(running: Simulator, form: Format) -> None:
    running.configure(Behaviour(keep=True))
    prompt = PromptLibrary().load(form.prompts[0])
    messages = prompt.messages(input_text=corpus.text(3_000), entity_types="person, geo")
    question = chat("", messages=messages, purpose="extract", parse=form.parse, schema=form.schema)
    with client_of(running.base_url) as client:
        first = client.ask(question, Tally())
        assert isinstance(first, Answered)
        assert len(first.value.entities) == 9
        assert len(first.value.relationships) == 8
        assert not first.value.dropped
        client.ask(question.followed_by(str(first.content), "and more?", purpose="glean"), Tally())
        report = client.ask(chat("about it", purpose="report", parse=parse_report), Tally())
        assert isinstance(report, Answered)
        client.embed([embedding(report.value["title"]), embedding("nothing")], Tally())
    records = running.records()
    assert [(record.purpose, record.needs) for record in records] == [
        ("extract", ()),
        ("glean", (0,)),
        ("report", ()),
        ("embed", (2,)),
    ]
    assert records[3].texts == 2


def test_what_the_simulator_promises_it_does(running: Simulator) -> None:
    running.configure(Behaviour())
    properties = {"word": {"type": "string", "enum": ["told by the schema alone"]}, "places": {"type": "array"}}
    schema = Schema("any", {"type": "object", "properties": properties, "required": [*properties]})
    with client_of(running.base_url) as client:
        client.models()
        assert client.promises_schemas()
        answer = client.ask(chat("Hello", schema=schema, parse=json.loads), Tally())
    assert isinstance(answer, Answered)
    assert answer.value == {"word": "told by the schema alone", "places": []}


def test_time_is_lost_where_a_question_is_ready_and_a_slot_is_free() -> None:
    def record(started: float, ended: float, *needs: int) -> Record:
        return Record("chat", "", 0.0, started, ended, ended - started, 0, needs)

    full = [record(0, 1), record(0, 1), record(1, 2), record(1, 2, 0)]
    assert measuring.idle_share(full, 2) == 0.0
    late = [record(0, 1), record(0, 1), record(1, 2), record(1.5, 2.5, 0)]
    assert measuring.idle_share(late, 2) == pytest.approx(0.5 / 4)
    assert measuring.idle_share([record(0, 1), record(5, 6, 0)], 1) == pytest.approx(4 / 2)


def test_the_same_size_gives_the_same_collection() -> None:
    assert corpus.text(20_000, seed=3) == corpus.text(20_000, seed=3)
    assert corpus.text(20_000, seed=3) != corpus.text(20_000, seed=4)
    assert 20_000 <= len(corpus.text(20_000)) < 21_500
    assert json.dumps(corpus.text(2_000))
