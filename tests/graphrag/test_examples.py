"""Names out of the prompt's examples never enter the graph."""

import json

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.stages.examples import ExampleNames
from fileintel.graphrag.stages.extract import FORMATS, STAGE, Extraction, ExtractStage, merge, parse_gleaning
from fileintel.llm.questions import Sampling

from .driver import Driver, question
from .samples import MODEL, prompt, unit, units

ADA = '("entity"<|>ADA<|>PERSON<|>Ada wrote programs.)'
PARROTED = (
    '("entity"<|>Example Person<|>PERSON<|>Example Person leads Example Works and signed its charter.)\n##\n'
    '("relationship"<|>EXAMPLE PERSON<|>"EXAMPLE WORKS"<|>Example Person leads Example Works.<|>8)\n##\n'
    '("relationship"<|>ADA<|>EXAMPLE WORKS<|>She worked there.<|>8)\n##\n'
)


def extracted(form: str, answer: str, text: str) -> tuple[ExtractStage, Progress, Driver]:
    kinds = FORMATS[form].prompts
    progress = Progress([STAGE])
    stage = ExtractStage(
        MODEL,
        (prompt(kinds[0]), prompt(kinds[1]), prompt(kinds[2])),
        Sampling(),
        progress,
        entity_types=["person"],
        language=None,
        max_gleanings=0,
        form=FORMATS[form],
    )
    return stage, progress, Driver(lambda _: answer).run(stage.requests([unit(0, text)]))


def test_a_model_that_repeats_the_example_adds_nothing_to_the_graph() -> None:
    stage, progress, _ = extracted("tuple", PARROTED + ADA, "Ada wrote programs for example.")
    assert list(merge(stage.extractions, units(1)).entities) == ["ADA"]
    assert progress.records() == {
        "kept": 1,
        "dropped": {"entity of the prompt's example": 1, "relationship of the prompt's example": 2},
        "mended": {},
    }


def test_the_example_of_the_json_prompt_is_known_too() -> None:
    answer = {
        "entities": [
            {"name": "EXAMPLE WORKS", "type": "ORGANIZATION", "description": "It was given a charter."},
            {"name": "Ada", "type": "PERSON", "description": "Ada wrote programs."},
        ],
        "relationships": [{"source": "Ada", "target": "Example Works", "description": "", "strength": 3}],
    }
    stage, progress, driver = extracted("json", json.dumps(answer), "Ada wrote programs.")
    assert list(merge(stage.extractions, units(1)).entities) == ["Ada"]
    assert progress.records()["dropped"] == {
        "entity of the prompt's example": 1,
        "relationship of the prompt's example": 1,
    }
    assert question(driver.asked[0]).schema is not None


def test_a_document_may_tell_of_what_the_example_is_called() -> None:
    stage, progress, _ = extracted("tuple", PARROTED + ADA, "At Example works, Ada met an “EXAMPLE  PERSON”.")
    assert set(merge(stage.extractions, units(1)).entities) == {"Example Person", "EXAMPLE WORKS", "ADA"}
    assert progress.records()["dropped"] == {}


def tuned(text: str, answer: str, others: list[TextUnit]) -> Extraction:
    names = ExampleNames('("entity"<|>ILSE BRANDT<|>PERSON<|>She built sluices.)', parse_gleaning, others)
    return names.without(parse_gleaning(answer), text)


def test_names_of_an_example_from_the_collection_are_believed_where_a_part_of_them_is() -> None:
    brandt = '("entity"<|>Ilse Brandt<|>PERSON<|>She joined the board.)'
    told = [unit(1, "Ilse\nBrandt built sluices.")]
    assert tuned("In 1904 Brandt joined the board.", brandt, told).kept == 1
    assert tuned("In 1904 Krohn joined the board.", brandt, told).kept == 0
    assert tuned("In 1904 Brandt joined the board.", brandt, []).kept == 0  # nobody of that name in the collection


def test_the_stage_asks_for_json_and_gleans_in_the_same_conversation() -> None:
    empty = json.dumps({"entities": [], "relationships": []})

    def answer(request: Request) -> str:
        return "Y" if question(request).purpose == "glean_check" else empty

    kinds = FORMATS["json"].prompts
    stage = ExtractStage(
        MODEL,
        (prompt(kinds[0]), prompt(kinds[1]), prompt(kinds[2])),
        Sampling(),
        Progress([STAGE]),
        entity_types=["person"],
        language="German",
        max_gleanings=2,
        form=FORMATS["json"],
    )
    driver = Driver(answer).run(stage.requests(units(1)))
    asked = [question(request) for request in driver.asked]
    assert [one.purpose for one in asked] == ["extract", "glean", "glean_check", "glean"]
    assert [one.schema is not None for one in asked] == [True, True, False, True]
    assert all(one.messages[0]["content"].endswith("in German.") for one in asked)
