"""tiktoken's encodings without a network: those that tiktoken itself would have, kept for the next process."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiktoken
from tiktoken_ext import openai_public

from fileintel import errors
from fileintel.llm import encodings
from tests.encodings import OLD_FILES

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))),
    "it's HTTPServer's  12345\r\n\r\n\t e\u0301 \u0e33 😀 " * 20,
    "👨\u200d👩\u200d👧 漢字かな 한글 नमस्ते עברית <|endoftext|> \ufffd" * 20,
    " " * 3000 + "\n" * 3000 + "a" * 3000,
]
KEEPS = "import sys, fileintel.llm.encodings as e; print(len(e.encoding_for(sys.argv[1]).encode_ordinary('a b')))"


def run(code: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, with nothing in its environment but what is given."""
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize("name", encodings.SHIPPED)
def test_an_encoding_is_that_of_tiktokens_own_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = encodings.encoding_for(name)
    monkeypatch.setenv(encodings.CACHE_VARIABLE, str(OLD_FILES))
    theirs = tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]())
    for text in TEXTS:
        assert ours.encode_ordinary(text) == theirs.encode_ordinary(text)
    assert (ours._mergeable_ranks, ours._pat_str) == (theirs._mergeable_ranks, theirs._pat_str)
    assert ours._special_tokens == theirs._special_tokens


def test_the_kept_file_is_the_one_that_tiktoken_would_download(tmp_path: Path) -> None:
    for name in ("cl100k_base", "o200k_base"):
        assert run(KEEPS, name, XDG_CACHE_HOME=str(tmp_path)).stdout == "2\n"
    kept = list((tmp_path / "fileintel" / "encodings").iterdir())
    assert len(kept) == 2
    for file in kept:
        assert file.read_bytes() == (OLD_FILES / file.name).read_bytes()


def test_a_kept_file_is_read_again_and_a_damaged_one_is_written_anew(tmp_path: Path) -> None:
    folder = tmp_path / "fileintel" / "encodings"
    assert run(KEEPS, "cl100k_base", XDG_CACHE_HOME=str(tmp_path)).stdout == "2\n"
    [file] = folder.iterdir()
    whole, written = hashlib.sha256(file.read_bytes()).digest(), file.stat().st_ino
    assert run(KEEPS, "cl100k_base", XDG_CACHE_HOME=str(tmp_path)).stdout == "2\n"
    assert file.stat().st_ino == written
    file.write_bytes(file.read_bytes()[:1000])
    assert run(KEEPS, "cl100k_base", XDG_CACHE_HOME=str(tmp_path)).stdout == "2\n"
    assert hashlib.sha256(file.read_bytes()).digest() == whole


def test_where_nothing_can_be_kept_the_encoding_is_there_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "fileintel").write_text("a file where a folder belongs")
    assert run(KEEPS, "cl100k_base", XDG_CACHE_HOME=str(tmp_path)).stdout == "2\n"


def test_an_encoding_that_does_not_come_with_us_is_an_error_that_says_how_to_get_it(tmp_path: Path) -> None:
    code = """
import sys, fileintel.llm.encodings as e
try: e.encoding_for('p50k_base')
except e.ConfigError as error: print(error)
"""
    said = run(code, XDG_CACHE_HOME=str(tmp_path)).stdout
    assert len(said.splitlines()) == 1
    assert "'p50k_base' does not come with FileIntel" in said
    assert "use one of cl100k_base, o200k_base, o200k_harmony" in said
    assert f"{encodings.CACHE_VARIABLE}=DIR python -c" in said
    assert run(KEEPS, "p50k_base", **{encodings.CACHE_VARIABLE: str(OLD_FILES)}).stdout == "2\n"


def test_other_programs_find_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = encodings.files_of("o200k_base")
    assert folder == Path(os.environ.get(encodings.CACHE_VARIABLE) or encodings._cache_folder())
    assert any(file.name == "fb374d419588a4632f3f557e76b4b70aebbca790" for file in folder.iterdir())


def test_importing_the_module_imports_neither_tiktoken_nor_litellm() -> None:
    code = "import sys, fileintel.llm.tokens; print({'tiktoken', 'litellm', 'regex'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_loading_an_encoding_does_not_import_litellm() -> None:
    code = "import sys, fileintel.llm.encodings as e; e.encoding_for('o200k_base'); print('litellm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_encoding_is_a_config_error_that_names_the_known_ones() -> None:
    with pytest.raises(errors.ConfigError, match=r"'klingon' is unknown; use one of .*o200k_base"):
        encodings.encoding_for("klingon")


def test_a_missing_encoding_file_is_a_config_error_and_not_a_download(tmp_path: Path) -> None:
    code = (
        "import socket, fileintel.llm.encodings as e\n"
        "def no(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = no\n"
        "try: e.encoding_for('o200k_base')\n"
        "except e.ConfigError as error: print(error)\n"
    )
    environment = {"TIKTOKEN_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert str(tmp_path) in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert not list(tmp_path.iterdir())
