"""What every request passes: its id, limits, deadline, headers of safety, a log line, a measurement."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders

from product_matching.deploy.service.admission import Hosts, RateLimit, client_of
from product_matching.deploy.service.keys import Keys, key_of
from product_matching.deploy.service.metrics import Metrics
from product_matching.deploy.service.problems import Problem
from product_matching.deploy.service.settings import Settings

Message = MutableMapping[str, Any]
Receive, Send = Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]
OPERATING = ("/healthz", "/readyz", "/metrics")
"""Asked by machines of the house, so not counted."""
TAKES_LONG = ("/v1/admin/reload",)
ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
NOTHING_LOADS = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
SAFETY = {
    "content-security-policy": NOTHING_LOADS,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}

_logger = logging.getLogger("product_matching.service")


class Gate:
    """An ASGI middleware around the whole service."""

    def __init__(self, app: Any, *, settings: Settings, metrics: Metrics, keys: Keys) -> None:
        self.app, self.settings, self.metrics, self.keys = app, settings, metrics, keys
        self.hosts, self.rate = Hosts(settings.allowed_hosts), RateLimit(settings.rate)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id)
        began = time.perf_counter()
        with self.metrics.in_flight.track_inprogress(), self.metrics.tracing.request(scope["method"], headers) as span:
            await self._guarded(scope, _limited(receive, headers, self.settings.body_bytes), answer)
            self._record(scope, answer, time.perf_counter() - began, span)

    async def _guarded(self, scope: dict[str, Any], receive: Receive, answer: _Answer) -> None:
        try:
            self._admit(scope)
            patient = scope["path"] in TAKES_LONG
            async with asyncio.timeout(None if patient else self.settings.deadline):
                await self.app(scope, receive, answer)
        except Problem as problem:
            await answer.refuse(problem, scope, receive)
        except TimeoutError:
            late = Problem(503, "This took too long and was given up. Try again.", headers={"Retry-After": "2"})
            await answer.refuse(late, scope, receive)
        except Exception:
            _logger.exception("a request failed", extra={"request_id": answer.request_id})
            await answer.refuse(Problem(500, "The service failed. Its log has more."), scope, receive)

    def _admit(self, scope: dict[str, Any]) -> None:
        headers = Headers(scope=scope)
        if not self.hosts.allow(headers.get("host", "")):
            raise Problem(
                421,
                "This service does not answer to that host name. Whoever runs it can allow it: "
                "product-matching serve BUNDLE --allowed-host NAME",
            )
        if scope["path"] not in OPERATING:
            address = (scope.get("client") or ("",))[0]
            # A key that is not known does not count: each guess would bring a full bucket.
            self.rate.take(self.keys.name_of(key_of(headers)) or client_of(address))

    def _record(self, scope: dict[str, Any], answer: _Answer, seconds: float, span: Any) -> None:
        # The template, not the path: that would make a time series, and a trace in the log, of every product.
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS") else "other"
        self.metrics.requests.labels(method, route, str(answer.status)).observe(seconds)
        self.metrics.tracing.tell(span, method=method, route=route, status=answer.status)
        extra = {"request_id": answer.request_id, "method": method, "route": route, "status": answer.status}
        _logger.info("answered", extra={**extra, "milliseconds": round(1000 * seconds, 1)})


class _Answer:
    """Adds headers to a response, and remembers whether it has begun."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self.request_id, self.status = send, request_id, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.request_id
            for name, value in SAFETY.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def refuse(self, problem: Problem, scope: dict[str, Any], receive: Receive) -> None:
        if not self.status:  # half a response cannot become another one
            await problem.to_response(self.request_id)(scope, receive, self)


def _limited(receive: Receive, headers: Headers, most: int) -> Receive:
    announced, read = headers.get("content-length", "0"), 0
    too_long = Problem(413, f"The body is longer than {most:,} bytes.", headers={"Connection": "close"})

    async def limited() -> Message:
        nonlocal read
        if announced.isdecimal() and int(announced[:20]) > most:
            raise too_long
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise too_long
        return message

    return limited
