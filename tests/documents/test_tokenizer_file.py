"""Counting and cutting with the tokenizer.json of a model."""

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from fileintel.config import ChunkingSettings
from fileintel.documents.token_windows import token_windows
from fileintel.errors import ConfigError
from fileintel.llm import tokens
from fileintel.llm.tokenizer_file import FileTokenizer, counted_with, tokenizer_for

from .test_token_windows import sizes
from .test_tokens import texts

LINES = ["Ada Lovelace wrote programs for the engine of Charles Babbage.", "Grüße aus Überlingen: naïve 漢字!"] * 20
BYTES, WORDS, UNIGRAM = "bytes", "words", "unigram"


def made(kind: str) -> tokenizers.Tokenizer:
    """A small tokenizer as one of the three families of models has it."""
    trainer: Any
    if kind == BYTES:  # GPT, Llama 3, Qwen
        built = tokenizers.Tokenizer(models.BPE())
        built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        built.post_processor = processors.ByteLevel(trim_offsets=True)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    elif kind == WORDS:  # BERT and what embeds texts
        built = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
        built.normalizer = normalizers.BertNormalizer()
        built.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[UNK]", "[CLS]"])
    else:  # T5, XLM-R
        built = tokenizers.Tokenizer(models.Unigram())
        built.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=["<unk>"], unk_token="<unk>")
    built.train_from_iterator(LINES, trainer)
    return built


@cache
def file_of(kind: str) -> Path:
    path = Path(mkdtemp()) / "tokenizer.json"
    made(kind).save(str(path))
    return path


def with_file(path: Path | None) -> ChunkingSettings:
    return ChunkingSettings(size=100, overlap=10, encoding="o200k_base", tokenizer_file=path)


@pytest.mark.parametrize("kind", [BYTES, WORDS, UNIGRAM])
@given(text=texts, window=sizes)
@settings(max_examples=150, deadline=None)
def test_chunks_are_exact_spans_that_cut_no_grapheme(kind: str, text: str, window: tuple[int, int]) -> None:
    tokenizer = FileTokenizer(file_of(kind))
    found = list(token_windows([text], tokenizer, size=window[0], overlap=window[1]))
    covered = 0
    for one in found:
        assert one.text == text[one.start : one.end]
        assert one.start <= covered < one.end
        assert one.n_tokens == tokenizer.count(one.text)
        for place in (one.start, one.end):
            assert tokens.grapheme_floor(text, place) == place
        covered = one.end
    assert covered == (len(text) if tokenizer.count(text) else 0)


@given(text=texts, limit=st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_a_truncated_text_is_a_beginning_within_the_limit(text: str, limit: int) -> None:
    tokenizer = FileTokenizer(file_of(BYTES))
    short = tokenizer.truncate(text, limit)
    assert text.startswith(short)
    assert tokenizer.count(short) <= limit


def test_tokens_are_those_of_the_library_without_special_ones() -> None:
    tokenizer, library = FileTokenizer(file_of(BYTES)), tokenizers.Tokenizer.from_file(str(file_of(BYTES)))
    text = "".join(f"Ada wrote {n} programs for Babbage.\n" for n in range(4_000))
    assert tokenizer.encode(text) == library.encode(text).ids
    assert tokenizer.count(text) == len(library.encode(text).ids)
    assert len(library.encode("<|endoftext|>").ids) == 1
    assert tokenizer.count("<|endoftext|>") > 1


def test_bounds_that_the_file_itself_sets_are_not_heeded(tmp_path: Path) -> None:
    built = made(WORDS)
    built.enable_truncation(4)
    built.enable_padding(length=50)
    built.save(str(path := tmp_path / "tokenizer.json"))
    text = "Ada wrote programs " * 10
    assert FileTokenizer(path).count(text) == FileTokenizer(file_of(WORDS)).count(text)


def test_what_counts_is_named_by_the_content_of_the_file(tmp_path: Path) -> None:
    assert counted_with(with_file(None)) == tokenizer_for(with_file(None)).name == "o200k_base"
    path = tmp_path / "tokenizer.json"
    shutil.copy(file_of(BYTES), path)
    before, count = counted_with(with_file(path)), tokenizer_for(with_file(path)).count(LINES[0])
    assert before == counted_with(with_file(file_of(BYTES)))
    shutil.copy(file_of(UNIGRAM), path)
    assert counted_with(with_file(path)) == counted_with(with_file(file_of(UNIGRAM))) != before
    assert tokenizer_for(with_file(path)).count(LINES[0]) != count


def test_a_file_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"chunking\.tokenizer_file: .*nowhere\.json cannot be read: No such file"):
        tokenizer_for(with_file(tmp_path / "nowhere.json"))
    for content in ("", "no JSON", json.dumps({"model": {"type": "none"}})):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(ConfigError, match=r"bad\.json is no tokenizer\.json: ") as caught:
            tokenizer_for(with_file(tmp_path / "bad.json"))
        assert "\n" not in str(caught.value)


def test_without_the_library_the_error_names_the_extra_and_nothing_else_needs_it() -> None:
    code = f"""
import sys
sys.modules["tokenizers"] = None
import pathlib, fileintel.runs.index
from fileintel.llm.tokenizer_file import FileTokenizer
assert not any(name.startswith("huggingface") for name in sys.modules)
FileTokenizer(pathlib.Path({str(file_of(BYTES))!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith(
        "chunking.tokenizer_file needs the library tokenizers, which is not installed: "
        "pip install 'fileintel[tokenizers]'"
    )
