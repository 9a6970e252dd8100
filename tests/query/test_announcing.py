"""Telling an answer while it is written: what was told is always the beginning of what is said in the end."""

from hypothesis import given
from hypothesis import strategies as st

from fileintel.graphrag.query.answer_stream import CitationSafeBuffer
from fileintel.graphrag.query.citations import check

KNOWN = {"S1", "S2", "E10", "R3"}
WORDS = st.sampled_from(
    [
        "The",
        " sea",
        "\n\n",
        " [S1]",
        " [S1, S9]",
        "[R77]",
        " [",
        "]",
        ".",
        " [E10; R3]",
        " [see below]",
        "[S",
        "2]",
        "  ",
    ]
)


class Listener:
    def __init__(self) -> None:
        self.told = ""
        self.forgotten = 0

    def hear(self, text: str) -> None:
        self.told += text

    def forget(self) -> None:
        self.told = ""
        self.forgotten += 1


def told(pieces: list[str], answer: str) -> Listener:
    listener = Listener()
    announcer = CitationSafeBuffer(listener, KNOWN.__contains__)
    for piece in pieces:
        announcer.feed(piece)
        assert answer.startswith(listener.told)
    announcer.finish(answer)
    return listener


@given(st.lists(WORDS), st.data())
def test_however_an_answer_is_cut_the_checked_answer_is_what_is_told(words: list[str], data: st.DataObject) -> None:
    raw = "".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)))))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    answer = check(raw.strip(), KNOWN.__contains__).text
    listener = told(pieces, answer)
    assert listener.told == answer
    assert listener.forgotten == 0


def test_reasoning_before_an_answer_is_not_told() -> None:
    listener = told(["<th", "ink>Hm, [S1]", " or not.</thi", "nk>\n\nIt", " is so [S1]."], "It is so [S1].")
    assert listener.told == "It is so [S1]."
    assert listener.forgotten == 0


def test_an_answer_that_turns_out_another_is_told_anew() -> None:
    listener = Listener()
    announcer = CitationSafeBuffer(listener, KNOWN.__contains__)
    announcer.feed("It was the sea. ")
    announcer.finish("It was the wind.")
    assert listener.told == "It was the wind."
    assert listener.forgotten == 1
