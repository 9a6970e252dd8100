"""One running built-in model for the tests that speak to it."""

from collections.abc import Iterator

import pytest

from fileintel.builtin_model.launch import BuiltinModelServer


@pytest.fixture(scope="package")
def base_url() -> Iterator[str]:
    with BuiltinModelServer() as server:
        yield server.base_url
