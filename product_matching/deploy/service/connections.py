"""Connections that do not wait for ever for a request that trickles in ("slow loris")."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class ImpatientProtocol(AutoHTTPProtocol):
    """Uvicorn's, which closes a connection if the head of a request has not come whole within `HEAD_SECONDS`.

    Uvicorn's own keep-alive ends with the first byte, and says nothing of a connection that was only opened. A body
    that trickles in meets the deadline of its request.
    """

    HEAD_SECONDS = 10.0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begins to count."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Counts on, unless a request is being answered."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._relax()
        elif self._patience is None:
            self._expect()

    def on_response_complete(self) -> None:
        """Leaves the wait for the next request to the keep-alive, which ends with that request's first byte."""
        self._relax()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts no more."""
        self._relax()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._patience = self.loop.call_later(self.HEAD_SECONDS, self.transport.close)

    def _relax(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
