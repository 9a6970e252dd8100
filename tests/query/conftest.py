"""An index that questions are asked of, in this process or in one with greenlets."""

from pathlib import Path

import pytest

from tests.query.town import Place
from tests.standin import StandIn


@pytest.fixture
def place(home: Path, database_url: str, model_server: StandIn) -> Place:
    """Where an installation of the test's own lives, as JSON takes it."""
    return [str(home), database_url, model_server.base_url]
