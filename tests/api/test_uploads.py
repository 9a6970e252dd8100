"""Uploads: whole or not at all, under names that cannot lead anywhere."""

import socket
import string
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fileintel.api.problems import InvalidRequest
from fileintel.api.uploads import LONGEST_NAME_BYTES, MOST_FILES, Reception, UploadLimits, safe_name
from tests.api.conftest import Unattended
from tests.api.installation import KEY, Caller, wait_for

MEBIBYTE = 1024 * 1024


@pytest.fixture
def collection(queueing: Caller, fresh_name: str) -> str:
    return queueing.collection(fresh_name)


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest, unattended: Unattended) -> object:
    before = unattended.spooled
    yield
    if "refused" in request.node.name or "nothing" in request.node.name:
        assert unattended.spooled == before


def part(name: str, content: bytes = b"text", field: str = "files") -> bytes:
    """A part of a body, its file name written as it is."""
    head = f'--limit\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n"


def send(queueing: Caller, collection: str, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    return queueing.http.post(f"/api/v2/collections/{collection}/documents", content=body, headers=headers)


Spooled = Callable[[], list[Path]]


@pytest.fixture
def spooled(unattended: Unattended) -> Spooled:
    """The files that were spooled since the test began."""
    before = set(unattended.spooled)
    return lambda: [path for path in unattended.spooled if path.is_file() and path not in before]


def test_several_files_of_one_name_are_kept_apart_in_their_order(
    queueing: Caller, collection: str, spooled: Spooled
) -> None:
    queueing.upload(collection, ("a.md", b"one"), ("a.md", b"two"), ("b.txt", b"three"))
    found = [(path.name, path.read_bytes()) for path in spooled()]
    assert found == [("a.md", b"one"), ("a.md", b"two"), ("b.txt", b"three")]


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../etc/passwd.md", "passwd.md"),
        ("/etc/passwd.md", "passwd.md"),
        ("..\\..\\boot.md", "boot.md"),
        ("C:\\Users\\x\\thesis.md", "thesis.md"),
        (".hidden.md", "hidden.md"),
        ("a\tb\x1b[31m.md", "ab[31m.md"),
        ("\u202edm.exe.md", "dm.exe.md"),
        ("  Über uns.md ", "Über uns.md"),
        ("x" * 500 + ".md", "x" * (LONGEST_NAME_BYTES - 3) + ".md"),
    ],
)
def test_names_are_the_last_part_of_a_path_without_tricks(
    queueing: Caller, collection: str, spooled: Spooled, given_name: str, kept: str
) -> None:
    response = send(queueing, collection, part(given_name) + b"--limit--\r\n")
    assert response.status_code == 202, response.text
    assert [path.name for path in spooled()] == [kept]


@given(st.text() | st.text(alphabet=string.printable + "/\\.\0"))
def test_a_safe_name_is_one_visible_part_of_a_path(given_name: str) -> None:
    try:
        name = safe_name(given_name)
    except InvalidRequest:
        return
    assert Path(name).name == name
    assert not name.startswith(".")
    assert name.isprintable() or " " in name or "\u3000" in name or not name.isascii()
    assert not set(name) & set("/\\\0\n\r")
    assert len(name.encode()) <= LONGEST_NAME_BYTES
    assert safe_name(name) == name


@given(st.lists(st.integers(1, 400), max_size=30))
def test_a_body_means_the_same_however_it_is_cut(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    folder = tmp_path_factory.mktemp("spool") / "upload"
    body = part("a.md", b"\r\n--limi\r\n" * 20) + part("b.md", b"") + b"--limit--\r\n"
    reception = Reception(folder, b"limit", UploadLimits(5, 1000, 1000))
    start = 0
    for cut in cuts:
        reception.feed(body[start : start + cut])
        start += cut
    reception.feed(body[start:])
    reception.complete()
    assert (folder / "0000" / "a.md").read_bytes() == b"\r\n--limi\r\n" * 20
    assert (folder / "0001" / "b.md").read_bytes() == b""


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (part("..") + b"--limit--\r\n", 422, "validation"),
        (part("") + b"--limit--\r\n", 422, "validation"),
        (part("a.exe") + b"--limit--\r\n", 422, "document"),
        (part("a.md") + part("a.exe") + b"--limit--\r\n", 422, "document"),
        (part("a.md", field="other") + b"--limit--\r\n", 422, "validation"),
        (b'--limit\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n--limit--\r\n', 422, "validation"),
        (b"--limit--\r\n", 422, "validation"),
        (part("a.md"), 400, "bad_upload"),
        (part("a.md") + b"--limi", 400, "bad_upload"),
        (b"no multipart at all", 400, "bad_upload"),
        (b"", 400, "bad_upload"),
        (b"--limit\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", 400, "bad_upload"),
    ],
)
def test_a_body_that_is_not_as_it_must_be_is_refused(
    queueing: Caller, collection: str, body: bytes, status: int, code: str
) -> None:
    response = send(queueing, collection, body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


def test_a_body_of_another_kind_is_refused_with_415(queueing: Caller, collection: str) -> None:
    path = f"/collections/{collection}/documents"
    queueing.problem("POST", path, 415, "unsupported_media_type", json={"files": []})
    queueing.problem("POST", path, 415, "unsupported_media_type", content=b"x")
    kind = {"Content-Type": "multipart/form-data"}
    queueing.problem("POST", path, 400, "bad_upload", content=b"x", headers=kind)


def test_a_file_that_is_too_large_is_refused(queueing: Caller, collection: str) -> None:
    path = f"/collections/{collection}/documents"
    files = {"files": ("a.md", b"x" * (MEBIBYTE + 1))}
    queueing.problem("POST", path, 413, "too_large", files=files)


def test_an_upload_that_is_too_large_in_all_is_refused_before_and_while_it_comes(
    queueing: Caller, collection: str
) -> None:
    path = f"/collections/{collection}/documents"
    files = [("files", (f"{number}.md", b"x" * MEBIBYTE)) for number in range(8)]
    queueing.problem("POST", path, 413, "too_large", files=files)
    body = b"".join(part(name, content) for _, (name, content) in files) + b"--limit--\r\n"
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    kind = {"Content-Type": "multipart/form-data; boundary=limit"}
    queueing.problem("POST", path, 413, "too_large", content=chunks, headers=kind)


def test_too_many_files_are_refused(queueing: Caller, collection: str) -> None:
    body = b"".join(part(f"{number}.md") for number in range(MOST_FILES + 1)) + b"--limit--\r\n"
    response = send(queueing, collection, body)
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_an_upload_that_breaks_off_leaves_nothing(unattended: Unattended, collection: str) -> None:
    before = unattended.spooled
    address = urlsplit(unattended.url)
    assert address.hostname
    assert address.port
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = (
            f"POST /api/v2/collections/{collection}/documents HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
            f"Content-Type: multipart/form-data; boundary=limit\r\nContent-Length: 4000000\r\n\r\n"
        )
        connection.sendall(head.encode() + part("a.md", b"x" * 1000) + part("b.md", b"y" * MEBIBYTE) * 2)
        wait_for(lambda: unattended.spooled != before, "the arrival of the first file")
    wait_for(lambda: unattended.spooled == before, "the end of the spooled files")


def test_the_same_key_keeps_the_first_upload_only(queueing: Caller, collection: str, spooled: Spooled) -> None:
    key = {"Idempotency-Key": f"upload to {collection}"}
    first = queueing.upload(collection, ("a.md", b"one"), headers=key)
    again = queueing.upload(collection, ("a.md", b"one"), headers=key)
    assert (first["task_id"], True, False) == (again["task_id"], first["is_new"], again["is_new"])
    assert [path.name for path in spooled()] == ["a.md"]
