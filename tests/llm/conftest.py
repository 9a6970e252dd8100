"""A stand-in that echoes."""

import pytest

from tests.llm.echo import echo
from tests.standin import StandIn


@pytest.fixture
def server(model_server: StandIn) -> StandIn:
    """A model server that says what it was asked."""
    model_server.configure(answers=echo)
    return model_server
