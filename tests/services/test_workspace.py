"""What a workspace makes when it is first asked for."""

from pathlib import Path

from tests.green import GreenProcess
from tests.standin import StandIn

from . import workspace_scenarios


def test_greenlets_that_ask_at_the_same_time_get_one_client_with_one_gate(home: Path, model_server: StandIn) -> None:
    environment = {"FILEINTEL_HOME": str(home), "OPENAI_BASE_URL": model_server.base_url}
    with GreenProcess() as green:
        assert green(workspace_scenarios.clients_of_greenlets, environment) == 1
