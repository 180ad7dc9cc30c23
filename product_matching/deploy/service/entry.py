"""The doors to the service; they load its libraries only when it is used."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from product_matching._optional import require
from product_matching.deploy.service.settings import Settings, default_state

LIBRARIES = ("fastapi", "python_multipart", "prometheus_client", "sqlalchemy")


def create_app(bundle: str | Path, settings: Settings | None = None) -> Any:
    """The service over a bundle: a FastAPI application.

    Args:
        bundle: Its folder, or a folder of numbered versions.
        settings: By default those that are safe, with the state beside the bundle.

    Raises:
        MissingExtraError: If the extra `serve` is not installed.
        BundleError: If the bundle or its index is missing or damaged.
    """
    for library in LIBRARIES:
        require(library, "serve")
    from product_matching.bundle import resolve
    from product_matching.deploy.service.app import build_app
    from product_matching.deploy.service.shop import Shop

    return build_app(Shop.load(bundle, settings or Settings(default_state(resolve(bundle)))))


def run_service(
    bundle: str | Path,
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    loaded: Callable[[], None] = lambda: None,
) -> None:
    """Serves until it is told to stop (SIGINT, SIGTERM), then finishes what it took; SIGHUP takes a new version.

    Args:
        bundle, settings: As of `create_app`.
        host, port: Where to listen.
        workers: Processes that share the port; each has the model, its caches and its rate limits for itself.
        loaded: Called once the bundle is open and all writes are applied, before the first request.

    Raises:
        As `create_app`, and as `run_workers` with several.
    """
    uvicorn = require("uvicorn", "serve")
    options = _options(settings, host=host, port=port)
    if workers > 1:
        from product_matching.deploy.service.workers import run_workers

        run_workers(bundle, settings, workers=workers, loaded=loaded, options=options)
        return
    app = create_app(bundle, settings)
    from product_matching.deploy.service.logs import log_json

    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: app.state.shop.ask_reload())
    loaded()
    log_json("product_matching", "uvicorn", "uvicorn.error")
    uvicorn.run(app, **options)


def _options(settings: Settings, *, host: str, port: int) -> dict[str, Any]:
    """Of `uvicorn.run`."""
    from product_matching.deploy.service.connections import ImpatientProtocol

    return {
        "host": host,
        "port": port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": round(settings.deadline) + 5,
        "http": ImpatientProtocol,
        "limit_concurrency": 4 * settings.max_queue,
    }
