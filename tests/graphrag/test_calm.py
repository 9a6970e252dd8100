"""What is done with very many things at a time lets other greenlets have their turn."""

from tests.green import GreenProcess

from . import calm_scenarios

FEW = 5  # turns: the work takes a tenth of a second at least


def test_others_have_their_turn_while_what_has_waited_for_a_late_answer_is_merged() -> None:
    with GreenProcess() as green:
        assert green(calm_scenarios.turns_while_a_late_text_unit_lets_all_others_be_merged) > FEW
        assert green(calm_scenarios.turns_while_a_name_of_the_example_is_looked_for) > FEW
