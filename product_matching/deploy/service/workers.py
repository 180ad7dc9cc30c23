"""Several processes on one port: each is a whole service, the database stands between them."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from product_matching._optional import require
from product_matching.deploy.service.logs import log_json
from product_matching.deploy.service.settings import SHARED, Settings
from product_matching.errors import ConfigError, ProductMatchingError

FOLDER = "PRODUCT_MATCHING_WORKERS"
"""Environment: the folder in which supervisor and workers meet. It is its owner's alone, as settings hold passwords."""
SETTINGS, FAILED, OPEN = "settings", "failed", "open-"
PATIENCE = 120
"""Seconds in which a worker that is to replace another must be open."""
_logger = logging.getLogger("product_matching.service")


def run_workers(
    bundle: str | Path, settings: Settings, *, workers: int, loaded: Callable[[], None], options: dict[str, Any]
) -> None:
    """Serves with several processes until told to stop; SIGHUP replaces them one by one, by the newest version.

    A new worker takes over only once it answers; if it does not come up, the one before goes on.

    Args:
        bundle, settings: As of `create_app`.
        workers: How many, 2 or more.
        loaded: Called once all of them are open.
        options: Of `uvicorn.run`.

    Raises:
        ConfigError: If workers could not see what others write, or cannot start.
    """
    uvicorn = require("uvicorn", "serve")
    from product_matching.deploy.service.supervisor import Supervisor

    if not settings.follow:
        raise ConfigError("Several workers must follow what the others write: set `follow` above 0, for example 1.")
    with tempfile.TemporaryDirectory(prefix="product-matching-") as name:
        folder = Path(name)
        (folder / SETTINGS).write_bytes(pickle.dumps((bundle, settings)))
        (folder / "metrics").mkdir()
        opened, shared = threading.Event(), {FOLDER: name, SHARED: str(folder / "metrics")}
        threading.Thread(target=_wait, args=(folder, workers, opened, loaded), daemon=True).start()
        log_json("uvicorn.error")
        more = {"factory": True, "workers": workers, "timeout_worker_healthcheck": PATIENCE}
        config = uvicorn.Config(f"{__name__}:worker", **more, **options)
        os.environ |= shared  # workers inherit it
        try:
            Supervisor(config, [config.bind_socket()], opened).run()
        finally:
            for key in shared:
                os.environ.pop(key)
        if not opened.is_set() and (folder / FAILED).is_file():
            raise ConfigError((folder / FAILED).read_text(encoding="utf-8"))


def worker() -> Any:
    """The application of one worker, with the settings that its supervisor left."""
    from uvicorn.config import STARTUP_FAILURE

    from product_matching.deploy.service.entry import create_app

    folder = Path(os.environ[FOLDER])
    log_json("product_matching", "uvicorn", "uvicorn.error")
    bundle, settings = pickle.loads((folder / SETTINGS).read_bytes())
    try:
        app = create_app(bundle, settings)
    except Exception as error:
        # With this status the supervisor gives up, instead of trying for ever.
        told = str(error) if isinstance(error, ProductMatchingError) else f"A worker failed: {error!r}"
        _logger.error("a worker cannot start: %s", told)
        (folder / FAILED).write_text(told, encoding="utf-8")
        sys.exit(STARTUP_FAILURE)
    (folder / f"{OPEN}{os.getpid()}").touch()
    return app


def tell_supervisor() -> None:
    """In a worker that took a new version: lets the others be replaced by workers with that version."""
    if FOLDER in os.environ and hasattr(signal, "SIGHUP"):
        os.kill(os.getppid(), signal.SIGHUP)


def _wait(folder: Path, workers: int, opened: threading.Event, loaded: Callable[[], None]) -> None:
    while folder.is_dir():
        if len(list(folder.glob(f"{OPEN}*"))) >= workers:
            opened.set()
            loaded()
            return
        time.sleep(0.1)
