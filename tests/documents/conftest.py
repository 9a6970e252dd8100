from collections.abc import Iterator

import pytest

from fileintel.documents.load import DocumentReader


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    """One reader, and mostly one child process, for the tests of a module."""
    with DocumentReader() as reader:
        yield reader
