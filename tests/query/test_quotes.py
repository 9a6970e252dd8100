"""What stands behind a citation: which passages, which sentence of them, and how people are shown it."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from fileintel.graphrag.contexts.shortening import natural_end
from fileintel.graphrag.query.citations import LONGEST_QUOTE, best_sentence, best_units, citing_words
from fileintel.sentence_ends import sentence_ends
from fileintel.services.quotes import quotes
from fileintel.storage.context_rows import Unit


def unit(identity: str, text: str) -> Unit:
    return Unit(identity, 0, "d", "a.txt", "A", 0, 1, 1, 10, text)


def citation(identity: str, start: int, page_label: str | None = None) -> dict[str, object]:
    place = {"document_id": "d", "document": "a.txt", "page": 2, "page_label": page_label}
    return {"id": identity, "start": start, "end": start + 5, "quote": "It\nwas.", **place}


def test_words_of_a_statement_are_those_of_the_sentences_that_cite() -> None:
    answer = "The pear is lost [S1]. Erna made rope [S2, R10]; Vikse paid.\n\n- A sluice broke. [S1][E3] Nobody knows."
    words = citing_words(answer)
    assert words["S1"] == {"the", "pear", "lost"} | words["E3"]
    assert words["E3"] == {"sluice", "broke"}
    assert words["S2"] == words["R10"] == {"erna", "made", "rope"}
    assert words["S9"] == set()


def test_neither_dates_nor_abbreviations_cut_what_is_quoted_or_what_cites_it() -> None:
    text = "Es regnete. Dr. Vikse kam am 3. Mai nach Altona, z. B. wegen des Wehrs. Er blieb."
    begin, end = best_sentence(text, {"vikse", "altona"})
    assert text[begin:end] == "Dr. Vikse kam am 3. Mai nach Altona, z. B. wegen des Wehrs."
    assert citing_words("It rained. Dr. Vikse came on the 3. of May [S1].[E2] He left [S2].") == {
        "S1": {"vikse", "came", "the", "may"},
        "E2": {"vikse", "came", "the", "may"},
        "S2": {"left"},
    }


def test_a_long_sentence_is_quoted_up_to_the_end_of_a_word() -> None:
    text = "It was said of " + "the sluice and " * 40 + "the pear."
    begin, end = best_sentence(text, {"sluice"})
    assert (begin, text[end]) == (0, " ")
    assert 150 < end <= 300
    assert best_sentence(text, {"nobody"}) == (begin, end)
    assert best_sentence("x" * 400, {"nobody"}) == (0, 300)


def test_of_several_passages_those_are_shown_that_share_the_most_words_with_the_statement() -> None:
    units = [
        unit("near", "Nothing of it."),
        unit("some", "The pear."),
        unit("best", "The pear is lost."),
        unit("x", ""),
    ]
    assert [one.id for one in best_units(units, {"pear", "lost"})] == ["best", "some"]
    assert [one.id for one in best_units(units, set())] == ["near", "some"]
    assert [one.id for one in best_units(units[:2], {"pear"})] == ["near", "some"]


@given(st.text('aAbc ğİ.!\n"”', max_size=60), st.sets(st.sampled_from(["abc", "aab", "cab", "bbb"])))
@example('The pear.” It is\n\nlost. Abc "abc."\n\n\nAbc', {"abc"})
@example("a" * 400, {"aaa"})
def test_the_sentence_that_is_quoted_shares_the_most_words_with_the_statement(text: str, words: set[str]) -> None:
    ends = list(sentence_ends(text))
    spans = list(zip([0, *ends], [*ends, len(text)], strict=True))

    def score(begin: int, end: int) -> float:
        lowered = text.lower() if len(text.lower()) == len(text) else text
        own = set(re.findall(r"\w{3,}", lowered[begin:end]))
        return float(len(own & words) / (len(own) + 5) ** 0.5)

    best = max(spans, key=lambda span: score(*span))
    begin, end = (best[1] - len(text[slice(*best)].lstrip()), best[1]) if score(*best) else (0, len(text))
    assert best_sentence(text, words) == (begin, begin + natural_end(text[begin:end], LONGEST_QUOTE))


def test_a_passage_is_shown_once_with_all_the_ids_that_lead_to_it() -> None:
    cited = [citation("S1", 0), citation("R2", 7), citation("R2", 0), citation("E3", 7, "ii"), citation("E3", 7, "ii")]
    shown = [quote.line(with_span=True) for quote in quotes(cited, nearest_only=False)]
    assert shown == [
        "[S1, R2] a.txt, page 2, characters 0-5: “It was.”",
        "[R2, E3] a.txt, page 2, characters 7-12: “It was.”",
    ]
    assert [quote.ids for quote in quotes(cited, nearest_only=True)] == [("S1",), ("R2", "E3")]
