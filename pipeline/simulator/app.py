"""The ASGI app: ``get-call`` of v1 and v2 and ``POST /v3/list-calls``, with a key and planned faults.

Invariant: every request ends in a complete JSON answer, a broken body the book asked for, or a planned fault.
"""

import asyncio
import gzip
import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from . import wire
from .account import Account
from .book import CallBook
from .faults import STATUS_FAULTS, FaultCounter, Faults
from .limits import LimitCounter, Limiter, Limits, add_headers
from .listing import Listing
from .requestlog import NO_STATUS, RequestLog

App = Callable[[Scope, Receive, Send], Awaitable[None]]
# Where each shape is served. What a mixed book holds is asked for on either path: shape and path are
# two things to a client that reads the shape from the payload.
_PATHS = {
    "v1": ("/get-call/",),
    "early_v2": ("/v2/get-call/",),
    "today": ("/v2/get-call/",),
    "mixed": ("/v2/get-call/", "/get-call/"),
}
_LISTING_PATH = "/v3/list-calls"
_UNAUTHORIZED = "Unauthorized: the API key is missing or invalid."
_MISSING = "Cannot find requested asset under given api key."
_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\n"


def create_app(
    served: Account | CallBook,
    api_key: str,
    faults: Faults | None = None,
    delay_s: float = 0.0,
    requests: RequestLog | None = None,
    listing_fault: str | None = None,
    limits: Limits | None = None,
) -> App:
    """Return an app that serves an account or a book; cut and reset answers need the server of ``server.py``.

    ``listing_fault`` is one of ``LISTING_FAULTS``; ``faults`` are for calls and leave the listing alone;
    ``limits`` are those of the account, which requests with another key do not use up.
    """
    account = served if isinstance(served, Account) else Account(served)
    listing = Listing(account, listing_fault)
    requests = requests or RequestLog()
    return _Simulator(account, api_key, faults or Faults(share=0.0), delay_s, requests, listing, limits)


class _Simulator:
    def __init__(
        self,
        account: Account,
        api_key: str,
        faults: Faults,
        delay_s: float,
        requests: RequestLog,
        listing: Listing,
        limits: Limits | None,
    ) -> None:
        self._account = account
        self._authorization = f"bearer {api_key}".encode()
        self._faults = FaultCounter(faults)
        self._delay_s = delay_s
        self._requests = requests
        self._listing = listing
        self._limits = None if limits is None else LimitCounter(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"the simulator speaks HTTP, not {scope['type']}")
        request = Request(scope, receive)
        is_listing = request.method == "POST" and request.url.path == _LISTING_PATH
        if self._limits is not None and self._is_authorized(request):
            limiter: Limiter = "list" if is_listing else "general"
            is_admitted, headers = self._limits.admit(limiter)
            send = add_headers(send, headers)
            if not is_admitted:
                await self._refuse_for_now(request, send, limiter)
                return
        if is_listing:
            await self._list(request, send)
            return
        call_id = _call_id(request, _PATHS[self._account.book.shape])
        self._requests.count_request(call_id)
        if self._delay_s and await _wait_unless_gone(receive, self._delay_s):
            return
        if not self._is_authorized(request):
            await self._refuse(scope, receive, send, 401, _UNAUTHORIZED)
        elif call_id is None:
            await self._refuse(scope, receive, send, 404, "Not found.")
        else:
            await self._answer(request, send, call_id)

    async def _list(self, request: Request, send: Send) -> None:
        self._requests.count_listing()
        try:
            # Before the delay, which takes whatever arrives for a sign that the client has gone.
            body = await request.body()
        except ClientDisconnect:
            return
        self._requests.keep_listing(body)
        if self._delay_s and await _wait_unless_gone(request.receive, self._delay_s):
            return
        if not self._is_authorized(request):
            self._requests.count_listing_answer(401)
            await self._refuse(request.scope, request.receive, send, 401, _UNAUTHORIZED)
            return
        # In a thread, since a long book or a long page takes seconds in which others want their answers too.
        while not await asyncio.to_thread(self._listing.prepare):
            if await request.is_disconnected():
                return
        status, page = await asyncio.to_thread(self._listing.answer, body)
        response = _compress(request, page, status)
        self._requests.count_listing_answer(status)
        self._requests.count_answer(None, status)
        await response(request.scope, request.receive, send)

    def _is_authorized(self, request: Request) -> bool:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        given = f"{scheme.lower()} {key.strip()}".encode()
        return hmac.compare_digest(given, self._authorization)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, status: int, message: str) -> None:
        self._requests.count_answer(None, status)
        await JSONResponse({"status": "error", "message": message}, status)(scope, receive, send)

    async def _refuse_for_now(self, request: Request, send: Send, limiter: Limiter) -> None:
        if limiter == "list":
            self._requests.count_listing()
        else:
            self._requests.count_request(_call_id(request, _PATHS[self._account.book.shape]))
        if self._delay_s and await _wait_unless_gone(request.receive, self._delay_s):
            return
        self._requests.count_refusal(limiter)
        await self._refuse(request.scope, request.receive, send, 429, "Rate limit exceeded.")

    async def _answer(self, request: Request, send: Send, call_id: str) -> None:
        scope, receive = request.scope, request.receive
        delay_s = self._account.read_delay(call_id)
        if delay_s and await _wait_unless_gone(receive, delay_s):
            return
        planned = self._account.next_failure(call_id)
        if planned is not None:
            self._requests.count_answer(call_id, planned.status)
            headers = dict(planned.headers)
            await Response(planned.body, planned.status, headers, "application/json")(scope, receive, send)
            return
        body, index = self._account.body(call_id), self._account.book.index(call_id)
        if body is None:
            status = self._account.missing_status
            message = "Not found." if status == 404 else _MISSING
            await self._refuse(scope, receive, send, status, message)
            return
        # Faults are planned by the index of a book; what was put beside it fails by its own plans only.
        fault = None if index is None else self._faults.next_fault(index)
        if index is not None and fault in STATUS_FAULTS:
            self._requests.count_answer(call_id, STATUS_FAULTS[fault])
            await self._status_fault(fault, index)(scope, receive, send)
            return
        if fault == "reset":
            self._requests.count_answer(call_id, NO_STATUS)
            await wire.reset(scope, receive)
            return
        if fault == "slow" and await _wait_unless_gone(receive, self._faults.faults.slow_s):
            return
        media_type = "text/html" if self._account.is_html(call_id) else "application/json"
        response = _compress(request, body, 200, media_type)
        cut = fault in ("cut_body", "cut_body_without_length")
        self._requests.count_answer(call_id, 200, complete=not cut)
        if cut:
            await wire.cut(scope, receive, response, with_length=fault == "cut_body")
        else:
            await response(scope, receive, send)

    def _status_fault(self, fault: str, index: int) -> Response:
        status = STATUS_FAULTS[fault]
        if fault == "bad_gateway":
            # A proxy in front of an API answers for itself, and not in JSON.
            return Response(_GATEWAY_PAGE, status, media_type="text/html")
        headers = None
        if fault in ("rate_limited", "unavailable"):
            headers = {"retry-after": self._faults.faults.retry_after(index)}
        message = fault.replace("_", " ").capitalize() + "."
        return JSONResponse({"status": "error", "message": message}, status, headers)


def _compress(request: Request, body: bytes, status: int, media_type: str = "application/json") -> Response:
    headers = {"vary": "accept-encoding"}
    if _accepts_gzip(request.headers.get("accept-encoding", "")):
        headers["content-encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=1, mtime=0)
    return Response(body, status, headers, media_type=media_type)


def _call_id(request: Request, prefixes: tuple[str, ...]) -> str | None:
    path = request.url.path
    prefix = next((prefix for prefix in prefixes if path.startswith(prefix)), None)
    if request.method != "GET" or prefix is None:
        return None
    return path.removeprefix(prefix) or None


def _accepts_gzip(accepted: str) -> bool:
    for coding in accepted.split(","):
        name, _, weight = coding.partition(";")
        if name.strip().lower() in ("gzip", "*"):
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


async def _wait_unless_gone(receive: Receive, seconds: float) -> bool:
    """Wait, but not for a client that has gone: return whether it has."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
