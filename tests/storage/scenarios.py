"""What the storage is put through; each function runs in a process with threads and in one with greenlets."""

import array
import gc
import json
import random
import socket
import threading
import time
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from fileintel.errors import DatabaseUnavailable
from fileintel.runtime import is_green
from fileintel.storage import collections, engine, runs, versions
from fileintel.storage.bulk_insert import insert_rows, vector_text
from fileintel.storage.engine import Database
from fileintel.storage.models import Answer, Base, Community, CommunityReport, Embedding, Entity, IndexedDocument

HARD_TEXTS = [
    "",
    "plain",
    "quotes ' and \" and ` and $$",
    "back\\slash \\n \\u0041 \\\\ \\x41",
    "line\nfeed\ttab\rreturn",
    "Grüße, 世界, \U0001f469\u200d\U0001f4bb, e\u0301",
    "{curly, braces} NULL (round) [square], 100% :bind %(name)s",
    "NULL",
    "ends with a backslash\\",
]


def rows_of_all_kinds(url: str) -> list[str]:
    """Writes rows with every type of column twice, in bulk; returns the columns that do not read back equal."""
    database = Database(url, pool_size=2)
    with database.transaction() as session:
        collection_id = collections.create(session, "c").id
        run = runs.create(session, collection_id)
        lease = runs.acquire(session, run.id, "me")
        assert lease is not None
        version = versions.begin(session, lease, collection_id, fingerprint="", embedding_model="", embedding_size=3).id
    different: list[str] = []
    for table, rows in _tables(version):
        for _ in range(2):
            with database.transaction() as session:
                insert_rows(session, table, rows)
        with database.transaction() as session:
            found = session.execute(select(table)).scalars().all()
            if len(found) != len(rows):
                different.append(f"{table.__tablename__}: {len(found)} rows for {len(rows)}")
            by_id = {_name(vars(one)): one for one in found}
            for row in rows:
                one = by_id[_name(row)]
                for column, given in row.items():
                    plain = _bits if (table, column) == (Embedding, "vector") else _plain
                    if plain(getattr(one, column)) != plain(given):
                        different.append(f"{table.__tablename__}.{column}: {getattr(one, column)!r} != {given!r}")
    database.close()
    return different


def _tables(version: str) -> list[tuple[type[Base], list[dict[str, Any]]]]:
    count = len(HARD_TEXTS)
    moment = datetime(2026, 2, 28, 23, 59, 59, 123456, UTC)
    common = [
        {"version_id": version, "id": str(UUID(int=n)), "human_readable_id": n, "title": HARD_TEXTS[n]}
        for n in range(count)
    ]
    ids = [str(UUID(int=number)) for number in range(3)]
    arrays = {"entity_ids": ids, "relationship_ids": [], "text_unit_ids": ids[:1]}
    tree = {"level": 0, "parent": -1, "children": [1, -2, 2**31 - 1], "period": "2026-02-28", "size": 3}
    findings: list[Any] = [{"a": HARD_TEXTS, "b": None, "c": [1, 2.5, True, {"ü": []}]}, "text", 7]
    report = {"summary": "s", "full_content": "f" * 100_000, "rank": 7.25, "rating_explanation": "", **tree}
    report |= {"findings": findings, "full_content_json": "{}"}
    entity = {"type": "T", "types": HARD_TEXTS, "description": "d", "text_unit_ids": [], "frequency": 1, "degree": 2}
    document = {"name": "n", "sha256": "0" * 64, "created_at": moment.isoformat()}
    return [
        (Entity, [{**row, **entity} for row in common]),
        (
            Community,
            [{**row, "community": n, **tree, **arrays, "residual": n % 2 == 0} for n, row in enumerate(common)],
        ),
        (CommunityReport, [{**row, "community": n, **report} for n, row in enumerate(common)]),
        (IndexedDocument, [{**row, **document} for row in common]),
        (Embedding, [_vector_row(version, n) for n in range(700)]),
        (Answer, [_answer_row(n, moment) for n in range(count)]),
    ]


def _vector_row(version: str, number: int) -> dict[str, Any]:
    vector = array.array("f", [number / 7, -1e-20, 3e38]).tolist()
    given = vector_text(array.array("f", vector).tobytes()) if number % 2 else vector
    return {"version_id": version, "kind": "k", "item_id": str(UUID(int=number)), "vector": given}


def _answer_row(number: int, moment: datetime) -> dict[str, Any]:
    return {
        "key": f"\\x{number:064x}",
        "model": "m",
        "purpose": "p",
        "content": HARD_TEXTS[number] if number != 1 else None,
        "vector": "\\x" + bytes(range(256)).hex() if number % 2 else None,
        "finish_reason": None,
        "prompt_tokens": 2**31 - 1,
        "completion_tokens": 0,
        "hits": 2**40,
        "created_at": moment.isoformat(),
        "last_used_at": moment.isoformat(),
    }


def _name(row: dict[str, Any]) -> str:
    return str(row.get("id") or row.get("item_id") or _plain(row["key"]))


def _plain(value: Any) -> Any:
    """A value in a form in which what was given and what was read can be compared."""
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def _bits(vector: Any) -> bytes:
    numbers = json.loads(vector) if isinstance(vector, str) else list(vector)
    return array.array("f", numbers).tobytes()


def pool_makes_wait(url: str, connections: int, workers: int) -> dict[str, Any]:
    """Many transactions at once on few connections: all succeed, and there are never more connections."""
    database = Database(url, pool_size=connections, pool_timeout=30)
    done, most = [], 0

    def work() -> None:
        nonlocal most
        with database.transaction() as session:
            session.execute(text("SELECT pg_sleep(0.02)"))
            most = max(most, database.engine.pool.checkedout())  # type: ignore[attr-defined]
        done.append(1)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    return {"done": len(done), "most": most, "seconds": time.monotonic() - started}


def connections_are_cut(url: str, cuts: int) -> dict[str, Any]:
    """Statements alone and in transactions, repeated until they succeed, while connections are cut all the time."""
    database, knife = Database(url, pool_size=3, patience=60), Database(url, pool_size=1)
    stopped, rounds = threading.Event(), [0] * 6

    def work(session: Session) -> None:
        session.execute(text("SELECT pg_sleep(0.002)"))

    def go_on(number: int) -> None:
        while not stopped.is_set():
            database.retrying(work, alone=number % 2 == 0)
            rounds[number] += 1

    threads = [threading.Thread(target=go_on, args=(number,), daemon=True) for number in range(len(rounds))]
    with mock.patch.object(engine, "PAUSE_SECONDS", 0.01):
        for thread in threads:
            thread.start()
        for _ in range(cuts):
            time.sleep(0.005)
            with knife.transaction() as session:
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                        " AND datname = current_database() ORDER BY random() LIMIT 2"
                    )
                )
        stopped.set()
        for thread in threads:
            thread.join(20)
    found = {"stuck": sum(thread.is_alive() for thread in threads), "rounds": min(rounds)}
    found["lost"] = 3 - database.engine.pool.checkedin()  # type: ignore[attr-defined]
    database.close()
    knife.close()
    return found


def pool_runs_out(url: str) -> str:
    """Nobody gives a connection back in time."""
    database = Database(url, pool_size=1, pool_timeout=0.1)
    try:
        with database.transaction() as session:
            session.execute(text("SELECT 1"))
            try:
                database.check()
            except DatabaseUnavailable as error:
                return str(error)
    finally:
        database.close()
    return ""


def statements_are_cut(url: str) -> dict[str, Any]:
    """A statement that takes longer than allowed; the next transaction is as good as ever."""
    database = Database(url, pool_size=1, statement_timeout=0.1)
    message = ""
    try:
        with database.transaction() as session:
            session.execute(text("SELECT pg_sleep(20)"))
    except DatabaseUnavailable as error:
        message = str(error)
    database.check()
    with database.engine.connect() as connection:
        setting = connection.execute(text("SHOW statement_timeout")).scalar_one()
    database.close()
    return {"message": message, "setting_of_the_connection": setting}


def name_known_to_python_alone(known: bool) -> str:
    """What a connection to a server with a name ends in that the machine's own resolver does not know: Python's gives
    it two addresses of this machine, or none. Nobody listens there. Needs greenlets."""
    assert is_green()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    def look_up(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        assert name == "database.invalid"
        if not known:
            raise socket.gaierror("nobody knows it")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", 0)) for number in (1, 2)]

    database = Database(f"postgresql+psycopg2://u@database.invalid:{port}/d")
    try:
        with mock.patch("socket.getaddrinfo", look_up), database.transaction() as session:
            session.execute(text("SELECT 1"))
    except DatabaseUnavailable as error:
        return f"{error}\n{error.__cause__}"
    finally:
        database.close()
    raise AssertionError("nobody listens there")


def killed_in_the_middle(url: str, way: str) -> dict[str, Any]:
    """Greenlets that are killed, or run into a timeout, while PostgreSQL works for them. Needs greenlets."""
    import gevent

    assert is_green()
    database = Database(url, pool_size=2, pool_timeout=10)
    with database.transaction() as session:
        session.execute(text("CREATE TABLE written (number int)"))

    def work(number: int) -> None:
        with database.transaction() as session:
            session.execute(text("INSERT INTO written VALUES (:number)"), {"number": number})
            session.execute(text("SELECT pg_sleep(10)"))

    def impatient(number: int) -> None:
        with gevent.Timeout(0.1, False):
            work(number)

    started = time.monotonic()
    for round_ in range(3):
        workers = [gevent.spawn(impatient if way == "timeout" else work, round_ * 2 + n) for n in range(2)]
        if way == "kill":
            gevent.sleep(0.1)
            gevent.killall(workers)
        gevent.joinall(workers)
    seconds = time.monotonic() - started
    for _ in range(4):
        database.check()
    with database.transaction() as session:
        left = session.execute(text("SELECT count(*) FROM written")).scalar_one()
    busy = database.engine.pool.checkedout()  # type: ignore[attr-defined]
    database.close()
    return {"written": left, "busy": busy, "seconds": seconds}


def ended_at_any_moment(url: str, connections: int) -> dict[str, Any]:
    """Hundreds of greenlets, many of them killed or timed out while they wait for a connection, connect, query or
    commit. Every answer must belong to its question. Needs greenlets."""
    import gevent

    assert is_green()
    database, drawn = Database(url, pool_size=connections, pool_timeout=30), random.Random(1)
    with database.transaction() as session:
        session.execute(text("CREATE TABLE tagged (tag int)"))
    mixed_up: list[tuple[int, int]] = []
    finished: list[int] = []

    def work(tag: int) -> None:
        for _ in range(3):
            with database.transaction() as session:
                session.execute(text("INSERT INTO tagged VALUES (:tag)"), {"tag": tag})
                answer = session.execute(text("SELECT :tag + 0 FROM pg_sleep(0.002)"), {"tag": tag}).scalar_one()
            if answer != tag:
                mixed_up.append((tag, answer))
        finished.append(tag)

    def impatient(tag: int, seconds: float) -> None:
        with gevent.Timeout(seconds, False):
            work(tag)

    for round_ in range(12):
        if round_ % 4 == 3:
            database.engine.dispose()  # so that connecting is among what is interrupted
        greenlets = [
            gevent.spawn(impatient, round_ * 100 + number, drawn.uniform(0.001, 0.06) if number % 3 == 0 else 30)
            for number in range(20)
        ]
        victims = [one for number, one in enumerate(greenlets) if number % 3 == 1]
        for victim in victims:
            gevent.sleep(drawn.uniform(0, 0.004))
            victim.kill(block=False)
        gevent.joinall(greenlets)
    ended = 12 * 20 - len(finished)
    # psycopg2 closes a connection that was not ready yet when it is freed, and tracebacks hold it
    del greenlets, victims, victim
    gc.collect()
    for tag in range(2 * connections):
        work(-tag)
    busy = database.engine.pool.checkedout()  # type: ignore[attr-defined]
    threads = [gevent.spawn(database.check) for _ in range(20)]
    gevent.joinall(threads, raise_error=True)
    name = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fileintel' AND datname = current_database()"
    give_up = time.monotonic() + 20
    while True:  # the server notices within a second that a client is gone
        with database.transaction() as session:
            backends = session.execute(text(name)).scalar_one()
        if backends <= connections or time.monotonic() > give_up:
            break
        gevent.sleep(0.1)
    database.close()
    return {"mixed_up": mixed_up, "ended": ended, "finished": len(finished), "busy": busy, "backends": backends}
