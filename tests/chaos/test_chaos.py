"""The short form of `make chaos`: each of the processes is killed once, and nobody can tell from the result."""

import shutil

from tests.chaos import script
from tests.chaos.performance import Piece, perform
from tests.conftest import short_folder

SEED = 1


def test_whatever_is_killed_the_index_is_the_same_and_hardly_anything_is_paid_for_twice() -> None:
    piece = Piece(
        seed=SEED,
        actions=script.short(SEED),
        documents=4,
        paragraphs=6,
        limit=8,
        graph_workers=2,
        latency=("lognormal", 0.15, 0.6),
    )
    home, told = short_folder(), []
    wrong = perform(piece, home, told.append)
    assert not wrong, "\n".join([*wrong, *told, f"logs are in {home}"])
    shutil.rmtree(home, ignore_errors=True)
