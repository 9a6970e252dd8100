"""What every request passes: its id, a net for bugs, and the door for programs of this machine."""

import re
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fileintel.api import problems
from fileintel.api.addresses import is_loopback
from fileintel.api.problems import TooLarge

REQUEST_ID = "X-Request-ID"
_SOUND_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # others could forge lines in logs


class RequestIds:
    """Gives each request an id, the caller's own if it is sound, and answers to bugs with a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        scope["request_id"] = given if _SOUND_ID.fullmatch(given) else uuid4().hex
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[REQUEST_ID] = scope["request_id"]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            return
        except Exception as error:
            if started:
                raise  # the connection breaks, which tells the caller that the body is not whole
            await problems.unexpected(Request(scope), error)(scope, receive, send_with_id)


class BodyLimit:
    """Keeps bodies small, of whatever length they say they are. Uploads have limits of their own."""

    def __init__(self, app: ASGIApp, limit: int, unlimited: str) -> None:
        self._app = app
        self._limit = limit  # bytes
        self._unlimited = re.compile(unlimited)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._unlimited.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit:
            refusal = problems.of_error(Request(scope), self._refusal())
            await refusal(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise HTTPException(TooLarge.http_status, str(self._refusal()))  # FastAPI hides all others in a 400
            return message

        await self._app(scope, counted, send)

    def _refusal(self) -> TooLarge:
        return TooLarge(f"the body may have {self._limit:,} bytes")


class LocalOnly:
    """Without keys, a service on a loopback address is for programs of this machine.

    A web page that its user looks at is none: it may send simple requests to any address, and reads the answers
    when its own name leads here (DNS rebinding). Both show in the headers Origin and Host.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
            if foreign or not is_loopback(_host(headers.get("host", ""))):
                detail = "without api.keys only programs of this machine may call; set api.keys to open the service"
                refusal = problems.respond(Request(scope), 403, "local_only", "Only local calls.", detail)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _host(given: str) -> str:
    try:
        return urlsplit(f"//{given}").hostname or ""
    except ValueError:
        return ""
