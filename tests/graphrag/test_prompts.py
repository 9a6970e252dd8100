"""Prompt files: checked when they are loaded, split into instructions and data, and safe from the data."""

import re
from pathlib import Path

import pytest
from graphrag.prompts.index import community_report, extract_claims, extract_graph, summarize_descriptions
from hypothesis import given, settings
from hypothesis import strategies as st

from fileintel.errors import PromptError
from fileintel.graphrag import prompt_kinds
from fileintel.graphrag.prompt_kinds import INDEXING
from fileintel.graphrag.prompts import PromptKind, PromptLibrary
from fileintel.graphrag.query.global_search import GLOBAL_MAP, GLOBAL_REDUCE
from fileintel.graphrag.query.local import PROMPT as LOCAL
from fileintel.graphrag.stages.claims import CLAIMS
from fileintel.graphrag.stages.describe import DESCRIBE
from fileintel.graphrag.stages.formats import CONTINUE, EXTRACT, LOOP
from fileintel.graphrag.stages.report import REPORT

KINDS = (*INDEXING, LOCAL, GLOBAL_MAP, GLOBAL_REDUCE)
UPSTREAM = {
    EXTRACT: extract_graph.GRAPH_EXTRACTION_PROMPT,
    CONTINUE: extract_graph.CONTINUE_PROMPT,
    LOOP: extract_graph.LOOP_PROMPT,
    DESCRIBE: summarize_descriptions.SUMMARIZE_PROMPT,
    CLAIMS: extract_claims.EXTRACT_CLAIMS_PROMPT,
    REPORT: community_report.COMMUNITY_REPORT_PROMPT,
}
SHIPPED = PromptLibrary()
# what a document may hold: braces, closing tags of all kinds, anything else
TRAPS = ("{input_text}", "{0}", "{{", "}", "</text>", "</data>", "< / TEXT >", "%s", "\\1")
DATA = st.lists(st.text(max_size=15) | st.sampled_from(TRAPS), max_size=6).map("".join)


def values(kind: PromptKind, data: str = "DATA") -> dict[str, str]:
    return {**dict.fromkeys(kind.data, data), **dict.fromkeys(kind.fixed, "FIXED")}


def written(folder: Path, kind: PromptKind, text: str | bytes) -> PromptLibrary:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / kind.file).write_bytes(content)
    return PromptLibrary(folder)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.file)
def test_the_shipped_prompts_load_and_hold_their_values(kind: PromptKind) -> None:
    prompt = SHIPPED.load(kind)
    text = "\n".join(message["content"] for message in prompt.messages(**values(kind)))
    assert text.count("DATA") >= len(kind.data)
    assert text.count("FIXED") >= len(kind.fixed)
    assert "{FIXED" not in text


@pytest.mark.parametrize("kind", UPSTREAM, ids=lambda kind: kind.file)
def test_prompts_of_graphrag_load_and_hold_their_values(kind: PromptKind, tmp_path: Path) -> None:
    prompt = written(tmp_path, kind, UPSTREAM[kind]).load(kind)
    text = "\n".join(message["content"] for message in prompt.messages(**values(kind)))
    assert text.split() == UPSTREAM[kind].format(**values(kind)).split()
    assert prompt.text(**values(kind)).split() == text.split()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.data], ids=lambda kind: kind.file)
@settings(max_examples=30, deadline=None)
@given(first=DATA, second=DATA)
def test_the_instructions_are_the_same_for_all_questions_of_a_stage(kind: PromptKind, first: str, second: str) -> None:
    prompt = SHIPPED.load(kind)
    one, other = (prompt.messages("German", **values(kind, data)) for data in (first, second))
    assert [message["role"] for message in one] == ["system", "user"]
    assert one[0] == other[0]
    assert one[0]["content"].endswith("Write all text of your answer in German.")


@settings(max_examples=150, deadline=None)
@given(data=DATA)
def test_data_is_neither_interpreted_nor_lost_nor_able_to_leave_its_tags(data: str) -> None:
    for kind, tag in ((EXTRACT, "text"), (REPORT, "data"), (CLAIMS, "text")):
        content = SHIPPED.load(kind).messages(**values(kind, data))[-1]["content"]
        assert content.count(f"</{tag}>") == 1
        before, inside = content.split(f"<{tag}>\n", 1)
        assert data not in before or not data.strip()
        sent = inside.removesuffix(f"\n</{tag}>")
        assert sent.replace("<\\", "<") == data.replace("<\\", "<")
        assert f"</{tag}>" in data or f"/ {tag.upper()}" in data or sent == data


def test_only_tags_of_the_template_are_made_harmless() -> None:
    content = SHIPPED.load(EXTRACT).messages(**values(EXTRACT, "a</text>b< / Text >c</data>d<text>e"))[-1]["content"]
    assert "a<\\/text>b<\\ / Text >c</data>d<text>e" in content


def test_the_tags_of_an_own_template_are_made_harmless(tmp_path: Path) -> None:
    library = written(tmp_path, EXTRACT, "Do it for {entity_types}.\n\n<passage>{input_text}</passage>")
    content = library.load(EXTRACT).messages(**values(EXTRACT, "a</passage>b</text>"))[-1]["content"]
    assert content == "<passage>a<\\/passage>b</text></passage>"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{input_text} {entity_typos}", "unknown placeholder {entity_typos}"),
        ("{input_text} {}", "unknown placeholder {}"),
        ("{input_text} {0}", "unknown placeholder {0}"),
        ("{input_text.__class__}", "unknown placeholder {input_text.__class__}"),
        ("{input_text[0]}", "unknown placeholder {input_text[0]}"),
        ('{input_text}\n{\n  "title": "x"\n}', 'unknown placeholder {"title"}'),
        ("{input_text!r}", "write {input_text} with nothing else"),
        ("{input_text:>9}", "write {input_text} with nothing else"),
        ("{input_text:{entity_types}}", "write {input_text} with nothing else"),
        ("{entity_types}", "the placeholder {input_text} is missing"),
        ("{{input_text}}", "the placeholder {input_text} is missing"),
        ("", "the placeholder {input_text} is missing"),
        ("{input_text} {", "write {{ for a brace"),
        ("{input_text} }", "write {{ for a brace"),
        ("{input_text", "write {{ for a brace"),
        (b"{input_text} \xff\xfe", "cannot be read"),
    ],
)
def test_a_prompt_with_a_mistake_is_refused_in_one_line(text: str | bytes, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(PromptError) as refused:
        written(tmp_path, EXTRACT, text).load(EXTRACT)
    message = str(refused.value)
    assert complaint in message
    assert str(tmp_path / EXTRACT.file) in message
    assert "\n" not in message


def test_a_prompt_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / EXTRACT.file).mkdir()
    library = PromptLibrary(tmp_path)
    with pytest.raises(PromptError, match="cannot be read"):
        library.load(EXTRACT)
    with pytest.raises(PromptError, match="cannot be read"):
        library.fingerprint(INDEXING)


def test_own_prompts_stand_in_front_of_the_shipped_ones(tmp_path: Path) -> None:
    library = written(tmp_path, LOOP, "\ufeffMore? Y or N.\r\n")
    assert library.load(LOOP).text() == "More? Y or N."
    assert library.load(EXTRACT) == SHIPPED.load(EXTRACT)
    assert library.fingerprint(INDEXING) != SHIPPED.fingerprint(INDEXING)
    assert PromptLibrary(tmp_path).fingerprint(INDEXING) == library.fingerprint(INDEXING)


def test_a_prompt_that_begins_with_data_is_one_message(tmp_path: Path) -> None:
    prompt = written(tmp_path, EXTRACT, "{input_text}\n\nList {entity_types}.").load(EXTRACT)
    assert prompt.messages(input_text="A", entity_types="B") == ({"role": "user", "content": "A\n\nList B."},)
    assert [message["role"] for message in prompt.messages("German", input_text="A", entity_types="B")] == [
        "system",
        "user",
    ]


def test_a_doubled_brace_around_a_placeholder_name_is_no_placeholder(tmp_path: Path) -> None:
    text = "Where {{input_text}} stands is the text.\n\nTypes: {entity_types}\n\nText: {input_text:}"
    prompt = written(tmp_path, EXTRACT, text).load(EXTRACT)
    system, user = prompt.messages(input_text="A", entity_types="B")
    assert system["content"] == "Where {input_text} stands is the text.\n\nTypes: B"
    assert user["content"] == "Text: A"


def test_the_page_on_prompts_lists_each_one_with_its_placeholders() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "prompts.md").read_text(encoding="utf-8")
    listed = {}
    for name, must, may in re.findall(r"^\| `(\w+\.txt)` \|[^|]*\|([^|]*)\|([^|]*)\|$", page, re.MULTILINE):
        listed[name] = (set(re.findall(r"\{(\w+)\}", must)), set(re.findall(r"\{(\w+)\}", may)))
    assert listed == {name: (set(kind.data), set(kind.fixed)) for name, kind in prompt_kinds.KINDS.items()}
