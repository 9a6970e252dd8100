"""Reading the records of an answer, whatever a model makes of them."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fileintel.graphrag.stages.extract import (
    EntityRecord,
    Extraction,
    RelationshipRecord,
    parse_gleaning,
    parse_records,
    parse_yes_or_no,
)
from fileintel.graphrag.stages.records import LONGEST_NAME, clean_name, clean_text, clean_title, merge_key
from fileintel.llm.questions import InvalidAnswer

from .samples import EXTRACTIONS, format_extraction

ADA = '("entity"<|>ADA<|>PERSON<|>Ada wrote programs.)'
ADA_READ = EntityRecord("ADA", "PERSON", "Ada wrote programs.")
LINK = '("relationship"<|>ADA<|>BABBAGE<|>Ada wrote to Babbage.<|>7)'
LINK_READ = RelationshipRecord("ADA", "BABBAGE", "Ada wrote to Babbage.", 7.0)

FRAGMENTS = (
    ADA, LINK, '("entity"', "<|>", "##", "(", ")", "((", '"', "“", "'", "<|COMPLETE|>", "<|complete|>", "entity<|>",
    '("relationship"<|>', "ADA<|>", "\n", "\n## ", "1. ", "- ", "```", "A (B) ", "\x00", "\ud800", "&lt;|&gt;", "אדה",
    '("person"<|>', ":)", "9" * 400, "-1", "|",
)  # fmt: skip
SCRAPS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=25).map("".join)


def one_entity(text: str) -> EntityRecord:
    extraction = parse_records(text)
    assert (len(extraction.entities), extraction.relationships) == (1, [])
    return extraction.entities[0]


def one_relationship(text: str) -> RelationshipRecord:
    extraction = parse_records(text)
    assert (extraction.entities, len(extraction.relationships)) == ([], 1)
    return extraction.relationships[0]


@settings(max_examples=150, deadline=None)
@given(extraction=EXTRACTIONS, between=st.sampled_from(("\n##\n", "##", " ## ", "\n", "", "\n\n", "\n- ")))
def test_what_was_formatted_is_read_back(extraction: Extraction, between: str) -> None:
    text = format_extraction(extraction, between)
    read = parse_records(text)
    assert read == extraction
    assert parse_gleaning(text) == extraction


@settings(max_examples=150, deadline=None)
@given(text=SCRAPS)
def test_any_text_is_read_or_refused(text: str) -> None:
    extraction = parse_gleaning(text)
    for entity in extraction.entities:
        assert entity.title
        assert entity.type
        assert entity.description == " ".join(entity.description.split())
    for link in extraction.relationships:
        assert link.source
        assert link.target != link.source
        assert 0 < link.weight <= 1000
    "".join(repr(extraction)).encode()  # nothing in it is no text
    if extraction.entities or extraction.relationships:
        assert parse_records(text) == extraction
    else:
        with contextlib.suppress(InvalidAnswer):
            assert parse_records(text) == extraction


@settings(max_examples=150, deadline=None)
@given(scraps=st.lists(SCRAPS, min_size=1, max_size=4))
@example(scraps=["("])
@example(scraps=['("entity"<|>'])
def test_a_bad_record_never_costs_a_good_neighbour(scraps: list[str]) -> None:
    text = "".join(f"\n##\n{scrap}\n##\n{ADA}\n##\n{LINK}" for scrap in scraps)
    read = parse_records(text)
    assert read.entities.count(ADA_READ) >= len(scraps)
    assert read.relationships.count(LINK_READ) >= len(scraps)


@pytest.mark.parametrize(
    "text",
    [
        f"{ADA}{LINK}",
        f"{ADA} {LINK}<|COMPLETE|>",
        f"{ADA}##{LINK}",
        f"{ADA}\n{LINK}\n",
        f"```\n{ADA}\n##\n{LINK}\n```",
        f"```text\n{ADA}\n{LINK}\n<|COMPLETE|>\n```",
        f"1. {ADA}\n2. {LINK}",
        f"1) {ADA}\n2) {LINK}",
        f"1. {ADA} 2. {LINK}",
        f"- {ADA}\n- {LINK}",
        f"* {ADA}\n\n* {LINK}",
        f"**{ADA}**\n**{LINK}**",
        f"[{ADA},\n{LINK}]",
        f"Here are the records:\n\n{ADA}\n\nRelationships (strong ones):\n\n{LINK}\n\nI hope (really) that this helps!",
        f"{ADA}\n## Relationships (all)\n{LINK}",
        f"{ADA}<|COMPLETE|>\n{LINK}<|COMPLETE|>",
        f"{ADA}\n##\n{LINK}\n<|complete|>",
        (ADA + LINK).replace('"entity"', '"ENTITY"').replace('"relationship"', "'Relationship'"),
        (ADA + LINK).replace('"', ""),
        (ADA + LINK).replace('"entity"', "“entity”").replace("ADA", "“Ada”"),
        (ADA + LINK).replace("<|>", " <|> "),
        (ADA + LINK).replace("ADA", "'Ada'").replace("BABBAGE", '"babbage"'),
        ADA.removesuffix(")") + "\n##\n" + LINK.removesuffix(")"),
        ADA.removeprefix("(") + "\n##\n" + LINK.removeprefix("("),
        ADA.strip("()") + "\n" + LINK.strip("()"),
        ADA.replace("wrote programs", "wrote\n   programs") + "\r\n##\r\n" + LINK,
        ADA.replace("ADA", "A\u00adD\u200bA\ufeff") + LINK,
        ADA.replace("Ada wrote", "Ada\x00wrote") + LINK.replace("Ada wrote", "Ada\ud800 wrote"),
    ],
)  # fmt: skip
def test_records_are_found_in_every_form_that_models_give_them(text: str) -> None:
    read = parse_records(text)
    assert [replace(entity, title=entity.title.upper()) for entity in read.entities] == [ADA_READ]
    ends = ((link, link.source.upper(), link.target.upper()) for link in read.relationships)
    assert [replace(link, source=source, target=target) for link, source, target in ends] == [LINK_READ]
    assert not read.dropped


@pytest.mark.parametrize(
    "description",
    [
        "She (the countess) wrote programs (in 1843).",
        'He said "the (first) programmer" and "so on".',
        "First a) then b) and 1) at last",
        "an opening ( that is never closed",
        "a closing ) that was never opened",
        "smiling :) and weeping :(",
        "C# and F## and ### headings",
        "an arrow <- and a bar | and a pipe <| here",
        "“curly” ‘quotes’ and «these»",
        "עדה לאבלייס כתבה תוכניות (1843) במחשב",
        "of an entity",
        "They have a\nrelationship",
        "a" * 50_000,
    ],
)
def test_descriptions_keep_what_stands_in_them(description: str) -> None:
    text = f'("entity"<|>ADA<|>PERSON<|>{description})\n##\n{LINK}'
    assert parse_records(text).entities == [EntityRecord("ADA", "PERSON", " ".join(description.split()))]
    link = one_relationship(f'("relationship"<|>ADA<|>BYRON<|>{description}<|>4)')
    assert link == RelationshipRecord("ADA", "BYRON", " ".join(description.split()), 4.0)


@pytest.mark.parametrize("word", ["ENTITY", '"entity"', " Relationship ", "LEGAL ENTITY"])
def test_fields_may_be_named_like_records(word: str) -> None:
    text = f'("entity"<|>{word}<|>{word}<|>{word})\n##\n("relationship"<|>ADA<|>{word}<|>{word}<|>4)'
    read = parse_records(text)
    assert read.entities == [EntityRecord(clean_name(word), clean_title(word), clean_text(word))]
    assert read.relationships == [RelationshipRecord("ADA", clean_name(word), clean_text(word), 4.0)]


def test_a_record_inside_a_description_ends_it_there_and_is_counted() -> None:
    text = f'("entity"<|>BYRON<|>PERSON<|>He wrote ("entity"<|>X) and more.)\n##\n{ADA}'
    read = parse_records(text)
    assert read.entities == [EntityRecord("BYRON", "PERSON", "He wrote"), ADA_READ]
    assert read.dropped == {"entity with too few fields": 1}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('("entity"<|>BYRON)', "entity with too few fields"),
        ('("entity"<|>BYRON<|>PERSON)', "entity with too few fields"),
        ('("entity"<|>BYRON<|>PER', "entity cut off"),
        ('("entity"<|>""<|>PERSON<|>No name.)', "entity without a name"),
        ('("entity"<|> \x00 <|>PERSON<|>No name.)', "entity without a name"),
        (f'("entity"<|>{"N" * (LONGEST_NAME + 1)}<|>PERSON<|>Too long.)', "entity with too long a name"),
        ('("relationship"<|>ADA<|>BYRON)', "relationship with too few fields"),
        ('("relationship"<|>ADA<|>BYR', "relationship cut off"),
        ('("relationship"<|>ADA<|>""<|>No name.<|>3)', "relationship without both names"),
        (f'("relationship"<|>ADA<|>{"N" * (LONGEST_NAME + 1)}<|>Long.<|>3)', "relationship with too long a name"),
        ('("relationship"<|>Ada<|>"ADA"<|>Herself.<|>3)', "relationship of an entity with itself"),
        ('("person"<|>BYRON<|>PERSON<|>Of another kind.)', "record of an unknown kind"),
        ('("entity"|BYRON|PERSON|Of another form.)', "record with wrong delimiters"),
        ('("entity", "BYRON", "PERSON", "Of another form.")', "record with wrong delimiters"),
        ('("relationship"<||>ADA<||>BYRON<||>Of another form.)', "record with wrong delimiters"),
    ],
)
def test_every_record_that_is_dropped_is_counted_with_its_reason(record: str, reason: str) -> None:
    for text in (f"{ADA}\n##\n{record}\n##\n{LINK}", f"{record}\n##\n{ADA}\n##\n{LINK}", f"{ADA}{LINK}{record}"):
        read = parse_records(text)
        assert (read.entities, read.relationships) == ([ADA_READ], [LINK_READ])
        assert sum(read.dropped.values()) == 1
        assert next(iter(read.dropped)) == reason or reason.endswith("cut off")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{ADA}\n##\n(entity, BYRON, PERSON, Of another form.)\n##\n{LINK}", "record with wrong delimiters"),
        (f"{ADA}\n{LINK}\n##\n(", "record cut off"),
        (f'{ADA}{LINK}("ent', "record cut off"),
        (f'{ADA}\n##\n{LINK}\n##\n("relationship"<|', "record cut off"),
    ],
)
def test_what_has_hardly_begun_to_be_a_record_is_counted_too(text: str, reason: str) -> None:
    read = parse_records(text)
    assert (read.entities, read.relationships, read.dropped) == ([ADA_READ], [LINK_READ], {reason: 1})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"```\n{ADA}\n##\n{LINK}\n```", "answer in a code fence"),
        (f"{ADA}\n##\n{LINK.replace('<|>7', '<|>seven')}", "strength that is no number"),
        (f"{ADA}\n##\n{LINK.replace('<|>7', '<|>-7')}", "strength out of range"),
        (f"{ADA}\n##\n{LINK.replace('<|>7', '')}", "strength missing"),
        (ADA + LINK.replace("wrote", "wr\x00ote"), "control characters in a record"),
        (ADA + LINK.replace("wrote", "\u202ewrote\u202c"), "marks of the text direction in a record"),
        (f"{LINK}\n##\n{ADA[:-1] + 'a' * 50_000})", "description of more than 10,000 characters"),
        (f"{LINK}\n##\n{ADA[:-9]}", "record without its end, kept"),
    ],
)
def test_what_is_put_right_in_records_that_are_kept_is_counted(text: str, reason: str) -> None:
    read = parse_records(text)
    assert (read.kept, read.mended) == (2, {reason: 1})
    assert not read.dropped


@pytest.mark.parametrize(
    ("strength", "weight"),
    [
        ("7", 7.0), ("7.5", 7.5), ("7,5", 7.5), (" 7 ", 7.0), ('"7"', 7.0), ("8/10", 8.0), ("strength: 8", 8.0),
        ("0.25", 0.25), ("85", 85.0),
        ("seven", 1.0), ("", 1.0), ("NaN", 1.0), ("inf", 1.0), ("1e400", 1.0), ("9" * 400, 1.0),
        ("0", 1.0), ("-3", 1.0),
    ],
)  # fmt: skip
def test_a_strength_is_a_positive_number_or_counts_once(strength: str, weight: float) -> None:
    assert one_relationship(f'("relationship"<|>ADA<|>BABBAGE<|>Letters.<|>{strength})').weight == weight


def test_an_answer_cut_in_the_middle_keeps_records_whose_required_fields_are_there() -> None:
    assert one_entity('("entity"<|>ADA<|>PERSON<|>Ada wrote pro') == EntityRecord("ADA", "PERSON", "Ada wrote pro")
    cut = one_relationship('("relationship"<|>ADA<|>BABBAGE<|>Ada wrote t')
    assert cut == RelationshipRecord("ADA", "BABBAGE", "Ada wrote t", 1.0)


def test_a_relationship_without_strength_counts_once() -> None:
    assert one_relationship('("relationship"<|>ADA<|>BABBAGE<|>Letters of 1843.)').weight == 1.0


def test_of_too_many_fields_the_rest_is_description() -> None:
    assert one_entity('("entity"<|>ADA<|>PERSON<|>Ada wrote<|>programs.)') == ADA_READ
    link = one_relationship('("relationship"<|>ADA<|>BABBAGE<|>Ada wrote<|>to Babbage.<|>7)')
    assert link == LINK_READ


def test_an_entity_without_type_is_of_unknown_type() -> None:
    assert one_entity('("entity"<|>ADA<|><|>Ada wrote programs.)').type == "UNKNOWN"


@pytest.mark.parametrize(
    "text", ["<|COMPLETE|>", "<|complete|>", "No entities are named.\n<|COMPLETE|>", "##<|COMPLETE|>"]
)
def test_an_answer_that_says_there_is_nothing_is_fine(text: str) -> None:
    assert parse_records(text) == Extraction()


def test_an_answer_with_nothing_but_a_relationship_of_an_entity_with_itself_is_fine() -> None:
    assert parse_records('("relationship"<|>ADA<|>ADA<|>Herself.<|>1)').dropped.total() == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I am sorry, but I cannot help with that.",
        "The entities are Ada Lovelace (person) and Charles Babbage (person).",
        '{"entities": [{"name": "ADA"}]}',
        '("entity"|ADA|PERSON|Ada wrote programs.)\n<|COMPLETE|>',
        '("entity", "ADA", "PERSON", "Ada wrote programs.")\n<|COMPLETE|>',
        '("entity"<|>ADA)\n##\n("entity"<|>BYRON)\n<|COMPLETE|>',
        "\n" * 40_000,
    ],
)
def test_an_answer_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidAnswer):
        parse_records(text)


def test_a_gleaning_may_say_in_its_own_words_that_nothing_is_missing() -> None:
    assert parse_gleaning("Nothing is missing.") == Extraction()


@pytest.mark.parametrize("piece", ["\n", " ", "(", ")", "#", '"', '("entity"<|>', "<|>", ") (", "\n#", "( ", ")\n"])
def test_a_model_that_repeats_itself_to_the_end_is_read_to_the_end(piece: str) -> None:
    text = piece * (200_000 // len(piece))  # in quadratic time it would take longer than a test may
    assert not parse_gleaning(text).relationships
    with pytest.raises(InvalidAnswer):
        parse_records(text)


@pytest.mark.parametrize(
    ("text", "yes"),
    [("Y", True), ("yes.", True), ("**Y**", True), ('"Yes"', True), ("N", False), ("no", False), ("", False)],
)
def test_yes_is_what_begins_with_y(text: str, yes: bool) -> None:
    assert parse_yes_or_no(text) is yes


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ('"Ada"', "Ada"), ("“Ada Lovelace”", "Ada Lovelace"), ("  Ada \n Lovelace ", "Ada Lovelace"),
        ('HMS "Beagle"', 'HMS "Beagle"'), ('"Beagle" crew', '"Beagle" crew'), ("O'Brien", "O'Brien"),
        ("AT&amp;T", "AT&T"), ("e\u0301cole", "école"), ("\u200fעדה\u200e", "עדה"), ("A*", "A*"),
    ],
)  # fmt: skip
def test_names_are_kept_as_they_were_written_without_quotes_around_them(raw: str, name: str) -> None:
    assert clean_name(raw) == name


@pytest.mark.parametrize(
    "spellings",
    [
        ("Ada Lovelace", "ADA LOVELACE", " ada  lovelace ", '"Ada Lovelace"', "Ada\u00a0Lovelace"),
        ("École normale", "ECOLE NORMALE", "e\u0301cole normale"),
        ("Müller", "MULLER", "Mu\u0308ller"),
        ("Straße", "STRASSE", "Strasse"),
        ("O’Brien", "O'Brien", "O`BRIEN", "Oʼbrien"),
        ("Jean-Paul", "Jean‑Paul", "JEAN–PAUL"),
        ('HMS "Beagle"', "HMS Beagle", "HMS “Beagle”", "HMS 'Beagle'"),
        ("Ёлка", "елка"),
        ("Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("ＮＡＳＡ", "NASA"),
    ],
)
def test_spellings_of_one_name_are_merged(spellings: tuple[str, ...]) -> None:
    assert len({merge_key(clean_name(name)) for name in spellings}) == (2 if "HMS" in spellings[0] else 1)


@pytest.mark.parametrize(
    ("one", "other"), [("Мой", "Мои"), ("か", "が"), ("कि", "की"), ("Øre", "Ore"), ("Ada", "Adam")]
)
def test_marks_that_make_another_letter_keep_names_apart(one: str, other: str) -> None:
    assert merge_key(one) != merge_key(other)


@settings(max_examples=300, deadline=None)
@given(name=st.text(max_size=20))
def test_folding_a_name_twice_changes_nothing(name: str) -> None:
    assert merge_key(merge_key(name)) == merge_key(name)
    assert merge_key(clean_name(name).upper()) == merge_key(clean_name(name)) or not name.isascii()


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.characters(exclude_characters="&"), max_size=40))
def test_cleaning_a_text_twice_changes_nothing(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)
    clean_text(text).encode()
