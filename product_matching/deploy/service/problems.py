"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818  the RFC's own word
    """A request that is not done, and what its sender can do about it.

    Args:
        status: HTTP status.
        detail: One or two sentences: what was wrong, and the way out.
        headers: Headers of the answer.
        errors: For a body of the wrong shape: each place and what is wrong there.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.errors = status, detail, dict(headers or {}), errors

    def to_response(self, request_id: str = "") -> Response:
        """The answer."""
        body = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        body |= {"detail": self.detail}
        if self.errors:
            body["errors"] = self.errors
        if request_id:
            body["request_id"] = request_id
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return Response(content, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def overloaded() -> Problem:
    """The queue is full."""
    return Problem(429, "More requests are waiting than can be served. Try again.", headers={"Retry-After": "1"})
