"""The script: what befalls whom, and when; the same for the same seed.

Moments are shares of the work: a slower machine does the same things at the same places of the run.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.standin import Fault


class Deed(StrEnum):
    """What is done."""

    KILL = "kill -9"
    STOP = "SIGTERM"  # a warm shutdown
    STORM = "storm"  # the model server is in trouble for a while


class Victim(StrEnum):
    """Whom it is done to."""

    HOLDER = "the worker that holds the run"
    OTHER = "another graph worker"  # which helps with the run
    MAIN = "the main worker"
    API = "the API"
    POSTGRES = "PostgreSQL"
    REDIS = "Redis"
    MODEL = "the model server"


PUBLISHING = 1.0  # the moment when the index is being written
# Not: an answer without its count of tokens, because counts decide how large the contexts of reports are.
# of the whole; a kind of trouble that is met at a first attempt only is over with the second
COMMON = 0.015
HANGS = 0.003  # each costs the time of a timeout
RARE = 0.005  # what is met twice, by the question and its correction, is a gap
ANY_PURPOSE = (
    "rate_limit",
    "server_error",
    "bad_gateway",
    "unavailable",
    "reset_before",
    "reset_mid_body",
    "half_body",
    "broken_envelope",
    "trickle",
)
# For reports only: what an extraction lacks, a stage cannot see. Not truncated or invalid JSON, and no answers that are
# cut off: they are read as far as they go, which makes other reports.
WRAPPED = ("fenced_json", "think_tags", "trailing_commas")
UNUSABLE = ("empty", "prose", "wrong_language")
VECTORS = ("fewer_vectors", "shuffled_vectors")
STORMS = {
    "429 for most, come back in a second": Fault("rate_limit", share=0.7, retry_after=1.0),
    "429 for most": Fault("rate_limit", share=0.7),
    "503 for all": Fault("unavailable"),
    "502 for all": Fault("bad_gateway"),
    "connections reset": Fault("reset_before", share=0.5),
}


@dataclass(frozen=True)
class Action:
    """Something that happens when `at` (a share, 0 to 1) of the work is done, and is over after `seconds`."""

    at: float
    deed: Deed
    victim: Victim
    seconds: float
    storm: str = ""

    def __str__(self) -> str:
        what = f": {self.storm}" if self.storm else ""
        return f"{self.deed.value} {self.victim.value}{what}, for {self.seconds:.1f} s"


def background(share: float = COMMON) -> list[Fault]:
    """The faults that single requests meet all the time."""
    return [
        Fault("hang", share=HANGS, first_n_attempts=1),
        *(Fault(kind, share=share, first_n_attempts=1, seconds=0.5) for kind in ANY_PURPOSE),
        *(Fault(kind, share=share, first_n_attempts=1, purpose="report") for kind in WRAPPED),
        *(Fault(kind, share=RARE, first_n_attempts=1, purpose="report") for kind in UNUSABLE),
        *(Fault(kind, share=share, first_n_attempts=1) for kind in VECTORS),
    ]


def short(seed: int) -> list[Action]:
    """One or two of each kind, all of them soon over."""
    drawn = random.Random(f"short {seed}")
    deeds = [
        (Deed.KILL, Victim.HOLDER, 0.5),
        (Deed.KILL, Victim.OTHER, 0.5),
        (Deed.KILL, Victim.API, 0.1),
        (Deed.KILL, Victim.POSTGRES, 1.0),
        (Deed.KILL, Victim.REDIS, 0.5),
        (Deed.KILL, Victim.MODEL, 1.0),
        (Deed.KILL, Victim.MAIN, 0.1),
        (Deed.STOP, Victim.HOLDER, 0.5),
    ]
    drawn.shuffle(deeds)
    moments = _spread(drawn, len(deeds))
    script = [Action(at, *deed) for at, deed in zip(moments, deeds, strict=True)]
    return [*script, Action(PUBLISHING, Deed.KILL, drawn.choice([Victim.HOLDER, Victim.POSTGRES]), 0.5)]


def long(seed: int, actions: int) -> list[Action]:
    """Many of all kinds; PostgreSQL is away for more than a minute once, and several die while the index is written."""
    drawn = random.Random(f"long {seed}")
    weights = {
        Victim.HOLDER: 6,
        Victim.OTHER: 2,
        Victim.MAIN: 1,
        Victim.API: 2,
        Victim.POSTGRES: 5,
        Victim.REDIS: 3,
        Victim.MODEL: 4,
    }
    script = []
    moments = _spread(drawn, actions)
    for at in moments:
        if drawn.random() < 0.2:
            storm = drawn.choice(sorted(STORMS))
            script.append(Action(at, Deed.STORM, Victim.MODEL, drawn.uniform(1, 5), storm))
            continue
        victim = drawn.choices(list(weights), weights=list(weights.values()))[0]
        warm = victim in (Victim.HOLDER, Victim.OTHER) and drawn.random() < 0.3
        script.append(Action(at, Deed.STOP if warm else Deed.KILL, victim, drawn.uniform(0.2, 6)))
    script.append(Action(drawn.choice(moments), Deed.KILL, Victim.POSTGRES, 65.0))
    script.sort(key=lambda action: action.at)
    last = [Victim.HOLDER, Victim.POSTGRES, Victim.HOLDER, Victim.POSTGRES]
    drawn.shuffle(last)
    return [*script, *(Action(PUBLISHING, Deed.KILL, victim, drawn.uniform(0.2, 2)) for victim in last)]


def deaths(script: Sequence[Action], *victims: Victim) -> int:
    """How often one of these is killed or stopped."""
    return sum(action.victim in victims and action.deed is not Deed.STORM for action in script)


def _spread(drawn: random.Random, count: int) -> list[float]:
    """Moments all over the run, at least a little apart, so that each finds a run that goes on."""
    step = 0.93 / count
    return [0.03 + step * (number + drawn.random() * 0.8) for number in range(count)]
