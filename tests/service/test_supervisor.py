"""The supervisor, with small programs."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from fileintel.child_processes import end_groups, living_members
from fileintel.local.file_lock import FileLock
from tests.service.processes import SUPERVISED, alive, kill, processes_of, supervised, wait_until

WAITING: dict[str, Any] = {"name": "quiet", "code": "say('here'); wait()", "ready": "here"}


def test_lines_of_all_programs_are_printed_under_their_names(home: Path) -> None:
    loud = {"name": "loud", "code": "say('one'); print('two', file=sys.stderr); wait()"}
    with supervised(home, loud, WAITING) as service:
        service.wait_for("loud      | one")
        service.wait_for("loud      | two")
        service.wait_for("quiet     | here")
        service.send(signal.SIGTERM)
        assert service.ended() == 0


def test_a_foundation_is_ready_before_the_others_start_and_ends_after_them(home: Path) -> None:
    tools = "def bye(): say('bye'); os._exit(0)\non_term(bye)\n"
    base = {"name": "base", "role": "foundation", "ready": "ready", "code": f"{tools}say('ready'); wait()"}
    top = {"name": "top", "ready": "ready", "code": f"{tools}say('ready'); wait()"}
    with supervised(home, base, top) as service:
        service.wait_for("all ready")
        service.send(signal.SIGTERM)
        assert service.ended() == 0
    told = [line.replace(" ", "") for line in service.lines if "ready" in line or "bye" in line]
    assert [line for line in told if "|ready" in line or "|bye" in line] == [
        "base|ready",
        "top|ready",
        "top|bye",
        "base|bye",
    ]


def test_what_follows_a_task_starts_when_the_task_has_ended_well(home: Path) -> None:
    task = {"name": "task", "role": "task", "code": "say('done')"}
    with supervised(home, task, WAITING) as service:
        service.wait_for("all ready")
        service.send(signal.SIGTERM)
        service.ended()
    assert service.lines.index("task      | done") < service.lines.index("quiet     | here")


def test_a_task_that_fails_ends_the_service_with_its_exit_code_and_its_last_words(home: Path) -> None:
    task = {"name": "task", "role": "task", "code": "say('error: no database'); sys.exit(69)"}
    with supervised(home, task, WAITING) as service:
        assert service.ended() == 69
    assert service.errors == ["error: task ended with exit code 69: no database"]
    assert not service.saw("here")


def test_a_program_that_dies_is_started_again(home: Path) -> None:
    with supervised(home, WAITING) as service:
        service.wait_for("all ready")
        kill(int(service.words("quiet", "pid")[0]))
        service.wait_for("quiet was killed by SIGKILL; starting it again in 0.5 s")
        service.wait_for("here", times=2)
        service.send(signal.SIGTERM)
        assert service.ended() == 0


def test_what_a_dead_program_has_started_is_ended_before_it_starts_again(home: Path) -> None:
    code = "child = subprocess.Popen(['sleep', '600']); say(f'child {child.pid}'); say('here'); wait()"
    with supervised(home, {**WAITING, "code": code}) as service:
        service.wait_for("all ready")
        child = int(service.words("quiet", "child")[0])
        kill(int(service.words("quiet", "pid")[0]))
        service.wait_for("here", times=2)
        assert not alive(child)
        service.send(signal.SIGTERM)
        service.ended()


def test_a_program_that_never_starts_ends_the_service(home: Path) -> None:
    failing = {"name": "failing", "code": "say('my reason'); sys.exit(3)", "ready": "never"}
    with supervised(home, WAITING, failing) as service:
        assert service.ended() == 1
    assert service.errors == ["error: failing ended with exit code 3: my reason"]
    assert service.saw("failing ended with exit code 3; starting it again", times=2)


def test_a_command_that_does_not_exist_ends_the_service(home: Path) -> None:
    missing = {"name": "missing", "command": ["/no/such/program"], "ready": "never"}
    with supervised(home, missing) as service:
        assert service.ended() == 1
    assert "/no/such/program" in service.errors[0]


def test_an_interrupt_ends_everything_and_counts_as_interrupted(home: Path) -> None:
    with supervised(home, WAITING) as service:
        service.wait_for("all ready")
        service.send(signal.SIGINT)
        assert service.ended() == 130
    assert processes_of(home) == []


def test_a_program_that_does_not_end_is_killed_after_the_limit(home: Path) -> None:
    stubborn = {**WAITING, "code": "ignore_term(); say('here'); wait()"}
    with supervised(home, stubborn, stop_limit=0.1) as service:
        service.wait_for("all ready")
        service.send(signal.SIGTERM)
        assert service.ended() == 0


def test_a_second_interrupt_does_not_wait_for_the_programs(home: Path) -> None:
    stubborn = {**WAITING, "code": "ignore_term(); say('here'); wait()"}
    with supervised(home, stubborn, stop_limit=3600) as service:
        service.wait_for("all ready")
        service.send(signal.SIGINT)
        service.wait_for("stopping")
        assert alive(service.pid)

        def interrupted_again() -> bool:
            service.send(signal.SIGINT)
            return service.process.poll() is not None

        wait_until(interrupted_again, "the end after a second interrupt")
        assert service.ended() == 130


def test_everything_ends_when_the_supervisor_is_killed(home: Path) -> None:
    code = "child = subprocess.Popen(['sleep', '600']); say('here'); wait()"
    with supervised(home, {**WAITING, "code": code}, {**WAITING, "name": "other"}) as service:
        service.wait_for("all ready")
        assert len(processes_of(home)) >= 4
        lock = FileLock(home / "lock")
        assert not lock.acquire(exclusive=True, limit=0)
        kill(service.pid)
        wait_until(lambda: lock.acquire(exclusive=True, limit=0), "the end of all that is left")
        lock.release()
        assert not [pid for pid in processes_of(home) if pid != service.pid]


def test_a_watchdog_that_was_killed_is_replaced(home: Path) -> None:
    with supervised(home, WAITING, {**WAITING, "name": "other"}) as service:
        service.wait_for("all ready")
        kill(int(next(line for line in service.lines if "watchdog" in line).rpartition(" ")[2]))
        kill(int(service.words("other", "pid")[0]))
        service.wait_for("here", times=3)
        kill(service.pid)
        wait_until(lambda: not processes_of(home), "the end of all that is left")


def test_a_program_that_ignores_its_end_is_killed_by_the_watchdog(home: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, start_new_session=True)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        end_groups([process.pid], grace=0.1)
        assert living_members([process.pid]) == []
        assert process.wait() == -signal.SIGKILL


def test_the_service_stops_when_nobody_reads_its_output(home: Path) -> None:
    chatty = {"name": "chatty", "code": "while True: say('word'); time.sleep(0.01)"}
    with supervised(home, chatty) as service:
        service.wait_for("word")
    # the same with a reader that leaves
    command = [sys.executable, str(SUPERVISED), str(home), f'[{{"name": "chatty", "code": {CHATTY}}}]', "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 0
    process.stderr.close()


CHATTY = '"while True: say(1); time.sleep(0.01)"'


def test_colours_are_for_terminals_only_and_not_where_they_are_unwanted(home: Path) -> None:
    def first_line(**environment: str) -> str:
        terminal, inside = os.openpty()
        command = [sys.executable, str(SUPERVISED), str(home), '[{"name": "quiet", "code": "wait()"}]', "60"]
        process = subprocess.Popen(command, stdout=inside, env={**os.environ, **environment}, start_new_session=True)
        os.close(inside)
        with os.fdopen(terminal, "rb") as lines:
            line = lines.readline().decode()
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        return line

    assert first_line(NO_COLOR="").startswith("\x1b[")
    assert "\x1b" not in first_line(NO_COLOR="1")
    with supervised(home, WAITING) as service:
        service.wait_for("here")
        assert not service.saw("\x1b")
        service.send(signal.SIGTERM)
        service.ended()
