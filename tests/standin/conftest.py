"""One stand-in for all tests of the stand-in, as new before each."""

from collections.abc import Iterator

import pytest

from .control import StandIn
from .settings import Settings


@pytest.fixture(scope="package")
def shared() -> Iterator[StandIn]:
    with StandIn.start() as server:
        yield server


@pytest.fixture
def standin(shared: StandIn) -> Iterator[StandIn]:
    shared.configure(**vars(Settings()))
    shared.reset()
    yield shared
    shared.resume()
    shared.wait_until(lambda stats: stats.in_flight == 0)
