"""`graphrag index` of upstream on the same collections: same chunks, same model server, as many requests at once.

As it is shipped, and with its memory tracing (`tracemalloc`, which its profiler switches on) switched off.
"""

import shutil
import sys
from pathlib import Path

from benchmarks import corpus, measuring
from benchmarks.simulator import Simulator
from benchmarks.workplace import Workplace
from fileintel.config import Settings
from fileintel.llm.encodings import CACHE_VARIABLE, files_of

SETTINGS = """
completion_models:
  default_completion_model: &server
    model_provider: openai
    model: {model}
    auth_method: api_key
    api_key: none
    api_base: {url}
    retry: {{type: exponential_backoff}}
embedding_models:
  default_embedding_model: *server
concurrent_requests: {slots}
async_mode: asyncio
input: {{type: text}}
chunking: {{type: tokens, size: {size}, overlap: {overlap}, encoding_model: {encoding}}}
input_storage: {{type: file, base_dir: input}}
output_storage: {{type: file, base_dir: output}}
reporting: {{type: file, base_dir: logs}}
cache: {{type: json, storage: {{type: file, base_dir: cache}}}}
vector_store: {{type: lancedb, db_uri: output/lancedb, vector_size: 384}}
extract_graph: {{max_gleanings: {gleanings}}}
"""
# graphrag's own command, without the tracing of memory
UNTRACED = "import tracemalloc; tracemalloc.start = lambda *_: None; from graphrag.cli.main import app; app()"


def run(
    place: Workplace, characters: int, documents: int, *, traced: bool, slots: int, keep: Path | None = None
) -> measuring.Command:
    """Index a collection of this size in a folder of its own; the index in it goes to `keep` as well."""
    folder = place.home / f"upstream-{'traced' if traced else 'untraced'}"
    corpus.write(folder / "input", characters, documents)
    (folder / "settings.yaml").write_text(_settings(place.settings(), place.simulator.base_url, slots), "utf-8")
    environment = place.environment() | {CACHE_VARIABLE: str(files_of("o200k_base", "cl100k_base"))}
    words = [sys.executable, *(("-m", "graphrag") if traced else ("-c", UNTRACED)), "index", "--root", str(folder)]
    done = measuring.run_command(words, environment, folder)
    assert done.code == 0, done.output[-4000:]
    assert (folder / "output" / "community_reports.parquet").exists(), done.output[-4000:]
    if keep is not None:
        shutil.rmtree(keep, ignore_errors=True)
        shutil.copytree(folder / "output", keep)
    return done


def _settings(ours: Settings, url: str, slots: int) -> str:
    return SETTINGS.format(
        model=Simulator.model,
        url=url,
        slots=slots,
        size=ours.chunking.size,
        overlap=ours.chunking.overlap,
        encoding=ours.chunking.encoding,
        gleanings=ours.graphrag.max_gleanings,
    )
