"""A collection whose tokens are counted with a file: another content makes other passages and another index."""

from pathlib import Path

import pytest
from sqlalchemy import select

from fileintel.errors import ConfigError
from fileintel.runs import cut_text_units
from fileintel.runs.index import Indexer, IndexRequest
from fileintel.storage.models import IndexVersion, Run, TextUnit
from fileintel.workspace import Workspace
from tests.documents.test_tokenizer_file import BYTES, WORDS, made

from .conftest import COLLECTION, Opened


def units(workspace: Workspace, run_id: str | None) -> list[str]:
    """The text units that a run has made, each of at most eight tokens."""
    with workspace.database.transaction() as session:
        version = session.execute(select(IndexVersion.id).where(IndexVersion.run_id == run_id)).scalar_one()
        found = session.execute(select(TextUnit.text, TextUnit.n_tokens).where(TextUnit.version_id == version)).all()
    assert all(n_tokens <= 8 + 2 for _, n_tokens in found)  # a cut inside a word makes some more
    return [text for text, _ in found]


def test_the_content_of_the_file_decides_passages_and_index(workspace: Workspace, opened: Opened, home: Path) -> None:
    path = home / "tokenizer.json"
    made(WORDS).save(str(path))
    counting = opened(
        FILEINTEL__CHUNKING__TOKENIZER_FILE=str(path),
        FILEINTEL__CHUNKING__SIZE="8",
        FILEINTEL__CHUNKING__OVERLAP="0",
        FILEINTEL__GRAPHRAG__METHOD="fast",
    )
    indexer, request = Indexer(counting), IndexRequest(collection=COLLECTION)
    first = indexer.index(request)
    words = units(counting, first)
    with counting.database.transaction() as session:
        kept = session.get_one(Run, first).settings["chunking"]
    assert kept["counted_with"].startswith("tokenizer.json sha256:")
    assert indexer.index(request) is None

    elsewhere = path.rename(home / "moved.json")
    moved = opened(
        FILEINTEL__CHUNKING__TOKENIZER_FILE=str(elsewhere),
        FILEINTEL__CHUNKING__SIZE="8",
        FILEINTEL__CHUNKING__OVERLAP="0",
        FILEINTEL__GRAPHRAG__METHOD="fast",
    )
    assert Indexer(moved).index(request) is None
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        indexer.index(request)

    made(BYTES).save(str(path))
    assert len(units(counting, indexer.index(request))) > len(words)
    collection_id = counting.database.retrying(lambda session: session.get_one(Run, first).collection_id)
    assert len(cut_text_units.uncut(counting, collection_id)) == 2
    assert sum(cut_text_units.cut_collection(counting, collection_id)) > len(words)
