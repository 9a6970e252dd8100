"""What happens at a gate when greenlets are killed; run in a process with greenlets."""

from typing import Any

import gevent
from gevent.pool import Group

from fileintel.llm.caller import Caller
from fileintel.llm.gate import Gate


class _Crowd:
    """Greenlets that want through a gate with two slots."""

    def __init__(self) -> None:
        self.gate = Gate(2)
        self.errands = [Caller(), Caller()]
        self.survivors = 0
        self.group = Group()

    def enter(self, number: int, seconds: float = 0.0) -> None:
        with self.gate.slot(self.errands[number % 2]):
            gevent.sleep(seconds)
        self.survivors += 1

    def come(self, count: int, seconds: float = 0.0) -> list[Any]:
        greenlets = [self.group.spawn(self.enter, number, seconds) for number in range(count)]
        gevent.sleep(0.005)
        return greenlets

    def found(self, expected: int) -> dict[str, Any]:
        with gevent.Timeout(10):
            self.group.join()
        reading = self.gate.reading()
        return {
            "in_flight": reading.in_flight,
            "waiting": reading.waiting,
            "peak": reading.peak,
            "survivors": self.survivors,
            "expected": expected,
        }


def waiters_are_killed() -> dict[str, Any]:
    """Every second of those who wait."""
    crowd = _Crowd()
    waiting = crowd.come(22, 0.02)[2:]
    gevent.killall(waiting[::2])
    return crowd.found(12)


def waiters_are_killed_at_the_moment_of_their_turn() -> dict[str, Any]:
    """A slot has been given to them, and they have not run since."""
    crowd = _Crowd()
    with crowd.gate.slot(crowd.errands[0]), crowd.gate.slot(crowd.errands[0]):
        waiting = crowd.come(6)
    # two of them hold a slot now without knowing
    assert crowd.gate.reading().in_flight == 2
    gevent.killall(waiting[:2])
    return crowd.found(4)


def waiters_run_into_a_timeout() -> dict[str, Any]:
    """`gevent.Timeout` is what a task's time limit raises."""
    crowd = _Crowd()

    def impatient(number: int) -> None:
        with gevent.Timeout(0.01, False):
            crowd.enter(number)

    with crowd.gate.slot(crowd.errands[0]), crowd.gate.slot(crowd.errands[1]):
        gevent.joinall([gevent.spawn(impatient, number) for number in range(10)])
    crowd.come(3)
    return crowd.found(3)


def holders_are_killed() -> dict[str, Any]:
    """Those who are inside."""
    crowd = _Crowd()
    inside = crowd.come(2, 30.0)
    crowd.come(6)
    gevent.killall(inside)
    return crowd.found(6)


def waiters_are_killed_during_a_hold() -> dict[str, Any]:
    """While nobody gets in."""
    crowd = _Crowd()
    crowd.gate.refused(0.1)
    waiting = crowd.come(10)
    gevent.killall(waiting[:5])
    return crowd.found(5)
