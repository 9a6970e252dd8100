"""Claims: reading them out of answers, and the stage that asks for them."""

from dataclasses import astuple, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.fanout.progress import Progress
from fileintel.fanout.request import Request
from fileintel.graphrag.stages.claims import CLAIMING, STAGE, ClaimRecord, ClaimsStage, parse_claims
from fileintel.llm.questions import InvalidAnswer, Sampling

from .driver import NO_ANSWER, Answer, Driver, counts, question
from .samples import FIELDS, MODEL, TITLES, prompt, unit, units

RECORD = ClaimRecord(
    "ILSE BRANDT", "HARBOUR BOARD", "APPOINTMENT", "TRUE", "1904-05-01", "NONE",
    "Ilse Brandt (an engineer) was appointed.", "In May (of 1904) the board (at last) appointed her.",
)  # fmt: skip
RECORDS = st.builds(ClaimRecord, TITLES, TITLES, TITLES, TITLES, FIELDS, FIELDS, FIELDS, FIELDS)


def formatted(record: ClaimRecord) -> str:
    """The record as the prompt asks for it."""
    return "(" + "<|>".join(astuple(record)) + ")"


CLAIM = formatted(RECORD)


@settings(max_examples=150, deadline=None)
@given(records=st.lists(RECORDS, max_size=4), between=st.sampled_from(("\n##\n", "\n", "\n\n- ", "\n2. ")))
def test_what_was_formatted_is_read_back(records: list[ClaimRecord], between: str) -> None:
    assert parse_claims(between.join(map(formatted, records)) + "\n<|COMPLETE|>").claims == records


@pytest.mark.parametrize(
    "text",
    [
        f"{CLAIM}\n##\n{CLAIM}\n<|COMPLETE|>",
        f"{CLAIM}##{CLAIM}<|COMPLETE|>",
        f"{CLAIM}{CLAIM}",
        f"{CLAIM} {CLAIM}",
        f"1. {CLAIM}\n2. {CLAIM}",
        f"- {CLAIM}\n- {CLAIM}",
        f"```\n{CLAIM}\n{CLAIM}\n```",
        f"These are the claims:\n\n{CLAIM}\n\n{CLAIM}\n\nThat is (really) all.",
        f"{CLAIM}\n<|COMPLETE|>\n{CLAIM}\n<|complete|>",
        f"{CLAIM}\n##\n(ILSE BRANDT<|>TOO FEW)\n##\n{CLAIM}",
        f"{CLAIM}\n##\n(<|>NONE<|>NONE<|>TRUE<|>NONE<|>NONE<|>Nobody.<|>Nobody.)\n##\n{CLAIM}",
        f"{CLAIM}\n##\n{CLAIM}\n##\n(ILSE BRANDT<|>HARBOUR BOARD<|>APPOINT",
        f"{CLAIM}\n##\n{CLAIM}".replace("ILSE BRANDT", '"Ilse Brandt"').replace("an engineer", "an\n engineer"),
    ],
)
def test_claims_are_found_in_every_form_that_models_give_them(text: str) -> None:
    assert parse_claims(text).claims == [RECORD, RECORD]


def test_of_too_many_fields_the_rest_is_source_text() -> None:
    text = CLAIM.replace(" appointed her.", " appointed her.<|>At last.")
    assert parse_claims(text).claims == [replace(RECORD, source_text=RECORD.source_text + " At last.")]


@pytest.mark.parametrize("text", ["<|COMPLETE|>", "There is no claim.\n<|complete|>"])
def test_an_answer_that_says_there_is_nothing_is_fine(text: str) -> None:
    assert parse_claims(text).claims == []


@pytest.mark.parametrize(
    "text",
    ["", "I found no claims.", "(A, B, C)", "(A<|>B<|>C)", "(A<|>B<|>C)\n<|COMPLETE|>", "\n" * 200_000, "#" * 100_000],
)
def test_an_answer_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidAnswer):
        parse_claims(text)


SCRAPS = st.sampled_from([CLAIM, "<|>", "##", "(", ")", ") (", "<|COMPLETE|>", "\n", "1. ", "A", "\x00", "\ud800"])


@settings(max_examples=200, deadline=None)
@given(text=st.lists(SCRAPS | st.text(max_size=6), max_size=30).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        claims = parse_claims(text).claims
    except InvalidAnswer:
        return
    for claim in claims:
        assert claim.subject
        "".join(astuple(claim)).encode()


def stage(max_gleanings: int = 0) -> tuple[ClaimsStage, Progress]:
    progress = Progress([STAGE])
    claims = ClaimsStage(
        MODEL,
        (prompt(CLAIMING[0]), prompt(CLAIMING[1]), prompt(CLAIMING[2])),
        Sampling(),
        progress,
        entity_types=["person"],
        claim_description="Any {fact}",
        language=None,
        max_gleanings=max_gleanings,
    )
    return claims, progress


def reply(request: Request) -> Answer:
    number = int(request.item.removeprefix("unit-"))
    if number == 3:
        return NO_ANSWER
    return formatted(RECORD) + "\n##\n" + formatted(replace(RECORD, object=f"BOARD {number}")) + "\n##\n" + CLAIM


@settings(max_examples=20, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_claims_stand_in_the_order_of_the_text_units_whatever_the_order_of_answers(random: Random) -> None:
    claims, progress = stage()
    Driver(reply, random).run(claims.requests(units(5)))
    assert claims.finished()
    found = claims.claims()
    assert [(claim.text_unit, claim.object) for claim in found] == [
        (number, name) for number in (0, 1, 2, 4) for name in ("HARBOUR BOARD", f"BOARD {number}")
    ]
    assert [claim.number for claim in found] == list(range(8))
    assert len({claim.id for claim in found}) == 8
    counted = counts(progress, STAGE)
    assert (counted.total, counted.done, counted.failed) == (5, 5, 1)


def test_ids_of_claims_do_not_change_when_documents_come_before_theirs() -> None:
    early, late = stage()[0], stage()[0]
    passage = unit(0)
    Driver(reply).run(early.requests([passage]))
    Driver(reply).run(late.requests([replace(passage, number=2)]))
    assert [claim.id for claim in early.claims()] == [claim.id for claim in late.claims()]


def test_claims_that_differ_in_anything_are_kept_apart() -> None:
    claims, _ = stage()
    both = [RECORD, replace(RECORD, status="SUSPECTED"), replace(RECORD, start_date="1905"), RECORD]
    Driver(lambda _: "\n##\n".join(map(formatted, both))).run(claims.requests(units(1)))
    assert [(claim.status, claim.start_date) for claim in claims.claims()] == [
        ("TRUE", "1904-05-01"), ("SUSPECTED", "1904-05-01"), ("TRUE", "1905"),
    ]  # fmt: skip


def test_claims_that_cannot_be_used_are_counted_and_cost_no_neighbour() -> None:
    bad = [
        "(ILSE BRANDT<|>TOO FEW)",
        "(<|>NONE<|>NONE<|>TRUE<|>NONE<|>NONE<|>Nobody.<|>Nobody.)",
        "(ILSE<|>BOARD<|>APP",
    ]
    read = parse_claims("\n##\n".join([CLAIM, bad[0], CLAIM, bad[1], CLAIM, bad[2]]))
    assert read.claims == [RECORD] * 3
    assert read.dropped == {"claim with too few fields": 1, "claim without a subject": 1, "claim cut off": 1}


def test_what_is_put_right_in_claims_is_counted() -> None:
    read = parse_claims(f"```\n{CLAIM}\n##\n{CLAIM[:-4]}")
    assert len(read.claims) == 2
    assert read.mended == {"answer in a code fence": 1, "record without its end, kept": 1}


def test_claims_are_gleaned_in_the_same_conversation_while_the_model_says_that_some_are_missing() -> None:
    def gleaned(request: Request) -> Answer:
        if question(request).purpose == "claims_glean_check":
            return "Y" if request.item == "unit-0" else "N"
        turn = len(question(request).messages)
        return formatted(replace(RECORD, object=f"BOARD {turn}")) if turn < 8 else "There are none left."

    claims, progress = stage(max_gleanings=3)
    driver = Driver(gleaned).run(claims.requests(units(2)))
    asked = [[question(one).purpose for one in driver.asked if one.item == f"unit-{n}"] for n in (0, 1)]
    more = ["claims_glean_check", "claims_glean"]
    assert asked == [["claims", "claims_glean", *more, *more], ["claims", "claims_glean", "claims_glean_check"]]
    assert [(claim.text_unit, claim.object) for claim in claims.claims()] == [
        (0, "BOARD 2"), (0, "BOARD 4"), (0, "BOARD 6"), (1, "BOARD 2"), (1, "BOARD 4"),
    ]  # fmt: skip
    last = question(driver.asked[-1]).messages
    assert last[-1]["content"] in (prompt(CLAIMING[1]).text(), prompt(CLAIMING[2]).text())
    assert (counts(progress, STAGE).done, counts(progress, STAGE).failed) == (2, 0)


def test_claims_are_kept_when_a_gleaning_of_them_gets_no_answer() -> None:
    claims, progress = stage(max_gleanings=1)
    Driver(lambda one: CLAIM if question(one).purpose == "claims" else NO_ANSWER).run(claims.requests(units(1)))
    assert len(claims.claims()) == 1
    assert counts(progress, STAGE).failed == 1


def test_claims_call_entities_as_the_graph_does() -> None:
    claims, progress = stage()
    Driver(lambda _: CLAIM + "\n##\n(SHORT<|>ONE)").run(claims.requests(units(1)))
    (claim,) = claims.claims({"ILSE BRANDT": "Ilse Brandt"})
    assert (claim.subject, claim.object) == ("Ilse Brandt", "HARBOUR BOARD")
    assert progress.records()["dropped"] == {"claim with too few fields": 1}
