"""`python -m tests.chaos --seed 7`: the long form, for people (`make chaos SEED=7`)."""

import argparse
import random
import shutil
import signal
import sys

from tests.chaos import script
from tests.chaos.performance import Piece, perform
from tests.conftest import short_folder

LATENCY = ("lognormal", 0.4, 0.5)  # seconds on average, and how widely they are spread; none is near the timeout


def main() -> int:
    """Play, and print what happens; the exit code is 1 when something is wrong at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--actions", type=int, default=24, help="disturbances, besides the fixed ones")
    parser.add_argument("--documents", type=int, default=20, help="of about 110 calls each")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has put it into the background
        signal.signal(number, signal.default_int_handler)
    print(f"seed {options.seed}: `make chaos SEED={options.seed}` does the same again", flush=True)
    piece = Piece(
        seed=options.seed,
        actions=script.long(options.seed, options.actions),
        documents=options.documents,
        paragraphs=10,
        limit=20,
        graph_workers=2,
        latency=LATENCY,
    )
    home = short_folder()
    wrong = ["it did not come to its end"]
    try:
        wrong = perform(piece, home, lambda words: print(words, flush=True))
    finally:
        if options.keep or wrong:
            print(f"logs are in {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    for words in wrong:
        print(f"WRONG: {words}")
    print("seed {}: {}".format(options.seed, "something is wrong" if wrong else "all is well"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
