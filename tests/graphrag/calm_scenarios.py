"""Work on very many things, during which others have their turn; run in a process with greenlets."""

import time
from collections.abc import Callable

import gevent

from fileintel.graphrag.model import TextUnit
from fileintel.graphrag.stages.examples import ExampleNames
from fileintel.graphrag.stages.extract_records import Extraction
from fileintel.graphrag.stages.merging import InOrder
from fileintel.graphrag.stages.tuple_records import parse_records

UNITS = 20_000


def turns_during(work: Callable[[], object]) -> int:
    """How often another greenlet has its turn during some work."""
    turns = []

    def take_turns() -> None:
        while True:
            turns.append(time.monotonic())
            time.sleep(0.001)

    other = gevent.spawn(take_turns)
    time.sleep(0)
    before = len(turns)
    work()
    other.kill()
    return len(turns) - before


def turns_while_a_late_text_unit_lets_all_others_be_merged() -> int:
    """The first one is over last."""
    record = '("entity"<|>Ilse Brandt {0}<|>PERSON<|>She built sluice {0}.)<|COMPLETE|>'
    order = InOrder(range(UNITS))
    for number in range(1, UNITS):
        order.over(number, parse_records(record.format(number)))
    turns = turns_during(lambda: order.over(0, Extraction()))
    assert len(order.graph().entities) == UNITS - 1
    return turns


def turns_while_a_name_of_the_example_is_looked_for() -> int:
    """In all text units; none has it."""
    text = "The board met at the harbour works and wrote down what was said. " * 20
    units = [TextUnit(str(number), number, "document", 0, 1, 1, 1, 1, text) for number in range(UNITS // 4)]
    example = '("entity"<|>EXAMPLE WORKS<|>ORGANIZATION<|>A company.)<|COMPLETE|>'
    names = ExampleNames(example, parse_records, units)
    return turns_during(lambda: names.without(parse_records(example), text))
