"""`serve`: the HTTP service and the web page."""

from __future__ import annotations

import argparse
import os

from product_matching.cli.arguments import add_json
from product_matching.cli.consume import add_store
from product_matching.cli.output import emit, say

MAX_WORKERS = 64


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("serve", help="answer over HTTP, with a web page to search in")
    parser.add_argument("bundle", help="folder of a bundle with an index")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    add_store(parser)
    parser.add_argument("--search-needs-key", action="store_true", help="ask for a key to read too, not only to write")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that requests may call the service by, *.shop.example for all below (repeatable; default: "
        "localhost, the address of --host, and any address where --host is 0.0.0.0)",
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=0.0,
        metavar="N",
        help="requests a second from one client, by its key or its address (default: no limit; behind a proxy all "
        "clients without a key have one address, so let the proxy limit them)",
    )
    parser.add_argument(
        "--watch",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="look for a new version of the bundle this often, and change over to it without a pause (default: only on "
        "SIGHUP and POST /v1/admin/reload)",
    )
    parser.add_argument(
        "--towers",
        default=os.environ.get("PRODUCT_MATCHING_TOWERS", ""),
        metavar="ADDRESS",
        help="let TensorFlow Serving embed: http://HOST:8501/v1/models/NAME, or grpc://HOST:8500/NAME (extra "
        "tfserving), of the version that the bundle's folder is named after (default: $PRODUCT_MATCHING_TOWERS, else "
        "this process embeds)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes on the port (default: 1). Each holds the model, its caches and its own --rate; they share the "
        "database, so that one finds within a second what another wrote. SIGHUP replaces them one by one",
    )
    parser.add_argument("--new-key", metavar="NAME", help="make an API key, print it once, and stop")
    parser.add_argument(
        "--scope",
        action="append",
        default=[],
        choices=["search", "write", "admin"],
        help="what the new key may do (repeatable; default: write)",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Serves, or makes a key."""
    from product_matching.bundle import resolve
    from product_matching.deploy.service import Settings, add_key, run_service
    from product_matching.deploy.service.admission import LOOPBACK
    from product_matching.deploy.service.settings import default_state
    from product_matching.errors import ConfigError

    if not 0 <= options.port <= 65535:
        raise ConfigError(f"--port takes a number from 0 to 65535; got {options.port}.")
    for name in ("rate", "watch"):
        if not 0 <= getattr(options, name) < float("inf"):
            raise ConfigError(f"--{name} takes a number of 0 or more; got {getattr(options, name)}.")
    if not 1 <= options.workers <= MAX_WORKERS:
        raise ConfigError(f"--workers takes a number from 1 to {MAX_WORKERS}; got {options.workers}.")
    state = options.state or default_state(resolve(options.bundle))
    if options.new_key is not None:
        scopes = options.scope or ["write"]
        made = {"name": options.new_key, "scopes": scopes, "key": add_key(state, options.new_key, scopes)}
        emit(made, as_json=options.json, text=lambda result: result["key"])
        say(f"kept as a hash in {state}: this is the only time it is shown. Start the service again to use it.")
        return
    settings = Settings(
        state,
        search_needs_key=options.search_needs_key,
        allowed_hosts=(*LOOPBACK, options.host, *options.allowed_host),
        rate=options.rate,
        watch=options.watch,
        store=options.store,
        towers=options.towers,
    )
    address = f"http://{options.host}:{options.port}/"
    say(f"loading {options.bundle}")

    def loaded() -> None:
        result = {"address": address, "state": str(state)}
        emit(result, as_json=options.json, text=lambda _: f"serving at {address} (stop with Ctrl+C)")

    run_service(options.bundle, settings, host=options.host, port=options.port, workers=options.workers, loaded=loaded)
