"""Starts workers, and starts anew those that died."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

PAUSE = 10.0
"""Seconds between two tries to replace workers that died."""
_logger = logging.getLogger("uvicorn.error")


class Supervisor(Multiprocess):
    """uvicorn's, but the system, not the worker, is asked whether a worker lives.

    One that loads a model is too busy to answer a ping, and must not be killed for that; and a ping that a dying worker
    left open would keep the supervisor from stopping. Once all have been open, a worker that cannot start, of a bundle
    that was damaged since, say, does not end the others.

    Args:
        config, sockets: As of uvicorn.
        opened: Is set when all workers have been open.
    """

    def __init__(self, config: Config, sockets: list[Any], opened: threading.Event) -> None:
        super().__init__(config, sockets)
        self._opened, self._again = opened, 0.0
        for number in (signal.SIGINT, signal.SIGTERM):  # at once, also while workers are being replaced
            signal.signal(number, lambda *_: self.should_exit.set())

    def keep_subprocess_alive(self) -> None:
        """Replaces workers that died; before all have been open, gives up if one cannot start."""
        dead = [place for place, worker in enumerate(self.processes) if not worker.process.is_alive()]
        if not dead or self.should_exit.is_set():
            return
        if not self._opened.is_set() and any(self.processes[place].exitcode == STARTUP_FAILURE for place in dead):
            self.should_exit.set()
        elif time.monotonic() >= self._again:
            self._again = time.monotonic() + PAUSE
            for place in dead:
                _logger.error("worker %s died, another one starts", self.processes[place].pid)
                self.processes[place] = Process(self.config, self.sockets)
                self.processes[place].start()
